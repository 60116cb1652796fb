"""Write what README.md says of the default study from a run of it: `make readme`.

    python docs/write_readme.py results/photographs    # keeps its numbers in docs/readme, writes
    python docs/write_readme.py --check                # is README.md what docs/readme says?

The numbers that README.md shows lie beside it, in ``docs/readme``: the rows of the run's
``tables/summary.csv`` and ``tables/pairs.csv`` that are used, and what the run took.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from PIL import Image

from ddpg.comparison.statistics.measurements import CELL_KEYS, label_styles, of_methods
from ddpg.comparison.statistics.verdict import verdict
from ddpg.comparison.style import task_name
from ddpg.comparison.tables.entries import BOLD
from ddpg.errors import UserError
from ddpg.files.writing import replacing
from ddpg.study.names import number_name

HERE = Path(__file__).parent
PAGE, KEPT = HERE.parent / "README.md", HERE / "readme"
BEGIN, END = "<!-- default study: make readme -->", "<!-- end of the default study -->"
METRIC = "psnr"
COSTS = ["seconds", "network_evaluations"]
PAIRS = [*CELL_KEYS, "metric", "label_a", "label_b", "n", "difference", "p_holm"]
MEANS = [*CELL_KEYS, "method", "label", "metric", "mean", "n", "rank", "decidable", "best"]
SHOWN = "deblur_gauss-fft/0.05"
"""The cell whose grid is the picture."""
WIDTH = 1400
"""Of that picture, in pixels."""
NOT_RUN = "The default study has not been run since its sheet was changed; `make readme` does."


def keep(results: Path) -> None:
    """Copy what README.md shows of a run to :data:`KEPT`, and its picture beside it.

    Args:
        results: the folder of the study.

    Raises:
        UserError: the study has not been run to its end.
    """
    grids = sorted(results.glob(f"figures/grids/*/{SHOWN}.png"))
    needed = [results / name for name in ("tables/summary.csv", "tables/pairs.csv", "index.html")]
    for path in needed:
        if not path.exists():
            raise UserError(f"{path}: is not there; run the default study first: make demo")
    if not grids:
        raise UserError(f"{results}/figures/grids: has no {SHOWN}.png")
    means, pairs = (pd.read_csv(path) for path in needed[:2])
    rows = means["metric"].isin([METRIC, *COSTS])
    tested = pairs["metric"] == METRIC
    pairs = pairs.loc[tested, [*PAIRS, "better", "decidable"]]
    for name, frame in (("summary", means.loc[rows, MEANS]), ("pairs", pairs)):
        with replacing(KEPT / f"{name}.csv") as temporary:
            frame.to_csv(temporary, index=False, lineterminator="\n")
    with replacing(KEPT / "run.json") as temporary:
        temporary.write_text(json.dumps(took(results), indent=1) + "\n", encoding="utf-8")
    with Image.open(grids[0]) as picture:
        size = (WIDTH, round(picture.height * WIDTH / picture.width))
        small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    small.save(HERE / "grid.jpg", quality=86)


def took(results: Path) -> dict[str, object]:
    """When and where a study was run, and how long that took from its first file to its last.

    Args:
        results: the folder of a study that was run at one go.
    """
    # Of its data sets alone: files of an older study of this name may lie beside them.
    names = pd.read_csv(results / "tables/summary.csv")["dataset"].unique()
    made = (path for name in names for path in results.glob(f"*/{name}/**/*"))
    times = [path.stat().st_mtime for path in made if path.is_file()]
    end = (results / "index.html").stat().st_mtime
    hardware = json.loads((results / "provenance.json").read_text(encoding="utf-8"))["hardware"]
    return {
        "date": datetime.fromtimestamp(end, UTC).date().isoformat(),
        "minutes": round((end - min(times)) / 60, 1),
        "processor": hardware.get("processor", ""),
        "cores": hardware.get("cores", ""),
    }


def block(folder: Path) -> list[str]:
    """The lines that stand in README.md between the marks, from what :func:`keep` has kept."""
    if not (folder / "summary.csv").exists():
        return [NOT_RUN]
    means = pd.read_csv(folder / "summary.csv")
    pairs = pd.read_csv(folder / "pairs.csv", keep_default_na=False, na_values={"scale": [""]})
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return [*verdict(means, pairs, METRIC), "", *table(means), "", *legend(means, run)]


def table(means: pd.DataFrame) -> Iterator[str]:
    """A row for each cell, a column for each method that most cells have; PSNR in dB."""
    scores = means[means["metric"] == METRIC]
    styles = label_styles(scores)
    columns = [label for label in styles if _is_common(scores, label)]
    yield f"| | {' | '.join(styles[label].name for label in columns)} |"
    yield "|---|" + "--:|" * len(columns)
    for (_, task, _, scale, sigma_y), cell in scores.groupby(CELL_KEYS, dropna=False, sort=False):
        values = {row.label: _value(row) for row in cell.itertuples()}
        title = f"{task_name(str(task), scale)}, {number_name(sigma_y)}"
        yield f"| {title} | {' | '.join(values.get(label, '') for label in columns)} |"


def legend(means: pd.DataFrame, run: dict[str, object]) -> Iterator[str]:
    """What the table shows, what it leaves out, and what the run took."""
    scores = of_methods(means[means["metric"] == METRIC])
    styles = label_styles(scores)
    yield (
        f"PSNR in dB, mean over {scores['n'].max()} pictures of 128 x 128; the number behind each "
        f"task is the noise level. Bold: {BOLD}."
    )
    for label, style in styles.items():
        if not _is_common(scores, label):
            rows = scores[scores["label"] == label]
            texts = [f"{_value(row)} ({_place(row)})" for row in rows.itertuples()]
            yield f"{style.name}: {', '.join(texts)}."
    evaluations, seconds = (_total(means, cost) for cost in reversed(COSTS))
    yield (
        f"Run on {run['date']} in {run['minutes']} minutes on {run['cores']} cores "
        f"({run['processor']}): {evaluations:,.0f} network evaluations for the first "
        f"restoration of each picture, which took {seconds:,.0f} s of a core, "
        f"{1000 * seconds / evaluations:.0f} ms for each evaluation."
    )


def _total(means: pd.DataFrame, cost: str) -> float:
    """A cost of all restorations by methods with a network, of each picture's first one."""
    rows = means[means["metric"] == cost]
    if cost == "seconds":
        calls = means[means["metric"] == "network_evaluations"]
        with_network = set(calls.loc[calls["mean"] > 0, "label"])
        rows = rows[rows["label"].isin(with_network)]
    return float((rows["mean"] * rows["n"]).sum())


