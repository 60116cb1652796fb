"""What metrics need from the web: where it is found, checked, and joined to the heads of LPIPS.

The ``lpips`` package ships its linear heads, but lets torchvision download the classifier below
them without a word. Here nothing is downloaded unless :func:`fetch_backbone` is called, and a file
counts only if its sha256 begins with the digits in its published name: LPIPS on another backbone
is another metric.
"""

from __future__ import annotations

import logging
import os
import pickle
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ddpg.errors import MetricUnavailable
from ddpg.fetching import FetchError, fetch
from ddpg.fetching.remote import PublishedFile, Remote
from ddpg.files.contents import sha256_of
from ddpg.files.writing import write_json

log = logging.getLogger(__name__)

BACKBONES = {
    "alex": "alexnet-owt-7be5be79.pth",
    "brisque": "brisque_svm_weights.pt",
    "dists": "dists_weights.pt",
    "inception": "pt_inception-2015-12-05-6726825d.pth",
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
    "vgg": "vgg16-397923af.pth",
}
"""LPIPS's name of a network, or a metric with weights of its own -> the published file.

The last digits of a name begin the file's sha256. One whose name has none is pinned in the study's
lock file when it is fetched for the first time."""

ADDRESS = "https://download.pytorch.org/models/"
_PIQ = "https://github.com/photosynthesis-team/piq/releases/download"
ADDRESSES = {
    "brisque": f"{_PIQ}/v0.4.0/",
    "dists": f"{_PIQ}/v0.4.1/",
    "inception": "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/",
}
"""The folders on the web of those that lie elsewhere than :data:`ADDRESS`."""
TITLES = {"brisque": "BRISQUE", "dists": "DISTS", "inception": "KID or FID"}
"""The metrics of files that are not LPIPS's."""
FOLDER_VARIABLE = "DDPG_BACKBONES"
_NO_NETWORK = "cannot be reached"


def backbone_folders() -> list[Path]:
    """Where backbones are looked for: ``$DDPG_BACKBONES``, then torch hub's cache."""
    named = os.environ.get(FOLDER_VARIABLE)
    hub = Path(torch.hub.get_dir()) / "checkpoints"
    return [Path(named), hub] if named else [hub]


def find_backbone(net: str, place: str | os.PathLike[str] | None = None) -> Path:
    """The file of a backbone, its checksum verified.

    Args:
        net: a key of :data:`BACKBONES`.
        place: the file (under any name) or the folder that holds it; :func:`backbone_folders` if
            None.

    Raises:
        MetricUnavailable: it is nowhere, or the file there is not the published one.
    """
    name = BACKBONES[net]
    folders = backbone_folders() if place is None else [Path(place)]
    candidates = [folder / name if folder.is_dir() else folder for folder in folders]
    file = next((path for path in candidates if path.is_file()), None)
    if file is None:
        raise MetricUnavailable(
            f"{TITLES.get(net, 'LPIPS')} needs {name}, which is not at "
            f"{' or '.join(map(str, folders))}: get it from {_address(net)}{name} and name its "
            f"folder in ${FOLDER_VARIABLE}"
        )
    _verify(file, name)
    return file


def fetch_backbone(
    net: str,
    folder: str | os.PathLike[str] | None = None,
    *,
    address: str | None = None,
    pins: Path | None = None,
    **patience: Any,
) -> Path:
    """The file of a backbone, downloaded if it is not there yet.

    Args:
        net: a key of :data:`BACKBONES`.
        folder: receives the file; the first of :func:`backbone_folders` if None.
        address: the folder on the web; the published one if None.
        pins: lock file of checksums, for a file whose name has no digits of its own.
        patience: of :class:`ddpg.fetching.incoming.Patience`; less than usual if not given.

    Raises:
        MetricUnavailable: the download failed, or gave another file than the published one.
    """
    name = BACKBONES[net]
    target = Path(folder) / name if folder else backbone_folders()[0] / name
    if target.is_file() and (pins is None or _digits(name)):
        return find_backbone(net, target)
    address = _address(net) if address is None else address
    digits = _digits(name)
    remote = Remote(file=name, mirrors=(address + name,))
    if digits:
        remote = PublishedFile(file=name, mirrors=(address + name,), prefix=digits)
    options: dict[str, Any] = {"timeout": 10.0, "retries": 2, **patience}
    try:
        return fetch(
            remote, target, pins=None if digits else pins, key=f"metrics/{name}", **options
        )
    except FetchError as error:
        # The reason stands in tables that others read; what this machine's user needs is logged.
        cause = _short_cause(error, address + name, target)
        log.info("%s could not be made: %s", target, "; ".join(error.reasons) or error)
        raise MetricUnavailable(
            f"cannot download {address}{name} ({cause}); a folder that has it can be named in "
            f"${FOLDER_VARIABLE}"
        ) from error


def _short_cause(error: FetchError, address: str, target: Path) -> str:
    """Why a download failed: of the network without details, of a wrong file without its folder."""
    cause = ("; ".join(error.reasons) or str(error)).replace(f"{address}: ", "")
    if cause.startswith(_NO_NETWORK):
        return _NO_NETWORK
    return cause.replace(f"{target.parent}{os.sep}", "")


