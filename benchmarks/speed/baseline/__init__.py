"""How diffusion restoration is usually run, to compare with: nothing here is part of the package.

One image at a time, float32, eager, contiguous layout, attention as two matrix products, the kernel
transformed again at each use, a loop over colour channels, every step copied to the CPU.
"""
