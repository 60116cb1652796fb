"""Kinds of networks that other packages bring along, under the entry-point group ``ddpg.priors``.

A kind is what ``architecture: {kind: ...}`` in a card names. Its weights are named by the card and
fetched, verified and loaded like those of the package's own kinds.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from ddpg.files.fingerprint import data_fingerprint
from ddpg.plugins import Registry, module_of


@dataclass(frozen=True)
class PriorKind:
    """A family of networks that predict noise."""

    name: str
    """The value of ``kind``."""
    configuration: type[BaseModel]
    """The fields of ``architecture``, ``kind`` among them; without torch."""
    network: str
    """Where the network is made, ``package.module:object``, called with those fields less ``kind``
    as keywords; returns an ``nn.Module`` with ``network(x_t, t)`` -> noise."""
    data: tuple[str, ...] = ()
    """Files that the network reads, relative to the folder of its module: results depend on what
    they hold."""

    @property
    def data_content(self) -> str:
        """What the data files hold, in 16 hex digits."""
        return data_fingerprint(self.module, self.data)

    @property
    def module(self) -> str:
        """The module of the network, for the fingerprint of its code."""
        return module_of(self.network)


PRIOR_KINDS: Registry[PriorKind] = Registry(
    "ddpg.priors",
    PriorKind,
    reserved=(
        *("residual_unet", "ddpm_unet", "adm_unet", "adm_classifier", "diffusers"),
        "gaussian_mixture",
    ),
)
"""The kinds of plug-ins; the package's own are in :mod:`ddpg.priors.cards.fields`."""
