"""An example of a plug-in: it adds to the benchmark without touching it."""
