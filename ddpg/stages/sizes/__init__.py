"""Sizes of pictures in the stages: compared with what is asked of them, grouped, cut to parts."""
