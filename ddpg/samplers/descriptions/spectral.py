"""DDRM, DDNM and DDNM+: what y says, in each singular direction."""

from __future__ import annotations

from ddpg.samplers.descriptions.levels import levels_here
from ddpg.samplers.descriptions.method import REG, STEPS, Method, steps
from ddpg.samplers.hyper_parameters import HyperParameter, Range
from ddpg.samplers.settings import Setting

_DDNM = (
    Setting("Wang, Yu & Zhang, ICLR 2023"),
    *levels_here(
        ("sr_bicubic",),
        {0.01: {"reg": 0.0016}, 0.05: {"reg": 0.04}, 0.1: {"reg": 0.16}},
    ),
    Setting("Wang, Yu & Zhang, ICLR 2023", {}, ("inpainting", "denoising")),
)

_ETA = HyperParameter("eta", 0.85, "share of fresh noise among the noise put back", 0, 1)

METHODS = (
    Method(
        "ddrm",
        "DDRM",
        "ddpg.samplers.algorithms.ddrm:DDRM",
        "a variational posterior for each singular direction",
        "Kawar, Elad, Ermon & Song, NeurIPS 2022, section 3",
        (
            steps(20),
            HyperParameter("eta", 0.85, "share of fresh noise where y says little", 0, 1),
            HyperParameter("etaB", 1.0, "weight of y where it says more than x_t", 0, 1),
        ),
        evaluations=20,
        settings=(Setting("Kawar et al., NeurIPS 2022"),),
        search=(
            Range("eta", 0, 1),
            Range("etaB", 0, 1),
        ),
        colour="#009e73",
        marker="^",
    ),
    Method(
        "ddnm",
        "DDNM",
        "ddpg.samplers.algorithms.ddnm:DDNM",
        "range part from y, null-space part from the network; made for noiseless y",
        "Wang, Yu & Zhang, ICLR 2023, algorithm 1",
        (
            steps(100, description="N, the number of times; time travel evaluates more often"),
            _ETA,
            REG,
            HyperParameter("travel_length", 1, "L, how far time travel goes back", 1, 1000),
            HyperParameter("travel_repeat", 1, "r, how often a stretch is walked; 1: once", 1, 100),
        ),
        evaluations=100,
        needs="resolvent",
        settings=_DDNM,
        search=(
            Range("eta", 0, 1),
            Range("reg", 1e-4, 1, log=True),
        ),
        colour="#ad7397",
        marker="D",
    ),
    Method(
        "ddnm_plus",
        "DDNM+",
        "ddpg.samplers.algorithms.ddnm_plus:DDNMPlus",
        "DDNM for noisy y: correction and noise scaled in each singular direction",
        "Wang, Yu & Zhang, ICLR 2023, section 3.3 and algorithm 2",
        (STEPS, _ETA),
        evaluations=100,
        settings=(Setting("Wang, Yu & Zhang, ICLR 2023"),),
        search=(Range("eta", 0, 1),),
        colour="#7d4c66",
        marker="d",
    ),
)
