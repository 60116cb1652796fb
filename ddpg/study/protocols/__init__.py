"""Named protocols: how a paper's figures were made, as a study that can be run."""
