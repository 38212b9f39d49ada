"""Training of the small networks that ship with the packages, on rendered people only."""
