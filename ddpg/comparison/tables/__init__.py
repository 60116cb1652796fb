"""Tables of a study, as Markdown, LaTeX, CSV and HTML."""
