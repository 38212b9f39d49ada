"""Protocols: versioned rules that turn a dataset into trials."""
