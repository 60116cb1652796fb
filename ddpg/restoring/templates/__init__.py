"""The parts of the page that are its own; the rest is the study's."""
