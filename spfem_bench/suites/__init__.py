"""Suites: pinned lists of metrics, and where their extractors come from."""
