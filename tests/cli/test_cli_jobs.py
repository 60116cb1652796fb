"""Options of a restoration job: how the prior's network is run."""

from __future__ import annotations

import pytest

from ddpg import cli
from ddpg.errors import UserError
from ddpg.jobs.restoration import Restoration

RESTORE = (
    *("job", "restore", "--observations", "y.safetensors", "--dataset", "photos", "--seed", "0"),
    *("--task", "denoising", "--operator", "fft", "--sigma-y", "0.1", "--image-size", "64"),
    *("--method", "ddpg", "--prior", "dead-leaves"),
    *("--output", "x.safetensors", "--costs", "x.csv", "--pictures", "x.png"),
)


def parsed(*options: str) -> Restoration:
    return Restoration.parsed(cli.build_parser().parse_args([*RESTORE, *options]))


def test_the_prior_is_run_as_the_options_say() -> None:
    job = parsed("--precision", "float32", "--layout", "contiguous", "--compile", "off")
    assert (job.precision, job.layout, job.compile) == ("float32", "contiguous", "off")
    plain = parsed()
    assert (plain.precision, plain.layout, plain.compile) == (None, None, None)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--batch-size", "many", "invalid int value: 'many'"),
        ("--precision", "half", "invalid choice: 'half'"),
        ("--layout", "rows", "invalid choice: 'rows'"),
        ("--compile", "yes", "invalid choice: 'yes'"),
    ],
)
def test_impossible_options(
    option: str, value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed(f"{option}={value}")
    assert message in capsys.readouterr().err


def test_a_negative_batch_size() -> None:
    with pytest.raises(UserError, match="--batch-size: must be a number of images or 0, got -1"):
        parsed("--batch-size=-1")
