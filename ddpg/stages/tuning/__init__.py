"""Hyper-parameters chosen by protocol, on pictures of no study: docs/tuning.md."""
