"""From a suite's pinned file to its extractors and metrics.

    configs/suites/NAME.yaml -> Suite (data) -> BuiltSuite (objects)

Building locates weights and reads definitions; networks themselves are loaded when the first clip needs
them, so that a run whose features are all cached never does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spfem_bench.config import check_schema, load_yaml, near_miss
from spfem_bench.errors import ConfigError, IntegrityError, UsageError
from spfem_bench.registry import names as plugin_names
from spfem_bench.registry import resolve
from spfem_bench.resources import config_path
from spfem_bench.versions import code_of
from spfem_metrics import Extractor, Metric, MetricError, PairExtractor, Signature, WeightsError

SUITES = "spfem_bench.suites"
"""Entry point group of suites: each is, or returns, the path of a suite file."""

_PART = {
    "type": "object",
    "required": ["factory"],
    "additionalProperties": False,
    "properties": {
        "factory": {"type": "string"},
        "weights": {"type": "object", "additionalProperties": {"type": "string"}},
        "options": {"type": "object"},
    },
}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["name", "valid-on", "about", "extractors", "metrics"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "about": {"type": "string"},
        "valid-on": {"type": "array", "items": {"enum": ["real", "rendered"]}, "minItems": 1},
        "extractors": {"type": "object", "additionalProperties": _PART},
        "pairs": {"type": "object", "additionalProperties": _PART},
        "metrics": {"type": "array", "items": _PART, "minItems": 1},
        "tolerances": {"type": "object", "additionalProperties": {"type": ["number", "string"]}},
        "left-out": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "why"],
                "additionalProperties": False,
                "properties": {"name": {"type": "string"}, "why": {"type": "string"}},
            },
        },
    },
}


@dataclass(frozen=True)
class Part:
    """One factory call of a suite file."""

    factory: str
    weights: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """A pinned list of metrics and of where their features come from; plain data."""

    name: str
    about: str
    valid_on: Sequence[str]
    extractors: Mapping[str, Part]
    pairs: Mapping[str, Part]
    metrics: Sequence[Part]
    left_out: Sequence[tuple[str, str]] = ()

    @property
    def weight_names(self) -> list[str]:
        """Registry names of every network the suite needs, sorted."""
        parts = [*self.extractors.values(), *self.pairs.values()]
        return sorted({name for part in parts for name in part.weights.values()})

    def refuse_kind(self, kind: str, *, force: bool) -> str:
        """Why the suite's numbers mean nothing on this kind of data, or an empty text.

        Raises:
            UsageError: they mean nothing and the caller did not insist.
        """
        if kind in self.valid_on:
            return ""
        reason = f"suite {self.name} is valid on {' and '.join(self.valid_on)} clips only, these are {kind}"
        if not force:
            raise UsageError(f"{reason}: choose another suite, or pass --force to get a stamped table")
        return f"NOT A RESULT: {reason}"


@dataclass(frozen=True)
class BuiltSuite:
    """A suite's objects, ready to measure.

    Args:
        name: the suite's name.
        extractors: by name, in an order in which requirements come first.
        pairs: pair extractors by name.
        metrics: in the suite's order, names unique.
        code: name of an extractor, pair or metric -> digest of the plug-in code it comes from; absent for
            parts of `spfem_metrics`, whose code is digested apart.
        marks: extractor or pair name -> what must be said of its weights besides their digest, ``unpinned``
            or ``random``; absent where there is nothing to say.
    """

    name: str
    extractors: Mapping[str, Extractor]
    pairs: Mapping[str, PairExtractor]
    metrics: Sequence[Metric]
    code: Mapping[str, str]
    marks: Mapping[str, str] = field(default_factory=dict)

    def definitions(self) -> dict[str, str]:
        """Extractor name -> its definition, with the definitions of what it requires."""
        own = {name: extractor.definition for name, extractor in self.extractors.items()}
        own |= {name: pair.definition for name, pair in self.pairs.items()}
        own |= {name: f"{own[name]},weights:{mark}" for name, mark in self.marks.items()}
        return {name: "+".join([text, *self._required(name, own)]) for name, text in own.items()}

    def _required(self, name: str, own: Mapping[str, str]) -> list[str]:
        """Definitions of all that an extractor rests on, nearest first, each once."""
        found: dict[str, None] = {}
        queue = [name]
        while queue:
            extractor = self.extractors.get(queue.pop(0))
            new = [r for r in (extractor.requires if extractor else ()) if r not in found]
            found |= dict.fromkeys(new)
            queue += new
        return [own[required] for required in found]

    def signature(self, metric: Metric) -> Signature:
        """The metric's definition on this suite's extractors.

        Raises:
            ConfigError: the metric and an extractor do not fit each other.
        """
        known = self.definitions()
        try:
            return metric.signature({need.extractor: known[need.extractor] for need in metric.info.needs})
        except MetricError as error:
            raise ConfigError(f"suite {self.name}: {metric.info.name}: {error}") from error


def load_suite(name: str) -> Suite:
    """Read a suite by name or path.

    Raises:
        ConfigError: unknown suite, malformed file, unknown key.
    """
    path = _suite_path(name)
    data = load_yaml(path)
    check_schema(data, SCHEMA, f"suite {path}")
    return Suite(
        name=data["name"],
        about=data["about"],
        valid_on=tuple(data["valid-on"]),
        extractors={key: Part(**part) for key, part in data["extractors"].items()},
        pairs={key: Part(**part) for key, part in data.get("pairs", {}).items()},
        metrics=tuple(Part(**part) for part in data["metrics"]),
        left_out=tuple((row["name"], row["why"]) for row in data.get("left-out", ())),
    )


def _suite_path(name: str) -> Path:
    """A suite's file: a plug-in (an entry point that is, or returns, the path of one), else a shipped one.

    Raises:
        ConfigError: unknown suite.
        PluginError: the plug-in cannot be imported, or two share the name.
    """
    if name in plugin_names(SUITES, {}):
        found = resolve(SUITES, name, {})
        return Path(found() if callable(found) else found)
    return config_path("suites", name)


def build_suite(suite: Suite, device: str = "cpu", only: Sequence[str] = ()) -> BuiltSuite:
    """Make a suite's objects.

    Args:
        suite: from `load_suite`.
        device: ``cpu`` or ``cuda:n``, handed to every extractor.
        only: metric names to keep, all when empty.

    Raises:
        MissingWeightsError: a network's file is not on this machine.
        ConfigError: a metric needs an extractor the suite lacks, or two share a name.
    """
    metrics = [_make(part, "metrics") for part in suite.metrics]
    _check_names(suite, metrics)
    kept = _select(metrics, only, suite.name)
    wanted = {need.extractor for metric in kept for need in metric.info.needs}
    extractors = _build_extractors(suite, device, wanted)
    pairs = {k: _make_weighed(part, device) for k, part in suite.pairs.items() if k in wanted}
    reading = {**suite.extractors, **suite.pairs}
    named = [(name, part, "extractors") for name, part in reading.items()]
    named += [(m.info.name, part, "metrics") for m, part in zip(metrics, suite.metrics, strict=True)]
    marks = {name: mark for name in (*extractors, *pairs) if (mark := _mark(reading[name]))}
    return BuiltSuite(suite.name, extractors, pairs, kept, _code(named), marks)


def _mark(part: Part) -> str:
    """The worst that can be said of a part's weights, or an empty text."""
    from spfem_bench.weights import entry, locate, standing

    found = {standing(entry(name), locate(name)) for name in part.weights.values()}
    return next((mark for mark in ("random", "unpinned") if mark in found), "")


