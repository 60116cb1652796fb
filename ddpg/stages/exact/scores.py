"""Fourth stage, of pictures that are drawn from a prior: the best scores that any method can have.

They are expectations over all truths that an observation leaves possible, given the observation: of
the error of the posterior's mean and of a draw from it, and of the CRPS of the posterior.
"""

from __future__ import annotations

import logging
import math

import torch

from ddpg.files.long_table import write_long_table
from ddpg.files.tensors import read_ids, read_tensors
from ddpg.jobs.evaluation import BestScores
from ddpg.samplers.algorithms.exact.posterior import conditioned
from ddpg.samplers.catalogue import NOISY_SCALE
from ddpg.stages.degrading import Model, read_belongings
from ddpg.stages.exact.drawing import drawn_prior
from ddpg.study.sizes.sides import given_sides

log = logging.getLogger(__name__)

MEASURES = ("best_psnr", "best_psnr_sample", "best_crps", "best_spread")


def best_scores(job: BestScores) -> None:
    """Write the best scores of every observation of a shard.

    They are :data:`MEASURES`: PSNR of the mean squared errors of the posterior's mean and of a
    draw, its CRPS, and the root of the mean variance.

    Raises:
        UserError: the closed form of the operator is dense, and the pictures are too large.
    """
    images = job.images or tuple(read_ids(job.observations))
    y = torch.stack(list(read_tensors(job.observations, images).values()))
    belongings = read_belongings(job.observations, images, job.task)
    operator = Model.of(job).operator(given_sides(job.image_size), belongings)
    posteriors = conditioned(drawn_prior(job.prior), operator, NOISY_SCALE * job.sigma_y, y)
    # From [-1, 1] to [0, 1]: half the distances, a quarter of the squares.
    variances = torch.cat([each.variance for each in posteriors]).flatten(1).mean(1) / 4
    scores = torch.cat([each.crps for each in posteriors]).flatten(1).mean(1) / 2
    rows: list[dict[str, object]] = []
    for image, variance, crps in zip(images, variances.tolist(), scores.tolist(), strict=True):
        values = {
            "best_psnr": -10 * math.log10(variance),
            "best_psnr_sample": -10 * math.log10(2 * variance),
            "best_crps": crps,
            "best_spread": math.sqrt(variance),
        }
        rows += [
            {**job.columns, "image": image, "metric": name, "value": f"{value:.8g}", "note": ""}
            for name, value in values.items()
        ]
    write_long_table(job.output, rows)
    log.info("%s: best scores of %d observations", job.output, len(images))
