"""The package's methods, one family a file; torch-free. All of them: ddpg.samplers.catalogue."""
