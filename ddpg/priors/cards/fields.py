"""The fields of a prior's card: typed, validated, without torch.

name: celeba-hq-256
architecture: {kind: ddpm_unet, ...}      # see ddpg.priors.networks.configurations
weights:                                  # or only the name of a file beside the card
  file: celeba_hq.ckpt
  mirrors: ["gdrive:1wSoA5fm_d6JBZk4RZ1SzWLMgev4WqH21"]
  sha256: 0123...                         # optional: else pinned on the first download
schedule: {kind: linear}                  # or cosine, diffusers: as the folder says, consistency
label: dataset                            # class-conditional priors: a class, or the data set's
classifier: {architecture: ..., weights: ..., scale: 1.0}
execution: {precision: bfloat16}          # optional; layout, compile and batch_size as well
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from ddpg.fetching.remote import Remote
from ddpg.priors.cards.kinds import PRIOR_KINDS
from ddpg.priors.cards.settings import ExecutionSettings
from ddpg.priors.networks.configurations import (
    ADMClassifierConfig,
    ADMUNetConfig,
    DDPMUNetConfig,
)
from ddpg.validation import Identifier, Section

if TYPE_CHECKING:
    from ddpg.priors.schedule import Schedule

_TRAINED_FOR = ("rescale_timesteps", "prediction")
"""What a network is asked and answers, whatever the betas."""

_SCHEDULE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "linear": ("beta_start", "beta_end", "steps", *_TRAINED_FOR),
    "cosine": ("steps", "offset", *_TRAINED_FOR),
    "consistency": ("sigma_data", "sigma_min"),
    "diffusers": (),
}

STEPS = 1000
"""Training steps of nearly every checkpoint, and the range of times that networks are asked for."""


Positive = Annotated[int, Field(ge=1)]
Number = Annotated[float, Field(strict=False, allow_inf_nan=False)]
"""YAML 1.1 reads 1e-4, without a dot, as text."""


class ResidualUNetConfig(Section):
    """The embedded prior's network, :class:`ddpg.priors.networks.residual_unet.ResidualUNet`."""

    kind: Literal["residual_unet"]
    """Names the family."""
    widths: list[Positive] = Field(min_length=1)
    """Channels of each level."""
    blocks: list[Positive] = Field(min_length=1)
    """Residual blocks of each level."""
    embedding_width: Positive
    """Width of the noise-level embedding."""

    @property
    def size_multiple(self) -> int:
        """Image sides must be multiples of it."""
        return 2 ** len(self.widths)

    @model_validator(mode="after")
    def _paired(self) -> ResidualUNetConfig:
        if len(self.widths) != len(self.blocks):
            raise ValueError(
                f"widths and blocks must have one length, got {self.widths} and {self.blocks}"
            )
        return self


class DiffusersConfig(Section):
    """A ``UNet2DModel`` of the library diffusers, whose folder says everything else."""

    kind: Literal["diffusers"]
    """Names the family."""


class SpectrumEntry(Section):
    """A stationary Gaussian, see :class:`ddpg.priors.exact.spectra.Spectrum`."""

    weight: Annotated[Number, Field(gt=0)] = 1.0
    """Its probability, relative to the others'."""
    mean: Annotated[Number, Field(ge=-1, le=1)] = 0.0
    """Of every pixel, on the [-1, 1] scale."""
    deviation: Annotated[Number, Field(gt=0, le=1)] = 0.2
    """Standard deviation of every pixel, on the [-1, 1] scale."""
    exponent: Annotated[Number, Field(ge=0, le=10)] = 2.0
    """How fast the power falls beyond the corner; photographs have about 2."""
    corner: Annotated[Number, Field(gt=0)] = 1.0
    """Frequency at which the power begins to fall, in periods a picture."""
    colour: Annotated[Number, Field(gt=0, le=1)] = 0.1
    """Power of each of the two opposed colours, relative to that of grey."""


class GaussianMixtureConfig(Section):
    """A mixture of Gaussians with power spectra, whose answers are closed forms; no network."""

    kind: Literal["gaussian_mixture"]
    """Names the family."""
    components: list[SpectrumEntry] = Field(min_length=1, max_length=16)
    """What is mixed."""


_OWN: dict[str, type[BaseModel]] = {
    "gaussian_mixture": GaussianMixtureConfig,
    "residual_unet": ResidualUNetConfig,
    "ddpm_unet": DDPMUNetConfig,
    "adm_unet": ADMUNetConfig,
    "diffusers": DiffusersConfig,
}
NETWORKS: Mapping[str, object] = ChainMap(PRIOR_KINDS, _OWN)  # type: ignore[arg-type]
"""The kinds of networks: the package's own, then those of plug-ins."""
CLASSIFIERS: Mapping[str, type[BaseModel]] = {"adm_classifier": ADMClassifierConfig}


