"""Datasets: indexed without decoding, verified on request."""
