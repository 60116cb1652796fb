"""What the measurements say: means, intervals, pairs, ranks."""
