"""Judging: what may be said of two stored runs, and how sure it is."""
