"""A job's fields give its options, their parsing, and what Snakemake compares."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from ddpg.errors import UserError
from ddpg.jobs.fields import Job, file, machine, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Example(Job):
    """Do something."""

    name: str = setting("its name")
    level: float = setting("how much")
    scale: int | None = setting("how large", default=None)
    form: Literal["round", "square"] = setting("which", default="round")
    labels: tuple[str, ...] = setting("of the rows", default=())
    values: Mapping[str, str] = setting("hyper-parameters", default=None)
    source: Path = file("what is read")
    more: Path | None = file("what may be read", default=None)
    threads: int | None = machine("on a CPU")


def parsed(words: str) -> Example:
    parser = argparse.ArgumentParser(exit_on_error=False)
    Example.add_options(parser)
    return Example.parsed(parser.parse_args(shlex.split(words)))


SETTINGS: dict[str, Any] = {
    "name": "-a b's", "level": 0.1, "scale": 4, "form": "square", "labels": ("x y", "*"),
    "values": {"gamma": "8", "a": "b=c,d"}, "code": "12ab",
}  # fmt: skip


def test_the_options_of_a_spec_are_parsed_to_the_same_job() -> None:
    words = f"{Example.spec(**SETTINGS).options} --source in.txt --more --threads 2"
    assert parsed(words) == Example(**SETTINGS, source=Path("in.txt"), threads=2)


def test_what_is_not_given_has_its_default() -> None:
    words = f"{Example.spec(name='a', level=1.0).options} --source in.txt"
    job = parsed(words)
    assert (job.scale, job.form, job.labels, job.threads) == (None, "round", (), None)
    assert job.values == {}


def test_a_spec_holds_settings_and_what_stands_besides_but_no_files() -> None:
    spec = Example.spec(**SETTINGS, besides={"weights": "sha"})
    assert {*spec} == {*SETTINGS, "weights"}
    assert "weights" not in spec.options
    assert eval(repr(spec)) == spec  # noqa: S307 - what Snakemake stores


@pytest.mark.parametrize("change", [{"level": None}, {"sigma": 1}, {"source": "x"}])
def test_missing_unknown_and_foreign_fields_are_mistakes(change: dict[str, Any]) -> None:
    settings = {name: v for name, v in SETTINGS.items() if change.get(name, v) is not None}
    with pytest.raises(TypeError, match="Example"):
        Example.spec(**settings, **{k: v for k, v in change.items() if v is not None})


def test_a_spec_refuses_what_has_no_lasting_text() -> None:
    with pytest.raises(TypeError, match="Path"):
        Example.spec(name="a", level=1.0, besides={"file": Path("x")})


def test_a_silent_setting_leaves_no_trace_at_its_default_and_one_may_be_made_of_a_word() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Later(Job):
        "Came later."

        side: Annotated[int, len] = setting("as many as the word is long")
        margin: int = setting("around it", default=0, silent=True)

    assert Later.spec(side=3) == Later.spec(side=3, margin=0) == {"side": 3, "code": ""}
    assert Later.spec(side=3, margin=2)["margin"] == 2
    assert "--margin" not in Later.spec(side=3).options
    parser = argparse.ArgumentParser()
    Later.add_options(parser)
    assert Later.parsed(parser.parse_args(["--side", "four", "--margin", "1"])) == Later(
        side=4, margin=1
    )


def test_values_outside_the_choices_and_words_without_equals_are_refused() -> None:
    with pytest.raises(argparse.ArgumentError, match="round"):
        parsed("--name a --level 1 --source x --form flat")
    with pytest.raises(UserError, match="--values: expected NAME=VALUE, got 'gamma'"):
        parsed("--name a --level 1 --source x --values gamma")
