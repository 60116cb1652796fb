"""Specs: what each job's result depends on, exactly, the same in every process."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ddpg.errors import UserError
from ddpg.jobs import observation, restoration
from ddpg.jobs.comparison import GridFigure, Provenance, Tables
from ddpg.jobs.evaluation import Collection, Evaluation
from ddpg.jobs.observation import Observation
from ddpg.jobs.resources import CheckpointFetching, Conversion, Preparation, Survey
from ddpg.jobs.restoration import Recording, Restoration
from ddpg.study.study import Study

ROOT = Path(__file__).parents[2]

HEADER = "dataset\ttask\tsigma_y\tmethod\tlabel\tsteps\tgamma\tscale"
ROWS = [
    "photos\tsr_bicubic\t0.05\tddpg\t\t20\t8",
    "photos\tsr_bicubic\t0.05\tddpg\tddpg-10\t10\t8",
    "photos\tsr_bicubic\t0.05\tpinv",
    "photos\tmotion_deblur\t0.1\tidpg\t\t20",
    "faces\tdeblur_gauss\t0\tpinv",
]
IMAGES = ["a", "b", "c", "d", "e"]


def write_card(folder, name, images, **fields):
    card = {"name": name, "source": {"folder": f"{name} pictures"}, **fields}
    card["images"] = [{"id": image, "file": f"{image}.png"} for image in images]
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(card))
    return str(path)


def content(folder, *, rows=ROWS, images=IMAGES, entry=(), **changes):
    """A configuration of two data sets; ``entry`` changes the section of the first one."""
    sheet = folder / "sheet.tsv"
    sheet.write_text("\n".join([HEADER, *rows]) + "\n")
    photos = {"card": write_card(folder, "photos", images), "image_size": 64, **dict(entry)}
    faces = {"card": write_card(folder, "faces", ["x"]), "image_size": 32}
    return {
        "name": "mine",
        "experiments": str(sheet),
        "datasets": [photos, faces],
        "shard_size": 2,
        "metrics": ["psnr"],
        **changes,
    }


def all_specs(study):
    """Every spec of a study, by the job's name."""
    found = {}
    for dataset in study.cards:
        found[f"survey {dataset}"] = Survey.planned(study, dataset)
        for k in range(study.shard_count(dataset)):
            found[f"prepare {dataset} {k}"] = Preparation.planned(study, dataset, k)
    for path, cell in study.cells.items():
        found[f"grid {path}"] = GridFigure.planned(study, path)
        for k in range(study.shard_count(cell.dataset)):
            found[f"observe {path} {k}"] = Observation.planned(study, path, k)
    for path, experiment in study.by_path.items():
        for k in range(study.shard_count(experiment.cell.dataset)):
            found[f"restore {path} {k}"] = Restoration.planned(study, path)
            found[f"evaluate {path} {k}"] = Evaluation.planned(study, path)
    found["collect"] = Collection.planned(study)
    found["tables"] = Tables.planned(study)
    found["provenance"] = Provenance.planned(study)
    return found


def changed_jobs(tmp_path, **changes):
    """The jobs that both studies have and whose specs differ."""
    before = all_specs(Study(content(tmp_path)))
    after = all_specs(Study(content(tmp_path, **changes)))
    return {
        name for name in before.keys() & after.keys() if repr(before[name]) != repr(after[name])
    }


def jobs(tmp_path, *words):
    names = all_specs(Study(content(tmp_path)))
    return {name for name in names if name.startswith(words)}


def plain(value):
    if type(value) is dict:
        return all(type(key) is str and plain(item) for key, item in value.items())
    if type(value) is list:
        return all(map(plain, value))
    return value is None or type(value) in (str, int, float)


def test_specs_hold_plain_built_in_types(tmp_path):
    for name, spec in all_specs(Study(content(tmp_path))).items():
        assert repr(spec) == repr(dict(spec)), name
        assert plain(dict(spec)), name


