"""Tight frames: operators with ``A A^T = c I``, whose spectral coordinates are y itself."""
