"""Operators without a spectrum: blurs with real borders, masks behind them, compositions."""
