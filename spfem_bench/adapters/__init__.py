"""Adapters: whatever turns a trial into a clip, checked at the door."""

from spfem_bench.adapters.check import OutputError, checked_frames, checked_map, checked_space
from spfem_bench.adapters.load import BOUNDS, BUILTIN, System, load_system, load_systems

__all__ = [
    "BOUNDS",
    "BUILTIN",
    "OutputError",
    "System",
    "checked_frames",
    "checked_map",
    "checked_space",
    "load_system",
    "load_systems",
]
