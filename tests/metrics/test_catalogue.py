"""The catalogue of metrics: what every entry must be, and how configurations name it."""

from __future__ import annotations

import inspect
from typing import get_args, get_type_hints

import pytest

from ddpg.comparison.style import METRIC_STYLES
from ddpg.jobs.resources import BackboneSearch
from ddpg.metrics import backbones
from ddpg.metrics.catalogue import METRICS, NETS, SET_METRICS, at_noise, metric_called
from ddpg.plugins import load_object


@pytest.mark.parametrize("name", METRICS)
def test_an_entry_names_a_function_that_takes_what_it_says(name):
    metric = METRICS[name]
    parameters = inspect.signature(load_object(metric.function, name)).parameters
    positional = [p for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert len(positional) == 1 + len(metric.needs)
    keywords = {"data_range", *metric.options, *(["backbone"] if metric.weights else [])}
    keywords |= {"network"} if metric.network else set()
    assert keywords <= {p.name for p in parameters.values() if p.kind is p.KEYWORD_ONLY}


@pytest.mark.parametrize("name", METRICS)
def test_an_entry_is_complete(name):
    metric = METRICS[name]
    assert metric.title
    assert metric.description
    assert {*metric.files} <= {*backbones.BACKBONES}
    assert metric.target is None or metric.direction == -1
    assert metric.without_noise in ("", *METRICS)
    assert METRIC_STYLES[name].name == metric.title
    low, high = metric.range
    assert low is None or high is None or low < high


def test_the_job_that_looks_for_backbones_takes_every_one():
    assert {*get_args(get_type_hints(BackboneSearch)["net"])} == {*backbones.BACKBONES}


@pytest.mark.parametrize("name", SET_METRICS)
def test_a_metric_of_sets_is_no_metric_of_pictures(name):
    metric = SET_METRICS[name]
    assert (metric.name, METRIC_STYLES[name].name) == (name, metric.title)
    assert name not in METRICS
    assert {*metric.files} <= {*backbones.BACKBONES}
    assert callable(load_object(metric.function, name))
    assert metric_called(name) == name


def test_names_of_configurations():
    for net in NETS:
        assert metric_called("lpips", net) == f"lpips_{net}"
        assert metric_called(f"lpips-{net}") == metric_called(f"lpips_{net}") == f"lpips_{net}"
    assert metric_called("blur-effect") == "blur_effect"
    with pytest.raises(ValueError, match=r"'psnr', 'ssim', .* or 'lpips' \(names of plug-ins"):
        metric_called("mos")


def test_without_noise_the_consistency_is_another_metric():
    assert [at_noise("consistency", sigma) for sigma in (0, 0.1)] == ["residual", "consistency"]
