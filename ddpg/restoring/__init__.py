"""Restoring pictures that nobody degraded on purpose: files or arrays in, restored ones out."""