def configuration(kind: str) -> type[BaseModel]:
    """What the architecture of a kind looks like, be it the package's own or a plug-in's."""
    own = {**_OWN, **CLASSIFIERS}
    return own[kind] if kind in own else PRIOR_KINDS[kind].configuration


class WeightsEntry(Remote):
    """A checkpoint: its name, where it can be had, and how it is recognised.

    The file lies beside the card, unless another field says where it comes from; a path is
    relative to the card and may be that of a diffusers folder.
    """

    random_seed: int | None = Field(default=None, ge=0, lt=2**63)
    """Draw random weights instead of fetching: for trying a pipeline, not for pictures."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """Text is a path below the card's folder; the name follows from the path."""
        if isinstance(value, str) and value:
            value = {"path" if "/" in value else "file": value}
        if isinstance(value, dict) and isinstance(path := value.get("path"), str) and path:
            value = {"file": Path(path).name, **value}
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> WeightsEntry:
        elsewhere = [name for name in ("mirrors", "size", "sha256", "path") if getattr(self, name)]
        if self.random_seed is not None and elsewhere:
            raise ValueError(f"random_seed leaves no place for {', '.join(elsewhere)}")
        return self

    @property
    def name(self) -> str:
        """The file's name, for people."""
        return self.file

    @property
    def identity(self) -> str:
        """What decides about the weights' values, as far as the card knows it."""
        if self.random_seed is not None:
            return f"random-{self.random_seed}"
        return self.sha256 or "unpinned"

    def beside(self, folder: Path) -> Path | None:
        """Where the card says that the file lies on this machine, if it does."""
        if self.path:
            return folder / self.path
        elsewhere = self.mirrors or self.environment or self.random_seed is not None
        return None if elsewhere else folder / self.file


class ScheduleEntry(Section):
    """The diffusion that the network was trained for."""

    kind: Literal["linear", "cosine", "consistency", "diffusers"]
    """linear and cosine betas, or what the scheduler's file in a diffusers folder says; consistency
    for a consistency model, which jumps to the end of a flow over noise levels."""
    beta_start: Annotated[Number, Field(gt=0, lt=1)] | None = None
    """First beta (linear); 0.0001 * 1000 / steps, as in the published code, if left out."""
    beta_end: Annotated[Number, Field(gt=0, lt=1)] | None = None
    """Last beta (linear); 0.02 * 1000 / steps, as in the published code, if left out."""
    steps: int = Field(default=STEPS, ge=1, le=100_000)
    """Training steps."""
    offset: Annotated[Number, Field(ge=0, lt=1)] = 0.008
    """Offset near t = 0 (cosine)."""
    sigma_data: Annotated[Number, Field(gt=0)] = 0.5
    """Deviation of the training's pictures on [-1, 1] (consistency)."""
    sigma_min: Annotated[Number, Field(ge=0)] = 0.002
    """Least noise level of the training (consistency)."""
    rescale_timesteps: bool | None = None
    """Whether network and classifier were trained with t * 1000 / steps instead of t (published
    under this name); adm_unet and adm_classifier have to say it unless there are 1000 steps."""
    prediction: Literal["epsilon", "x_start", "v"] | None = None
    """What the network predicts: the noise (if left out), the clean picture (published as
    predict_xstart), or the velocity; a diffusers folder's own word counts if left out."""

    @model_validator(mode="after")
    def _own_fields(self) -> ScheduleEntry:
        allowed = _SCHEDULE_FIELDS[self.kind]
        foreign = sorted(self.model_fields_set - {"kind", *allowed})
        if foreign:
            raise ValueError(
                f"a {self.kind} schedule has no {', '.join(foreign)}; "
                f"allowed: {', '.join(allowed) or 'nothing else'}"
            )
        return self

    @model_validator(mode="after")
    def _betas_rise(self) -> ScheduleEntry:
        first, last = self.betas
        if self.kind == "linear" and first > last:
            raise ValueError(f"beta_start ({first:g}) must not be above beta_end ({last:g})")
        return self

    @model_validator(mode="after")
    def _betas_known(self) -> ScheduleEntry:
        given = [beta is not None for beta in (self.beta_start, self.beta_end)]
        if self.kind != "linear" or self.steps == STEPS or all(given):
            return self
        rule = (
            f"with {self.steps} steps the published betas are 0.0001 and 0.02 times "
            f"{STEPS} / {self.steps}"
        )
        if any(given):
            raise ValueError(f"give beta_start and beta_end, or neither: {rule}")
        if self.betas[1] >= 1:
            raise ValueError(f"give beta_start and beta_end: {rule}, which is no linear schedule")
        return self

    @property
    def betas(self) -> tuple[float, float]:
        """First and last beta of a linear schedule (guided-diffusion, gaussian_diffusion.py)."""
        scale = STEPS / self.steps
        start = 1e-4 * scale if self.beta_start is None else self.beta_start
        return start, 0.02 * scale if self.beta_end is None else self.beta_end

    @property
    def identity(self) -> dict[str, Any]:
        """The fields that count, defaults included."""
        fields = {name: getattr(self, name) for name in ("kind", *_SCHEDULE_FIELDS[self.kind])}
        if self.kind == "linear":
            fields["beta_start"], fields["beta_end"] = self.betas
        if "rescale_timesteps" in fields:
            fields["rescale_timesteps"] = self.rescales
        return fields

    @property
    def rescales(self) -> bool:
        """Whether networks are asked with other times than the sampler's."""
        return bool(self.rescale_timesteps) and self.steps != STEPS

    def build(self) -> Schedule:
        """The schedule; not for kind diffusers, whose folder has to be asked, and
        consistency, which has none.

        Raises:
            ValueError: the signal does not decrease strictly within (0, 1).
        """
        from ddpg.priors.schedule import Schedule  # imports torch, which a card can do without

        fields = {n: v for n, v in self.identity.items() if n not in ("kind", *_TRAINED_FOR)}
        return getattr(Schedule, self.kind)(**fields)


