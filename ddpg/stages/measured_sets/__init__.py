"""Metrics of all restorations of an experiment together."""
