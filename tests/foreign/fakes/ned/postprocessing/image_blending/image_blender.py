"""Stands for the blender."""
