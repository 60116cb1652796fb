"""Options of a restoration job: how the prior's network is run."""

from __future__ import annotations

import pytest

from ddpg import cli
from ddpg.cli.jobs import restoration_job

RESTORE = (
    *("restore", "--observations", "y.safetensors", "--dataset", "photos", "--seed", "0"),
    *("--task", "denoising", "--operator", "fft", "--sigma-y", "0.1", "--image-size", "64"),
    *("--method", "ddpg", "--prior", "dead-leaves"),
    *("--output", "x.safetensors", "--costs", "x.csv", "--pictures", "x.png"),
)


def test_the_prior_is_run_as_the_options_say() -> None:
    how = ("--precision", "float32", "--layout", "contiguous", "--compile", "off")
    prior = restoration_job(cli.build_parser().parse_args([*RESTORE, *how]), ["a"]).prior
    assert (prior.precision, prior.layout, prior.compile) == ("float32", "contiguous", "off")
    plain = restoration_job(cli.build_parser().parse_args(RESTORE), ["a"]).prior
    assert (plain.precision, plain.layout, plain.compile) == (None, None, None)


@pytest.mark.parametrize(("text", "expected"), [("0", None), ("1", 1), ("16", 16)])
def test_no_batch_size_is_what_suits_the_device(text: str, expected: int | None) -> None:
    assert cli.build_parser().parse_args([*RESTORE, "--batch-size", text]).batch_size == expected


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--batch-size", "-1", "must be a number of images or 0, got '-1'"),
        ("--batch-size", "many", "must be a number of images or 0, got 'many'"),
        ("--precision", "half", "invalid choice: 'half'"),
        ("--layout", "rows", "invalid choice: 'rows'"),
        ("--compile", "yes", "invalid choice: 'yes'"),
    ],
)
def test_impossible_options(
    option: str, value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.build_parser().parse_args([*RESTORE, f"{option}={value}"])
    assert message in capsys.readouterr().err
