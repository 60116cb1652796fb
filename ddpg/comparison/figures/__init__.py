"""Figures of a study, one file each: a step that makes the data, a step that draws."""
