"""Distances between two sets of pictures, by the features of Inception-v3: KID and FID.

They belong to all restorations of an experiment, not to a picture, and say nothing of whether a
restoration is right: any photographs in any order would do. Both shrink or grow with the number of
pictures (FID is biased by it, which is why it needs many), so that number stands beside them.
"""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ddpg.errors import MetricUnavailable

THOUSANDTHS = 1000.0


def kid(restored: Tensor, truth: Tensor) -> float:
    """The kernel Inception distance in thousandths: below 0 is as good as 0.

    Binkowski, Sutherland, Arbel and Gretton, "Demystifying MMD GANs" (2018): the unbiased estimate
    of the squared maximum mean discrepancy with the kernel ``(<x, y> / D + 1)^3``, of all pictures
    at once, without drawing subsets, as ``piq.KID``.

    Args:
        restored, truth: features (N, D), N at least 2, in float64.

    Raises:
        ValueError: there are fewer than two pictures on a side.

    >>> equal = torch.zeros(3, 4, dtype=torch.float64)
    >>> kid(equal, equal)
    0.0
    """
    _check_two(restored, truth)
    inside = _kernel(restored, restored), _kernel(truth, truth)
    within = [(k.sum() - k.diagonal().sum()) / (len(k) * (len(k) - 1)) for k in inside]
    across = _kernel(restored, truth).mean()
    return THOUSANDTHS * float(within[0] + within[1] - 2 * across)


def _check_two(restored: Tensor, truth: Tensor) -> None:
    n, m = len(restored), len(truth)
    if min(n, m) < 2:
        raise ValueError(f"two pictures are needed on either side, got {n} and {m}")


def _kernel(first: Tensor, second: Tensor) -> Tensor:
    return (first @ second.T / first.shape[1] + 1) ** 3


def fid(restored: Tensor, truth: Tensor) -> float:
    """The Fréchet Inception distance, at least 0.

    Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter, "GANs trained by a two time-scale update
    rule" (2017): ``|m - n|^2 + tr(S + T - 2 (S T)^(1/2))`` of means and covariances. The root is
    that of the symmetric ``S^(1/2) T S^(1/2)``, which has its eigenvalues, and exists where a
    covariance is singular, as it always is with fewer pictures than features.

    Args:
        restored, truth: features (N, D), N at least 2, in float64.

    Raises:
        ValueError: there are fewer than two pictures on a side.

    >>> equal = torch.zeros(3, 4, dtype=torch.float64)
    >>> fid(equal, equal + 1)
    4.0
    """
    _check_two(restored, truth)
    moved = (restored.mean(0) - truth.mean(0)).square().sum()
    first, second = restored.T.cov(), truth.T.cov()
    values, vectors = torch.linalg.eigh(first)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    common = torch.linalg.eigvalsh(root @ second @ root).clamp(min=0).sqrt().sum()
    return max(0.0, float(moved + first.trace() + second.trace() - 2 * common))


def features(images: Tensor, backbone: str | os.PathLike[str] | None = None) -> Tensor:
    """What Inception-v3 sees of pictures, as FID's authors ported it, resized to 299 x 299.

    Args:
        images: (B, 3, H, W) in [0, 1].
        backbone: the file of the network, or its folder, see
            :func:`ddpg.metrics.backbones.find_backbone`.

    Returns:
        (B, 2048) float64, of a network in float32: those of its last average pooling.

    Raises:
        MetricUnavailable: the file is not there, or is another one.
    """
    from ddpg.metrics.backbones import find_backbone

    network = inception(find_backbone("inception", backbone), images.device)
    with torch.inference_mode():
        (seen,) = network(images.float().clamp(0, 1))
    return seen.flatten(1).double().clone()


@lru_cache(maxsize=1)
def inception(file: Path, device: torch.device) -> nn.Module:
    """piq's Inception-v3 with the weights in a file.

    Raises:
        MetricUnavailable: they are not its weights.
    """
    from piq.feature_extractors import InceptionV3

    # torchvision warns of what piq passes, and draws initial weights that are replaced.
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), _given(file):
        warnings.simplefilter("ignore")
        try:
            return InceptionV3().to(device).eval()
        except (RuntimeError, OSError, EOFError, pickle.UnpicklingError, TypeError) as error:
            reason = " ".join(str(error).split())[:200].replace(f"{file.parent}{os.sep}", "")
            raise MetricUnavailable(
                f"{file.name}: not the weights of FID's Inception-v3: {reason}"
            ) from error


@contextmanager
def _given(file: Path) -> Iterator[None]:
    """Have piq take the network in a file instead of fetching one, without any check of it."""
    from piq.feature_extractors import fid_inception

    module: Any = fid_inception

    def load_state_dict_from_url(_url: str, **_options: Any) -> dict[str, Tensor]:
        return torch.load(file, map_location="cpu", weights_only=True)

    fetching = module.load_state_dict_from_url
    module.load_state_dict_from_url = load_state_dict_from_url
    try:
        yield
    finally:
        module.load_state_dict_from_url = fetching
