"""Priors whose posteriors are closed forms: stationary Gaussians and mixtures of them."""
