"""The page of a study: its gallery, tables and figures in one file."""

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
"""What pages are made of; that of restored pictures too, which does without pandas."""
