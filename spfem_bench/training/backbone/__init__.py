"""Training of the backbone: recipes, material, the loop, and its sheets of samples."""
