"""Restorations that another program has made: looked at, and taken."""
