"""What is no method of this package: restorations that another program has made.

A row of a sheet may name it beside the methods. It has no sampler, calls no prior and takes no
hyper-parameters; what was restored lies in a folder that the row names.
"""

from __future__ import annotations

from ddpg.samplers.descriptions.method import Method

GIVEN = Method(
    "given",
    "Given",
    "",
    "restorations that another program has made, from a folder",
    "docs/elsewhere.md",
    needs="adjoint",
    colour="#624dd9",
    marker="$\\oplus$",
    dashes=(3, 1, 1, 1),
)
