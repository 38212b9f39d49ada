"""What a run would do, found out without doing it: trials, what is already stored, what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spfem_bench.errors import BenchError, MissingWeightsError
from spfem_bench.stages.generate import stored
from spfem_bench.stages.spec import RunSpec
from spfem_bench.stages.workbench import Workbench, open_workbench


@dataclass(frozen=True)
class Preview:
    """A run before it is run.

    Args:
        protocol: name and version.
        trials: ids, in order.
        reals: number of real clips for set metrics.
        stored: system -> outputs already in the cache.
        missing_weights: sentences, each with the command that mends it.
        signatures: metric -> definition; empty where weights are missing.
        notes: the protocol's footer and a stamp where the suite is not valid on the data.
    """

    protocol: str
    trials: tuple[str, ...]
    reals: int
    stored: dict[str, int]
    missing_weights: tuple[str, ...]
    signatures: dict[str, str]
    notes: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "protocol": self.protocol,
            "trials": list(self.trials),
            "reals": self.reals,
            "stored": self.stored,
            "missing_weights": list(self.missing_weights),
            "signatures": self.signatures,
            "notes": list(self.notes),
        }


def preview(spec: RunSpec) -> Preview:
    """Plan a run.

    Raises:
        BenchError: the dataset, protocol, suite or an adapter is wrong.
    """
    bench = open_workbench(spec)
    missing = _missing_weights(bench)
    return Preview(
        protocol=bench.plan.protocol,
        trials=tuple(trial.id for trial in bench.plan.trials),
        reals=len(bench.plan.reals),
        stored={s.name: sum(stored(bench, s, t) for t in bench.plan.trials) for s in bench.systems},
        missing_weights=missing,
        signatures={} if missing else bench.lines,
        notes=(*_refusal(bench), *bench.plan.footer),
    )


def _missing_weights(bench: Workbench) -> tuple[str, ...]:
    from spfem_bench.weights import locate

    sentences = []
    for name in bench.suite.weight_names:
        try:
            locate(name)
        except MissingWeightsError as error:
            sentences.append(str(error))
    return tuple(sentences)


def _refusal(bench: Workbench) -> tuple[str, ...]:
    try:
        return (bench.stamp,) if bench.stamp else ()
    except BenchError as error:
        return (f"would be refused: {error}",)
