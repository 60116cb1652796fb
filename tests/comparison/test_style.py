"""Names and looks of methods, metrics and tasks."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from skimage.color import rgb2lab

from ddpg.comparison.style import METHOD_STYLES, method_styles, metric_style, task_name
from ddpg.samplers.methods import METHODS

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


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colours_can_be_told_apart(deficiency):
    """Differences of 10 and more are clear at a glance; 2.3 is just noticeable."""
    seen = {
        method: seen_as(style.colour, DEFICIENCIES[deficiency])
        for method, style in METHOD_STYLES.items()
    }
    nearest = min(combinations(seen, 2), key=lambda p: np.linalg.norm(seen[p[0]] - seen[p[1]]))
    assert np.linalg.norm(seen[nearest[0]] - seen[nearest[1]]) > 10, nearest


def test_every_method_of_the_package_has_a_style():
    own = [method for method in METHODS if METHODS[method].module.startswith("ddpg.")]
    assert own
    assert [method for method in own if method not in METHOD_STYLES] == []


def test_methods_of_plug_ins_get_a_style_and_their_own_name():
    styles = method_styles({"zeal": "zeal", "dreams": "dreams", "ddpg": "ddpg"})
    assert list(styles) == ["ddpg", "dreams", "zeal"]
    assert [styles[label].name for label in ("dreams", "zeal")] == ["dreams", "zeal"]
    assert styles["dreams"].marker != styles["zeal"].marker


def test_labels_of_one_method_differ_and_are_named_after_it():
    labels = ["ddpg-100", "quick", "ddpg", "ddpg-20"]
    styles = method_styles(dict.fromkeys(labels, "ddpg"))
    assert list(styles) == ["ddpg", "ddpg-20", "ddpg-100", "quick"]
    names = [style.name for style in styles.values()]
    assert names == ["DDPG", "DDPG-20", "DDPG-100", "quick (DDPG)"]
    assert {style.marker for style in styles.values()} == {"o"}
    assert len({(style.colour, style.dashes, style.filled) for style in styles.values()}) == 4


def test_base_styles_differ_in_colour_and_marker():
    assert len({style.colour for style in METHOD_STYLES.values()}) == len(METHOD_STYLES)
    assert len({style.marker for style in METHOD_STYLES.values()}) == len(METHOD_STYLES)


def test_metrics_and_tasks_for_people():
    assert metric_style("psnr").label == "PSNR (dB)"
    assert metric_style("lpips_alex").arrow == "↓"
    assert task_name("sr_bicubic", 4.0) == "Super-resolution ×4"
    assert task_name("motion_deblur", float("nan")) == "Motion deblurring"


def test_importing_the_styles_loads_nothing_heavy():
    heavy = "{'pandas', 'matplotlib', 'torch'}"
    code = f"import sys, ddpg.comparison.style; print({heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
