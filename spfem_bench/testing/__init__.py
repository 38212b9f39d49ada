"""A kit for people who add adapters, metrics and datasets."""
