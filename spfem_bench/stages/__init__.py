"""The four stages: generate, measure, reduce, render."""
