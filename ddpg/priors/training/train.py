"""The recipe of the embedded prior: ``ddpg train-prior``.

A run is a folder: ``log.csv`` (a line every ``log_every`` steps), ``state.pt`` (everything that a
resumed run needs) and, at every save, ``<name>.safetensors`` with the averaged weights and, where
the recipe holds photographs back, a line of ``validation.csv`` with what the average reaches on
them. A run that was stopped goes on from its last save, and step number n sees the same patches,
times and noise whether or not it was stopped before.

The learning rate warms up, stays constant and decays linearly over the last ``cooldown`` steps, so
that raising ``steps`` extends a run without repeating what it has done.
"""

from __future__ import annotations

import copy
import csv
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ddpg.files.tensors import write_tensors
from ddpg.files.writing import replacing
from ddpg.priors.network_prior import NetworkPrior
from ddpg.priors.networks.residual_unet import SIGMA_DATA, ResidualUNet
from ddpg.priors.schedule import Schedule
from ddpg.priors.scoring import means, score_prior
from ddpg.priors.training.examples import Example, Examples
from ddpg.priors.training.muon import Muon
from ddpg.priors.training.photographs import read_photographs, validation_squares
from ddpg.priors.training.pictures import training_pictures
from ddpg.priors.training.recipe import TrainingConfig
from ddpg.priors.training.recorded import Recorded
from ddpg.priors.training.workers import in_order

SMALLEST_ERROR = 1e-4
"""Added to a patch's error before the logarithm; flat patches reach about 1e-3."""

GRADIENT_NORM = 5.0
"""Gradients are clipped to this norm; only outliers reach it."""


class TrainingRun:
    """The network, its average and the optimiser; :meth:`step` advances them."""

    def __init__(self, config: TrainingConfig, device: str = "cpu") -> None:
        self.config, self.device = config, torch.device(device)
        with torch.random.fork_rng(devices=[]):  # modules draw from the global generator
            torch.manual_seed(config.seed)
            network = ResidualUNet(config.widths, config.blocks, config.embedding_width)
        self.network = network.to(self.device).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network)
        # AveragedModel counts its updates, and a step that is recorded may not wait for a number.
        self._averaged = torch.optim.swa_utils.get_ema_multi_avg_fn(config.ema)
        self.optimisers = _optimisers(self.network, config)
        self.steps_done, self.seconds = 0, 0.0
        self._generator = torch.Generator(self.device)
        self._learn = Recorded(self._learnt) if self.device.type == "cuda" else self._learnt

    def pace(self, step: int) -> float:
        """Share of the learning rates in [0, 1]: linear warm-up, one, linear decay to zero."""
        config = self.config
        warm = (step + 1) / max(1, config.warmup)
        left = (config.steps - step) / max(1, config.cooldown)
        return min(1.0, warm, left)

    def step(self, example: Example) -> Tensor:
        """One optimisation step; returns the loss, which no step waits for."""
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"].fill_(group["initial_lr"] * self.pace(self.steps_done))
        loss = self._learn(*self.on_device(example))
        self.steps_done += 1
        return loss

    def _learnt(self, clean: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """The loss, after everything has moved along its gradient."""
        sigma = self.network.sigmas[times][:, None, None, None]
        x_t = (clean + sigma * noise) / (1 + sigma.square()).sqrt()
        half = self.config.precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half):
            predicted = self.network(x_t, times)
        # Weighted so that the network's raw output has a unit-variance target at every level
        # (EDM, equation 8). The logarithm of each patch's error, as in its PSNR, lets smooth
        # patches count as much as busy ones, whose errors are a hundred times larger.
        weight = (SIGMA_DATA**2 + sigma.square()) / SIGMA_DATA**2
        errors = (weight * (predicted.float() - noise).square()).mean(dim=(1, 2, 3))
        loss = (errors + SMALLEST_ERROR).log().mean()
        self.network.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_NORM)
        for optimiser in self.optimisers:
            optimiser.step()
        self._averaged(list(self.average.parameters()), list(self.network.parameters()), 0)
        return loss.detach()

    def on_device(self, example: Example) -> tuple[Tensor, Tensor, Tensor]:
        """Patches (B, 3, size, size) in [-1, 1], their times (B,), and noise of their shape."""
        patches, times, seed = example
        clean = patches.to(self.device, non_blocking=True).permute(0, 3, 1, 2).float() / 127.5 - 1
        clean = clean.contiguous(memory_format=torch.channels_last)
        self._generator.manual_seed(seed)
        noise = torch.randn(clean.shape, generator=self._generator, device=self.device)
        noise = noise.contiguous(memory_format=torch.channels_last)
        return clean, times.to(self.device, non_blocking=True), noise

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights, in half precision as they are shipped."""
        state = self.average.state_dict()
        return {name: value.cpu().half().contiguous() for name, value in state.items()}

    def scores(self, pictures: Mapping[str, Tensor]) -> dict[str, str]:
        """Mean PSNR in dB of the averaged network's one-step denoising, by noise level.

        Args:
            pictures: name -> (3, H, W) in [0, 1].
        """
        average = copy.deepcopy(self.average)  # a prior freezes the network that it takes
        prior = NetworkPrior(average, Schedule.linear(), device=self.device, dtype=torch.float32)
        by_level = means(score_prior(prior, pictures))["prior"]
        return {f"psnr_{level:g}": f"{value:.3f}" for level, value in by_level.items()}

    def state(self) -> dict[str, Any]:
        """What :meth:`load_state` needs to go on from here."""
        return {
            "config": asdict(self.config),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "steps_done": self.steps_done,
            "seconds": self.seconds,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state; only the length and the pace of the run may have changed."""
        free = {"steps", "cooldown", "log_every", "save_every"}
        for key, value in asdict(self.config).items():
            saved = state["config"].get(key)  # None: the run is older than the key
            if key == "photographs" and not (saved or value):
                continue  # older than the key, and without any
            if key not in free and saved != value:
                raise ValueError(
                    f"the saved run has {key} = {saved!r}, the configuration "
                    f"{value!r}: train in another folder, or change only {', '.join(sorted(free))}"
                )
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.steps_done, self.seconds = state["steps_done"], state["seconds"]


