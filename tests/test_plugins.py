"""Plug-ins: the example is installed and used, and what is broken is told with its distribution."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ddpg.errors import UserError
from ddpg.operators.tasks import Task
from ddpg.plugins import Registry, load_object
from ddpg.samplers.catalogue import Method

ROOT = Path(__file__).parents[1]
GROUP = "ddpg.tests"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The example plug-in, installed by pip into a folder of its own, without a network."""
    folder = tmp_path_factory.mktemp("plugin")
    source = folder / "source"
    shutil.copytree(ROOT / "examples" / "plugin", source)
    target = folder / "installed"
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target"]
    command = [sys.executable, "-m", "pip", "install", *options, str(target), str(source)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


def python(folder, script, *arguments, **options):
    """Run a script, or other arguments, in a Python that sees the plug-in."""
    paths = os.pathsep.join([str(folder), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *(arguments or ["-c", textwrap.dedent(script)])]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_descriptions_are_found_without_torch(installed):
    script = """
        import sys
        import ddpg.study.study
        from ddpg.study.sheet import hyper_parameter_columns
        from ddpg.samplers.catalogue import METHODS
        from ddpg.priors.cards.kinds import PRIOR_KINDS
        from ddpg.operators.tasks import TASKS
        print([*METHODS][-1], [*TASKS][-1], *PRIOR_KINDS, hyper_parameter_columns().count("lam"))
        print(sorted({"torch", "pandas"} & set(sys.modules)))
    """
    assert python(installed, script).splitlines() == ["pnp_hqs sr_box smoothing 1", "[]"]


@pytest.mark.slow
def test_a_sheet_names_them(installed, tmp_path):
    sheet = tmp_path / "sheet.tsv"
    sheet.write_text(
        "dataset\ttask\tscale\tsigma_y\tmethod\tlam\n"
        "photos\tsr_box\t2\t0.05\tpnp_hqs\t0.5\n"
        "photos\tsr_box\t\t0.05\tddnm\t\n"
    )
    script = f"""
        from ddpg.study.sheet import read_sheet
        for experiment in read_sheet({str(sheet)!r}, ["photos"]):
            print(experiment.path, experiment.hyper_parameters.get("lam"))
    """
    assert python(installed, script).splitlines() == [
        "photos/sr_box-x2-pixel/0.05/pnp_hqs 0.5",
        "photos/sr_box-x4-pixel/0.05/ddnm None",
    ]


@pytest.mark.slow
def test_method_and_operator_restore_a_picture(installed):
    """Block means without noise are kept; the method beats the enlargement of its observation."""
    script = """
        import torch
        from ddpg.noise import SeededNoise
        from ddpg.operators import build_operator, check_adjoint
        from ddpg.priors import load_prior
        from ddpg.samplers import build_sampler
        torch.manual_seed(0)
        operator = build_operator("sr_box", 16, backend="pixel", scale=2)
        check_adjoint(operator)
        rows = torch.linspace(-2, 2, 16)
        x = torch.sin(rows[:, None] * rows[None, :]).expand(1, 3, 16, 16)
        y = operator.forward(x)
        block = x[0, 0, 2:4, 4:6].mean()
        assert abs(float(y[0, 0, 1, 2] - block)) < 1e-6
        results = {}
        for name, settings in (("pnp_hqs", {"steps": 5}), ("pinv", {})):
            restored = build_sampler(name, **settings).restore(
                y, operator, load_prior("dead-leaves"), sigma_y=0, noise=SeededNoise(0, ["a"])
            )
            misfit = float((operator.forward(restored) - y).abs().max())
            results[name] = float((restored - x).square().mean())
            assert misfit < 0.02, (name, misfit)
        assert results["pnp_hqs"] < results["pinv"], results
        print("done")
    """
    assert python(installed, script) == "done"


@pytest.mark.slow
def test_title_and_colour_are_shown_everywhere(installed, tmp_path):
    """In tables, figures and page; the colours of the package's own methods stay."""
    header = "dataset,task,operator,scale,sigma_y,method,label,repeat,image,metric,value,note\n"
    lines = [
        f"photos,sr_box,pixel,2,{level},{method},{method},0,{image},psnr,{value},\n"
        for level in (0.05, 0.1)
        for method, value in (("pnp_hqs", 30), ("ddpg", 29))
        for image in "ab"
    ]
    (tmp_path / "metrics.csv").write_text(header + "".join(lines))
    (tmp_path / "provenance.json").write_text("{}")
    script = f"""
        from pathlib import Path
        from ddpg.comparison.figures import noise, panels
        from ddpg.comparison.page.page import write_page
        from ddpg.comparison.statistics.summary import Summary
        from ddpg.comparison.tables.writing import write_tables
        from ddpg.jobs.comparison import Page
        folder = Path({str(tmp_path)!r})
        write_tables(folder / "metrics.csv", folder)
        write_page(Page(
            metrics=folder / "metrics.csv", provenance=folder / "provenance.json",
            figures=(), grids=(), output=folder / "index.html",
        ))
        for name in ("tables.md", "tables.tex", "index.html"):
            text = (folder / name).read_text()
            print("PnP-HQS" in text, "Super-resolution (box)" in text)
        print("background:#c2187a" in text, "background:#0072b2" in text)
        drawn = []
        panels.save = lambda figure, path, **_why: drawn.append(figure)
        noise.draw_metric_vs_noise(Summary.read(folder / "metrics.csv"), folder / "figure")
        (figure,) = drawn
        print(figure.axes[0].get_title())
        legend = figure.legends[0]
        for text, line in zip(legend.get_texts(), legend.get_lines()):
            print(text.get_text(), line.get_color(), line.get_marker())
    """
    assert python(installed, script).splitlines() == [
        *["True True"] * 4,
        "Super-resolution (box) ×2",
        "DDPG #0072b2 o",
        "PnP-HQS #c2187a *",
    ]


@pytest.mark.slow
def test_an_operator_of_two_functions_serves_the_methods_that_it_can(installed, tmp_path):
    sheet = tmp_path / "sheet.tsv"
    rows = "".join(f"photos\tdemosaicking\t0.05\t{method}\n" for method in ("idpg", "dps", "ddrm"))
    sheet.write_text("dataset\ttask\tsigma_y\tmethod\n" + rows)
    script = f"""
        import torch
        from ddpg.noise import SeededNoise
        from ddpg.operators import build_operator
        from ddpg.priors import GaussianPrior
        from ddpg.samplers import build_sampler
        from ddpg.study.sheet import read_sheet
        try:
            read_sheet({str(sheet)!r}, ["photos"])
        except ValueError as error:
            print(error)
        operator = build_operator("demosaicking", (7, 10))
        x = torch.zeros(1, 3, 7, 10)
        noise, prior = SeededNoise(0, ["a"]), GaussianPrior(0.1, 0.16)
        for method in ("idpg", "pnp_hqs", "dps"):
            sampler = build_sampler(method, steps=5)
            y = operator.forward(x)
            restored = sampler.restore(y, operator, prior, sigma_y=0.05, noise=noise)
            print(method, tuple(y.shape), tuple(restored.shape))
    """
    told = python(installed, script)
    assert "ddrm needs an operator of the grade 'spectrum', but that of demosaicking" in told
    assert "line 4" in told
    assert "pnp_hqs" in told.split("methods that fit: ")[1].splitlines()[0]
    assert told.splitlines()[-3:] == [
        f"{method} (1, 1, 7, 10) (1, 3, 7, 10)" for method in ("idpg", "pnp_hqs", "dps")
    ]


@pytest.mark.slow
def test_a_metric_is_one_entry(installed, tmp_path):
    """It may be asked for, is computed, ranked by its direction, and shown by its title."""
    script = f"""
        from pathlib import Path
        import torch
        from ddpg.comparison.statistics.summary import Summary
        from ddpg.comparison.tables.writing import write_tables
        from ddpg.files.costs import write_costs
        from ddpg.files.long_table import collect
        from ddpg.files.tensors import write_tensors
        from ddpg.jobs.evaluation import Evaluation
        from ddpg.metrics.catalogue import metric_called
        from ddpg.stages.evaluation import evaluate
        folder = Path({str(tmp_path)!r})
        truth = torch.full((3, 16, 16), 51, dtype=torch.uint8)
        write_tensors({{"a": truth}}, folder / "t.safetensors")
        costs = {{"seconds": 1, "network_evaluations": 0, "peak_memory_mib": 1}}
        write_costs(folder / "c.csv", [{{"image": "a", "settings": "", "failure": "", **costs}}])
        for label, slope in (("pinv", 0.02), ("bicubic", 0.01)):
            ramp = 2 * (0.2 + slope * torch.arange(16.0)) - 1
            write_tensors({{"a": ramp.expand(3, 16, 16)}}, folder / "r.safetensors")
            cell = {{"dataset": "d", "task": "denoising", "operator": "fft", "sigma_y": "0.1"}}
            evaluate(Evaluation(
                truth=folder / "t.safetensors", restorations=folder / "r.safetensors",
                costs=folder / "c.csv", output=folder / f"{{label}}.csv", images=("a",),
                columns={{**cell, "method": label, "label": label}},
                metrics=(metric_called("edge-error"),),
            ))
        collect([folder / "pinv.csv", folder / "bicubic.csv"], folder / "metrics.csv")
        means = Summary.read(folder / "metrics.csv").means
        rows = means[means["metric"] == "edge_error"]
        print(dict(zip(rows["label"], rows["rank"], strict=True)))
        write_tables(folder / "metrics.csv", folder)
        print("Edge error ↓" in (folder / "tables.md").read_text())
    """
    assert python(installed, script).splitlines() == ["{'pinv': 2.0, 'bicubic': 1.0}", "True"]


@pytest.mark.slow
def test_plugins_are_enrolled_in_the_contract_suites(installed):
    tests = [ROOT / "tests" / "samplers", ROOT / "tests" / "operators"]
    files = [tests[0] / "test_sampler_contract.py", tests[1] / "test_operator_contract.py"]
    names = "pnp_hqs or sr_box or demosaicking"
    options = ["-q", "-p", "no:cacheprovider", "-k", names, *map(str, files)]
    told = python(installed, "", "-m", "pytest", *options)
    assert int(told.splitlines()[-1].split(" passed")[0].split()[-1]) > 50


@pytest.mark.slow
def test_code_of_a_plugin_is_part_of_its_fingerprint(installed):
    script = """
        from ddpg.files.fingerprint import fingerprint
        from ddpg.samplers.catalogue import METHODS
        from ddpg.operators.tasks import TASKS
        print(fingerprint(METHODS["pnp_hqs"].module))
        print(fingerprint(METHODS["ddnm"].module))
        print(fingerprint(*TASKS["sr_box"].modules))
    """
    before = python(installed, script).splitlines()
    code = installed / "ddpg_example" / "hqs.py"
    text = code.read_text()
    try:
        code.write_text(text.replace("0.002", "0.003"))
        after = python(installed, script).splitlines()
        code.write_text(text + "# a comment\n")
        commented = python(installed, script).splitlines()
    finally:
        code.write_text(text)
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, True, True]
    assert commented == before
    assert len(set(before)) == 3


def plugin(folder, monkeypatch, name, value, code="", distribution="stranger"):
    """A distribution with one entry point, as pip leaves it."""
    info = folder / f"{distribution}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {value}\n")
    (folder / f"{distribution}_module.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))


def registry(**options):
    return Registry(
        GROUP, Method, Method("own", "Own", "ddpg.samplers.algorithms.pinv:P", "", ""), **options
    )


METHOD = 'from ddpg.samplers.catalogue import Method\nM = Method("{}", "T", "a.b:C", "d", "r")\n'


def test_a_plugin_is_added(tmp_path, monkeypatch):
    plugin(tmp_path, monkeypatch, "new", "a_module:M", METHOD.format("new"), "a")
    assert list(registry()) == ["own", "new"]
    assert registry()["new"].title == "T"


@pytest.mark.parametrize(
    ("name", "value", "code", "expected"),
    [
        ("own", "b_module:M", METHOD.format("own"), "the name is taken by ddpg itself"),
        ("kept", "b_module:M", METHOD.format("kept"), "the name is taken by ddpg itself"),
        ("new", "b_module:X", METHOD.format("new"), "b_module:X cannot be loaded .AttributeError"),
        ("new", "b_missing:M", "", "b_missing:M cannot be loaded .ModuleNotFoundError"),
        ("new", "b_module:M", "M = 1 / 0", "b_module:M cannot be loaded .ZeroDivisionError"),
        ("new", "b_module:M", "M = 7", "must be a ddpg.samplers.catalogue.Method, got int"),
        ("new", "b_module:M", METHOD.format("old"), "must have one name, the latter says 'old'"),
    ],
)
def test_what_is_wrong_names_the_distribution(tmp_path, monkeypatch, name, value, code, expected):
    monkeypatch.delitem(sys.modules, "b_module", raising=False)
    plugin(tmp_path, monkeypatch, name, value, code, "b")
    with pytest.raises(UserError, match=rf"plug-in '{name}' \({GROUP}\) of b 1.2: .*{expected}"):
        list(registry(reserved=["kept"]))
    monkeypatch.delitem(sys.modules, "b_module", raising=False)


def test_two_plugins_of_one_name(tmp_path, monkeypatch):
    for distribution in ("c", "d"):
        value = f"{distribution}_module:M"
        plugin(tmp_path, monkeypatch, "new", value, METHOD.format("new"), distribution)
    with pytest.raises(UserError, match=r"of [cd] 1\.2: the name is taken by [cd] 1\.2; uninstall"):
        list(registry())


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("ddpg.samplers", "expected 'package.module:object', got 'ddpg.samplers'"),
        ("ddpg.nothing:Thing", "ddpg.nothing cannot be imported"),
        ("ddpg.errors:Thing", "has no attribute 'Thing'"),
    ],
)
def test_code_that_is_not_there(path, expected):
    with pytest.raises(UserError, match=f"method 'x': .*{expected}"):
        load_object(path, "method 'x'")


