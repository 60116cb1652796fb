"""The benchmark's results as Markdown and as a plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def markdown(found: dict[str, Any]) -> str:
    """Every part as a table."""
    machine = found["machine"]
    where = machine["gpu"] or machine["processor"]
    lines = [
        f"{where}, {machine['threads']} thread(s), PyTorch {machine['torch']}, load average before "
        f"the run {machine['load before']:.1f}. Medians; in brackets the middle half of the ratios "
        "of neighbouring turns.",
        "",
        "| work | baseline | ours | times faster |",
        "|---|--:|--:|--:|",
    ]
    rows = {
        **{f"guidance, {name}": row for name, row in found["guidance steps"].items()},
        **{f"evaluation, {name}": row for name, row in found["evaluations"].items()},
        "whole restoration, dead-leaves, 128 px": found["restoration"],
    }
    lines += [_row(name, row) for name, row in rows.items()]
    lines += ["", "| images at a time | images per second (lowest ... highest) |", "|--:|--:|"]
    for batch, speed in found["scaling"]["images per second by batch"].items():
        spread = f"{speed['lowest']:.2f} ... {speed['highest']:.2f}"
        lines.append(f"| {batch} | {speed['median']:.2f} ({spread}) |")
    for title in ("seconds by image size, 5 steps", "seconds by steps, 64 px"):
        values = found["scaling"][title]
        lines += ["", f"| {title} | " + " | ".join(values) + " |", "|---" * (1 + len(values)) + "|"]
        lines.append("| median | " + " | ".join(f"{v:.3f}" for v in values.values()) + " |")
    lines += ["", "| process | seconds |", "|---|--:|"]
    lines += [f"| {name} | {row['median_s']:.2f} |" for name, row in found["loading"].items()]
    if "study" in found:
        study = found["study"]
        lines += [
            "",
            f"The study {study['config']} on {study['cores']} cores: {study['wall_s']:.0f} s, of "
            f"which the network's share is {100 * study['share of the network']:.0f} % "
            f"({study['network evaluations']} evaluations).",
        ]
    return "\n".join(lines) + "\n"


def plot(found: dict[str, Any], path: Path) -> None:
    """Images per second against the batch."""
    from matplotlib.figure import Figure

    speeds = found["scaling"]["images per second by batch"]
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
