"""Wrappers of published models: a manifest each, and a bridge that runs inside the model's own environment.

Nothing here is imported by the harness: ``NAME/manifest.yaml`` is read, ``NAME/bridge.py`` is run by the
interpreter of the foreign environment with this folder on its path, so that it finds `bridging`. The models'
code and weights are not part of this project.
"""
