"""Sizes of pictures: how a study says them, and what degradations ask of them."""
