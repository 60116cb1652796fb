"""Methods that descend on an objective with an optimiser, image by image."""
