"""A simple rendered talking head with true pairs, for the offline demo."""
