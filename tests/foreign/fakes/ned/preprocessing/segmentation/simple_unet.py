"""Stands for the segmentation network."""
