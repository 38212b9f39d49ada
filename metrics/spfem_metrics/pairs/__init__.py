"""Pair extractors: two clips read in lockstep."""
