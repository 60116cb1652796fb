"""Pictures, kernels and masks that people bring: files, folders and words, read and checked.

The names are imported on first use: planning a study without degradation cards needs no NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from ddpg.pictures.belongings import all_files, contents_of, file_of, is_by_words, size_of
    from ddpg.pictures.drawn_masks import draw_mask, is_drawn_at_random, is_mask_word
    from ddpg.pictures.kernels import (
        check_motion,
        draw_kernel,
        drawn_side,
        is_drawn_for_each,
        is_word,
        read_kernel,
    )

__all__ = [
    "all_files",
    "check_motion",
    "contents_of",
    "draw_kernel",
    "draw_mask",
    "drawn_side",
    "file_of",
    "is_by_words",
    "is_drawn_at_random",
    "is_drawn_for_each",
    "is_mask_word",
    "is_word",
    "read_kernel",
    "size_of",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "belongings": ["all_files", "contents_of", "file_of", "is_by_words", "size_of"],
        "drawn_masks": ["draw_mask", "is_drawn_at_random", "is_mask_word"],
        "kernels": [
            "check_motion",
            "draw_kernel",
            "drawn_side",
            "is_drawn_for_each",
            "is_word",
            "read_kernel",
        ],
    },
)