def _of_kind(kinds: Iterable[str]) -> AfterValidator:
    """The check that a section is of one of some kinds."""

    def checked(section: dict[str, Any]) -> dict[str, Any]:
        if section.get("kind") not in tuple(kinds):
            raise ValueError(f"kind must be one of {', '.join(kinds)}, got {section.get('kind')!r}")
        return section

    return AfterValidator(checked)


class ClassifierEntry(Section):
    """The classifier that guides a class-conditional prior."""

    architecture: Annotated[dict[str, Any], _of_kind(CLASSIFIERS)]
    """Its kind and the network's fields."""
    weights: WeightsEntry
    """Its checkpoint."""
    scale: Annotated[Number, Field(ge=0)] = 1.0
    """How strongly its gradient counts."""


def _label(value: object) -> object:
    """One message for both kinds of label."""
    if value is None or value == "dataset" or (type(value) is int and value >= 0):
        return value
    raise ValueError('must be a class (an integer, 0 or more) or "dataset"')


ForPeople = Annotated[dict[str, Any], BeforeValidator(lambda value: {} if value is None else value)]
"""Nobody has to fill it in, and `scores:` with nothing behind it is allowed."""


class CardFields(Section):
    """What may stand in a card."""

    name: Identifier
    """Name of the prior, also of its folders."""
    description: str = ""
    """For people."""
    image_size: int | None = Field(default=None, ge=1)
    """Side of the pictures that the network was trained on."""
    architecture: Annotated[dict[str, Any], _of_kind(NETWORKS)]
    """Its kind and the network's fields."""
    weights: WeightsEntry
    """The network's checkpoint."""
    schedule: ScheduleEntry
    """The diffusion that the network was trained for."""
    label: Annotated[int | Literal["dataset"] | None, BeforeValidator(_label)] = None
    """Class of every picture, or "dataset": as the data set says."""
    classifier: ClassifierEntry | None = None
    """Guides towards the label."""
    execution: ExecutionSettings = ExecutionSettings()
    """How the network is run, where the study does not say it."""
    training: ForPeople = Field(default_factory=dict)
    """For people: how the weights were made."""
    scores: ForPeople = Field(default_factory=dict)
    """What was measured of the prior and its rivals; read by `ddpg score-prior`."""

    @model_validator(mode="before")
    @classmethod
    def _without_weights(cls, content: Any) -> Any:
        """A closed form has no checkpoint."""
        section = content.get("architecture") if isinstance(content, dict) else None
        if not isinstance(section, dict) or section.get("kind") != "gaussian_mixture":
            return content
        if "weights" in content:
            raise ValueError("architecture: kind gaussian_mixture takes no weights")
        return content | {"weights": {"file": "none", "random_seed": 0}}

    @model_validator(mode="after")
    def _consistent(self) -> CardFields:
        folder = self.architecture["kind"] == "diffusers"
        if self.schedule.kind == "diffusers" and not folder:
            raise ValueError("schedule: kind diffusers needs an architecture of kind diffusers")
        consistent = self.schedule.kind == "consistency"
        others = ("diffusers", "residual_unet", "gaussian_mixture")
        if consistent and self.architecture["kind"] in others:
            raise ValueError(
                f"schedule: kind consistency does not go with {self.architecture['kind']}"
            )
        if consistent and (self.label is not None or self.classifier):
            raise ValueError("schedule: kind consistency takes neither label nor classifier")
        if folder and not self.weights.path:
            raise ValueError("architecture: kind diffusers needs weights: {path: FOLDER}")
        if folder and self.weights.sha256:
            raise ValueError("weights: a diffusers folder has no sha256")
        return self
