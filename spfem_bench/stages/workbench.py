"""Everything a worker needs to do trials: rebuilt from a `RunSpec` once per process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from spfem_bench.adapters import System, load_systems
from spfem_bench.datasets import ClipRecord, Dataset, dataset_digest, load_dataset
from spfem_bench.digest import digest_of, digest_sources
from spfem_bench.protocols import Plan, make_plan
from spfem_bench.stages.library import Library
from spfem_bench.stages.rows import REAL
from spfem_bench.stages.spec import RunSpec
from spfem_bench.store.objects import FreshStore, ObjectStore
from spfem_bench.suites import BuiltSuite, Suite, build_suite, load_suite, with_smaller_chunks
from spfem_bench.versions import libraries, package_code
from spfem_metrics import Side

_GIVEN: tuple[Side, ...] = ("source", "truth", "reference")
"""The sides of a trial on which clips of the dataset stand."""


@dataclass(frozen=True)
class Workbench:
    """A run's objects.

    Args:
        spec: what was asked.
        dataset: indexed.
        plan: trials and real entries.
        systems: models, then bounds.
        suite: the pinned file's content.
        store: the cache.
        library: the dataset's clips, by digest.
    """

    spec: RunSpec
    dataset: Dataset
    plan: Plan
    systems: Sequence[System]
    suite: Suite
    store: ObjectStore
    library: Library

    @cached_property
    def built(self) -> BuiltSuite:
        """The suite's extractors and metrics; locating weights happens here."""
        return build_suite(self.suite, self.spec.device, self.spec.metrics)

    @cached_property
    def definitions(self) -> dict[str, str]:
        """Extractor name -> definition."""
        return self.built.definitions()

    @cached_property
    def device_label(self) -> str:
        """The accelerator's model: another one moves low bits; empty for the CPU."""
        if self.spec.device == "cpu":
            return ""
        from spfem_bench.device import resolve_device

        return resolve_device(self.spec.device).label

    @cached_property
    def lines(self) -> dict[str, str]:
        """Metric name -> its signature's line."""
        return {metric.info.name: self.built.signature(metric).line for metric in self.built.metrics}

    @cached_property
    def extractors_of(self) -> dict[str, list[str]]:
        """Dataset clip -> clip extractors, in the suite's order, that any of its parts in the plan wants.

        A clip that is a trial's source, another's true pair and a real entry is so read once for all of them,
        and a real entry is not read for what only outputs are scored by.
        """
        needs = [(need, metric.info.of_sets) for metric in self.built.metrics for need in metric.info.needs]
        wanted: dict[str, set[str]] = {
            side: {n.extractor for n, _ in needs if n.side == side} for side in _GIVEN
        }
        wanted[REAL] = {need.extractor for need, of_sets in needs if of_sets and need.side == "output"}
        parts: list[tuple[ClipRecord | None, str]] = [
            (getattr(trial, side), side) for trial in self.plan.trials for side in _GIVEN
        ]
        parts += [(entry.clip, REAL) for entry in self.plan.reals]
        names: dict[str, set[str]] = {}
        for clip, side in parts:
            if clip is not None:
                names.setdefault(clip.id, set()).update(wanted[side])
        return {clip: [n for n in self.built.extractors if n in own] for clip, own in names.items()}

    @cached_property
    def emotions(self) -> list[str]:
        """Target emotions of the plan, in the field's order."""
        from spfem_bench.datasets.records import EMOTIONS

        present = {trial.emotion for trial in self.plan.trials}
        return [e for e in EMOTIONS if e in present] + sorted(present - set(EMOTIONS))

    @cached_property
    def stamp(self) -> str:
        """Why the numbers are no result, or an empty text; a wrong kind of data is refused here.

        Raises:
            UsageError: the suite is not valid on this kind of data and ``force`` was not given.
        """
        kind = self.suite.refuse_kind(self.dataset.kind, force=self.spec.force)
        return "; ".join(filter(None, [kind, self._random_weights()]))

    def frozen(self) -> dict[str, Any]:
        """The specification a bundle keeps: everything that can move a number, no path, no time."""
        return {
            "schema": "spfem-bench/spec@1",
            "asked": self.spec.asked(),
            "dataset": {
                "name": self.dataset.name,
                "kind": self.dataset.kind,
                "digest": dataset_digest(self.dataset),
                "licence": self.dataset.licence,
            },
            "protocol": {"name": self.plan.protocol, "digest": digest_of(dict(self.plan.spec))},
            "suite": {"name": self.suite.name, "weights": self._weights()},
            "systems": [_frozen(system) for system in self.systems],
            "signatures": dict(self.lines),
            "code": {
                "generating": generating_code(),
                "extraction": extraction_code(),
                "metrics": metrics_code(),
                "plug-ins": dict(sorted(self.built.code.items())),
            },
            "libraries": libraries(),
        }

    def _random_weights(self) -> str:
        from spfem_bench.weights import entry, standing, where

        here = {name: path for name in self.suite.weight_names if (path := where(entry(name))) is not None}
        random = [name for name, path in here.items() if standing(entry(name), path) == "random"]
        return f"NOT A RESULT: weights: random ({', '.join(random)})" if random else ""

    def _weights(self) -> dict[str, str]:
        from spfem_bench.weights import digest, locate

        return {name: digest(locate(name)) for name in self.suite.weight_names}


@cache
def generating_code() -> str:
    """Version of the code that decodes, stores and times clips: outputs and contents are keyed by it."""
    return package_code("clips", "stages/generate.py", "stages/align.py", "adapters/check.py")


@cache
def metrics_code() -> str:
    """Version of all measuring code: cached rows are keyed by it."""
    return digest_sources(_metrics_root())


@cache
def extraction_code() -> str:
    """Version of the code that turns clips into features: everything measured but the metrics themselves."""
    root = _metrics_root()
    apart = {"metrics", "functional", "admission", "outcome.py", "signature.py", "metric.py", "__init__.py"}
    return digest_sources(*sorted(path for path in root.iterdir() if _is_code(path, apart)))


def _frozen(system: System) -> dict[str, Any]:
    """A system as the specification has it; with the document behind its identity, where it has one."""
    adapter = system.adapter
    plain = {"name": system.name, "role": system.role, "identity": adapter.identity, "code": system.code}
    document = getattr(adapter, "document", None)
    return plain if document is None else {**plain, "document": document}


def _is_code(path: Path, apart: set[str]) -> bool:
    return path.name not in apart and (path.is_dir() or path.suffix == ".py") and path.name != "__pycache__"


def _metrics_root() -> Path:
    import spfem_metrics

    return Path(spfem_metrics.__file__).parent


@cache
def open_workbench(spec: RunSpec, fresh: bool = False) -> Workbench:
    """Index, plan and load everything a run needs; cached, so that a pool's worker does it once.

    Args:
        spec: what to do.
        fresh: see nothing of what earlier runs stored.

    Raises:
        BenchError: whatever is wrong with the dataset, protocol, suite or adapters.
    """
    dataset = load_dataset(spec.dataset, dict(spec.fields) if spec.fields else None)
    suite = with_smaller_chunks(load_suite(spec.suite), spec.halvings)
    plan = make_plan(dataset, spec.protocol, limit=spec.limit)
    systems = load_systems(spec.adapters, bounds=spec.bounds)
    store = FreshStore(spec.cache) if fresh else ObjectStore(spec.cache)
    return Workbench(spec, dataset, plan, systems, suite, store, Library(dataset, store))
