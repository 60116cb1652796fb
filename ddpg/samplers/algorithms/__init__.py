"""The methods, one paper a file. Their names and settings: :mod:`ddpg.samplers.catalogue`."""
