"""All restorations of an experiment together: which pictures count, what is said where none do."""

from __future__ import annotations

import json

import pytest
import torch

from ddpg.comparison.posterior.tables import posterior_markdown
from ddpg.comparison.sets import set_tables, sets_frame, write_sets
from ddpg.comparison.statistics.measurements import label_styles, read_metrics
from ddpg.files.costs import FAILURE, MEASURES, SETTINGS, write_costs
from ddpg.files.long_table import COLUMNS as LONG
from ddpg.files.long_table import collect, read_long_table
from ddpg.files.tensors import read_tensors, write_tensors
from ddpg.jobs.comparison import SetComparison
from ddpg.jobs.evaluation import SetEvaluation
from ddpg.metrics import sets
from ddpg.stages.measured_sets import evaluation
from ddpg.stages.provenance import metrics_used

COLUMNS = {
    **{"dataset": "photos", "task": "denoising", "operator": "fft", "scale": ""},
    **{"sigma_y": "0.05", "method": "pinv", "label": "pinv", "prior": "", "repeat": "0"},
}


def seen(images, _backbone=None):
    """A stand-in for the network: colours of the quarters."""
    return torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1).double()


@pytest.fixture
def record(tmp_path):
    """What was found of the network's file."""
    path = tmp_path / "inception.json"
    path.write_text(json.dumps({"file": str(tmp_path / "network.pth"), "reason": None}))
    return path


@pytest.fixture
def measure(tmp_path, truth, record, monkeypatch):
    """Measures shards of restorations; gives the value of each metric, or its reason."""
    monkeypatch.setattr(evaluation, "features", seen)
    pictures = read_tensors(truth)

    def run(*shards, metrics=("kid", "fid"), failed=(), label="pinv", noise=0.2):
        generator = torch.Generator().manual_seed(0)
        files = []
        for number, names in enumerate(shards):
            places = [tmp_path / f"{kind}-{number}" for kind in ("truth", "restored", "costs")]
            write_tensors({n: pictures[n] for n in names}, places[0], ids=names)
            restored = {
                n: pictures[n] / 127.5 - 1 + noise * torch.randn(3, 32, 32, generator=generator)
                for n in names if n not in failed
            }  # fmt: skip
            write_tensors(restored, places[1], ids=names)
            cost = dict.fromkeys((*MEASURES, SETTINGS), "0")
            rows = [{"image": n, **cost, FAILURE: "lost" * (n in failed)} for n in names]
            write_costs(places[2], rows)
            files.append(places)
        truths, restorations, costs = zip(*files, strict=True)
        output = tmp_path / "sets" / label / "shard-0.csv"
        job = SetEvaluation(
            columns={**COLUMNS, "label": label}, metrics=metrics, truth=truths, costs=costs,
            restorations=restorations, backbones=(record,), output=output,
        )  # fmt: skip
        evaluation.evaluate_sets(job, device="cpu")
        rows = read_long_table(output)
        assert {row["image"] for row in rows} == {""}
        return {row["metric"]: row["value"] or row["note"] for row in rows}

    return run


FEW = "it needs at least 500 pictures"


def test_shards_are_measured_together(measure, truth):
    values = measure(["a", "b"], ["c", "d"])
    assert values["pictures"] == "4"
    assert values["fid"] == FEW
    assert measure(["a", "b", "c", "d"])["kid"] == values["kid"]
    # Without noise both sides are one set, of which the unbiased estimate is below 0.
    exact = measure(["a", "b", "c", "d"], noise=0.0)
    pictures = torch.stack(list(read_tensors(truth).values())).double() / 255
    assert float(exact["kid"]) == pytest.approx(sets.kid(seen(pictures), seen(pictures)), abs=1e-3)


def test_enough_pictures_have_a_distance(measure, monkeypatch):
    import dataclasses

    fewer = dataclasses.replace(evaluation.SET_METRICS["fid"], least=3)
    monkeypatch.setattr(evaluation, "SET_METRICS", {**evaluation.SET_METRICS, "fid": fewer})
    values = measure(["a", "b", "c", "d"])
    assert 0 < float(values["fid"]) < 1


def test_a_failed_restoration_is_left_out_on_both_sides(measure):
    values = measure(["a", "b", "c", "d"], failed=["d"], noise=0.0)
    assert values["pictures"] == "3"
    assert values["kid"] == measure(["a", "b", "c"], noise=0.0)["kid"]
    assert measure(["a", "b"], failed=["a"])["kid"] == ("it needs at least 2 pictures")


def test_a_network_that_cannot_be_had_is_a_reason(measure, record):
    record.write_text(json.dumps({"file": None, "reason": "cannot download it"}))
    values = measure(["a", "b"], ["c", "d"])
    assert values == {"kid": "cannot download it", "fid": FEW, "pictures": "4"}


def test_the_tables_have_the_number_of_pictures_beside(tmp_path, measure, record):
    measure(["a", "b", "c", "d"], label="pinv")
    measure(["a", "b", "c", "d"], label="worse", failed=["d"], noise=1.0)
    measure(["a"], label="single")
    files = [tmp_path / "sets" / name / "shard-0.csv" for name in ("pinv", "worse", "single")]
    collect(files, tmp_path / "sets.csv")
    frame = read_metrics(tmp_path / "sets.csv")
    tables = set_tables(frame, label_styles(frame))
    (panel,) = tables[0].panels
    assert panel.columns == [(0.05, "kid"), (0.05, "pictures")]
    rows = {name: [entry.text for entry in entries] for name, entries in panel.rows}
    assert [row[1] for row in rows.values()] == ["4", "1", "3"]
    assert rows["single (Pinv)"][0] == "—"
    assert panel.rows[0][1][0].first
    assert not panel.rows[2][1][0].first
    text = posterior_markdown(tables, "Sets of pictures")
    assert "<sup>a</sup> it needs at least 2 pictures" in text
    assert text.count("FID is left out: it needs at least 500 pictures.") == 1
    assert sets_frame(frame)["pictures"].tolist() == [4, 4, 3, 3, 1, 1]
    head = ",".join(LONG)
    (tmp_path / "metrics.csv").write_text(
        f"{head}\n"
        + "".join(
            f"photos,denoising,fft,,0.05,pinv,{n},,0,a,psnr,30,\n"
            for n in ("pinv", "worse", "single")
        )
    )
    long_tables = {"metrics": tmp_path / "metrics.csv", "sets": tmp_path / "sets.csv"}
    write_sets(SetComparison(**long_tables, folder=tmp_path / "tables"))
    assert len(list((tmp_path / "tables").iterdir())) == 3
    used = metrics_used(tmp_path / "metrics.csv", [record], tmp_path / "sets.csv")
    assert set(used) == {"psnr", "kid", "fid"}
    assert used["kid"]["weights"] == "network.pth: not there any more"
    assert used["kid"]["piq"]
