"""How cameras and files change what is observed, beyond white noise."""
