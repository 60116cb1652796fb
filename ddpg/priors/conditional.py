"""A prior of pictures of known classes (Dhariwal, Nichol, "Diffusion models beat GANs", 2021).

With a classifier of noisy pictures the noise estimate is (their algorithm 2)

    e_hat = eps(x_t, t, label) - sqrt(1 - abar_t) s grad_x log p(label | x_t, t).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import nullcontext
from math import lcm
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ddpg.priors.network_prior import NetworkPrior
from ddpg.priors.schedule import Schedule

BOOST = 1024.0
"""Keeps the small numbers on the way back through a float16 classifier from becoming zero; a power
of two changes no others."""


class ConditionalPrior(NetworkPrior):
    """``eps(x_t, t)`` of pictures whose classes are known, perhaps guided by a classifier.

    Args:
        network: ``network(x_t, t, y)`` with classes y (B,) if it is class-conditional, else
            ``network(x_t, t)``; like the classifier, it is taken over.
        schedule: the diffusion that the network was trained for.
        class_conditional: whether the network takes the classes itself.
        label: class of every picture; None if :meth:`conditioned_on` will say.
        classifier: ``classifier(x_t, t)`` gives logits (B, classes).
        scale: s, how strongly the classifier counts.
        running: the other arguments of :class:`NetworkPrior`, by name; the classifier is asked
            with the same times.

    Raises:
        ValueError: the label is out of range, or the precision impossible.
    """

    def __init__(
        self,
        network: nn.Module,
        schedule: Schedule,
        *,
        classes: int,
        class_conditional: bool = True,
        label: int | None = None,
        classifier: nn.Module | None = None,
        scale: float = 1.0,
        **running: Any,
    ) -> None:
        super().__init__(network, schedule, **running)
        self.classifier = self._settled(classifier) if classifier else None
        self._size_multiple = lcm(self.size_multiple, getattr(classifier, "size_multiple", 1))
        self._classes, self._class_conditional = classes, class_conditional
        self._scale, self._fixed = scale, label is not None
        self._spreads = scale * (1 - schedule.alphas_cumprod).sqrt().to(self.device)
        self._labels = None if label is None else self._checked([label])

    @property
    def needs_labels(self) -> bool:
        """Whether the classes still have to be said."""
        return self._labels is None

    def conditioned_on(self, labels: Sequence[int] | Tensor | None) -> Self:
        """The prior of pictures of these classes; the networks are shared.

        A label fixed by the card stays: it is the class of every picture, whatever the data say.

        Args:
            labels: class of each image of the batch, (B,); None leaves the prior as it is.

        Raises:
            ValueError: a label is no integer or out of range.
        """
        if self._fixed or labels is None:
            return self
        conditioned = copy.copy(self)
        conditioned._labels = self._checked(labels)
        return conditioned

    def select(self, indices: Sequence[int]) -> Self:
        """The prior of some pictures of the batch; the networks are shared."""
        if self._labels is None or len(self._labels) == 1:
            return self
        part = copy.copy(self)
        part._labels = self._labels[list(indices)]
        return part

    def eps(self, x_t: Tensor, t: int | Tensor) -> Tensor:
        """Predict the noise as :meth:`NetworkPrior.eps` does.

        Raises:
            ValueError: as there, or there is not one label for each image.
        """
        self._check(x_t)
        times, labels = self._times(t, len(x_t)), self._labels_of(len(x_t))
        flowing = x_t.requires_grad and torch.is_grad_enabled()
        known = (labels,) if self._class_conditional else ()
        with torch.set_grad_enabled(flowing):
            predicted = self._noise(x_t, times, *known)
            if self.classifier is not None and self._scale != 0:
                spread = self._spreads[times][:, None, None, None].to(x_t.dtype)
                predicted = predicted - spread * self._gradient(x_t, times, labels, flowing)
        return predicted.contiguous()

    def _gradient(self, x_t: Tensor, times: Tensor, labels: Tensor, flowing: bool) -> Tensor:
        """``grad_x log p(label | x_t, t)`` of each image; differentiable if ``flowing``."""
        if self.classifier is None:
            return torch.zeros_like(x_t)
        # The fast attention kernels have no second derivative.
        attention = sdpa_kernel(SDPBackend.MATH) if flowing else nullcontext()
        with torch.inference_mode(False), torch.enable_grad(), attention:
            x = x_t if flowing else x_t.detach().clone().requires_grad_()
            logits = self._run(self.classifier, x, self._asked(times.clone())).float()
            chosen = logits.log_softmax(dim=-1).gather(1, labels[:, None])
            # A sum over images, of which none sees another: the gradient is each image's own.
            (gradient,) = torch.autograd.grad(BOOST * chosen.sum(), x, create_graph=flowing)
            return gradient / BOOST

    def _labels_of(self, count: int) -> Tensor:
        if self._labels is None:
            raise ValueError(
                "this prior needs the class of every image: conditioned_on(labels) gives them, "
                "and a card's label does so for all"
            )
        if len(self._labels) != count and not self._fixed:
            raise ValueError(f"there are {len(self._labels)} labels for {count} images")
        return self._labels.expand(count)

    def _checked(self, labels: Sequence[int] | Tensor) -> Tensor:
        given = torch.as_tensor(labels, device=self.device)
        if given.ndim != 1 or given.is_floating_point() or given.dtype == torch.bool:
            raise ValueError(f"labels must be integers, one for each image, got {labels!r}")
        wrong = given[(given < 0) | (given >= self._classes)].tolist()
        if wrong:
            raise ValueError(f"labels must lie in [0, {self._classes - 1}], got {wrong[0]}")
        return given.long()
