"""What `ddpg check` tells before anything runs, and that it looks at what a run looks at."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ddpg.errors import CorruptFileError, MissingLibraryError, OutdatedFileError, UserError
from ddpg.priors import execution
from ddpg.priors.cards.card import read_card
from ddpg.priors.cards.settings import ExecutionSettings
from ddpg.priors.checkpoints.conversion import random_checkpoint
from ddpg.study.cost import evaluations
from ddpg.study.study import Study
from ddpg.validation import merged, read_yaml
from ddpg.workflow import checking
from ddpg.workflow.checking import arithmetic, check_before_jobs, needs, speed
from ddpg.workflow.checking import report as reporting
from ddpg.workflow.checking.arithmetic import Reckoned, operations_of
from ddpg.workflow.status import read_status

ROOT = Path(__file__).parents[2]
GRADIENTS = ("dps", "pigdm", "ddrm")


def study_of(*files: str) -> Study:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        names = ["config/config.yaml", *files]
        return Study(merged(*map(read_yaml, names)), ", ".join(names))


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The report on a study of which nothing is there, where an evaluation takes 0.01 s and a disk
    has room for it, whatever this one has."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reporting, "bytes_free", lambda _: 10**12)
    monkeypatch.setattr(reporting, "evaluation_seconds", lambda *_: (0.01, "one core"))
    monkeypatch.setattr(reporting, "workers", lambda: (2, "2 cores"))

    def lines(study: Study) -> dict[str, str]:
        rows = read_status(study, Path(study.places.root), 0.0)
        text = list(reporting.report(study, rows))
        return {line[:17].strip(): line[17:] for line in text if line}

    return lines


@pytest.mark.slow
def test_a_study_is_told_with_its_cost(told: Any) -> None:
    study = study_of("config/quick.yaml")
    said = told(study)
    calls = sum(evaluations(e) for e in study.experiments)
    pictures = study.selections["skimage-photos"].count
    assert said["data set"].startswith(f"skimage-photos: {pictures} pictures, ")
    assert f"dead-leaves: {calls * pictures:,.0f} evaluations are left, 0.01 s" in said["network"]
    assert said["restorations"] == f"{len(study.experiments) * pictures} pictures"
    assert "on 2 cores" in said["time"]
    assert "free" in said["files"]
    assert any(words.startswith("nothing is wrong") for words in map("".join, said.items()))


def test_gradients_count_as_three_evaluations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ["\t".join(("skimage-photos", "denoising", "0.05", name)) for name in GRADIENTS]
    sheet = ["dataset\ttask\tsigma_y\tmethod", *rows]
    (tmp_path / "gradients.tsv").write_text("\n".join(sheet) + "\n")
    monkeypatch.chdir(ROOT)
    content = merged(read_yaml("config/config.yaml"), read_yaml("config/quick.yaml"))
    study = Study(content | {"experiments": str(tmp_path / "gradients.tsv")}, "gradients")
    rows = read_status(study, tmp_path, 0.0)
    (need,) = needs.network_needs(study, rows)
    with_gradients = [e for e in study.experiments if e.method in ("dps", "pigdm")]
    assert len(with_gradients) == 2 < len(study.experiments)
    calls = sum(map(evaluations, with_gradients)) * 6
    assert need.work - need.evaluations == pytest.approx(2 * calls)


@pytest.mark.parametrize("tells", [True, False])
def test_what_has_to_be_fetched_is_told_and_its_time_reckoned_from_its_card(
    told: Any, monkeypatch: pytest.MonkeyPatch, tells: bool
) -> None:
    def missing(*_: object) -> None:
        raise UserError("not here; looked at:\n  resources")

    def reckoned(*_: object) -> Reckoned:
        if not tells:
            raise ValueError("tells no width")
        return Reckoned(0.5e12, 1e12, "one GPU")

    monkeypatch.setattr(reporting, "evaluation_seconds", missing)
    monkeypatch.setattr(reporting, "reckoned", reckoned)
    study = study_of("config/paper.yaml")
    said = told(study)
    assert "weights of celeba-hq-256" in said["to be fetched"]
    if not tells:
        assert said["network"].endswith("1,200,000 evaluations are left; not timed: it has to be "
                                        "fetched first")  # fmt: skip
        assert "time" not in said
        return
    assert said["network"].endswith(
        "1,200,000 evaluations are left; not here yet: 0.5 TFLOP each by its card, "
        "0.5 s at 1e+03 GFLOP/s, as measured now on one GPU"
    )
    assert ", by arithmetic for " in said["time"]
    assert "celeba-hq-256" in said["time"]


def test_operations_are_those_of_the_layers() -> None:
    card = read_card("celeba-hq-256")
    small, large = (operations_of(card, (side, side)) for side in (32, 64))
    # Convolutions are proportional to the pixels; of the attention a part is to their square.
    assert large == pytest.approx(4 * small, rel=0.05)
    # A published count: 1.12 T multiplications and additions (ADM, 256 x 256, unconditional).
    assert operations_of(read_card("imagenet-256"), (256, 256)) == pytest.approx(2.24e12, rel=0.02)


@pytest.mark.parametrize("asked", [None, "float32"])
def test_the_speed_is_that_of_a_convolution_as_the_network_is_run(
    monkeypatch: pytest.MonkeyPatch, asked: Any
) -> None:
    monkeypatch.setattr(arithmetic, "SECONDS", 0.0)
    monkeypatch.setattr(arithmetic, "_SIDE", 8)
    monkeypatch.setattr(execution, "best_precision", lambda _: torch.bfloat16)
    run_in: set[tuple[torch.dtype, bool]] = set()

    def convolve(layer: torch.nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
        run_in.add((x.dtype, x.is_contiguous(memory_format=torch.channels_last)))
        assert layer.weight.dtype == x.dtype
        return x

    monkeypatch.setattr(torch.nn.Conv2d, "forward", convolve)
    ticks = iter([10.0, 10.0, 12.0])
    monkeypatch.setattr(speed.time, "process_time", lambda: next(ticks, 12.0))
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(ticks, 12.0))
    card = read_card("celeba-hq-256")
    speed_, on = arithmetic.convolution_speed(card, ExecutionSettings(precision=asked))
    assert on.startswith("one ")
    assert speed_ == pytest.approx(18 * (2 * card.architecture["channels"]) ** 2 * 8**2 / 1.0)
    assert run_in == {(torch.float32 if asked else torch.bfloat16, True)}


CARD = """\
name: mine
architecture: {kind: adm_unet, image_size: 32, channels: 32, multipliers: [1, 2], blocks: 1,
  attention_resolutions: [16], num_heads: 1, RESAMPLING}
