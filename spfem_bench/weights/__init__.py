"""Weights: where networks come from, verified before first use."""
