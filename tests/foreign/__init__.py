"""Wrapped models, each tried on a stand-in of its upstream in a foreign environment."""
