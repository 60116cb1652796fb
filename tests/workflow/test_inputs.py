"""What rules read, by the wildcards of a job, and what a study makes."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from ddpg.jobs.evaluation import Evaluation
from ddpg.jobs.restoration import Restoration
from ddpg.study.study import Study
from ddpg.workflow.inputs import Inputs, input_functions

SR, MOTION = "photos/sr_bicubic-x4-svd/0.05", "photos/motion_deblur-fft/0.1"
SHEET = """\
dataset\ttask\tsigma_y\tmethod\tsteps
photos\tsr_bicubic\t0.05\tddpg\t20
photos\tsr_bicubic\t0.05\tpinv\t
photos\tmotion_deblur\t0.1\tpinv\t
"""


def configuration(folder: Any, names: list[str], sheet: str) -> dict[str, Any]:
    """The configuration of a study of pictures, in shards of two."""
    images = [{"id": name[0], "file": f"{name}.png"} for name in names]
    card = {"name": "photos", "source": {"folder": "pictures"}, "images": images}
    (folder / "photos.yaml").write_text(yaml.safe_dump(card))
    (folder / "sheet.tsv").write_text(sheet)
    return {
        "name": "mine",
        "experiments": str(folder / "sheet.tsv"),
        "datasets": [{"card": str(folder / "photos.yaml"), "image_size": 64}],
        "shard_size": 2,
        "metrics": ["psnr"],
    }


@pytest.fixture
def inputs(tmp_path: Any) -> Any:
    """The input functions of a study of five pictures in shards of two."""
    study = Study(configuration(tmp_path, ["a", "b", "c", "d", "e{1}"], SHEET))
    return input_functions(study, local=lambda path: f"local {path}")


def of(**wildcards: str) -> SimpleNamespace:
    return SimpleNamespace(**wildcards)


def test_own_pictures_are_local_and_those_with_braces_no_inputs(inputs: Any) -> None:
    first, last = of(dataset="photos", shard="0"), of(dataset="photos", shard="2")
    assert inputs.source_pictures(first) == ["local pictures/a.png", "local pictures/b.png"]
    assert inputs.source_pictures(last) == []
    assert inputs.index(first) == []


def test_a_restoration_reads_its_cells_observations_and_its_priors_weights(inputs: Any) -> None:
    job = of(experiment=f"{SR}/ddpg/dead-leaves", shard="1")
    assert inputs.observations(job) == f"results/mine/observations/{SR}/shard-1.safetensors"
    assert inputs.restored_truth(job) == "results/mine/images/photos/shard-1.safetensors"
    assert inputs.weights(job) == inputs.classifier(job) == []  # the embedded prior's own file


def test_the_long_table_is_made_of_every_shard_in_the_order_of_the_sheet(inputs: Any) -> None:
    rows = [f"{SR}/ddpg/dead-leaves", f"{SR}/pinv", f"{MOTION}/pinv"]
    expected = [f"results/mine/evaluations/{row}/shard-{k}.csv" for row in rows for k in range(3)]
    for cell in (SR, MOTION):  # what was observed follows
        expected += [f"results/mine/evaluations/{cell}/observation/shard-{k}.csv" for k in range(3)]
    assert inputs.shard_metrics(of()) == expected


def test_kernels_are_shown_where_there_is_motion(inputs: Any) -> None:
    shards = [f"results/mine/observations/{MOTION}/shard-{k}.safetensors" for k in range(3)]
    assert inputs.kernels(of()) == shards


def test_a_study_makes_each_figure_twice(inputs: Any) -> None:
    products = inputs.products(of())
    assert f"results/mine/figures/grids/{MOTION}.pdf" in products
    assert f"results/mine/figures/trajectories/{SR}.png" in products
    assert f"results/mine/figures/trajectories/{MOTION}.png" not in products
    pngs = {path.removesuffix(".png") for path in products if path.endswith(".png")}
    assert pngs == {path.removesuffix(".pdf") for path in products if path.endswith(".pdf")}
    assert "results/mine/figures/kernels.pdf" in products
    assert len(set(products)) == len(products)


def test_snakemake_finds_every_signature_ready(inputs: Any) -> None:
    public = [name for name in vars(Inputs) if not name.startswith("_")]
    for name in public:
        function = getattr(inputs, name)
        assert list(function.__signature__.parameters) == ["wildcards"], name
        assert inspect.signature(function) is function.__signature__


def test_samples_are_the_restorations_of_all_draws_and_of_no_other_row(tmp_path: Any) -> None:
    rows = ["dataset\ttask\tsigma_y\tmethod\tlabel\tsteps\tdraws", "ddrm\t\t3\t3", "ddpg\t\t3\t"]
    rows += ["pinv\t\t\t"]
    sheet = "\n".join([rows[0], *(f"photos\tdenoising\t0.1\t{row}" for row in rows[1:])])
    config = configuration(tmp_path, ["a", "b", "c"], sheet)

    def made(**changes: Any) -> tuple[Study, Any]:
        study = Study(config | changes)
        return study, input_functions(study, local=lambda path: f"local {path}")

    study, inputs = made()
    ddrm = "photos/denoising-fft/0.1/ddrm/dead-leaves"
    shard = of(experiment=ddrm, shard="1")
    folder = f"results/mine/restorations/{ddrm}"
    assert inputs.sampled_restorations(shard) == [
        f"{folder}/{part}shard-1.safetensors" for part in ("", "repeat-1/", "repeat-2/")
    ]
    assert list(study.sampled) == [ddrm]
    assert not any("repeat" in path for path in inputs.shard_metrics(None))  # no other number moves
    assert inputs.shard_samples(None) == [
        f"results/mine/posterior/{ddrm}/shard-{number}.csv" for number in (0, 1)
    ]
    assert {"results/mine/posterior.csv", "results/mine/figures/posterior.png"} <= set(
        inputs.products(None)
    )
    twice, inputs = made(repeats=2)
    assert {path: len(rows) for path, rows in twice.sampled.items()} == {
        ddrm: 3, ddrm.replace("ddrm", "ddpg"): 2,
    }  # fmt: skip
    assert sum("repeat" in path for path in inputs.shard_metrics(None)) == 4
    alone, inputs = made(experiments=str(_without_draws(tmp_path, sheet)))
    assert not alone.sampled
    # Draws change no job of another row, nor those of the first restoration.
    for path in alone.by_path:
        for job in (Restoration, Evaluation):
            assert job.planned(alone, path) == job.planned(study, path)
    assert not any("posterior" in path for path in inputs.products(None))


def _without_draws(tmp_path: Any, sheet: str) -> Any:
    path = tmp_path / "single.tsv"
    path.write_text(sheet.replace("ddrm\t\t3\t3", "ddrm\t\t3\t"))
    return path
