"""Methods that alternate between the data and the prior, each solved as a problem of its own."""
