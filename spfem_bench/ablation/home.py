"""Where an ablation keeps what, and what a single training of it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spfem_bench.errors import IntegrityError
from spfem_bench.fsio import write_atomically

RESULT = "ablation.json"
ROWS = "rows"


@dataclass(frozen=True)
class Run:
    """One fine-tuning: a variant at a share under a seed; None as share where it has no supervision."""

    seed: int
    variant: str
    share: float | None = None

    @property
    def name(self) -> str:
        """For people and folders."""
        return f"{self.variant}/{'alone' if self.share is None else f'share-{self.share:g}'}"


@dataclass(frozen=True)
class Home:
    """The folders of an ablation.

    Args:
        out: of the run.
        work: of rendered material and pre-trained states, shared with ``spfem-bench train``.
        smoke: keep states of a tiny version apart from real ones.
    """

    out: Path
    work: Path
    smoke: bool = False

    @property
    def states(self) -> Path:
        """Pre-trained supervisions."""
        return (self.out if self.smoke else self.work) / "supervision"

    def warm(self, seed: int) -> Path:
        """The warm start of a seed."""
        return self.out / "warm" / f"seed-{seed}"

    def tuned(self, run: Run) -> Path:
        """A fine-tuned checkpoint."""
        return self.out / "tuned" / f"seed-{run.seed}" / run.name

    @property
    def clips(self) -> Path:
        """The rendered test people."""
        return self.out / "clips"

    @property
    def kept(self) -> Path:
        """What a table is rendered from: bundles of rows, and the result beside them."""
        return self.out / ROWS

    def bundle(self, seed: int) -> Path:
        """The rows of a training seed."""
        return bundle_of(self.kept, seed)

    def bundle_at(self, share: float) -> Path:
        """The rows of the first training seed with every supervision at a share."""
        return bundle_at(self.kept, share)

    @property
    def strips(self) -> Path:
        """Pictures."""
        return self.out / "strips"


def bundle_of(kept: Path, seed: int) -> Path:
    """The bundle of a training seed inside the folder that a table is rendered from."""
    return kept / f"seed-{seed}"


def bundle_at(kept: Path, share: float) -> Path:
    """The bundle of the first training seed at a share, inside the folder that a table is rendered from."""
    return kept / f"share-{share:g}"


def write_plain(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON for people and programs: sorted, numbers in full.

    Raises:
        StorageError: it cannot be written.
    """
    write_atomically(
        path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    )


def read_plain(path: Path, key: str | None = None) -> dict[str, Any] | None:
    """What `write_plain` wrote; None where it is not there or, with a key, was made of something else.

    Raises:
        IntegrityError: it is no JSON object.
    """
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise IntegrityError(f"{path} is not JSON ({error}): delete it and run again") from error
    if not isinstance(found, dict):
        raise IntegrityError(f"{path} holds no JSON object: delete it and run again")
    return found if key is None or found.get("key") == key else None
