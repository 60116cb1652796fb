"""Folders of diffusers' UNet2DModel, random and tiny, made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor

from ddpg.errors import UserError
from ddpg.files.tensors import CorruptFileError, read_tensors, write_tensors
from ddpg.priors import load_prior
from ddpg.priors.cards.card import read_card
from ddpg.priors.diffusers_schedulers import VARIANCE_PRESERVING, folder_schedule
from ddpg.priors.schedule import Schedule

pytestmark = pytest.mark.slow

diffusers = pytest.importorskip("diffusers", reason="the optional library diffusers is missing")

SMALL = {
    "sample_size": 16,
    "block_out_channels": (16, 32),
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    "layers_per_block": 1,
    "norm_num_groups": 8,
}
X = torch.randn(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))
TIMES = torch.tensor([7, 900])

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Save a model, and perhaps a scheduler, in a folder; write and give its card."""

    def write(scheduler: dict[str, Any] | None = None, *, card: Any = None, **model: Any) -> Path:
        folder = tmp_path / "folder"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            unet = diffusers.UNet2DModel(**{**SMALL, **model})
        unet.save_pretrained(folder)
        if scheduler is not None:
            diffusers.DDPMScheduler(**scheduler).save_pretrained(folder)
        fields = {
            "name": "mine",
            "architecture": {"kind": "diffusers"},
            "weights": {"path": "folder"},
            "schedule": {"kind": "linear" if scheduler is None else "diffusers"},
            **(card or {}),
        }
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump(fields))
        return tmp_path / "mine.yaml"

    return write


def raw(card: Path, labels: Tensor | None = None) -> Tensor:
    """What the library itself predicts."""
    unet = diffusers.UNet2DModel.from_pretrained(card.parent / "folder", low_cpu_mem_usage=False)
    with torch.no_grad():
        return unet.eval()(X, TIMES, class_labels=labels).sample


def test_a_folder_is_a_prior(write: Write) -> None:
    card = write()
    prior = load_prior(card)
    torch.testing.assert_close(prior.eps(X, TIMES), raw(card), atol=1e-5, rtol=0)
    assert (prior.size_multiple, prior.needs_labels) == (2, False)
    assert torch.equal(prior.schedule.alphas_cumprod, Schedule.linear().alphas_cumprod)
    assert read_card(card).checkpoints() == {}
    with pytest.raises(ValueError, match="multiples of 2 for this prior"):
        prior.eps(X[..., :23], 0)


def test_another_folder_can_be_named(write: Write, tmp_path: Path) -> None:
    card = write()
    expected = load_prior(card).eps(X, TIMES)
    (tmp_path / "folder").rename(tmp_path / "moved")
    with pytest.raises(UserError, match=r"weights: there is no folder .*folder"):
        load_prior(card)
    assert torch.equal(load_prior(card, weights=tmp_path / "moved").eps(X, TIMES), expected)


def test_the_unet_of_a_whole_pipeline(write: Write, tmp_path: Path) -> None:
    card = write({"beta_end": 0.01})
    expected = load_prior(card)
    folder = tmp_path / "folder"
    for name in ("unet", "scheduler"):
        (tmp_path / "pipeline" / name).mkdir(parents=True)
    for file in folder.iterdir():
        part = "scheduler" if file.name.startswith("scheduler") else "unet"
        file.rename(tmp_path / "pipeline" / part / file.name)
    found = load_prior(card, weights=tmp_path / "pipeline")
    assert torch.equal(found.eps(X, TIMES), expected.eps(X, TIMES))
    assert found.schedule.abar(999) == expected.schedule.abar(999)


@pytest.mark.parametrize("channels", [3, 6])
def test_variance_channels_are_dropped(write: Write, channels: int) -> None:
    card = write(out_channels=channels)
    predicted = load_prior(card).eps(X, TIMES)
    torch.testing.assert_close(predicted, raw(card)[:, :3], atol=1e-5, rtol=0)


def test_bfloat16_is_close(write: Write) -> None:
    card = write()
    full, half = (load_prior(card, dtype=d).eps(X, TIMES) for d in ("float32", "bfloat16"))
    error = (half - full).square().mean().sqrt() / full.square().mean().sqrt()
    assert 1e-5 < error < 0.05


def test_labels_reach_the_model(write: Write) -> None:
    card = write(card={"label": "dataset"}, num_class_embeds=5)
    prior = load_prior(card)
    assert prior.needs_labels
    expected = raw(card, torch.tensor([4, 1]))
    torch.testing.assert_close(
        prior.conditioned_on([4, 1]).eps(X, TIMES), expected, atol=1e-5, rtol=0
    )
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 4\], got 5"):
        prior.conditioned_on([5])


