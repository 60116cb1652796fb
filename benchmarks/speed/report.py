"""The benchmark's results as Markdown and as a plot."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from host import PARTS as HOST_PARTS
from host import SHARE as HOST_SHARE

from ddpg.comparison.tables.markup import markdown_table


def markdown(found: dict[str, Any]) -> str:
    """Every part that was measured as a table."""
    machine = found["machine"]
    where = machine["gpu"] or machine["processor"]
    text = (
        f"{where}, {machine['threads']} thread(s), PyTorch {machine['torch']}, load average before "
        f"the run {machine['load before']:.1f}. Medians; in brackets the middle half of the ratios "
        "of neighbouring turns."
    )
    parts = [text, _comparison(found)]
    parts += [tell(found[name]) for name, tell in TABLES.items() if name in found]
    return "\n\n".join(part for part in parts if part) + "\n"


def _comparison(found: dict[str, Any]) -> str:
    """Both variants of each piece of work."""
    rows = {f"guidance, {name}": row for name, row in found.get("guidance", {}).items()}
    for name, row in found.get("evaluations", {"rows": {}})["rows"].items():
        rows[f"evaluation, {name}"] = row
    if "restoration" in found:
        rows["whole restoration, dead-leaves, 128 px"] = found["restoration"]
    heads = ("work", "baseline", "ours", "times faster")
    return markdown_table(heads, [_row(name, row) for name, row in rows.items()]) if rows else ""


def _against_limits(evaluations: dict[str, Any]) -> str:
    """What each evaluation of a network reaches of what the machine can do."""
    peaks, memory = evaluations["limits"]["GFLOP/s"], evaluations["limits"]["GB/s"]
    products = ", ".join(f"{peak:.0f} GFLOP/s in {name}" for name, peak in peaks.items())
    heads = (
        *("evaluation", "precision", "GFLOP", "GFLOP/s", "of the matrix peak"),
        *("GB", "GB/s", "of the bandwidth"),
    )
    rows = []
    for name, row in evaluations["rows"].items():
        for variant, asked in row["asked"].items():
            precision, seconds = asked["precision"], row[variant]["median_s"]
            speed, traffic = asked["GFLOP"] / seconds, asked["GB"] / seconds
            rows.append([
                *(f"{name}, {variant}", precision, f"{asked['GFLOP']:.1f}", f"{speed:.0f}"),
                *(f"{100 * speed / peaks[precision]:.0f} %", f"{asked['GB']:.2f}"),
                *(f"{traffic:.1f}", f"{100 * traffic / memory:.0f} %"),
            ])  # fmt: skip
    limits = f"Limits of this machine: matrix products of {products}; a large copy moves "
    return f"{limits}{memory:.1f} GB/s.\n\n{markdown_table(heads, rows, (0, 1))}"


def _scaling(scaling: dict[str, Any]) -> str:
    tables = [_speeds("images at a time", scaling["images per second by batch"])]
    for title in ("seconds by image size, 5 steps", "seconds by steps, 64 px"):
        values = scaling[title]
        medians = ["median", *(f"{value:.3f}" for value in values.values())]
        tables.append(markdown_table([title, *values], [medians]))
    return "\n\n".join(tables)


def _speeds(title: str, speeds: dict[str, Any]) -> str:
    rows = [
        (number, f"{each['median']:.2f} ({each['lowest']:.2f} ... {each['highest']:.2f})")
        for number, each in speeds.items()
    ]
    return markdown_table((title, "images per second (lowest ... highest)"), rows, ())


def _memory(memory: dict[str, Any]) -> str:
    rows = [
        (name, f"{row['baseline']:.0f} MiB", f"{row['ours']:.0f} MiB")
        for name, row in memory.items()
    ]
    return markdown_table(("peak memory, one image of 256 px", "baseline", "ours"), rows)


def _loading(loading: dict[str, Any]) -> str:
    torch = loading["import torch"]["median_s"]
    rows = [
        (name, f"{row['median_s']:.2f}", f"{row['median_s'] / torch:.2f}")
        for name, row in loading.items()
    ]
    return markdown_table(("process", "seconds", "of `import torch`"), rows)


def _study(study: dict[str, Any]) -> str:
    rows = []
    for name, words in (("plain", "every job by itself, float32"), ("ours", "ours")):
        run = study[name]
        share = f"{100 * run['share of the network']:.0f} %"
        rows.append((words, f"{run['wall_s']:.0f}", f"{run['network_s']:.0f}", share))
    heads = (
        *(f"{study['config']}, {study['ours']['cores']} cores", "seconds"),
        *("core-seconds of restorations with a network", "their share"),
    )
    worst = study["largest difference in PSNR, dB"]
    return (
        f"{markdown_table(heads, rows)}\n\n{study['times faster']:.1f} times faster, "
        f"{study['ours']['network evaluations']} network evaluations; the largest difference of a "
        f"picture's PSNR is {worst:.3f} dB ({study['of']})."
    )


def _host(host: dict[str, Any]) -> str:
    """A row per method and operator, a column per part and batch; then what networks leave."""
    batches = sorted({row["batch"] for row in host["rows"]})
    heads = [f"{part}, {batch}" for batch in batches for part in HOST_PARTS]
    found = {(r["method"], r["operator"], r["batch"]): r for r in host["rows"]}
    rows = []
    for method, operator in dict.fromkeys((r["method"], r["operator"]) for r in host["rows"]):
        cells = [found.get((method, operator, batch), {}) for batch in batches]
        values = [f"{cell[part]:.2f}" if cell else "" for cell in cells for part in HOST_PARTS]
        rows.append([f"{method}, {operator}", *values])
    waits = [
        (name, f"{1000 * seconds:.0f}", f"{1000 * waited:.1f}", f"{100 * waited / seconds:.0f} %")
        for name, seconds in host["left"].items()
        for waited in [host["waits"][name]]
    ]
    asked, batch = host["waits"]["asked"], host["batch"]
    parts = [
        "Milliseconds per network evaluation and image, without the network; by the batch.",
        markdown_table(["method, operator", *heads], rows),
        f"Noise of {batch} images, drawn when it is asked for: {1000 * asked:.0f} ms a step. Waits "
        f"where it is drawn ahead, beside the time that networks leave at {100 * HOST_SHARE:.0f} % "
        "of a GPU's arithmetic:",
        markdown_table(("network", "ms an evaluation", "ms waited", "share"), waits),
    ]
    return "\n\n".join(parts)


def _pipeline(found: dict[str, Any]) -> str:
    """Every stage of a picture, and what it is beside the network that leaves least time."""
    name, left = min(found["networks"].items(), key=lambda item: item[1])
    networks = {f"network: {network}": seconds for network, seconds in found["networks"].items()}
    rows = [
        (stage, f"{seconds:.3f}", f"{seconds / left:.0%}")
        for stage, seconds in (found["stages"] | networks).items()
    ]
    heads = ("stage, one core", "seconds a picture", f"of the network ({name})")
    return markdown_table(heads, rows)


TABLES = {
    "host": _host,
    "pipeline": _pipeline,
    "evaluations": _against_limits,
    "scaling": _scaling,
    "shards": partial(_speeds, "images of a shard, each shard a process"),
    "memory": _memory,
    "loading": _loading,
    "study": _study,
}
"""What is told of each part besides the comparison of the variants."""


def plot(scaling: dict[str, Any], path: Path) -> None:
    """Images per second against the batch."""
    from matplotlib.figure import Figure

    speeds = scaling["images per second by batch"]
    batches = [int(batch) for batch in speeds]
    median = [speed["median"] for speed in speeds.values()]
    figure = Figure(figsize=(4.5, 3), layout="constrained")
    axes = figure.subplots()
    bars = [
        [s["median"] - s["lowest"] for s in speeds.values()],
        [s["highest"] - s["median"] for s in speeds.values()],
    ]
    axes.errorbar(batches, median, yerr=bars, marker="o", capsize=3)
    axes.set(xlabel="images at a time", ylabel="images per second", ylim=(0, None))
    axes.set_xticks(batches)
    figure.savefig(path, dpi=150)


def _row(name: str, row: dict[str, Any]) -> list[str]:
    ratio = row["speed-up"]
    spread = f"{ratio['quartile_low']:.1f} ... {ratio['quartile_high']:.1f}"
    times = [_time(row[variant]["median_s"]) for variant in ("baseline", "ours")]
    return [name, *times, f"{ratio['median_of_ratios']:.1f} ({spread})"]


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.2f} ms"
