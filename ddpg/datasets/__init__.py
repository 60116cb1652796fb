"""Data sets: cards, lists, selections of pictures, and the survey that checks a source."""