def train(
    config: TrainingConfig,
    folder: Path,
    *,
    name: str,
    device: str = "cpu",
    photographs: Path = Path("/"),
    workers: int = 0,
) -> Iterator[tuple[int, float]]:
    """Train, or go on training, in ``folder``; yields (steps done, mean loss) at every log line.

    Args:
        folder: receives the log, the state and the weights; made if missing.
        name: the weights are saved as ``<name>.safetensors``.
        photographs: folder with the packages that the recipe names.
        workers: processes that draw the leaves and cut the patches; with 0 this one does. What they
            cut does not depend on their number.

    Raises:
        ValueError: the folder holds a run of another recipe.
        UserError: photographs of the recipe are missing, or are others.
    """
    taken = read_photographs(config.photographs, photographs)
    squares = validation_squares(taken)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = training_pictures(
        taken.trained_on,
        leaves=config.leaves,
        size=config.leaf_size,
        leaf_share=config.leaf_share,
        seed=config.seed,
        smallest=max(config.patch_size, config.cooldown_patch_size),
        workers=workers,
    )
    run = TrainingRun(config, device)
    state_file, log_file = folder / "state.pt", folder / "log.csv"
    if state_file.exists():
        run.load_state(torch.load(state_file, map_location=device, weights_only=True))
    validation_file = folder / "validation.csv"
    for file in (log_file, validation_file):
        _drop_log_after(file, run.steps_done)
    left = range(run.steps_done, config.steps)
    examples = in_order(Examples(config, pictures), left, workers, pinned=run.device.type == "cuda")
    losses: list[Tensor] = []
    started, earlier = time.monotonic(), run.seconds
    for example in examples:
        losses.append(run.step(example))
        last = run.steps_done == config.steps
        if run.steps_done % config.log_every == 0 or last:
            mean = float(torch.stack(losses).mean())
            run.seconds = earlier + time.monotonic() - started
            _append_log(log_file, run, mean)
            losses.clear()
            yield run.steps_done, mean
        if run.steps_done % config.save_every == 0 or last:
            write_tensors(run.weights(), folder / f"{name}.safetensors")
            if squares:
                _append(validation_file, {"step": run.steps_done} | run.scores(squares))
            run.seconds = earlier + time.monotonic() - started
            with replacing(state_file) as path:
                torch.save(run.state(), path)


def _optimisers(network: ResidualUNet, config: TrainingConfig) -> list[torch.optim.Optimizer]:
    """Adam for everything, or Muon for the convolutions between the first and the last."""
    rest = dict(network.named_parameters())
    kernels = []
    if config.kernel_learning_rate:
        inner = [
            name
            for name, value in rest.items()
            if value.ndim == 4 and not name.startswith(("stem", "head"))
        ]
        kernels = [rest.pop(name) for name in inner]
    on_gpu = network.sigmas.is_cuda
    # Rates are tensors, which a recorded step reads anew each time.
    rate, kernel_rate = (
        torch.tensor(value, device=network.sigmas.device)
        for value in (config.learning_rate, config.kernel_learning_rate)
    )
    adam = torch.optim.Adam(rest.values(), rate, betas=(0.9, 0.99), capturable=on_gpu)
    optimisers: list[torch.optim.Optimizer] = [adam]
    if kernels:
        optimisers.append(Muon(kernels, kernel_rate))
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["initial_lr"] = float(group["lr"])
    return optimisers


def _append_log(log_file: Path, run: TrainingRun, loss: float) -> None:
    rate = run.config.learning_rate * run.pace(run.steps_done - 1)
    line = {"step": run.steps_done, "loss": f"{loss:.6f}", "learning_rate": f"{rate:.3g}"}
    _append(log_file, line | {"seconds": f"{run.seconds:.1f}"})


def _append(file: Path, line: Mapping[str, Any]) -> None:
    new = not file.exists()
    with file.open("a", newline="") as stream:
        writer = csv.DictWriter(stream, list(line))
        if new:
            writer.writeheader()
        writer.writerow(line)


def _drop_log_after(log_file: Path, step: int) -> None:
    """Forget the lines that a resumed run will write again."""
    if not log_file.exists():
        return
    with log_file.open(newline="") as stream:
        header, *lines = list(csv.reader(stream))
    with replacing(log_file) as path, path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *(row for row in lines if int(row[0]) <= step)])
