"""Named protocols: that each fixes what decides its figures, and what is told of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ddpg.cli import main
from ddpg.errors import UserError
from ddpg.priors.cards.card import read_card
from ddpg.study.config import StudyConfig
from ddpg.study.published import published_rows
from ddpg.study.study import Study
from ddpg.validation import merged, read_yaml, validated
from ddpg.workflow.naming import layers_of
from ddpg.workflow.protocols.comparing import aligned
from ddpg.workflow.protocols.facts import Fact, facts_of
from ddpg.workflow.protocols.finding import Protocol, find_protocol, protocol_names
from ddpg.workflow.protocols.telling import compared, shown

ROOT = Path(__file__).parents[2]
NAMES = ["daps-2024", "ddnm-2023", "ddpg-2024", "diffpir-2023", "dps-2023", "pnpdm-2024"]


@pytest.fixture(autouse=True)
def _in_the_working_tree(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def protocols() -> dict[str, Protocol]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return {name: find_protocol(name) for name in NAMES}


def text_of(lines) -> str:
    """Lines as one text without its line breaks."""
    return " ".join(" ".join(lines).split())


@pytest.mark.slow
def test_these_there_are(protocols):
    assert protocol_names() == NAMES
    assert [protocol.name for protocol in protocols.values()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_protocol_depends_on_the_configuration_below_it(name):
    """As Snakemake lays it over config/config.yaml."""
    content = read_yaml(f"config/protocols/{name}.yaml")
    alone = validated(StudyConfig, content, name)
    laid_over = validated(StudyConfig, merged(read_yaml("config/config.yaml"), content), name)
    # Neither LPIPS's usual network, as they name theirs, nor what is shown decides a figure.
    assert "lpips" not in alone.metrics
    beside = {"lpips_net": "alex", "shown_images": 6, "shard_size": alone.shard_size}
    assert laid_over.model_copy(update=beside) == alone.model_copy(update=beside)


def test_the_protocol_of_the_paper_is_the_paper():
    ours = validated(StudyConfig, read_yaml("config/protocols/ddpg-2024.yaml"), "ours")
    base = merged(read_yaml("config/config.yaml"), read_yaml("config/paper.yaml"))
    paper = validated(StudyConfig, base, "paper")
    assert ours.metric_names == paper.metric_names
    other = {"name", "protocol", "metrics", "lpips_net", "shard_size"}
    assert ours.model_dump(exclude=other) == paper.model_dump(exclude=other)


def test_pictures_degradations_and_noise_are_those_of_the_papers(protocols):
    facts = {n: {(f.group, f.name): f.text for f in facts_of(p)} for n, p in protocols.items()}
    counts = {
        name: [int(text) for (_, what), text in found.items() if what == "how many"]
        for name, found in facts.items()
    }
    assert counts == {
        "daps-2024": [100, 100],
        "ddnm-2023": [1000, 1000],
        "ddpg-2024": [1000, 1000],
        "diffpir-2023": [100, 100],
        "dps-2023": [1000, 1000],
        "pnpdm-2024": [100],
    }
    levels = {
        name: sorted({cell.sigma_y for cell in protocol.study.cells.values()})
        for name, protocol in protocols.items()
    }
    assert levels == {
        "daps-2024": [0.025],
        "ddnm-2023": [0, 0.2],
        "ddpg-2024": [0, 0.01, 0.05, 0.1],
        "diffpir-2023": [0, 0.05],
        "dps-2023": [0, 0.025],
        "pnpdm-2024": [0.025],
    }
    dps, daps, pnpdm = facts["dps-2023"], facts["daps-2024"], facts["pnpdm-2024"]
    assert dps["Gaussian deblurring", "noise level"] == "0.025 on [0, 1] (0.05 on [-1, 1])"
    assert dps["Gaussian deblurring (2)", "noise level"] == "photons counted, 255 for white"
    missing = "of the pixels are missing, drawn for each picture"
    assert dps["Inpainting of random pixels", "seen"] == f"92 % {missing}"
    assert dps["Inpainting of random pixels (2)", "seen"] == f"30 % to 70 % {missing}"
    assert daps["Inpainting of random pixels", "seen"] == f"70 % to 71 % {missing}"
    assert {pnpdm[f"{kind} deblurring", "border"] for kind in ("Gaussian", "Motion")} == {
        "periodic"
    }
    assert pnpdm["Super-resolution x4", "kernel"] == "means of 4 x 4 pixels"
    cut = "cut to 8 bits (the fraction of a level falls away) before the noise"
    roundings = {
        group: text
        for (group, name), text in facts["diffpir-2023"].items()
        if name == "rounding of y"
    }
    assert roundings == {
        "Gaussian deblurring": cut,
        "Motion deblurring": cut,
        "Super-resolution x4": "not rounded",
    }
    assert ("Super-resolution x16", "kernel") in facts["ddnm-2023"]


def test_the_network_of_ffhq_is_that_of_the_published_flags():
    card = read_card("ffhq-256")
    network = card.architecture
    assert card.image_size == network["image_size"] == 256
    assert (network["kind"], network["channels"], network["blocks"]) == ("adm_unet", 128, 1)
    assert network["multipliers"] == [1, 1, 2, 2, 4, 4]
    assert (network["attention_resolutions"], network["head_channels"]) == ([16], 64)
    assert network["learned_variance"]
    assert network["scale_shift"]
    assert network["resampling"] == "residual"
    assert (card.weights.file, card.weights.sha256) == ("ffhq_10m.pt", None)


@pytest.mark.parametrize("name", NAMES)
def test_published_figures_are_of_cells_of_their_protocol(protocols, name):
    study = protocols[name].study
    if study.config.published is None:
        assert "not transcribed" in protocols[name].said.figures.taken
        return
    cells = {
        (c.dataset, c.degradation.name, c.sigma_y, row.method)
        for path, c in study.cells.items()
        for row in study.in_cell(path)
    }
    rows = published_rows(study.config.published)
    assert {(r["dataset"], r["task"], float(r["sigma_y"]), r["method"]) for r in rows} <= cells


def test_a_fresh_reader_sees_why_two_figures_are_not_comparable(protocols):
    lines = list(compared(protocols["dps-2023"], protocols["diffpir-2023"]))
    text = text_of(lines)
    assert (
        "Gaussian deblurring is not the same problem in both, and its figures are not comparable: "
        "kernel, border, noise level and rounding of y differ." in text
    )
    assert "Both write a noise level of 0.05: in dps-2023 of pictures on [-1, 1], which" in text
    assert "is 0.025 on [0, 1]; in diffpir-2023 of pictures on [0, 1], which is 0.05 on" in text
    assert "Pictures: FFHQ are others: how many and which differ." in text
    assert "PSNR: measured otherwise" in text
    for there in (
        "dps-2023 reflected, the edge not repeated",
        "diffpir-2023 periodic",
        "standard deviation drawn for each picture from 3 to 9, 61 x 61 pixels",
        "diffpir-2023 cut to 8 bits",
        "both pictures rounded to 8 bits",
        "dps-2023 1000 diffpir-2023 100",
    ):
        assert there in text
    assert all(len(line) <= 100 for line in lines)


def test_what_is_alike_is_told_as_such(protocols):
    text = text_of(compared(protocols["dps-2023"], protocols["daps-2024"]))
    assert "Gaussian deblurring is not" not in text
    assert "Gaussian deblurring: kernel, border, noise level, rounding of y" in text
    assert "LPIPS: measured otherwise" in text
    nothing = text_of(compared(protocols["dps-2023"], protocols["dps-2023"]))
    assert nothing.startswith("dps-2023 and dps-2023: what differs nothing The same in both")


def test_variants_meet_those_that_they_are_like():
    cubic, means = Fact("SR", "kernel", "cubic"), Fact("SR", "kernel", "means", variant=2)
    assert [f.variant for f in aligned([means], [cubic, means])] == [2]
    other = Fact("SR", "kernel", "windows", variant=3)
    assert [f.variant for f in aligned([cubic, means, other], [means])] == [1, 2, 3]
    assert [f.variant for f in aligned([cubic, means], [])] == [1, 2]


def test_show_says_what_is_not_published(protocols):
    text = text_of(shown(protocols["dps-2023"]))
    assert "order not published; taken: that of the lists" in text
    assert "snakemake --cores all --configfile config/protocols/dps-2023.yaml" in text
    assert (
        "lpips-vgg: learned perceptual distance, version 0.1, VGG-16 backbone, on [-1, 1], not"
        in text
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"noise_units": "[0, 1]"},
            "mine.yaml: unknown key 'protocol.noise_units'; allowed: paper,",
        ),
        ({"noise_unit": "[0, 255]"}, r"protocol.noise_unit: .*\[0, 1\].*\[-1, 1\].*'\[0, 255\]'"),
        ({"order": {"source": "not published"}}, "order: of what is not published, say what is"),
        (
            {"order": {"source": "by name", "take": "x"}},
            "unknown key 'protocol.order.take'; allowed: source, taken",
        ),
        ({"lpips": None}, "protocol.lpips"),
    ],
)
def test_misspelt_sections_are_told(tmp_path, change, message):
    content = read_yaml("config/protocols/dps-2023.yaml")
    content["protocol"] = {**content["protocol"], **change}
    if change.get("lpips", "") is None:
        del content["protocol"]["lpips"]
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=message):
        find_protocol(str(file))


def test_a_protocol_fixes_what_decides_a_figure(tmp_path):
    content = read_yaml("config/protocols/dps-2023.yaml")
    del content["seed"], content["restored_dtype"]
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=r"decides a figure; give seed, restored_dtype"):
        find_protocol(str(file))
    assert Study(merged(read_yaml("config/config.yaml"), content), "mine").cells


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "dps-2022"), "no protocol has the name 'dps-2022'; there are daps-2024, ddnm"),
        (("diff", "dps-2023", "none.yaml"), "none.yaml: "),
        (("show", "config/paper.yaml"), "config/paper.yaml: has no section 'protocol'"),
    ],
)
def test_names_that_are_none_are_told(capsys, words, message):
    assert main(["protocol", *words]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_lists_shows_and_compares(capsys):
    assert main(["protocol", "list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in NAMES)
    assert main(["protocol", "show", "config/protocols/pnpdm-2024.yaml"]) == 0
    assert "pnpdm-mean" in capsys.readouterr().out
    assert main(["protocol", "diff", "pnpdm-2024", "ddnm-2023"]) == 0
    assert "Only in ddnm-2023" in capsys.readouterr().out


def test_a_protocol_is_a_study_that_verbs_know_by_name():
    assert layers_of("dps-2023") == ["config/protocols/dps-2023.yaml"]


def test_protocols_are_told_from_any_folder(tmp_path, monkeypatch):
    """Those that come with the package."""
    monkeypatch.chdir(tmp_path)
    assert find_protocol("dps-2023").study.cells
    assert Path.cwd() == tmp_path


@pytest.mark.slow
def test_the_page_has_what_the_files_have():
    script = ROOT / "docs/list_protocols.py"
    done = subprocess.run([sys.executable, script, "--check"], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
