"""Checkpoints: found, fetched, read whatever they are, converted."""
