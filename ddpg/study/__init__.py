"""What is asked for: configuration, sheet, selections. Nothing here imports torch."""
