"""The benchmark's results as Markdown and as a plot."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from host import PARTS as HOST_PARTS
from host import SHARE as HOST_SHARE


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
    if not rows:
        return ""
    lines = ["| work | baseline | ours | times faster |", "|---|--:|--:|--:|"]
    return "\n".join(lines + [_row(name, row) for name, row in rows.items()])


def _against_limits(evaluations: dict[str, Any]) -> str:
    """What each evaluation of a network reaches of what the machine can do."""
    peaks, memory = evaluations["limits"]["GFLOP/s"], evaluations["limits"]["GB/s"]
    lines = [
        "Limits of this machine: matrix products of "
        + ", ".join(f"{peak:.0f} GFLOP/s in {name}" for name, peak in peaks.items())
        + f"; a large copy moves {memory:.1f} GB/s.",
        "",
        "| evaluation | precision | GFLOP | GFLOP/s | of the matrix peak | GB | GB/s "
        "| of the bandwidth |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, row in evaluations["rows"].items():
        for variant, asked in row["asked"].items():
            seconds = row[variant]["median_s"]
            speed, traffic = asked["GFLOP"] / seconds, asked["GB"] / seconds
            lines.append(
                f"| {name}, {variant} | {asked['precision']} | {asked['GFLOP']:.1f} | {speed:.0f} "
                f"| {100 * speed / peaks[asked['precision']]:.0f} % | {asked['GB']:.2f} "
                f"| {traffic:.1f} | {100 * traffic / memory:.0f} % |"
            )
    return "\n".join(lines)


def _scaling(scaling: dict[str, Any]) -> str:
    tables = [_speeds("images at a time", scaling["images per second by batch"])]
    for title in ("seconds by image size, 5 steps", "seconds by steps, 64 px"):
        values = scaling[title]
        lines = [f"| {title} | " + " | ".join(values) + " |", "|---" * (1 + len(values)) + "|"]
        lines.append("| median | " + " | ".join(f"{v:.3f}" for v in values.values()) + " |")
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def _speeds(title: str, speeds: dict[str, Any]) -> str:
    lines = [f"| {title} | images per second (lowest ... highest) |", "|--:|--:|"]
    for number, speed in speeds.items():
        spread = f"{speed['lowest']:.2f} ... {speed['highest']:.2f}"
        lines.append(f"| {number} | {speed['median']:.2f} ({spread}) |")
    return "\n".join(lines)


def _memory(memory: dict[str, Any]) -> str:
    lines = ["| peak memory, one image of 256 px | baseline | ours |", "|---|--:|--:|"]
    for name, row in memory.items():
        lines.append(f"| {name} | {row['baseline']:.0f} MiB | {row['ours']:.0f} MiB |")
    return "\n".join(lines)


def _loading(loading: dict[str, Any]) -> str:
    lines = ["| process | seconds |", "|---|--:|"]
    return "\n".join(lines + [f"| {n} | {row['median_s']:.2f} |" for n, row in loading.items()])


def _study(study: dict[str, Any]) -> str:
    lines = [
        f"| {study['config']}, {study['ours']['cores']} cores | seconds | core-seconds of "
        "restorations with a network | their share |",
        "|---|--:|--:|--:|",
    ]
    for name, words in (("plain", "every job by itself, float32"), ("ours", "ours")):
        run = study[name]
        share = f"{100 * run['share of the network']:.0f} %"
        lines.append(f"| {words} | {run['wall_s']:.0f} | {run['network_s']:.0f} | {share} |")
    worst = study["largest difference in PSNR, dB"]
    lines += [
        "",
        f"{study['times faster']:.1f} times faster, {study['ours']['network evaluations']} network "
        f"evaluations; the largest difference of a picture's PSNR is {worst:.3f} dB "
        f"({study['of']}).",
    ]
    return "\n".join(lines)


def _host(host: dict[str, Any]) -> str:
    """A row per method and operator, a column per part and batch; then what networks leave."""
    batches = sorted({row["batch"] for row in host["rows"]})
    heads = [f"{part}, {batch}" for batch in batches for part in HOST_PARTS]
    lines = [
        "Milliseconds per network evaluation and image, without the network; by the batch.",
        "",
        f"| method, operator | {' | '.join(heads)} |",
        "|---" + "|--:" * len(heads) + "|",
    ]
    found = {(r["method"], r["operator"], r["batch"]): r for r in host["rows"]}
    for method, operator in dict.fromkeys((r["method"], r["operator"]) for r in host["rows"]):
        rows = [found.get((method, operator, batch), {}) for batch in batches]
        values = [f"{row[part]:.2f}" if row else "" for row in rows for part in HOST_PARTS]
        lines.append(f"| {method}, {operator} | {' | '.join(values)} |")
    asked, batch = host["waits"]["asked"], host["batch"]
    lines += [
        "",
        f"Noise of {batch} images, drawn when it is asked for: {1000 * asked:.0f} ms a step. Waits "
        f"where it is drawn ahead, beside the time that networks leave at {100 * HOST_SHARE:.0f} % "
        "of a GPU's arithmetic:",
        "",
        "| network | ms an evaluation | ms waited | share |",
        "|---|--:|--:|--:|",
    ]
    for name, seconds in host["left"].items():
        waited = host["waits"][name]
        share = f"{100 * waited / seconds:.0f} %"
        lines.append(f"| {name} | {1000 * seconds:.0f} | {1000 * waited:.1f} | {share} |")
    return "\n".join(lines)


def _pipeline(found: dict[str, Any]) -> str:
    """Every stage of a picture, and what it is beside the network that leaves least time."""
    name, left = min(found["networks"].items(), key=lambda item: item[1])
    lines = [
        f"| stage, one core | seconds a picture | of the network ({name}) |",
        "|---|--:|--:|",
    ]
    for stage, seconds in found["stages"].items():
        lines.append(f"| {stage} | {seconds:.3f} | {seconds / left:.0%} |")
    for network, seconds in found["networks"].items():
        lines.append(f"| network: {network} | {seconds:.3f} | {seconds / left:.0%} |")
    return "\n".join(lines)


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
    axes.errorbar(
        batches,
        median,
        yerr=[
            [s["median"] - s["lowest"] for s in speeds.values()],
            [s["highest"] - s["median"] for s in speeds.values()],
        ],
        marker="o",
        capsize=3,
    )
    axes.set(xlabel="images at a time", ylabel="images per second", ylim=(0, None))
    axes.set_xticks(batches)
    figure.savefig(path, dpi=150)


def _row(name: str, row: dict[str, Any]) -> str:
    ratio = row["speed-up"]
    spread = f"{ratio['quartile_low']:.1f} ... {ratio['quartile_high']:.1f}"
    baseline, ours = (_time(row[variant]["median_s"]) for variant in ("baseline", "ours"))
    return f"| {name} | {baseline} | {ours} | {ratio['median_of_ratios']:.1f} ({spread}) |"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.2f} ms"
