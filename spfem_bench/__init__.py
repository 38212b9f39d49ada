"""The harness: what to compare, run, store, judge and show."""

__version__ = "0.1.0"
