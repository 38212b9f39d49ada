"""Protocols: versioned rules that turn a dataset into trials."""

from spfem_bench.protocols.plan import Plan, RealEntry, Trial
from spfem_bench.protocols.planner import make_plan
from spfem_bench.protocols.spec import ProtocolSpec, load_protocol

__all__ = ["Plan", "ProtocolSpec", "RealEntry", "Trial", "load_protocol", "make_plan"]
