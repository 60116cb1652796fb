"""What each job of a study takes and depends on. Nothing here imports torch."""
