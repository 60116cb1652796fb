"""People's pictures, kernels and masks: as they lie in files, or as a few words ask for them."""
