"""Which edits touch which jobs; and that no code which runs is left out."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest
import torch

from ddpg.errors import UserError
from ddpg.files import fingerprint as fp
from ddpg.jobs import code as job_code
from ddpg.operators import SpectralOperator, build_operator
from ddpg.operators.tasks import TASKS, Task
from ddpg.samplers.catalogue import METHODS, Method
from ddpg.study.degradations import Degradation, check_degradation

DEGRADATIONS = [
    Degradation(task.name, backend, max(task.scales) if task.scales else None)
    for task in TASKS.values()
    for backend in task.backends
    if task.needs != "mask" and not task.builder
]
SR = check_degradation("sr_bicubic", "fft", 4)
BLUR = check_degradation("deblur_gauss", "svd", None)
MOTION = check_degradation("motion_deblur", "fft", None)
ROWS = {
    "ddpg sr": ("ddpg", SR, ("residual_unet",)),
    "idpg blur": ("idpg", BLUR, ("adm_unet", "adm_classifier")),
    "ddnm_plus blur": ("ddnm_plus", BLUR, ("ddpm_unet",)),
    "pinv motion": ("pinv", MOTION, ()),
    "bicubic sr": ("bicubic", SR, ()),
}
OBSERVATIONS = {"sr": SR, "blur": BLUR, "motion": MOTION}
MEASUREMENTS = {"evaluation": (("psnr", "ssim"), None), "fidelity sr": (("consistency",), SR)}
GIVEN = ("survey", "adoption")
STAGES = {
    "collection": ("ddpg.files.long_table",),
    "tables": ("ddpg.comparison.tables.writing",),
    "page": ("ddpg.comparison.page.page",),
}


def forget() -> None:
    """Have the next fingerprints made anew."""
    job_code.restoration_code.cache_clear()
    job_code.observation_code.cache_clear()
    job_code.conversion_code.cache_clear()
    job_code.evaluation_code.cache_clear()
    fp._fingerprint.cache_clear()


def codes() -> dict[str, str]:
    forget()
    found = {name: job_code.restoration_code(*row) for name, row in ROWS.items()}
    found |= {f"observe {k}": job_code.observation_code(d) for k, d in OBSERVATIONS.items()}
    found["convert"] = job_code.conversion_code("adm_unet")
    found["preparation"] = job_code.preparation_code(given=False)
    found |= {f"{name} given": job_code.given_code(name) for name in GIVEN}
    found |= {name: job_code.evaluation_code(*given) for name, given in MEASUREMENTS.items()}
    fetching = [job_code.FETCHING]
    return found | {k: job_code.code_of(*names, without=fetching) for k, names in STAGES.items()}


@pytest.fixture(scope="module")
def unchanged() -> dict[str, str]:
    return codes()


EVERY_ROW = set(ROWS)
EVERYTHING_OBSERVED = {f"observe {name}" for name in OBSERVATIONS}
EVERY_OPERATOR = EVERY_ROW | EVERYTHING_OBSERVED | {"fidelity sr"}
FOURIER = {"ddpg sr", "pinv motion", "bicubic sr", "observe sr", "observe motion", "fidelity sr"}


@pytest.mark.parametrize(
    ("module", "touched"),
    [
        ("samplers.algorithms.ddpg", {"ddpg sr"}),
        ("samplers.algorithms.pinv", {"pinv motion"}),
        ("samplers.guidance", {"ddpg sr", "idpg blur"}),
        ("samplers.algorithms.ddnm_plus", {"ddnm_plus blur"}),
        ("samplers.base", EVERY_ROW),
        ("operators.fourier", FOURIER),
        ("operators.separable", {"idpg blur", "ddnm_plus blur", "bicubic sr", "observe blur"}),
        ("operators.masking", set()),
        ("operators.published", set()),
        ("operators.general.blur", set()),
        ("operators.general.composition", set()),
        ("operators.tight.frame", set()),
        ("operators.conjugate_gradients", EVERY_OPERATOR),
        ("operators.building", EVERY_OPERATOR),
        ("operators.base", EVERY_OPERATOR),
        ("operators.kernels", {"observe motion"}),
        ("priors.networks.residual_unet", {"ddpg sr"}),
        ("priors.networks.adm_classifier", {"idpg blur"}),
        ("priors.networks.ddpm_unet", {"ddnm_plus blur"}),
        ("priors.networks.adm_unet", {"idpg blur", "convert"}),
        ("priors.loading", {"ddpg sr", "idpg blur", "ddnm_plus blur"}),
        ("priors.checkpoints.conversion", {"ddpg sr", "idpg blur", "ddnm_plus blur", "convert"}),
        ("metrics.measures", {"evaluation"}),
        ("metrics.fidelity", {"fidelity sr"}),
        ("metrics.no_reference", set()),
        ("stages.evaluation", {"evaluation", "fidelity sr"}),
        ("stages.preparation", {"preparation"}),
        ("pictures.elsewhere", {"survey given", "adoption given"}),
        ("datasets.listing", set()),
        ("fetching.web", set()),
        *((name.removeprefix("ddpg."), set()) for name in job_code.NO_RESULT),
        ("cli.jobs", set()),
        ("machine.termination", set()),
    ],
)
def test_a_change_touches_the_jobs_that_run_it(
    monkeypatch: pytest.MonkeyPatch, unchanged: dict[str, str], module: str, touched: set[str]
) -> None:
    syntax = fp._syntax
    assert fp._path(f"ddpg.{module}") is not None

    def changed(name: str) -> str:
        return syntax(name) + ("\nCHANGED = 1" if name == f"ddpg.{module}" else "")

    monkeypatch.setattr(fp, "_syntax", changed)
    after = codes()
    forget()  # leaves no false fingerprint behind
    differ = {name for name in unchanged if unchanged[name] != after[name]}
    assert differ - {"page", "tables"} == touched


def test_how_files_are_fetched_concerns_no_restoration_and_no_conversion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def found() -> dict[str, str]:
        forget()
        kinds = ("gaussian_mixture",)
        rows = {m: job_code.restoration_code(m, SR, kinds) for m in METHODS}
        return rows | {"convert": job_code.conversion_code("adm_unet")}

    before, syntax = found(), fp._syntax
    monkeypatch.setattr(
        fp, "_syntax", lambda name: syntax(name) + "1" * name.startswith(job_code.FETCHING)
    )
    after = found()
    forget()
    assert after == before


def test_a_title_or_a_colour_concerns_what_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = job_code.comparison_code("figures.noise")
    for registry, changed in (
        ("METHODS", {"title": "Another"}),
        ("METHODS", {"colour": "#123456"}),
        ("METHODS", {"differentiates": True}),
        ("TASKS", {"title": "Another"}),
        ("TASKS", {"models": (("fft", "Another"),)}),
        ("METRICS", {"title": "Another"}),
        ("METRICS", {"decimals": 1}),
    ):
        known = dict(getattr(job_code, registry))
        first = next(iter(known))
        monkeypatch.setattr(
            job_code, registry, known | {first: dataclasses.replace(known[first], **changed)}
        )
        assert job_code.comparison_code("figures.noise") != before
        monkeypatch.undo()
    assert job_code.comparison_code("figures.noise") == before


def modules_that_run(degradation: Degradation) -> set[str]:
    """The modules of operators whose functions run when the operator is made and applied."""
    ran: set[str] = set()

    def note(frame: object, _event: str, _argument: object) -> None:
        ran.add(frame.f_code.co_filename)  # type: ignore[attr-defined]

    sys.setprofile(note)
    try:
        kernel = torch.ones(5, 5) / 25 if TASKS[degradation.task].needs == "kernel" else None
        operator = build_operator(
            degradation.task, 64, backend=degradation.operator, scale=degradation.scale,
            kernel=kernel,
        )  # fmt: skip
        x = torch.zeros(1, 3, 64, 64)
        y = operator.forward(x)
        operator.adjoint(y)
        operator.pinv(y, 0.1)
        if isinstance(operator, SpectralOperator):
            operator.from_image_coordinates(operator.image_coordinates(x))
    finally:
        sys.setprofile(None)
    folder = Path(job_code.__file__).parents[1] / "operators"
    inside = [Path(p).relative_to(folder) for p in ran if Path(p).is_relative_to(folder)]
    return {".".join(("ddpg.operators", *path.with_suffix("").parts)) for path in inside}


@pytest.mark.parametrize("degradation", DEGRADATIONS, ids=lambda d: d.key)
def test_every_module_that_an_operator_runs_counts(degradation: Degradation) -> None:
    unused = job_code._unused_operators(degradation)
    ran = modules_that_run(degradation)
    assert len(ran) >= 3
    assert ran & unused == set()


def test_every_family_of_operators_is_known_or_always_counts() -> None:
    imported = fp._imports("ddpg.operators.building")
    shared = {"ddpg.operators.base", "ddpg.operators.tasks"}
    families = {name for name in imported if name.startswith("ddpg.operators.")} - shared
    assert families == set(job_code._OPERATORS.values())


def test_the_modules_that_are_left_out_exist() -> None:
    names = (*job_code.NO_RESULT, *job_code._OPERATORS.values(), *job_code._NETWORKS.values())
    assert [name for name in (*names, *job_code._PRIOR) if fp._path(name) is None] == []


def test_every_method_has_a_code_of_its_own() -> None:
    codes = {name: job_code.restoration_code(name, SR, ()) for name in METHODS}
    assert len(set(codes.values())) == len(METHODS)


def test_data_files_of_plug_in_tasks_and_methods_count_by_their_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("own_task", "own_method"):
        (tmp_path / f"{name}.py").write_text("")
        (tmp_path / f"{name}.bin").write_bytes(b"one")
    monkeypatch.syspath_prepend(tmp_path)
    task = Task("own", "Own", builder="own_task:build", data=("own_task.bin",))
    method = Method("mine", "M", "own_method:M", "d", "r", data=("own_method.bin",))
    monkeypatch.setitem(TASKS._all, "own", task)
    monkeypatch.setitem(METHODS._all, "mine", method)
    own = check_degradation("own", "", None)

    def contents() -> tuple[str, ...]:
        given = [(own,), (own, "mine"), (SR, "mine"), (own, "pinv"), (SR, "pinv"), (SR,)]
        return tuple(job_code.plugin_data(*arguments) for arguments in given)

    before = contents()
    assert before[4:] == ("", "")
    assert before[1] == before[0] + before[2]
    assert before[3] == before[0]
    (tmp_path / "own_task.bin").write_bytes(b"two")
    assert [a == b for a, b in zip(before, contents(), strict=True)] == [
        False, False, True, False, True, True,
    ]  # fmt: skip
    (tmp_path / "own_method.bin").unlink()
    with pytest.raises(UserError, match=r"own_method\.bin"):
        contents()