weights: {path: mine.pt}
schedule: {kind: linear}
"""
"""A card of a network of one's own."""


def study_with(prior: Path) -> Study:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        content = dict(read_yaml("config/config.yaml"))
        content["datasets"] = [entry | {"prior": str(prior)} for entry in content["datasets"]]
        return Study(content, "own")


@pytest.fixture
def own_card(tmp_path: Path) -> Path:
    """A card whose field `resampling` was left out, with weights that have convolutions."""
    card = tmp_path / "mine.yaml"
    card.write_text(CARD.replace("RESAMPLING", "resampling: convolution"))
    random_checkpoint(read_card(card), "weights", tmp_path / "mine.pt", seed=0)
    card.write_text(CARD.replace(", RESAMPLING", ""))
    return card


@pytest.mark.slow
def test_weights_that_do_not_fit_their_card_are_wrong(told: Any, own_card: Path) -> None:
    with pytest.raises(UserError) as raised:
        told(study_with(own_card))
    assert str(raised.value).startswith(f"{own_card}: weights: {own_card.parent / 'mine.pt'}: not")
    assert str(raised.value).endswith("the checkpoint has resampling: convolution")
    own_card.write_text(CARD.replace("RESAMPLING", "resampling: convolution"))
    said = told(study_with(own_card))
    assert any(words.startswith("nothing is wrong") for words in map("".join, said.items()))


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (CorruptFileError("a.pt", "stem has values beyond all bounds"), True),
        (MissingLibraryError("a", "diffusers"), True),
        (OutdatedFileError("a.pt", "convert the checkpoint again"), False),
    ],
)
def test_a_network_that_cannot_be_loaded_is_wrong_unless_a_run_makes_it_anew(
    told: Any, monkeypatch: pytest.MonkeyPatch, error: UserError, counts: bool
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(reporting, "evaluation_seconds", refuse)
    if counts:
        with pytest.raises(UserError, match=rf"^{re.escape(str(error))}$"):
            told(study_of())
    else:
        assert told(study_of())["network"].endswith("not timed: a.pt: convert the checkpoint again")


def test_a_disk_without_room_is_refused(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "bytes_free", lambda _: 1000)
    with pytest.raises(UserError, match=r"results/photographs: about 0.1\d GB more are needed"):
        told(study_of())


def test_the_space_of_the_paper_is_about_what_its_documentation_says() -> None:
    study = study_of("config/paper.yaml")
    assert needs.bytes_of(study) == pytest.approx(25e9, rel=0.1)  # 9 and 16 GB


def test_sizes_of_their_own_are_known_after_the_survey(
    told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_of()
    study.entries["photographs"] = study.entries["photographs"].model_copy(
        update={"image_size": "native"}
    )
    assert needs.typical_sides(study, "photographs") is None
    assert needs.bytes_of(study) is None
    said = told(study)
    assert said["network"].endswith("known once they are surveyed")
    assert "time" not in said
    rows = [SimpleNamespace(width=100, height=400), SimpleNamespace(width=200, height=200)]
    monkeypatch.setattr(needs, "surveyed_rows", lambda *_: rows)
    assert needs.typical_sides(study, "photographs") == (200, 200)
    assert "40,000 pixels on average" in told(study)["data set"]


@pytest.mark.slow
def test_an_evaluation_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "SECONDS", 0.0)
    card = read_card("dead-leaves")
    seconds, on = speed.evaluation_seconds(card, (16, 16), ExecutionSettings(), {})
    assert 0 < seconds < 60
    assert on.startswith("one ")


def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str) -> Any:
        def check(*_: object) -> None:
            raise UserError(text)

        return check

    names = ("refuse_half_precision_without_gpu", "check_pins", "check_shared", "check_indexes")
    for name in (*names, "check_own_files", "check_own_pictures"):
        monkeypatch.setattr(checking, name, refuse(name))
    with pytest.raises(UserError) as raised:
        check_before_jobs(study_of())
    assert len(str(raised.value).splitlines()) == 6


@pytest.mark.workflow
def test_a_run_and_the_check_say_the_same(fresh: Any) -> None:
    (fresh.folder / "pictures/b.png").unlink()
    command = [sys.executable, "-m", "ddpg", "check"]
    checked = subprocess.run(command, **fresh.process_options())
    run = fresh.snakemake("--dry-run")
    assert (checked.returncode, run.returncode) == (1, 1)
    told = [line.removeprefix("ddpg check: ") for line in checked.stderr.splitlines()]
    assert any("b.png" in line for line in told)
    assert all(line.strip() in run.stderr + run.stdout for line in told)
