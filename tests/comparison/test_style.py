"""Names and looks of methods, metrics and tasks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ddpg.comparison.style import METHOD_STYLES, method_styles, metric_style, task_name
from ddpg.errors import UserError
from ddpg.methods import METHODS


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_the_package_has_a_style(method):
    assert method_styles({method: method})[method] is METHOD_STYLES[method]


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


def test_an_unknown_method_names_the_known_ones():
    with pytest.raises(UserError, match=r"method 'dreams' has no style.*ddpg, idpg"):
        method_styles({"dreams": "dreams"})


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