def test_tasks_of_plugins_must_return_an_operator(monkeypatch):
    from ddpg.operators import build_operator, building

    fake = Task("fake", "Fake", builder="ddpg.files.writing:replacing")
    monkeypatch.setattr(building, "TASKS", {"fake": fake})
    monkeypatch.setattr(building, "check_task", lambda *_: None)
    monkeypatch.setattr(building, "load_object", lambda *_: lambda *_a, **_k: "no operator")
    with pytest.raises(UserError, match=r"task 'fake': .* must return a .*LinearOperator, got str"):
        build_operator("fake", 8)


@pytest.mark.slow
def test_a_card_names_a_kind_of_prior(installed, tmp_path):
    """Fields are checked, weights loaded strictly, and the network predicts."""
    card = tmp_path / "smooth.yaml"
    card.write_text(
        "name: smooth\narchitecture: {kind: smoothing, radius: 2}\nweights: smooth.safetensors\n"
        "schedule: {kind: linear}\n"
    )
    script = f"""
        from ddpg.priors.cards.card import read_card
        from ddpg.priors.cards.identity import card_identity
        import sys
        print("torch" in sys.modules, card_identity({str(card)!r}) == card_identity({str(card)!r}))
        import torch
        from safetensors.torch import save_file
        from ddpg.priors import load_prior
        gain = torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1)
        save_file({{"gain": gain}}, {str(tmp_path / "smooth.safetensors")!r})
        x = torch.zeros(1, 3, 9, 9)
        x[..., 4, 4] = 25
        eps = load_prior({str(card)!r}).eps(x, 10)
        print([float(eps[0, c, 4, 4]) for c in range(3)], float(eps[0, 0, 2, 2]))
    """
    assert python(installed, script).splitlines() == ["False True", "[24.0, 48.0, 72.0] -1.0"]
    card.write_text(card.read_text().replace("radius: 2", "radius: 9"))
    script = f"""
        from ddpg.priors.cards.card import read_card
        try:
            read_card({str(card)!r})
        except ValueError as error:
            print(error)
    """
    assert "radius" in python(installed, script)


@pytest.mark.slow
def test_kinds_of_the_package_are_reserved():
    from ddpg.priors.cards.fields import CLASSIFIERS, NETWORKS
    from ddpg.priors.cards.kinds import PRIOR_KINDS

    assert {*NETWORKS, *CLASSIFIERS} - set(PRIOR_KINDS) == PRIOR_KINDS.reserved
