"""Figures of what somebody chooses of a study that is there: methods, cells, metrics, pictures."""
