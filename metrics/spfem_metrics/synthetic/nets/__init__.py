"""Architectures of the networks that judge rendered clips, and how their files are found and read."""
