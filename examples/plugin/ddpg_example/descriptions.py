"""What the benchmark is told about this plug-in. It is read at every parse: no torch here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ddpg.metrics.catalogue import Metric
from ddpg.operators.tasks import Task
from ddpg.priors.cards.kinds import PriorKind
from ddpg.samplers.catalogue import HyperParameter, Method, Range

PNP_HQS = Method(
    name="pnp_hqs",
    title="PnP-HQS",
    sampler="ddpg_example.hqs:PlugAndPlayHQS",
    description="half-quadratic splitting with a denoiser at falling noise levels",
    reference="Zhang et al., IEEE TPAMI 2021 (DPIR), algorithm 1",
    parameters=(
        HyperParameter("steps", 24, "N, the number of network evaluations", 1, 100),
        HyperParameter("lam", 0.23, "lambda; the data step weighs x0 by lambda s^2 / sig_t^2", 0),
    ),
    evaluations=24,
    needs="resolvent",
    search=(Range("lam", 0.02, 5, log=True),),
    colour="#c2187a",
    marker="*",
)

SR_BOX = Task(
    name="sr_box",
    title="Super-resolution (box)",
    backends=("pixel",),
    scales=(2, 4),
    builder="ddpg_example.box:build",
)

DEMOSAICKING = Task(
    name="demosaicking",
    title="Demosaicking",
    backends=("bayer",),
    grades=(("bayer", "resolvent"),),
    builder="ddpg_example.mosaic:build",
)


EDGE_ERROR = Metric(
    name="edge_error",
    title="Edge error",
    description="mean absolute error of the differences of neighbouring pixels, times 255",
    function="ddpg_example.edges:edge_error",
    direction=-1,
    range=(0, 510),
    decimals=2,
    family="distortion",
)


class SmoothingConfig(BaseModel):
    """The fields of ``architecture:`` in the card of such a prior."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Literal["smoothing"]
    radius: Annotated[int, Field(ge=1, le=8)] = 1


SMOOTHING = PriorKind(
    name="smoothing",
    configuration=SmoothingConfig,
    network="ddpg_example.smoothing:SmoothingNetwork",
)