@pytest.mark.parametrize(
    ("card", "model", "message"),
    [
        ({"label": 3}, {}, "label: 3, but the model in .* has no classes"),
        ({}, {"num_class_embeds": 5}, "label: None, but the model in .* is class-conditional"),
        ({}, {"class_embed_type": "timestep"}, "class_embed_type 'timestep' is not supported"),
        ({}, {"in_channels": 1}, "must take 3 channels"),
        ({}, {"out_channels": 4}, "must take 3 channels"),
    ],
)
def test_models_that_do_not_fit(write: Write, card: Any, model: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_prior(write(card=card, **model))


@pytest.mark.parametrize("prediction", ["v_prediction", "sample"])
def test_other_predictions_become_noise(write: Write, prediction: str) -> None:
    """Of the image that a prediction stands for, the noise is what completes x_t."""
    card = write({"prediction_type": prediction})
    prior, predicted = load_prior(card), raw(card)
    abar = prior.schedule.alphas_cumprod[TIMES][:, None, None, None]
    clean = predicted
    if prediction == "v_prediction":
        clean = abar.sqrt() * X - (1 - abar).sqrt() * predicted
    expected = (X - abar.sqrt() * clean) / (1 - abar).sqrt()
    torch.testing.assert_close(prior.eps(X, TIMES), expected.float(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"beta_end": 0.01, "num_train_timesteps": 300},
        {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012},
        {"beta_schedule": "squaredcos_cap_v2"},
        {"trained_betas": [0.1, 0.2, 0.3]},
    ],
)
def test_the_folders_schedule(write: Write, options: dict[str, Any]) -> None:
    schedule = load_prior(write(options)).schedule
    expected = diffusers.DDPMScheduler(**options).alphas_cumprod.double()
    torch.testing.assert_close(schedule.alphas_cumprod, expected, rtol=1e-4, atol=1e-6)


def test_schedules_that_are_not_known() -> None:
    for config, message in [
        ({"beta_schedule": "sigmoid"}, "beta_schedule must be one of linear, scaled_linear"),
        ({"rescale_betas_zero_snr": True}, "leaves no signal"),
        ({"trained_betas": [0.5, -0.1]}, "schedule: alphas_cumprod must decrease"),
    ]:
        with pytest.raises(CorruptFileError, match=message):
            folder_schedule(config, Path("folder"))


def test_a_card_may_know_the_schedule_better(write: Write) -> None:
    card = write({"beta_end": 0.01}, card={"schedule": {"kind": "cosine"}})
    assert torch.equal(load_prior(card).schedule.alphas_cumprod, Schedule.cosine().alphas_cumprod)


def test_weights_that_are_no_numbers_are_named(write: Write) -> None:
    card = write()
    file = card.parent / "folder/diffusion_pytorch_model.safetensors"
    tensors = read_tensors(file)
    tensors["conv_in.weight"].view(-1)[0] = float("nan")
    file.unlink()
    write_tensors(tensors, file)
    with pytest.raises(CorruptFileError, match=r"conv_in\.weight has values beyond all bounds"):
        load_prior(card)


def test_damaged_folders_are_named(write: Write, tmp_path: Path) -> None:
    card = write(card={"schedule": {"kind": "diffusers"}})
    with pytest.raises(CorruptFileError, match=r"has no scheduler_config\.json; give the card"):
        load_prior(card)
    folder = tmp_path / "folder"
    (folder / "scheduler_config.json").write_text("{")
    with pytest.raises(CorruptFileError, match=r"scheduler_config\.json: is not valid JSON"):
        load_prior(card)
    card = write({})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"layers_per_block": 2}))
    with pytest.raises(
        CorruptFileError, match=r"not a UNet2DModel \(.*size mismatch for up_blocks"
    ):
        load_prior(card)
    (folder / "config.json").write_text(json.dumps(config))
    weights = read_tensors(folder / "diffusion_pytorch_model.safetensors")
    del weights["conv_in.bias"]
    metadata = {"format": "pt"}
    write_tensors(weights, folder / "diffusion_pytorch_model.safetensors", metadata=metadata)
    with pytest.raises(CorruptFileError, match=r"weights; missing_keys: conv_in\.bias"):
        load_prior(card)
    (folder / "diffusion_pytorch_model.safetensors").write_bytes(b"cut")
    with pytest.raises(CorruptFileError, match="folder: not a UNet2DModel"):
        load_prior(card)
    (folder / "config.json").unlink()
    with pytest.raises(CorruptFileError, match=r"UNet2DModel: no config\.json"):
        load_prior(card)


def test_a_folder_is_run_as_its_card_says(write: Write) -> None:
    execution = {"precision": "bfloat16", "layout": "contiguous"}
    settings = load_prior(write(card={"execution": execution}), dtype="auto").settings
    assert (settings["precision"], settings["layout"]) == ("bfloat16", "contiguous")


def saved(write: Write, tmp_path: Path, scheduler: Any, **card: Any) -> Path:
    """A card of a folder with a scheduler of any class."""
    path = write(card={"schedule": {"kind": "diffusers"}, **card})
    scheduler.save_pretrained(tmp_path / "folder")
    return path


