"""Restorations with what a method is told instead of what was observed."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from ddpg.stages.degrading import Belongings

pytestmark = pytest.mark.usefixtures("prior")


@pytest.mark.slow
def test_a_method_that_is_told_another_noise_level_reckons_with_it(restoring, job):
    true, _ = restoring(job, folder="true")
    told, _ = restoring(dataclasses.replace(job, assumed_sigma_y=0.2), folder="told")
    other, _ = restoring(dataclasses.replace(job, sigma_y=0.2), folder="other")
    name = job.images[0]
    assert torch.equal(told[name], other[name])
    assert not torch.equal(told[name], true[name])
    same, _ = restoring(dataclasses.replace(job, assumed_sigma_y=job.sigma_y), folder="same")
    assert torch.equal(same[name], true[name])


@pytest.mark.slow
def test_a_method_that_is_told_another_kernel_restores_with_it(restoring, observing, job, tmp_path):
    def observed(kernel, name):
        return observing(
            tmp_path / f"{name}.safetensors", task="blur", backend="circular", card="lens",
            belongings=Belongings(kernel, kernel_side=7),
        )  # fmt: skip

    lens = dataclasses.replace(job, task="blur", operator="circular", card="lens")
    sharp, soft = observed("disk:1", "sharp"), observed("disk:3", "soft")
    told = dataclasses.replace(lens, assumed_kernel="disk:1")
    wrong, _ = restoring(told, folder="wrong", input=soft)
    right, _ = restoring(lens, folder="right", input=soft)
    name = job.images[0]
    assert not torch.equal(wrong[name], right[name])
    # Told the kernel that was there, it does what it does without being told.
    again, _ = restoring(told, folder="again", input=sharp)
    plain, _ = restoring(lens, folder="plain", input=sharp)
    assert torch.equal(again[name], plain[name])