def record_backbone(net: str, output: Path, *, pins: Path | None = None) -> None:
    """Look for a metric's file, try to fetch it, and write down where it is or why it is not.

    A study goes on without it: the metric's column is then empty, with this reason.

    Args:
        net: a key of :data:`BACKBONES`.
        pins: lock file of checksums, for a file whose name has no digits of its own.
        output: JSON file with ``file`` and ``reason``, one of which is null.
    """
    outcome: dict[str, str | None] = {"file": None, "reason": None}
    try:
        outcome["file"] = str(fetch_backbone(net, pins=pins))
    except MetricUnavailable as reason:
        outcome["reason"] = str(reason)
        log.warning("%s cannot be computed: %s", TITLES.get(net, "LPIPS"), reason)
    write_json(output, outcome)


def lpips_network(net: str, backbone: str | os.PathLike[str], *, pooling: str = "max") -> nn.Module:
    """LPIPS 0.1 with its published heads on a backbone, in float32 on the CPU, for inference.

    Args:
        net: "alex", "squeeze" or "vgg".
        backbone: state dict of the torchvision classifier.
        pooling: "max", as the classifier has it, or "average" in its place.

    Raises:
        ValueError: there is no such pooling.
        MetricUnavailable: the file is not that state dict.
    """
    if pooling not in ("max", "average"):
        raise ValueError(f"pooling must be max or average, got {pooling!r}")
    import lpips

    # torchvision warns of the keywords that lpips passes, and draws initial weights that are
    # replaced below: neither must reach the caller's terminal or random numbers.
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        network = lpips.LPIPS(pretrained=False, net=net, pnet_rand=True, verbose=False)
    heads = Path(lpips.__file__).parent / "weights" / "v0.1" / f"{net}.pth"
    published = torch.load(heads, map_location="cpu", weights_only=True)
    own = {f"net.{name}": value for name, value in _sliced(network.net, backbone).items()}
    constants = {f"scaling_layer.{n}": v for n, v in network.scaling_layer.state_dict().items()}
    twins = {f"lins.{name[3:]}": value for name, value in published.items()}
    network.load_state_dict({**published, **twins, **own, **constants}, strict=True)
    if pooling == "average":
        _pool_averages(network.net)
    return network.requires_grad_(False).eval()


def _pool_averages(network: nn.Module) -> None:
    """Put means of 2 x 2 pixels in the place of maxima, as piq's ``replace_pooling`` does; VGG's
    maxima are of so many."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(kernel_size=2, stride=2))


def _sliced(network: nn.Module, backbone: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The classifier's convolutions under the names of lpips, which cuts them into slices."""
    names = {name: f"features.{name.partition('.')[2]}" for name in network.state_dict()}
    return features_of(network, names, backbone)


def features_of(
    network: nn.Module, names: Mapping[str, str], backbone: str | os.PathLike[str]
) -> dict[str, Tensor]:
    """The convolutions of a classifier under other names.

    Args:
        network: what they are for.
        names: name in it -> name in the classifier, for all of both.
        backbone: state dict of the torchvision classifier.

    Raises:
        MetricUnavailable: the file is not that state dict.
    """
    file = Path(backbone).name  # for a table, without the machine's folders
    try:
        state = torch.load(backbone, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, pickle.UnpicklingError) as error:
        raise MetricUnavailable(f"{file}: not a checkpoint that torch reads: {error}") from error
    available = {name for name in state if name.startswith("features.")}
    if available != set(names.values()):
        wrong = ", ".join(sorted(available ^ set(names.values())))
        raise MetricUnavailable(f"{file}: missing or unexpected parameters: {wrong}")
    for name, value in network.state_dict().items():
        if state[names[name]].shape != value.shape:
            raise MetricUnavailable(
                f"{file}: {names[name]} has shape {tuple(state[names[name]].shape)}, "
                f"expected {tuple(value.shape)}"
            )
    return {name: state[stored] for name, stored in names.items()}


def _address(net: str) -> str:
    """The folder on the web of a published file."""
    return ADDRESSES.get(net, ADDRESS)


def _digits(name: str) -> str:
    """The digits that end a published name, with which the file's sha256 begins; "" without."""
    head, _, digits = Path(name).stem.rpartition("-")
    return digits if head else ""


def _verify(path: Path, name: str) -> None:
    """Compare a file's sha256 with the digits in its published name, once for each file."""
    stat = path.stat()
    digest = _sha256(path, stat.st_size, stat.st_mtime_ns)
    expected = _digits(name)
    if not digest.startswith(expected):
        log.warning("%s is not %s; remove it, or name another folder", path, name)
        raise MetricUnavailable(
            f"{path.name} is not {name}: its sha256 begins with {digest[: len(expected)]}, "
            f"expected {expected}"
        )


@cache
def _sha256(path: Path, _size: int, _mtime_ns: int) -> str:
    """A file's checksum. The files have hundreds of MB, and every batch of images asks for it."""
    return sha256_of(path)
