"""The page's parts: structure, looks and behaviour."""
