"""The JSON schemas of the files that users write, made from the models: config/schemas."""

from __future__ import annotations

from typing import Any

from ddpg.datasets.cards import DatasetCard
from ddpg.study.config import StudyConfig


def json_schemas() -> dict[str, dict[str, Any]]:
    """Every schema by its file name."""
    return {
        "config.schema.yaml": StudyConfig.model_json_schema(),
        "dataset.schema.yaml": DatasetCard.model_json_schema(),
    }
