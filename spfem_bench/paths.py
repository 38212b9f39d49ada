"""Where things are kept on this machine: caches under XDG, folders named by the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "SPFEM_BENCH_CACHE_DIR": "folder of every cache; default spfem-bench in $XDG_CACHE_HOME or ~/.cache",
        "SPFEM_BENCH_WEIGHTS": "folders (separated as in PATH) searched for network files before the cache",
        "SPFEM_BENCH_BASELINES": "folder of foreign models' checkouts and environments; default "
        "spfem-bench/baselines in $XDG_DATA_HOME or ~/.local/share",
        "SPFEM_BENCH_KEEP_JOBS": "folder where the jobs of foreign models are kept, with inputs and logs",
        "SPFEM_BENCH_OFFLINE": "1: never open a network connection; what is missing is named instead",
        "SPFEM_BENCH_FIXTURES": "folder of real clips, for the tests marked `real`",
        "SPFEM_BENCH_REQUIRE_REAL": "1: tests that need real clips or weights fail where these are absent",
    }
)
"""Every environment variable this project reads, and what it does."""


def cache_dir() -> Path:
    """The folder of every cache; not created here."""
    own = os.environ.get("SPFEM_BENCH_CACHE_DIR")
    if own:
        return Path(own).expanduser()
    return _xdg_cache_home() / "spfem-bench"


def _xdg_cache_home() -> Path:
    return _xdg("XDG_CACHE_HOME", ".cache")


def _xdg(name: str, usual: str) -> Path:
    """A folder of the XDG specification, which says to ignore a variable that is not absolute."""
    named = Path(os.environ.get(name, ""))
    return named if named.is_absolute() else Path.home() / usual


def baselines_dir() -> Path:
    """Where foreign models are installed, a folder each; not created here."""
    own = os.environ.get("SPFEM_BENCH_BASELINES")
    if own:
        return Path(own).expanduser().absolute()
    return _xdg("XDG_DATA_HOME", ".local/share") / "spfem-bench" / "baselines"


def kept_jobs_dir() -> Path | None:
    """Where the jobs of foreign models are kept; None: they are removed."""
    own = os.environ.get("SPFEM_BENCH_KEEP_JOBS")
    return Path(own).expanduser().absolute() if own else None


def weights_cache() -> Path:
    """Where fetched network files are kept."""
    return cache_dir() / "weights"


def features_cache() -> Path:
    """Where extracted features are kept."""
    return cache_dir() / "features"


def extra_weights_dirs() -> tuple[Path, ...]:
    """The folders named by ``SPFEM_BENCH_WEIGHTS``, in order; none where it is unset."""
    value = os.environ.get("SPFEM_BENCH_WEIGHTS", "")
    return tuple(Path(part).expanduser() for part in value.split(os.pathsep) if part)


def is_offline() -> bool:
    """Whether ``SPFEM_BENCH_OFFLINE`` forbids network connections (any value but empty, 0, false, no)."""
    return os.environ.get("SPFEM_BENCH_OFFLINE", "").lower() not in {"", "0", "false", "no"}