@pytest.mark.slow
def test_specs_are_the_same_in_every_process(tmp_path):
    configuration = tmp_path / "config.yaml"
    configuration.write_text(yaml.safe_dump(content(tmp_path)))
    script = f"""
import importlib.util, yaml
from ddpg.study.study import Study
spec = importlib.util.spec_from_file_location("shared", {str(Path(__file__))!r})
shared = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shared)
print(repr(shared.all_specs(Study(yaml.safe_load(open({str(configuration)!r}))))))
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert outputs == {repr(all_specs(Study(content(tmp_path)))) + "\n"}


def test_asking_for_one_job_first_does_not_matter(tmp_path):
    study = Study(content(tmp_path))
    late = Restoration.planned(study, "photos/sr_bicubic-x4-svd/0.05/pinv")
    assert repr(late) == repr(
        all_specs(Study(content(tmp_path)))["restore photos/sr_bicubic-x4-svd/0.05/pinv 1"]
    )


def test_a_hyper_parameter_touches_its_row_alone(tmp_path):
    rows = [ROWS[0].replace("\t8", "\t9"), *ROWS[1:]]
    cell = "photos/sr_bicubic-x4-svd/0.05"
    # The long table notes what a method was run with.
    touched = {
        f"{job} {cell}/ddpg/dead-leaves {k}" for job in ("restore", "evaluate") for k in range(3)
    }
    assert changed_jobs(tmp_path, rows=rows) == touched | {"provenance"}


def test_the_same_number_written_otherwise_touches_nothing(tmp_path):
    rows = [ROWS[0].replace("\t8", "\t8.0").replace("0.05", "5e-2"), *ROWS[1:]]
    # The record of the study holds the sheet's checksum.
    assert changed_jobs(tmp_path, rows=rows) == {"provenance"}


def test_the_seed_touches_observations_and_restorations(tmp_path):
    expected = jobs(tmp_path, "observe", "restore") | {"provenance"}
    assert changed_jobs(tmp_path, seed=1) == expected


def test_the_motion_kernel_touches_motion_deblurring(tmp_path):
    expected = {name for name in jobs(tmp_path, "observe") if "motion" in name} | {"provenance"}
    assert len(expected) == 4
    assert changed_jobs(tmp_path, motion_kernel={"size": 31}) == expected


def test_the_metrics_touch_evaluations(tmp_path):
    expected = jobs(tmp_path, "evaluate") | {"provenance"}
    assert changed_jobs(tmp_path, metrics=["psnr", "ssim"]) == expected


def test_the_stored_precision_touches_restorations(tmp_path):
    expected = jobs(tmp_path, "restore") | {"provenance"}
    assert changed_jobs(tmp_path, restored_dtype="float32") == expected


USING_A_PRIOR = (
    *("sr_bicubic-x4-svd/0.05/ddpg/dead-leaves", "sr_bicubic-x4-svd/0.05/ddpg-10/dead-leaves"),
    "motion_deblur-fft/0.1/idpg/dead-leaves",
)


@pytest.mark.parametrize(
    "entry", [{"precision": "float32"}, {"layout": "contiguous"}, {"compile": "off"}]
)
def test_how_a_network_runs_touches_the_rows_that_call_it(tmp_path, entry):
    expected = {f"restore photos/{row} {k}" for row in USING_A_PRIOR for k in range(3)}
    assert changed_jobs(tmp_path, entry=entry) == expected | {"provenance"}
    ((option, value),) = entry.items()
    spec = Restoration.planned(Study(content(tmp_path, entry=entry)), f"photos/{USING_A_PRIOR[0]}")
    assert (spec["prior"], spec[option]) == ("dead-leaves", value)
    assert f"--prior dead-leaves --{option} {value}" in spec.options


def test_images_at_a_time_touch_nothing(tmp_path):
    assert changed_jobs(tmp_path, entry={"batch_size": 4}) == {"provenance"}
    study = Study(content(tmp_path, entry={"batch_size": 4}))
    assert study.executions["photos"].batch_size == 4
    assert study.executions["faces"].batch_size is None


def test_a_card_says_how_its_network_runs_where_the_study_does_not(tmp_path):
    card = tmp_path / "prior.yaml"
    embedded = yaml.safe_load((ROOT / "ddpg/priors/embedded/dead-leaves.yaml").read_text())

    def spec(execution, **entry):
        card.write_text(yaml.safe_dump(embedded | {"execution": execution}))
        study = Study(content(tmp_path, entry={"prior": str(card), **entry}))
        found = Restoration.planned(study, f"photos/{USING_A_PRIOR[0]}")
        return found, study.executions["photos"]

    plain, _ = spec({})
    asked, execution = spec({"precision": "float32", "batch_size": 3})
    assert asked == plain | {"precision": "float32"}
    assert execution.batch_size == 3
    overruled, execution = spec({"precision": "float32"}, precision="bfloat16", batch_size=2)
    assert overruled["precision"] == "bfloat16"
    assert execution.batch_size == 2


def test_the_size_of_a_data_set_touches_its_pictures_and_restorations(tmp_path):
    # Its observations are made again because their input, the pictures, is.
    expected = jobs(tmp_path, "prepare photos", "restore photos") | {"provenance"}
    assert changed_jobs(tmp_path, entry={"image_size": 128}) == expected


def test_the_checksum_of_a_prior_touches_the_rows_that_use_it(tmp_path):
    embedded = yaml.safe_load((ROOT / "ddpg/priors/embedded/dead-leaves.yaml").read_text())
    card = tmp_path / "prior.yaml"
    found = []
    for digit in "01":
        weights = embedded["weights"] | {"sha256": digit * 64}
        card.write_text(yaml.safe_dump(embedded | {"weights": weights}))
        found.append(all_specs(Study(content(tmp_path, entry={"prior": str(card)}))))
    changed = {name for name in found[0] if found[0][name] != found[1][name]}
    restored = {f"restore photos/{row} {k}" for row in USING_A_PRIOR for k in range(3)}
    assert changed == restored | {"provenance"}


def test_a_picture_more_leaves_the_full_shards_alone(tmp_path):
    # What comes after them runs again because their files are new.
    changed = changed_jobs(tmp_path, images=[*IMAGES, "f"])
    seeds = {"observe photos/motion_deblur-fft/0.1 2"}
    assert changed == seeds | {"survey photos", "prepare photos 2"} | jobs(tmp_path, "grid photos")


def test_shards_cover_the_pictures_in_order_whatever_their_size(tmp_path):
    for size in (1, 2, 3, 5, 10):
        study = Study(content(tmp_path, shard_size=size))
        shards = [study.shard("photos", k) for k in range(study.shard_count("photos"))]
        assert all(shard.count == size for shard in shards[:-1])
        assert [place for shard in shards for place in shard.positions] == list(range(5))
        assert [entry.id for shard in shards for entry in shard.entries] == IMAGES


def test_the_limit_takes_the_first_pictures(tmp_path):
    study = Study(content(tmp_path, entry={"limit": 3}))
    assert study.shard_count("photos") == 2
    assert [entry.id for entry in study.shard("photos", 1).entries] == ["c"]
    assert Study(content(tmp_path, entry={"limit": 99})).shard_count("photos") == 3


def test_kernel_seeds_are_ten_times_the_index_in_the_data_set(tmp_path):
    cell = "photos/motion_deblur-fft/0.1"
    for size, seeds in ((2, [[0, 10], [20, 30], [40]]), (3, [[0, 10, 20], [30, 40]])):
        study = Study(content(tmp_path, shard_size=size))
        specs = [Observation.planned(study, cell, k) for k in range(len(seeds))]
        assert [spec["kernel_seeds"] for spec in specs] == seeds
        assert {(spec["kernel_size"], spec["kernel_intensity"]) for spec in specs} == {(61, 0.5)}
    assert Observation.planned(study, "faces/deblur_gauss-fft/0", 0)["kernel_seeds"] == []


def test_a_preparation_in_words(tmp_path):
    spec = Preparation.planned(Study(content(tmp_path)), "photos", 2)
    assert {
        key: value for key, value in spec.items() if key not in ("code", "entries", "pictures")
    } == {
        "card": str(tmp_path / "photos.yaml"),
        "package": "",
        "folder": "photos pictures",
        "fetched": "",
        "crop": "center",
        "image_size": 64,
        "positions": ["4"],
    }


def test_a_restoration_in_words(tmp_path):
    study = Study(content(tmp_path))
    spec = Restoration.planned(study, "photos/sr_bicubic-x4-svd/0.05/ddpg-10/dead-leaves")
    assert "--task sr_bicubic --operator svd --scale 4 --sigma-y 0.05" in spec.options
    assert "--method ddpg --hyper-parameters steps=10 gamma=8.0 eta_tilde=0.3 xi=1e-05 " in (
        spec.options
    )
    assert "--prior dead-leaves" in spec.options
    assert spec["prior_identity"] not in spec.options
    direct = Restoration.planned(study, "faces/deblur_gauss-fft/0/pinv")
    assert "--prior" not in direct.options
    assert (direct["prior"], direct.get("prior_identity")) == ("", None)


def test_the_collection_names_every_shard_in_the_order_of_the_sheet(tmp_path):
    assert list(Collection.planned(Study(content(tmp_path)))["shards"].items()) == [
        ("photos/sr_bicubic-x4-svd/0.05/ddpg/dead-leaves", "3"),
        ("photos/sr_bicubic-x4-svd/0.05/ddpg-10/dead-leaves", "3"),
        ("photos/sr_bicubic-x4-svd/0.05/pinv", "3"),
        ("photos/motion_deblur-fft/0.1/idpg/dead-leaves", "3"),
        ("faces/deblur_gauss-fft/0/pinv", "1"),
        ("photos/sr_bicubic-x4-svd/0.05/observation", "3"),
        ("photos/motion_deblur-fft/0.1/observation", "3"),
        ("faces/deblur_gauss-fft/0/observation", "1"),
    ]


def test_figures_show_the_first_six_pictures(tmp_path):
    study = Study(content(tmp_path, images=list("abcdefgh")))
    spec = GridFigure.planned(study, "photos/motion_deblur-fft/0.1")
    assert (spec["labels"], spec["count"]) == (["idpg"], 6)
    assert study.shown_shards("photos") == 3


def test_a_scale_that_does_not_divide_the_size(tmp_path):
    rows = ["photos\tsr_bicubic\t0\tpinv\t\t\t\t8"]
    with pytest.raises(UserError, match="scale 8 does not divide the image size 60 of photos"):
        Study(content(tmp_path, rows=rows, entry={"image_size": 60}))


def test_two_cards_of_one_name(tmp_path):
    twice = content(tmp_path)
    copy = tmp_path / "copy.yaml"
    copy.write_text((tmp_path / "photos.yaml").read_text())
    twice["datasets"].append(twice["datasets"][0] | {"card": str(copy)})
    with pytest.raises(UserError, match=r"config\.yaml: datasets: 'photos' is listed twice"):
        Study(twice)


@pytest.mark.slow
def test_the_shipped_studies_can_be_cut_into_jobs(monkeypatch):
    monkeypatch.chdir(ROOT)
    default = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    for name in ("config", "quick", "paper", "smoke-paper"):
        study = Study(default | yaml.safe_load((ROOT / f"config/{name}.yaml").read_text()))
        assert all_specs(study)


def test_an_exchanged_picture_concerns_its_own_shard(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos pictures").mkdir()
    for image in IMAGES:
        (tmp_path / f"photos pictures/{image}.png").write_text(image)
    study = Study(content(tmp_path))
    before = all_specs(study)
    (tmp_path / "other").write_text("x")
    os.utime(tmp_path / "other", (1e9, 1e9))
    (tmp_path / "other").replace(tmp_path / "photos pictures/c.png")
    after = all_specs(study)
    assert {name for name in before if before[name] != after[name]} == {
        *("survey photos", "prepare photos 1"),
    }


@pytest.mark.parametrize("field", ["experiments", "published"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [("s{1}.tsv", "has braces"), ("-s.tsv", r"begins with a dash.*write \./-s\.tsv")],
)
def test_sheets_with_names_that_mean_something_else(tmp_path, field, name, expected):
    with pytest.raises(UserError, match=f"{re.escape(name)}: .*{expected}"):
        Study(content(tmp_path, **{field: name}))


def test_a_card_that_begins_with_a_dash_is_no_option(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    changed = content(tmp_path)
    shutil.copy(changed["datasets"][0]["card"], "-photos.yaml")
    changed["datasets"][0]["card"] = "-photos.yaml"
    assert Survey.planned(Study(changed), "photos")["card"] == "./-photos.yaml"


def test_a_priors_card_that_begins_with_a_dash_is_no_option(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = {"kind": "ddpm_unet", "image_size": 16, "channels": 32, "multipliers": [1]}
    network |= {"blocks": 1, "attention_resolutions": []}
    weights = {"file": "far.pt", "mirrors": ["https://a.org/far.pt"]}
    card = {"name": "far", "architecture": network, "weights": weights}
    Path("-far {x}'s.yaml").write_text(yaml.safe_dump({**card, "schedule": {"kind": "linear"}}))
    study = Study(content(tmp_path, entry={"prior": "-far {x}'s.yaml"}))
    named = "./-far {x}'s.yaml"
    path = "photos/sr_bicubic-x4-svd/0.05/ddpg/far"
    assert Restoration.planned(study, path)["prior"] == named
    assert CheckpointFetching.planned(study, "far", "weights")["prior"] == named
    assert Conversion.planned(study, "far", "weights")["prior"] == named
    assert named in Provenance.planned(study)["priors"]


def test_two_priors_of_one_name_are_refused_and_one_card_spelt_twice_is_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = {"kind": "ddpm_unet", "image_size": 16, "channels": 32, "multipliers": [1]}
    network |= {"blocks": 1, "attention_resolutions": []}
    card = {"name": "far", "architecture": network, "schedule": {"kind": "linear"}}
    card |= {"weights": {"file": "far.pt", "mirrors": ["https://a.org/far.pt"]}}
    for name in ("far.yaml", "other.yaml"):
        Path(name).write_text(yaml.safe_dump(card))
    changed = content(tmp_path, entry={"prior": "far.yaml"})
    changed["datasets"][1]["prior"] = str(tmp_path / "far.yaml")
    assert list(Study(changed).fetched_priors) == ["far"]
    changed["datasets"][1]["prior"] = "other.yaml"
    with pytest.raises(UserError, match=r"far\.yaml and other\.yaml are two priors named 'far'"):
        Study(changed)


def test_two_data_sets_whose_names_differ_in_case_only(tmp_path):
    changed = content(tmp_path)
    changed["datasets"].append({"card": write_card(tmp_path, "Photos", ["x"]), "image_size": 32})
    with pytest.raises(UserError, match="'photos' and 'Photos' differ in case only"):
        Study(changed)


def test_what_plug_ins_read_is_in_the_specs(tmp_path, monkeypatch):
    study = Study(content(tmp_path))
    row = next(iter(study.by_path))
    before = all_specs(study) | {"walk": Recording.planned(study, row)}
    for module in (observation, restoration):
        monkeypatch.setattr(module, "plugin_data", lambda _task, method="": f"data {method}")
    after = all_specs(study) | {"walk": Recording.planned(study, row)}
    changed = {name.split()[0] for name in before if before[name] != after[name]}
    assert changed == {"observe", "restore", "walk"}


def test_a_home_may_be_abbreviated(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    changed = content(tmp_path)
    card = yaml.safe_load((tmp_path / "photos.yaml").read_text())
    card["source"] = {"folder": "~/photos"}
    (tmp_path / "photos.yaml").write_text(yaml.safe_dump(card))
    changed["datasets"][0]["card"] = "~/photos.yaml"
    study = Study(changed)
    assert study.source_files("photos", 2) == [str(tmp_path / "photos/e.png")]


TOLD_HEADER = HEADER + "\tassumed_prior"
TOLD_ROWS = [
    "photos\tsr_bicubic\t0.05\tddpg\t\t20\t8",
    "photos\tsr_bicubic\t0.05\tddpg\tddpg-told\t20\t8\t\tother.yaml",
    "photos\tsr_bicubic\t0.05\tpinv",
]


def told_study(folder, rows=TOLD_ROWS, **changes):
    """A study whose second row calls another prior than its data set has."""
    found = content(folder, **changes)
    (folder / "sheet.tsv").write_text("\n".join([TOLD_HEADER, *rows]) + "\n")
    return Study(found)


@pytest.fixture
def other_prior(tmp_path, monkeypatch):
    """The card of a network with weights of its own, in the working folder."""
    monkeypatch.chdir(tmp_path)
    network = {"kind": "ddpm_unet", "image_size": 16, "channels": 32, "multipliers": [1, 2, 2, 2]}
    network |= {"blocks": 1, "attention_resolutions": []}
    card = {"name": "other", "architecture": network, "schedule": {"kind": "linear"}}
    card |= {"weights": {"file": "far.pt", "mirrors": ["https://a.org/far.pt"]}}
    Path("other.yaml").write_text(yaml.safe_dump(card))
    return card


@pytest.mark.usefixtures("other_prior")
def test_a_row_may_call_another_prior_than_its_data_set_has(tmp_path):
    study = told_study(tmp_path, entry={"precision": "float32"})
    own, told, none = study.experiments
    assert [row.prior for row in (own, told, none)] == ["dead-leaves", "other", ""]
    assert told.path == "photos/sr_bicubic-x4-svd/0.05/ddpg-told/other"
    assert [row.columns.get("assumed_prior") for row in (own, told, none)] == [
        "dead-leaves",
        "other",
        None,
    ]
    spec = Restoration.planned(study, told.path)
    assert (spec["prior"], spec["precision"]) == ("other.yaml", "float32")
    assert Restoration.planned(study, own.path)["prior"] == "dead-leaves"
    assert "other.yaml" in Provenance.planned(study)["priors"]
    assert list(study.fetched_priors) == ["other"]
    assert CheckpointFetching.planned(study, "other", "weights")["prior"] == "other.yaml"
    assert sorted(study.called_priors) == ["dead-leaves", "other"]
    # Another seed in its card, or another row, changes nothing for the data set's own.
    plain = told_study(tmp_path, TOLD_ROWS[:1], entry={"precision": "float32"})
    assert Restoration.planned(plain, own.path) == Restoration.planned(study, own.path)


@pytest.mark.parametrize(
    ("row", "entry", "message"),
    [
        ("ddpg\ta\t\t\t\tnowhere", {}, r"sheet.tsv, line 2: assumed_prior: .*nowhere"),
        ("ddpg\ta\t\t\t\tother.yaml", {"image_size": 36}, "prior other takes image sides that are"),
        ("exact\ta\t\t\t\tother.yaml", {}, "exact needs a prior of the kind gaussian_mixture"),
        ("pinv\ta\t\t\t\tother.yaml", {}, "assumed_prior: pinv calls no prior"),
        ("ddpg\ta\t\t\t\tother.yaml", {"prior": "twin.yaml"}, "are two priors named 'other'"),
    ],
)
def test_a_told_prior_is_checked_before_anything_runs(tmp_path, other_prior, row, entry, message):
    Path("twin.yaml").write_text(yaml.safe_dump({**other_prior, "schedule": {"kind": "cosine"}}))
    with pytest.raises(UserError, match=message):
        told_study(tmp_path, [f"photos\tdenoising\t0.05\t{row}"], entry=entry)
