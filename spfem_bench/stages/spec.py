"""The frozen specification of a run, and the one plain form of it that a bundle keeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class RunSpec:
    """What a run was asked to do; picklable, so that any worker can rebuild everything from it.

    Args:
        dataset: ``mead:/path``, ``folder:/path``, ... as `load_dataset` takes it.
        protocol: name or path.
        suite: name or path.
        adapters: as `load_system` takes them, without the bounds.
        fields: renamed manifest fields of a ``folder`` dataset, e.g. ``(("emotion", "expression_seen"),)``.
        metrics: names to keep, all of the suite when empty.
        limit: at most so many trials, None for all.
        seed: from which every trial's own seed is derived.
        device: resolved, ``cpu`` or ``cuda:n``.
        threads: of torch in one worker; pinned, because sums over threads differ in their low bits.
        halvings: how often the networks' chunks were halved to fit into memory.
        bounds: whether the bounds are run beside the models.
        force: score data the suite is not valid on, and stamp the table.
        cache: folder of the object store.
    """

    dataset: str
    protocol: str
    suite: str
    adapters: tuple[str, ...]
    cache: Path
    fields: tuple[tuple[str, str], ...] = ()
    metrics: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = 0
    device: str = "cpu"
    threads: int = 2
    halvings: int = 0
    bounds: bool = True
    force: bool = False

    def asked(self) -> dict[str, Any]:
        """What of it belongs in a bundle: no paths of this machine."""
        return {
            "metrics": list(self.metrics),
            "limit": self.limit,
            "seed": self.seed,
            "device": self.device,
            "threads": self.threads,
            "halvings": self.halvings,
            "bounds": self.bounds,
            "force": self.force,
        }