def _code(parts: Sequence[tuple[str, Part, str]]) -> dict[str, str]:
    """Digests of foreign code by name; of both where a metric is called as its extractor is."""
    found: dict[str, list[str]] = {}
    for name, part, group in parts:
        factory = _factory(part, group)
        if not _is_own(factory):
            found.setdefault(name, []).append(code_of(factory))
    return {name: "+".join(digests) for name, digests in found.items()}


def _is_own(factory: object) -> bool:
    return str(getattr(factory, "__module__", "")).split(".")[0] == "spfem_metrics"


def _check_names(suite: Suite, metrics: Sequence[Metric]) -> None:
    names = [metric.info.name for metric in metrics]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"suite {suite.name} lists {', '.join(twice)} twice: remove one")
    known = {*suite.extractors, *suite.pairs}
    for metric in metrics:
        missing = sorted({need.extractor for need in metric.info.needs} - known)
        if missing:
            raise ConfigError(
                f"suite {suite.name}: metric {metric.info.name} needs {', '.join(missing)}, "
                "which the suite's extractors and pairs do not define"
            )


def _select(metrics: list[Metric], only: Sequence[str], suite: str) -> list[Metric]:
    unknown = sorted(set(only) - {metric.info.name for metric in metrics})
    if unknown:
        known = [metric.info.name for metric in metrics]
        hint = near_miss(unknown[0], known)
        raise UsageError(f"suite {suite} has no metric '{unknown[0]}'.{hint} It has {', '.join(known)}")
    return [metric for metric in metrics if not only or metric.info.name in only]


def _build_extractors(suite: Suite, device: str, wanted: set[str]) -> dict[str, Extractor]:
    """The wanted extractors and what they require, requirements first."""
    built: dict[str, Extractor] = {}

    def add(name: str, chain: tuple[str, ...]) -> None:
        if name in built:
            return
        if name in chain or name not in suite.extractors:
            raise ConfigError(f"suite {suite.name}: extractor {name} is missing or requires itself")
        extractor: Extractor = _make_weighed(suite.extractors[name], device)
        for required in extractor.requires:
            add(required, (*chain, name))
        built[name] = extractor

    for name in suite.extractors:
        if name in wanted:
            add(name, ())
    return built


def _make_weighed(part: Part, device: str) -> Any:
    """A clip or pair extractor with its networks' files."""
    from spfem_bench.weights import locate

    weights = {role: locate(name) for role, name in part.weights.items()}
    return _make(part, "extractors", weights=weights, device=device)


def _factory(part: Part, group: str) -> Any:
    return resolve(f"spfem_bench.{group}", part.factory, {})


def _make(part: Part, group: str, **given: Any) -> Any:
    try:
        return _factory(part, group)(**given, **part.options)
    except WeightsError as error:
        raise IntegrityError(f"suite part {part.factory}: {error}") from error
    except (TypeError, ValueError, MetricError) as error:
        raise ConfigError(f"suite part {part.factory} does not take these options: {error}") from error
