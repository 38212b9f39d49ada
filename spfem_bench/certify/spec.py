"""What a certification was asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spfem_bench.certify.claims import Claims

POPULATION = 4000
"""Seed of the rendered people who certify: nobody is trained on them."""


@dataclass(frozen=True)
class CertifySpec:
    """A certification; picklable, so that any worker can rebuild everything from it.

    Args:
        suite: name or path.
        claims: made beforehand; their kind says what is measured.
        dataset: real clips as `load_dataset` takes them; empty for rendered ones.
        fields: renamed manifest fields of a ``folder`` dataset.
        trials: at most so many.
        speakers: at most so many.
        seed: of what degradations draw, and of which clips are taken.
        seconds: of each clip.
        size: height and width of rendered frames; the longer side of real ones at most, in pixels.
        device: where networks run.
        threads: of torch in one process.
        cache: folder of the object store.
    """

    suite: str
    claims: Claims
    cache: Path
    dataset: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    trials: int = 24
    speakers: int = 12
    seed: int = 0
    seconds: float = 3.0
    size: int = 128
    device: str = "cpu"
    threads: int = 2

    def __hash__(self) -> int:
        return hash((self.suite, self.claims.digest, self.dataset, self.trials, self.speakers, self.seed))