OTHER_DIFFUSIONS = (
    *("ScoreSdeVeScheduler", "CMStochasticIterativeScheduler", "EDMEulerScheduler", "LCMScheduler"),
    *("FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler", "IPNDMScheduler"),
    *(
        "EDMDPMSolverMultistepScheduler",
        "TCDScheduler",
        "UnCLIPScheduler",
        "CogVideoXDDIMScheduler",
    ),
    *("DDPMWuerstchenScheduler", "SCMScheduler"),
)


@pytest.mark.parametrize("name", OTHER_DIFFUSIONS)
def test_other_diffusions_are_refused_by_name(write: Write, tmp_path: Path, name: str) -> None:
    card = saved(write, tmp_path, getattr(diffusers, name)())
    message = rf"scheduler_config\.json: its scheduler is {name}, which is not known"
    with pytest.raises(CorruptFileError, match=message):
        load_prior(card)
    with pytest.raises(CorruptFileError, match=message):
        load_prior(write(card={"schedule": {"kind": "linear"}}))


@pytest.mark.parametrize("name", sorted(set(VARIANCE_PRESERVING) - {"DPMSolverSDEScheduler"}))
def test_variance_preserving_schedulers_are_taken_as_they_say(name: str) -> None:
    kind = getattr(diffusers, name)
    silent = folder_schedule({"_class_name": name}, Path("folder")).alphas_cumprod
    torch.testing.assert_close(silent, kind().alphas_cumprod.double(), rtol=1e-4, atol=1e-6)
    options = {"num_train_timesteps": 200, "beta_start": 0.001, "beta_end": 0.03}
    written = dict(kind(**options).config) | {"_class_name": name}
    expected = kind(**options).alphas_cumprod.double()
    given = folder_schedule(written, Path("folder")).alphas_cumprod
    torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("scheduler", "message"),
    [
        ({"use_flow_sigmas": True}, "use_flow_sigmas: True is of another diffusion"),
        ({"timestep_type": "continuous"}, "timestep_type: continuous is of another diffusion"),
        ({"snr_shift_scale": 3.0}, r"snr_shift_scale: 3\.0 is of another"),
        ({"rescale_betas_zero_snr": True}, "rescale_betas_zero_snr leaves no signal"),
        ({"_class_name": None}, r"names neither its class \(_class_name\) nor a beta_schedule"),
        ({"_class_name": ["a"]}, "its scheduler is"),
        ({"_class_name": "My\x1b" + "x" * 9999}, r"its scheduler is My\\x1bx+\.\.\., which"),
        ({"num_train_timesteps": "1000"}, "num_train_timesteps must be an integer"),
        ({"num_train_timesteps": 10**12}, r"must be an integer in \[1, 100000\]"),
        ({"beta_end": None}, r"beta_end must lie in \(0, 1\), got None"),
        ({"beta_end": float("nan")}, r"beta_end must lie in \(0, 1\), got nan"),
        ({"beta_schedule": ["linear"]}, "beta_schedule must be one of"),
        ({"trained_betas": "linear"}, "schedule: "),
        ({"trained_betas": [[0.1], 0.2]}, "schedule: "),
        ({"prediction_type": "flow_prediction"}, "says prediction_type 'flow_prediction'; allowed"),
        ({"prediction_type": ["v"]}, "says prediction_type"),
    ],
)
def test_flags_of_other_diffusions(
    write: Write, tmp_path: Path, scheduler: dict[str, Any], message: str
) -> None:
    card = write(card={"schedule": {"kind": "diffusers"}})
    fields = {"_class_name": "DDPMScheduler", **scheduler}
    (tmp_path / "folder/scheduler_config.json").write_text(json.dumps(fields))
    with pytest.raises(CorruptFileError, match=message) as caught:
        load_prior(card)
    assert "scheduler_config.json" in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"scheduler": ["diffusers", "EDMEulerScheduler"]}, "its scheduler is EDMEulerScheduler"),
        ({"vqvae": ["diffusers", "VQModel"]}, "also has vqvae: its network is not one of pixels"),
        ({"scheduler": ["diffusers", "DDIMScheduler"], "vae": [None, None]}, None),
    ],
)
def test_the_pipelines_index(
    write: Write, tmp_path: Path, index: dict[str, Any], message: str | None
) -> None:
    card = write({})
    pipeline = {"_class_name": "P", "unet": ["diffusers", "UNet2DModel"], **index}
    (tmp_path / "folder/model_index.json").write_text(json.dumps(pipeline))
    if message is None:
        assert load_prior(card).size_multiple == 2
        return
    with pytest.raises(CorruptFileError, match=rf"model_index\.json: .*{message}"):
        load_prior(card)


def test_networks_of_noise_levels_are_refused(write: Write) -> None:
    card = write({}, time_embedding_type="fourier")
    with pytest.raises(CorruptFileError, match=r"config\.json: time_embedding_type 'fourier'"):
        load_prior(card)


def test_a_card_may_know_the_prediction_better(write: Write) -> None:
    said = load_prior(write({"prediction_type": "v_prediction"})).eps(X, TIMES)
    card = write({}, card={"schedule": {"kind": "linear", "prediction": "v"}})
    torch.testing.assert_close(load_prior(card).eps(X, TIMES), said)
