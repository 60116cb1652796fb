"""Tuning by protocol: what is tried, what it may cost, what is chosen, what a study makes of it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ddpg.errors import UserError
from ddpg.samplers.algorithms.ddpg import DDPG
from ddpg.samplers.catalogue import (
    METHODS,
    HyperParameter,
    Method,
    Range,
    check_hyper_parameters,
    recommended,
)
from ddpg.samplers.problem import NonFiniteError
from ddpg.stages.tuning import protocol
from ddpg.stages.tuning.protocol import tune
from ddpg.stages.tuning.search import space_of, trials_of
from ddpg.study.settings.tuned import read_tuned
from ddpg.study.study import Study

SIZE, SPREAD = 16, 0.3
HEADER = "dataset\ttask\toperator\tsigma_y\tmethod\tlabel\tsteps\teta_tilde\tsettings"


def draw(folder: Path, name: str, seed: int) -> None:
    """A picture of independent grey values around the middle, SPREAD on [-1, 1]."""
    folder.mkdir(exist_ok=True)
    values = np.random.default_rng(seed).standard_normal((SIZE, SIZE, 3)) * SPREAD
    pixels = np.clip((values + 1) / 2 * 255, 0, 255).round().astype(np.uint8)
    Image.fromarray(pixels).save(folder / f"{name}.png")


def card(folder: Path, name: str, pictures: dict[str, int]) -> str:
    for picture, seed in pictures.items():
        draw(folder / name, picture, seed)
    images = "".join(f"\n  - {{id: {p}, file: {p}.png}}" for p in pictures)
    path = folder / f"{name}.yaml"
    path.write_text(f"name: {name}\nsource: {{folder: {folder / name}}}\nimages:{images}\n")
    return str(path)


@pytest.fixture
def study(tmp_path):
    """Makes studies of one picture, tuned on two others."""

    def make(*rows: str, pictures=None, **changes) -> Study:
        sheet = tmp_path / "sheet.tsv"
        sheet.write_text("\n".join([HEADER, *rows]) + "\n")
        tuning = {"card": card(tmp_path, "others", pictures or {"a": 1, "b": 2})}
        tuning |= {"evaluations": 24, "trials": 16}
        config = {"name": "tiny", "experiments": str(sheet), "metrics": ["psnr"]}
        config["datasets"] = [{"card": card(tmp_path, "mine", {"x": 0}), "image_size": SIZE}]
        given = changes.pop("tuning", {})
        tuned = None if given is None else tuning | given
        return Study(config | {"tuning": tuned} | changes)

    return make


PINV = "mine\tdenoising\tfft\t0.1\tpinv"
DDPG_ROW = "mine\tdenoising\tfft\t0.1\tddpg\t\t2"
DDRM_ROW = "mine\tdenoising\tfft\t0.1\tddrm\t\t4"


# --- what is tried --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_every_trial_is_allowed_and_the_first_is_the_recommended_one(method):
    start = recommended(method, task="sr_bicubic", sigma_y=0.05)
    trials = trials_of(method, start, [], 33, 0)
    assert trials[0] == start
    assert len(trials) == (33 if METHODS[method].search else 1)
    for values in trials:
        assert check_hyper_parameters(method, values) == values
    varied = {found.parameter for found in METHODS[method].search}
    differing = {name for values in trials for name in values if values[name] != start[name]}
    assert differing == varied


def test_trials_follow_the_seed_alone_and_more_go_on_where_fewer_end():
    start = recommended("ddpg", task="deblur_gauss", sigma_y=0.05)
    some = trials_of("ddpg", start, [], 9, 0)
    assert trials_of("ddpg", start, [], 9, 0) == some
    assert trials_of("ddpg", start, [], 40, 0)[:9] == some
    assert trials_of("ddpg", start, [], 9, 1)[1:] != some[1:]


def test_the_document_shows_what_is_searched():
    text = (Path(__file__).parents[2] / "docs/tuning.md").read_text(encoding="utf-8")
    for name, method in METHODS.items():
        space = "; ".join(f"`{found.parameter}` {found.in_words}" for found in method.search)
        if space and method.module.startswith("ddpg."):
            assert f"| `{name}` | {space} |" in text


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Range("gamma", 1, 2), "new: search: there is no 'gamma'"),
        (Range("lam", 0, 2, log=True), "new: search: lam: needs 0 < low < high"),
        (Range("lam", -1, 2), "lam must be at least 0, got -1.0"),
        (Range("lam", values=(1.0, "much")), "lam must be a number, got 'much'"),
    ],
)
def test_a_range_that_cannot_be_is_refused(found, expected):
    lam = HyperParameter("lam", 1.0, "a number", 0)
    with pytest.raises(ValueError, match=expected):
        Method("new", "New", "a:B", "one line", "a paper", (lam,), search=(found,))


def test_what_is_fixed_stays():
    start = recommended("ddpg", task="deblur_gauss", sigma_y=0.05) | {"gamma": 5.0}
    trials = trials_of("ddpg", start, ["gamma"], 9, 0)
    assert {values["gamma"] for values in trials} == {5.0}
    assert "gamma" not in [found.parameter for found in space_of("ddpg", ["gamma"])]


# --- what is chosen -------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_best_of_a_problem_whose_answer_is_known(study, tmp_path):
    """Of independent pixels around 0 the best linear estimate is y / (1 + s^2 / v), and pinv's is
    y / (1 + s^2 eta_tilde): the answer is 1 / v."""
    record = tune(study(PINV, tuning={"trials": 128}), tmp_path / "tuned.json")
    (row,) = record["rows"]
    best = row["trials"][row["best"]]
    assert best["values"]["eta_tilde"] == pytest.approx(1 / SPREAD**2, rel=0.15)
    assert float(best["score"]) == max(float(trial["score"]) for trial in row["trials"])
    assert row["trials"][0]["values"] == row["start"]


@pytest.mark.slow
def test_every_method_spends_the_same_budget(study, tmp_path, prior):
    record = tune(study(DDPG_ROW, DDRM_ROW, PINV), tmp_path / "tuned.json")
    spent = [sum(trial["evaluations"] for trial in row["trials"]) for row in record["rows"]]
    assert [len(row["trials"]) for row in record["rows"]] == [6, 3, 16]
    assert spent == [24, 24, 0]
    assert prior.images == 48
    assert [row["fixed"] for row in record["rows"]] == [["steps"], ["steps"], []]


@pytest.mark.slow
def test_a_larger_budget_goes_on_and_a_finished_one_does_nothing(study, tmp_path, prior):
    output = tmp_path / "tuned.json"
    first = tune(study(DDPG_ROW, tuning={"evaluations": 8}), output)["rows"][0]["trials"]
    assert (len(first), prior.images) == (2, 8)
    tune(study(DDPG_ROW, tuning={"evaluations": 8}), output)
    assert prior.images == 8
    more = tune(study(DDPG_ROW, tuning={"evaluations": 16}), output)["rows"][0]["trials"]
    assert (more[:2], len(more), prior.images) == (first, 4, 16)


@pytest.mark.slow
def test_a_run_that_dies_goes_on_to_the_same_record(study, tmp_path, prior):
    whole = tune(study(DDPG_ROW), tmp_path / "whole.json")
    prior.at_call = {prior.calls + 9: lambda _: (_ for _ in ()).throw(KeyboardInterrupt)}
    output = tmp_path / "tuned.json"
    with pytest.raises(KeyboardInterrupt):
        tune(study(DDPG_ROW), output)
    assert not output.exists()
    before = prior.images
    assert tune(study(DDPG_ROW), output) == whole
    assert prior.images - before == 24 - 8
    assert [path.name for path in tmp_path.glob("tuned.json*")] == ["tuned.json"]


@pytest.mark.usefixtures("prior")
def test_a_trial_that_diverges_has_no_score_and_the_reason(study, tmp_path, monkeypatch):
    restore, calls = DDPG.restore, []

    def sometimes(self, *given, **more):
        calls.append(self)
        if len(calls) == 2:
            raise NonFiniteError("ddpg diverged: not finite at step 1")
        return restore(self, *given, **more)

    monkeypatch.setattr(DDPG, "restore", sometimes)
    (row,) = tune(study(DDPG_ROW), tmp_path / "tuned.json")["rows"]
    assert row["trials"][0]["score"] is None
    assert row["trials"][0]["note"] == "b: ddpg diverged: not finite at step 1"
    assert row["best"] in range(1, 6)


@pytest.mark.parametrize(
    ("scores", "direction", "best"),
    [
        (["1.0", "2.0", "2.0"], 1, 1),
        (["1.0", "2.0", "1.0"], -1, 0),
        ([None, "-3.0", None], 1, 1),
        ([None, None], 1, None),
    ],
)
def test_the_best_is_the_first_of_equal_ones_and_none_of_none(scores, direction, best):
    assert protocol._best([{"score": score} for score in scores], direction) == best


def test_a_budget_that_is_too_small_says_so(study, tmp_path):
    with pytest.raises(UserError, match="one trial of ddpg takes 4, the budget is 3"):
        tune(study(DDPG_ROW, tuning={"evaluations": 3}), tmp_path / "tuned.json")


def test_pictures_of_the_study_are_refused_by_what_they_hold(study, tmp_path):
    with pytest.raises(UserError, match=r"tuning: others: .*mine/x.png is renamed"):
        tune(study(PINV, pictures={"a": 1, "renamed": 0}), tmp_path / "tuned.json")
    assert not (tmp_path / "tuned.json").exists()


def test_the_record_of_another_tuning_stays(study, tmp_path):
    output = tmp_path / "tuned.json"
    tune(study(PINV), output)
    before = output.read_bytes()
    with pytest.raises(UserError, match="a tuning with another seed; give another --output"):
        tune(study(PINV, tuning={"seed": 1}), output)
    assert output.read_bytes() == before


def test_there_must_be_something_to_tune(study, tmp_path):
    with pytest.raises(UserError, match="has no row with something to tune"):
        tune(study(f"{PINV}\t\t\t0.5"), tmp_path / "tuned.json")
    with pytest.raises(UserError, match="has no section 'tuning'"):
        tune(study(PINV, tuning=None), tmp_path / "tuned.json")


# --- what a study makes of it ---------------------------------------------------------------------


@pytest.fixture
def record(study, tmp_path):
    tune(study(PINV), tmp_path / "tuned.json")
    return str(tmp_path / "tuned.json")


def test_published_and_tuned_rows_stand_side_by_side(study, record):
    both = study(PINV, f"{PINV}\t\t\t\ttuned", tuned=record)
    plain, tuned = both.experiments
    assert (plain.label, tuned.label) == ("pinv", "pinv-tuned")
    best = read_tuned(record).row("pinv", "denoising-fft", 0.1)
    chosen = best["trials"][best["best"]]["values"]["eta_tilde"]
    assert tuned.hyper_parameters == {"eta_tilde": chosen}
    assert plain.hyper_parameters != tuned.hyper_parameters
    told = tuned.column_origins["eta_tilde"]
    assert told.startswith("tuned: tuned.json, the best of 16 trials by psnr")
    assert tuned.settings.endswith(told)


def test_what_was_not_searched_is_not_said_to_be_tuned(study, tmp_path, prior):
    tune(study(DDPG_ROW), tmp_path / "tuned.json")
    row = DDPG_ROW.replace("\t2", "\t") + "\t\ttuned"
    (tuned,) = study(row, tuned=str(tmp_path / "tuned.json")).experiments
    told = {name: origin.partition(":")[0] for name, origin in tuned.column_origins.items()}
    searched = dict.fromkeys(("gamma", "eta_tilde", "step_size_mode", "zeta", "steps"), "tuned")
    assert told == {"xi": "default", "scale_ls": "recommended", **searched}
    assert tuned.hyper_parameters["steps"] == 2
    assert prior.images == 24


@pytest.mark.slow
def test_of_several_rows_of_a_record_the_one_that_is_most_alike_counts(study, tmp_path):
    rows = [f"{PINV}\t{name}" for name in "abc"]
    content = tune(study(*rows), tmp_path / "tuned.json")
    for number, (row, steps) in enumerate(zip(content["rows"], (2, 4, 4), strict=True)):
        values = recommended("ddpg", task="denoising", sigma_y=0.1) | {"steps": steps}
        row |= {"method": "ddpg", "prior": "dead-leaves", "fixed": ["steps"], "start": values}
        row["trials"][row["best"]]["values"] = values | {"gamma": 10.0 + number}
    content["rows"][1]["prior"] = "another"
    (tmp_path / "tuned.json").write_text(json.dumps(content))
    four = DDPG_ROW.replace("ddpg\t\t2", "ddpg\tfour\t4")
    both = study(f"{DDPG_ROW}\t\ttuned", f"{four}\t\ttuned", tuned=str(tmp_path / "tuned.json"))
    assert [row.hyper_parameters["gamma"] for row in both.experiments] == [10.0, 12.0]


def test_what_the_sheet_gives_stays_in_a_tuned_row(study, record):
    (row,) = study(f"{PINV}\t\t\t0.25\ttuned", tuned=record).experiments
    assert row.hyper_parameters == {"eta_tilde": 0.25}
    assert row.column_origins == {"eta_tilde": "sheet"}


@pytest.mark.slow
def test_tuned_rows_are_not_tuned_again(study, record, tmp_path):
    both = study(PINV, f"{PINV}\t\t\t\ttuned", tuned=record)
    assert len(tune(both, tmp_path / "again.json")["rows"]) == 1


@pytest.mark.parametrize(
    ("row", "tuned", "expected"),
    [
        (f"{PINV}\t\t\t\ttuned", False, "line 2: settings: .* name it by 'tuned'"),
        (f"{PINV}\t\t\t\tbest", True, "line 2: settings: must be one of recommended, tuned"),
        (f"{DDPG_ROW}\t\ttuned", True, "line 2: settings: .* ddpg was not tuned on denoising-fft"),
        (PINV.replace("0.1", "0.2") + "\t\t\t\ttuned", True, "pinv was not tuned on .* 0.2"),
    ],
)
def test_rows_without_a_tuned_setting_are_refused(study, record, row, tuned, expected):
    with pytest.raises(UserError, match=expected):
        study(row, **({"tuned": record} if tuned else {}))


def test_a_study_of_the_pictures_of_its_tuning_is_refused(study, record):
    content = json.loads(Path(record).read_text())
    other = study(PINV)
    ((_, digest),) = other.picture_contents()
    Path(record).write_text(json.dumps(content | {"pictures": {"seen": digest}}))
    with pytest.raises(UserError, match=r"chosen on pictures of this study: .*x.png is seen"):
        study(PINV, tuned=record)


RECORD = '{"protocol": "ddpg tune 1", "criterion": "psnr", "seed": 0, "pictures": %s, "rows": %s}'
ROW = (
    '{"method": "pinv", "degradation": "d", "sigma_y": "0", "fixed": [], "space": {}, '
    '"start": {}, "best": %s, "trials": %s}'
)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot be read"),
        ("{", "not JSON"),
        ("[]", "is no record of ddpg tune"),
        ('{"protocol": "x"}', "is no record of ddpg tune"),
        (RECORD % ("[]", "[]"), "pictures: .* dictionary"),
        (RECORD % ("{}", "[{}]"), "rows.0.method: is required"),
        (RECORD % ("{}", f"[{ROW % (3, '[]')}]"), "rows.0: best: there is no trial 3 among 0"),
        (RECORD % ("{}", f"[{ROW % ('null', '[1]')}]"), r"rows.0.trials.0: "),
    ],
)
def test_what_is_no_record_is_refused(tmp_path, content, expected):
    path = tmp_path / "tuned.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=expected):
        read_tuned(path)


def test_scores_are_numbers_of_six_digits(record):
    (row,) = read_tuned(record).content["rows"]
    scores = [float(trial["score"]) for trial in row["trials"]]
    assert all(math.isfinite(score) for score in scores)
    assert row["best"] == int(np.argmax(scores))


def test_pictures_that_are_drawn_are_not_tuned_on(study, tmp_path):
    drawn = Path(__file__).parents[2] / "config/cards/datasets/drawn-gaussian.yaml"
    with pytest.raises(UserError, match="pictures of drawn-gaussian are drawn from a prior"):
        tune(study(PINV, tuning={"card": str(drawn)}), tmp_path / "tuned.json")


def test_the_part_of_a_picture_is_scored_that_the_study_measures(study, tmp_path):
    scores = []
    for measure in ("whole", "observed"):
        lens = tmp_path / f"{measure}.yaml"
        content = f"name: {measure}\ntask: blur\nkernel: disk:2\nmeasure: {measure}\n"
        lens.write_text(content)
        rows = tune(
            study(f"mine\t{lens}\t\t0.1\tpinv", tuning={"trials": 1}), tmp_path / f"{measure}.json"
        )["rows"]
        scores.append(float(rows[0]["trials"][0]["score"]))
    assert scores[1] > scores[0] + 0.1  # the rim is hardly observed
