"""Suites: pinned lists of metrics, and where their extractors come from."""

from spfem_bench.suites.chunks import with_smaller_chunks
from spfem_bench.suites.load import BuiltSuite, Part, Suite, build_suite, load_suite

__all__ = ["BuiltSuite", "Part", "Suite", "build_suite", "load_suite", "with_smaller_chunks"]
