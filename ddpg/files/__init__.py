"""Files of this package's own: written whole or not at all, locked, checked, read again."""
