"""A bundle as `reproduce` needs it: its scores, their definitions, and what was measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from spfem_bench.clips import read_meta
from spfem_bench.errors import IntegrityError
from spfem_bench.reported.tables import Reported
from spfem_bench.stages.render import leaderboard_of
from spfem_bench.store.bundle import read_json
from spfem_bench.tables.model import Column
from spfem_metrics import Score


@dataclass(frozen=True)
class Measured:
    """What a bundle says.

    Args:
        name: of its folder.
        columns: its metrics.
        scores: system -> metric -> emotion -> score.
        emotions: in order.
        dataset: name of the data set.
        protocol: name and version.
        limit: at most so many trials were run, None for all.
        rates: frames per second of its outputs, empty where it holds none.
        stamps: why its numbers are no results.
    """

    name: str
    columns: Sequence[Column]
    scores: Mapping[str, Mapping[str, Mapping[str, Score]]]
    emotions: Sequence[str]
    dataset: str
    protocol: str
    limit: int | None = None
    rates: Sequence[Fraction] = ()
    stamps: Sequence[str] = ()

    def differs_from(self, table: Reported) -> list[str]:
        """What of the test is another one than the table's, so that no number of it compares."""
        missing = [emotion for emotion in table.emotions if emotion not in self.emotions]
        odd = sorted({rate for rate in self.rates if rate != table.fps})
        found = {
            f"data: {table.dataset} was published, {self.dataset} was measured": self.dataset
            != table.dataset,
            f"protocol: {table.protocol} stands for the published test, {self.protocol} was run": (
                self.protocol != table.protocol
            ),
            f"emotions: {', '.join(missing)} were not measured": bool(missing),
            f"trials: no more than {self.limit} were run": self.limit is not None,
            f"fps: {table.fps} was published, outputs have {', '.join(map(str, odd))}": bool(odd),
        }
        return [*(what for what, holds in found.items() if holds), *self.stamps]


def read_measured(bundle: Path) -> Measured:
    """Read a finished bundle, without its suite or its networks.

    Raises:
        UsageError: the folder is no finished bundle.
        IntegrityError: one of its files is damaged.
    """
    board, spec = leaderboard_of(bundle), read_json(bundle / "spec.json")
    try:
        dataset, protocol, limit = spec["dataset"]["name"], spec["protocol"]["name"], spec["asked"]["limit"]
    except (LookupError, TypeError) as error:
        raise IntegrityError(f"{bundle / 'spec.json'} is damaged ({error!r}): restore it") from error
    return Measured(
        name=bundle.resolve().name,
        columns=board.columns,
        scores={system.name: system.scores for system in board.systems},
        emotions=board.emotions,
        dataset=dataset,
        protocol=protocol,
        limit=limit,
        rates=_rates(bundle),
        stamps=[line for line in board.footer if "NOT A RESULT" in line or "not a result" in line],
    )


def _rates(bundle: Path) -> list[Fraction]:
    found = (read_meta(video) for video in sorted(bundle.glob("outputs/*/*.mkv")))
    return sorted({meta.fps for meta in found if meta is not None})
