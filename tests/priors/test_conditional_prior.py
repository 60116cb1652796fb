"""Classifier guidance: against closed forms, image by image, and differentiable once more."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ddpg.files.tensors import read_tensors
from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
from ddpg.priors import GaussianPrior
from ddpg.priors.conditional import ConditionalPrior
from ddpg.priors.networks.adm_classifier import ADMClassifier
from ddpg.priors.schedule import Schedule
from ddpg.samplers import build_sampler

STORED = Path(__file__).parents[1] / "data/networks"
SCHEDULE = Schedule.linear()
CLASSES = 4


class Network(nn.Module):
    """A tenth of the image, and a hundredth of the label where there is one."""

    def forward(self, x: Tensor, _t: Tensor, y: Tensor | None = None) -> Tensor:
        return x / 10 + (0 if y is None else y[:, None, None, None] / 100)


class Mixture(nn.Module):
    """``log p(k | x) = -|x - m_k|^2 / 2`` up to a constant: images around one mean per class."""

    def __init__(self, means: Tensor) -> None:
        super().__init__()
        self.register_buffer("means", means)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        shifted = x[:, None] - self.means * (1 + t[:, None, None, None, None] / 1000)
        return -shifted.square().sum(dim=(2, 3, 4)) / 2


class Uniform(nn.Module):
    """Every class is as likely as any, whatever the image."""

    def forward(self, x: Tensor, _t: Tensor) -> Tensor:
        return x.new_zeros(len(x), CLASSES) * x.sum()


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


MEANS = 0.1 * noise(CLASSES, 3, 4, 4, seed=1)
X = noise(3, 3, 4, 4)
TIMES = torch.tensor([0, 400, 999])
LABELS = [2, 0, 3]


def prior(classifier: nn.Module | None = None, **options: Any) -> ConditionalPrior:
    return ConditionalPrior(Network(), SCHEDULE, classes=CLASSES, classifier=classifier, **options)


def by_hand(x: Tensor, times: Tensor, labels: list[int], scale: float) -> Tensor:
    """The guided estimate of the mixture: its gradient is m_y minus the expected mean."""
    result = Network()(x, times, torch.tensor(labels))
    for n, label in enumerate(labels):
        means = MEANS * (1 + times[n] / 1000)
        chances = (-(x[n] - means).square().sum(dim=(1, 2, 3)) / 2).softmax(dim=0)
        gradient = means[label] - (chances[:, None, None, None] * means).sum(dim=0)
        result[n] -= scale * (1 - SCHEDULE.abar(int(times[n]))) ** 0.5 * gradient
    return result


@pytest.mark.parametrize("scale", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("flowing", [False, True])
def test_guidance_by_hand(scale: float, flowing: bool) -> None:
    guided = prior(Mixture(MEANS), scale=scale).conditioned_on(LABELS)
    with torch.set_grad_enabled(flowing):
        predicted = guided.eps(X.clone().requires_grad_(flowing), TIMES)
    assert predicted.requires_grad == flowing
    torch.testing.assert_close(
        predicted.detach(), by_hand(X, TIMES, LABELS, scale), atol=1e-6, rtol=1e-5
    )


def test_a_classifier_of_no_opinion_changes_nothing() -> None:
    plain, guided = (prior(c).conditioned_on(LABELS).eps(X, TIMES) for c in (None, Uniform()))
    assert torch.equal(plain, guided)


def test_an_unconditional_network_is_guided_too() -> None:
    guided = prior(Mixture(MEANS), class_conditional=False).conditioned_on(LABELS)
    expected = by_hand(X, TIMES, LABELS, 1.0) - torch.tensor(LABELS)[:, None, None, None] / 100
    torch.testing.assert_close(guided.eps(X, TIMES), expected)


def test_images_do_not_see_their_neighbours() -> None:
    guided = prior(Mixture(MEANS))
    together = guided.conditioned_on(LABELS).eps(X, TIMES)
    for n, label in enumerate(LABELS):
        alone = guided.conditioned_on([label]).eps(X[n : n + 1], TIMES[n : n + 1])
        torch.testing.assert_close(together[n : n + 1], alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_gradient_is_taken_where_gradients_are_off(mode: Any) -> None:
    guided = prior(Mixture(MEANS)).conditioned_on(LABELS)
    with mode():
        predicted = guided.eps(X.clone(), TIMES)
    torch.testing.assert_close(predicted, by_hand(X, TIMES, LABELS, 1.0))


def test_the_guided_estimate_can_be_differentiated() -> None:
    """The derivative in a direction, with the classifier's second derivative, by differences."""
    guided = prior(Mixture(MEANS.double()), scale=3.0).conditioned_on(LABELS)
    direction, weighting = noise(3, 3, 4, 4, seed=2).double(), noise(3, 3, 4, 4, seed=3).double()
    x = X.double().requires_grad_()
    (gradient,) = torch.autograd.grad((weighting * guided.eps(x, TIMES)).sum(), x)

    def value(step: float) -> float:
        moved = by_hand(X.double() + step * direction, TIMES, LABELS, 3.0)
        return float((weighting * moved).sum())

    slope = (value(1e-4) - value(-1e-4)) / 2e-4
    assert float((gradient * direction).sum()) == pytest.approx(slope, rel=1e-3)


def tiny_classifier() -> ADMClassifier:
    fields = {
        **{"image_size": 32, "channels": 32, "multipliers": [1, 2], "blocks": 1},
        **{"attention_resolutions": [16], "head_channels": 16, "num_classes": 10},
    }
    network = ADMClassifier.from_config(fields)
    tensors = read_tensors(STORED / "tiny_adm_classifier.safetensors")
    prefix = "weights."
    network.load_state_dict(
        {k.removeprefix(prefix): v.float() for k, v in tensors.items() if k.startswith(prefix)}
    )
    return network