def _is_common(scores: pd.DataFrame, label: str) -> bool:
    """Whether a label is a method's that more than half of the cells have."""
    methods = of_methods(scores)
    return 2 * (methods["label"] == label).sum() > len(scores[CELL_KEYS].drop_duplicates())


def _value(row: object) -> str:
    text = f"{row.mean:.2f}"  # type: ignore[attr-defined]
    return f"**{text}**" if row.best else text  # type: ignore[attr-defined]


def _place(row: object) -> str:
    title = task_name(row.task, row.scale)  # type: ignore[attr-defined]
    return f"{title}, {number_name(row.sigma_y)}"  # type: ignore[attr-defined]


def written(page: str, folder: Path = KEPT) -> str:
    """README.md with what a folder holds between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise UserError(f"{PAGE}: has no {BEGIN} ... {END}")
    return "\n".join([before + BEGIN, *block(folder), END]) + after


def main() -> None:
    """Write README.md, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="?", help="the folder of a finished run")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit with 1 if it would"
    )
    options = parser.parse_args()
    if options.results and not options.check:
        keep(options.results)
    page = PAGE.read_text(encoding="utf-8")
    if not options.check:
        PAGE.write_text(written(page), encoding="utf-8")
    elif written(page) != page:
        sys.exit(f"{PAGE} is not up to date: run make readme")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
