"""The page of a study: its gallery, tables and figures in one file."""
