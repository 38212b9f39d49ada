"""Weights: where networks come from, verified before first use.

>>> from spfem_bench.weights import locate
>>> locate("mobilefacenet")  # doctest: +SKIP
PosixPath('/home/me/.cache/spfem-bench/weights/90a00ba1d8b0b688/mobilefacenet.pt')
"""

from spfem_bench.weights.download import Policy, fetch
from spfem_bench.weights.entries import Entry, LicenceClass, Source, WeightFormat, entry, registry
from spfem_bench.weights.random import write_random
from spfem_bench.weights.store import (
    Standing,
    digest,
    locate,
    recorded_digest,
    standing,
    verified,
    verify,
    where,
)

__all__ = [
    "Entry",
    "LicenceClass",
    "Policy",
    "Source",
    "Standing",
    "WeightFormat",
    "digest",
    "entry",
    "fetch",
    "locate",
    "recorded_digest",
    "registry",
    "standing",
    "verified",
    "verify",
    "where",
    "write_random",
]
