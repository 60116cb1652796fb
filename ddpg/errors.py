"""The errors that are meant for people: bad input, told in a line or two."""

from __future__ import annotations


class UserError(ValueError):
    """Something outside the program is wrong; the message names it and what is allowed."""
