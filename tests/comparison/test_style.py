"""Names and looks of methods, metrics and tasks."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from skimage.color import rgb2lab

from ddpg.comparison.style import FALLBACKS, method_styles, metric_style, task_name
from ddpg.samplers.catalogue import GIVEN, METHODS, Method

# Machado, Oliveira & Fernandes (2009), severity 1, on linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip


def seen_as(colour: str, deficiency: np.ndarray) -> np.ndarray:
    """A colour as CIE Lab, after the simulation of a deficiency."""
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(deficiency @ linear, 0, 1)
    back = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    return rgb2lab(back[None, None])[0, 0]


OWN = {**METHODS.built_in, GIVEN.name: GIVEN}
OWN_STYLES = method_styles({method: method for method in OWN})


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colours_can_be_told_apart(deficiency):
    """Differences of 10 and more are clear at a glance; 2.3 is just noticeable."""
    seen = {
        method: seen_as(style.colour, DEFICIENCIES[deficiency])
        for method, style in OWN_STYLES.items()
    }
    nearest = min(combinations(seen, 2), key=lambda p: np.linalg.norm(seen[p[0]] - seen[p[1]]))
    assert np.linalg.norm(seen[nearest[0]] - seen[nearest[1]]) > 10, nearest


def test_every_method_of_the_package_has_a_style():
    assert list(OWN_STYLES) == list(OWN)
    assert [name for name, method in OWN.items() if not (method.colour and method.marker)] == []
    assert OWN_STYLES["pigdm"].name == "ΠGDM"
    assert all(style.filled for style in OWN_STYLES.values())


def test_no_two_rows_share_a_marker():
    markers = [style.marker for style in OWN_STYLES.values()]
    assert len(set(markers)) == len(markers)


def test_methods_of_plug_ins_get_a_style_and_their_own_name():
    styles = method_styles({"zeal": "zeal", "dreams": "dreams", "ddpg": "ddpg"})
    assert list(styles) == ["ddpg", "dreams", "zeal"]
    assert [styles[label].name for label in ("dreams", "zeal")] == ["dreams", "zeal"]
    assert styles["dreams"].marker != styles["zeal"].marker


def test_a_fallback_is_the_same_whatever_else_is_there():
    alone = method_styles({"zeal": "zeal"})["zeal"]
    for others in (["dreams"], ["ddpg", "abc"], ["pinv", "zzz"]):
        assert method_styles({name: name for name in [*others, "zeal"]})["zeal"] == alone
    names = [f"method{number}" for number in range(len(FALLBACKS))]
    styles = method_styles({name: name for name in names})
    assert len({style.marker for style in styles.values()}) == len(FALLBACKS)


def test_a_description_brings_its_title_and_as_much_of_its_look_as_it_has(monkeypatch):
    described = {
        "whole": Method("whole", "Whole", "a.b:C", "d", "r", colour="#123456", marker="*"),
        "part": Method("part", "Part", "a.b:C", "d", "r", colour="#654321"),
    }
    monkeypatch.setattr("ddpg.comparison.style.METHODS", described)
    styles = method_styles({"whole": "whole", "part": "part", "whole-9": "whole"})
    assert (styles["whole"].name, styles["whole"].colour) == ("Whole", "#123456")
    assert styles["whole"].filled
    assert styles["whole-9"].name == "Whole-9"
    assert (styles["part"].name, styles["part"].colour) == ("Part", "#654321")
    assert styles["part"].marker in {style.marker for style in FALLBACKS}


@pytest.mark.parametrize(
    ("look", "message"),
    [
        ({"colour": "red"}, "new: colour must be \"#rrggbb\", got 'red'"),
        ({"marker": "x"}, "new: marker must be one of .* got 'x'"),
    ],
)
def test_a_look_that_is_none_is_refused(look, message):
    with pytest.raises(ValueError, match=message):
        Method("new", "New", "a.b:C", "d", "r", **look)


def test_labels_of_one_method_differ_and_are_named_after_it():
    labels = ["ddpg-100", "quick", "ddpg", "ddpg-20"]
    styles = method_styles(dict.fromkeys(labels, "ddpg"))
    assert list(styles) == ["ddpg", "ddpg-20", "ddpg-100", "quick"]
    names = [style.name for style in styles.values()]
    assert names == ["DDPG", "DDPG-20", "DDPG-100", "quick (DDPG)"]
    assert {style.marker for style in styles.values()} == {"o"}
    assert len({(style.colour, style.dashes, style.filled) for style in styles.values()}) == 4


def test_base_styles_differ_in_colour_and_marker():
    assert len({style.colour for style in OWN_STYLES.values()}) == len(OWN_STYLES)
    assert len({style.marker for style in OWN_STYLES.values()}) == len(OWN_STYLES)


def test_metrics_and_tasks_for_people():
    assert metric_style("psnr").label == "PSNR (dB)"
    assert metric_style("lpips_alex").arrow == "↓"
    assert task_name("sr_bicubic", 4.0) == "Super-resolution ×4"
    assert task_name("motion_deblur", float("nan")) == "Motion deblurring"


@pytest.mark.slow
def test_importing_the_styles_loads_nothing_heavy():
    heavy = "{'pandas', 'matplotlib', 'torch'}"
    code = f"import sys, ddpg.comparison.style; print({heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
