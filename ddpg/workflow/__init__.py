"""What is told of a study, and what Snakemake is told."""
