"""Likeness of structure and texture of two pictures, from piq.

Ding, Ma, Wang and Simoncelli, "Image Quality Assessment: Unifying Structure and Texture Similarity"
(2020): means, variances and covariances of the responses of VGG-16 are compared, with weights that
were fitted to what people see.
"""

from __future__ import annotations

import os
import pickle
import warnings
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from ddpg.errors import MetricUnavailable
from ddpg.metrics.measures import checked_pair, of_finite

SMALLEST = 16
LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
CHANNELS = (3, 64, 128, 256, 512, 512)
"""Of the picture itself and of the layers."""
_UNREADABLE = (RuntimeError, OSError, EOFError, pickle.UnpicklingError, ValueError, TypeError)


def dists(
    restored: Tensor,
    reference: Tensor,
    *,
    data_range: float,
    backbone: str | os.PathLike[str] | None = None,
    network: str | os.PathLike[str] | None = None,
) -> Tensor:
    """How unlike structure and texture are; 0 for equal images.

    Args:
        restored, reference: (B, 3, H, W) in [0, data_range]. Sides above 256 are reduced so that
            the smaller one has 256 pixels, as the authors do.
        data_range: white minus black.
        backbone: the file of the weights, or its folder, see
            :func:`ddpg.metrics.backbones.find_backbone`.
        network: that of VGG-16 below them.

    Returns:
        (B,) float64.

    Raises:
        ValueError: shapes differ, or values leave the range.
        MetricUndefined: no image is finite, or they are too small.
        MetricUnavailable: one of the files is not there, or is another one.

    >>> image = torch.zeros(1, 3, 32, 32)
    >>> dists(image, image, data_range=1, backbone="somewhere/dists_weights.pt")
    Traceback (most recent call last):
    ...
    ddpg.errors.MetricUnavailable: DISTS needs dists_weights.pt, which ...
    """
    restored, reference = checked_pair(restored, reference, data_range, SMALLEST, "DISTS")
    from ddpg.metrics.backbones import find_backbone

    weights = find_backbone("dists", backbone)
    model = _model(weights, find_backbone("vgg", network), restored.device)
    return of_finite(lambda *pair: model(*(x / data_range for x in pair)), restored, reference)


@lru_cache(maxsize=2)
def _model(weights: Path, network: Path, device: torch.device) -> nn.Module:
    """piq's DISTS with the weights in files, in float64."""
    from piq.perceptual import DISTS, IMAGENET_MEAN, IMAGENET_STD, VGG16_LAYERS, ContentLoss

    model = DISTS.__new__(DISTS)  # its own constructor fetches both files, without any check
    ContentLoss.__init__(
        model,
        _features(network),
        layers=[VGG16_LAYERS[layer] for layer in LAYERS],
        weights=_weights(weights),
        replace_pooling=True,
        reduction="none",
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        normalize_features=False,
        allow_layers_weights_mismatch=True,
    )
    return model.to(device, torch.float64).eval()


def _features(file: Path) -> nn.Module:
    """The convolutions of VGG-16."""
    from torchvision.models.vgg import cfgs, make_layers

    from ddpg.metrics.backbones import features_of

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        features = make_layers(cfgs["D"])
    names = {name: f"features.{name}" for name in features.state_dict()}
    features.load_state_dict(features_of(features, names, file))
    return features.requires_grad_(False).eval()


def _weights(file: Path) -> list[Tensor]:
    """The weights of structure, then of texture, by layer, each (1, C, 1, 1)."""
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        parts = [state[kind].double() for kind in ("alpha", "beta")]
        if any(part.shape != (1, sum(CHANNELS), 1, 1) for part in parts):
            raise ValueError(f"of shapes {', '.join(str(tuple(part.shape)) for part in parts)}")
    except (*_UNREADABLE, LookupError, AttributeError) as error:
        raise MetricUnavailable(f"{file.name}: not the weights of DISTS: {error}") from error
    return [part for whole in parts for part in torch.split(whole, list(CHANNELS), dim=1)]