@pytest.mark.parametrize("flowing", [False, True])
def test_the_published_classifier_by_differences(flowing: bool) -> None:
    classifier, t = tiny_classifier(), torch.tensor([700, 50])
    guided = ConditionalPrior(
        Network(),
        SCHEDULE,
        classes=10,
        classifier=copy.deepcopy(classifier),
        class_conditional=False,
    ).conditioned_on([7, 1])
    x, direction = noise(2, 3, 32, 32), noise(2, 3, 32, 32, seed=5)
    with torch.set_grad_enabled(flowing):
        guidance = x / 10 - guided.eps(x.clone().requires_grad_(flowing), t).detach()

    def log_chances(step: float) -> Tensor:
        with torch.no_grad():
            logits = classifier.double()((x + step * direction).double(), t)
        return logits.log_softmax(dim=1)[[0, 1], [7, 1]]

    slopes = (log_chances(1e-3) - log_chances(-1e-3)) / 2e-3
    spreads = torch.tensor([(1 - SCHEDULE.abar(int(time))) ** 0.5 for time in t])
    found = (guidance * direction).sum(dim=(1, 2, 3))
    torch.testing.assert_close(found.double(), spreads * slopes, rtol=1e-2, atol=1e-4)


def test_the_published_classifier_has_a_second_derivative() -> None:
    guided = ConditionalPrior(
        Network(), SCHEDULE, classes=10, classifier=tiny_classifier(), class_conditional=False
    ).conditioned_on([7])
    x = noise(1, 3, 32, 32).requires_grad_()
    (through,) = torch.autograd.grad(guided.eps(x, 700).square().sum(), x)
    detached = guided.eps(x.detach(), 700) * 2 / 10  # what would flow through the network alone
    assert float((through - detached).abs().max()) > 1e-5
    assert bool(through.isfinite().all())


@pytest.mark.slow
def test_bfloat16_guidance_is_close() -> None:
    x, options = noise(2, 3, 32, 32), {"classes": 10, "class_conditional": False, "scale": 20.0}
    full, half = (
        ConditionalPrior(Network(), SCHEDULE, classifier=tiny_classifier(), dtype=d, **options)
        .conditioned_on([3, 4])
        .eps(x, 500)
        for d in ("float32", "bfloat16")
    )
    error = (half - full).square().mean().sqrt() / (full - x / 10).square().mean().sqrt()
    assert 0 < error < 0.1


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([4], r"labels must lie in \[0, 3\], got 4"),
        ([0, -1], r"labels must lie in \[0, 3\], got -1"),
        ([0.5], "labels must be integers, one for each image, got"),
        ([True], "labels must be integers"),
        (torch.tensor(3), "labels must be integers"),
    ],
)
def test_impossible_labels(labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prior().conditioned_on(labels)


def test_missing_labels_are_asked_for() -> None:
    unlabelled = prior()
    assert unlabelled.needs_labels
    assert unlabelled.conditioned_on(None) is unlabelled
    with pytest.raises(ValueError, match="needs the class of every image"):
        unlabelled.eps(X, 5)
    labelled = unlabelled.conditioned_on(torch.tensor(LABELS))
    assert not labelled.needs_labels
    assert unlabelled.needs_labels
    with pytest.raises(ValueError, match="there are 3 labels for 2 images"):
        labelled.eps(X[:2], 5)


def test_a_fixed_label_is_everybodys() -> None:
    fixed = prior(label=2)
    assert not fixed.needs_labels
    expected = prior().conditioned_on([2, 2, 2]).eps(X, 5)
    assert torch.equal(fixed.eps(X, 5), expected)
    assert torch.equal(fixed.conditioned_on([0, 1, 3]).eps(X, 5), expected)
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 3\], got 4"):
        prior(label=4)


def test_priors_without_classes_take_any_labels() -> None:
    plain = GaussianPrior(0.0, 1.0)
    assert not plain.needs_labels
    assert plain.conditioned_on([1, 2]) is plain


def test_conditioning_shares_the_networks() -> None:
    one = prior(Mixture(MEANS))
    other = one.conditioned_on(LABELS)
    assert other.network is one.network
    assert other.classifier is one.classifier


def test_samplers_take_a_guided_prior() -> None:
    """A restoration is drawn towards its label, and a batch equals its images one by one."""
    operator = build_operator("deblur_uni", 16, backend="fft")
    truth = 0.3 * noise(2, 3, 16, 16, seed=8).clamp(-1, 1)
    means = 0.3 * noise(CLASSES, 3, 16, 16, seed=9)
    guided = prior(Mixture(means), class_conditional=False, scale=0.2)
    sampler = build_sampler("ddpg", steps=4)

    def restored(chosen: slice, labels: list[int]) -> Tensor:
        ids = ["a", "b"][chosen]
        return sampler.restore(
            operator.forward(truth[chosen]),
            operator,
            guided.conditioned_on(labels),
            sigma_y=0.05,
            noise=SeededNoise(0, ids),
        )

    both = restored(slice(0, 2), [1, 2])
    torch.testing.assert_close(both[:1], restored(slice(0, 1), [1]), atol=1e-5, rtol=0)
    torch.testing.assert_close(both[1:], restored(slice(1, 2), [2]), atol=1e-5, rtol=0)
    assert float((both - restored(slice(0, 2), [3, 2]))[0].abs().max()) > 1e-3
