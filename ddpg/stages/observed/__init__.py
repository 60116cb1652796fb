"""Observations as pictures, beside which restorations are measured."""
