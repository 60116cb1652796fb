"""What the tests of priors share."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _float32_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact answers are those of float32, whatever the machine of the tests prefers."""
    monkeypatch.setattr("ddpg.priors.loading.best_precision", lambda _device: torch.float32)
