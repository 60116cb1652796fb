"""Stages of studies of pictures that are drawn from a prior, of which the best scores are known."""
