"""Every score again, from the rows alone: the metrics are built from the suite, their networks are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spfem_bench.errors import BenchError, IntegrityError
from spfem_bench.registry import resolve
from spfem_bench.stages.reduce import reduce_rows
from spfem_bench.stages.render import score_to_json
from spfem_bench.suites import load_suite
from spfem_bench.verifying.contents import Contents
from spfem_bench.verifying.model import Check, Problem
from spfem_bench.verifying.rows import Line, metric_rows, read_matrices
from spfem_bench.versions import code_of, module_code
from spfem_metrics import Metric, MetricError

MEANS = 1e-9
"""Tolerance of means and intervals, times max(1, size): a million float64 add up within 1e-10."""
SETS = 1e-6
"""The same of set scores: their eigenvalues and products come from the processor's own linear algebra, whose
rounding of 1e-16 is enlarged by cancellation between traces up to some 1e6 times the distance."""

Stored = Mapping[str, Any]
_NUMBERS = ("value", "half_width")


@dataclass(frozen=True)
class Rebuilt:
    """A bundle's metrics as they can be had here.

    Args:
        metrics: by name, those whose definition is the bundle's.
        problems: why there is none for the others.
        same_code: by name, whether the code is the very one that made the scores.
    """

    metrics: Mapping[str, Metric]
    problems: Sequence[Problem]
    same_code: Mapping[str, bool]


def rebuild(contents: Contents, suite: str | None) -> Rebuilt:
    """The metrics of a bundle's columns.

    Args:
        contents: with specification and scores.
        suite: name or path of the suite, where it is not installed under the name the bundle gives.
    """
    spec, scores = contents.spec or {}, contents.scores or {"columns": []}
    try:
        found = _installed(suite or spec["suite"]["name"])
    except BenchError as error:
        why = f"its suite is not to be had here ({error}); give its file by --suite"
        return Rebuilt({}, [_unknown(column["name"], why) for column in scores["columns"]], {})
    metrics, problems, same = {}, [], {}
    for column in scores["columns"]:
        name = column["name"]
        metric, factory = found.get(name, (None, None))
        why = _another(column, metric)
        if metric is None or why:
            problems.append(_unknown(name, why))
        else:
            metrics[name], same[name] = metric, _same_code(factory, name, spec["code"])
    return Rebuilt(metrics, problems, same)


def _installed(suite: str) -> dict[str, tuple[Metric, object]]:
    """Metric name -> the metric, built without weights, and its factory.

    Raises:
        BenchError: no such suite, or a factory that cannot be had.
    """
    parts = load_suite(suite).metrics
    factories = [resolve("spfem_bench.metrics", part.factory, {}) for part in parts]
    built = [(factory(**part.options), factory) for factory, part in zip(factories, parts, strict=True)]
    return {metric.info.name: (metric, factory) for metric, factory in built}


def _unknown(metric: str, why: str) -> Problem:
    return Problem(metric, why, "unverifiable")


def _another(column: Stored, metric: Metric | None) -> str:
    """Why a metric is not that of a column; empty where it is.

    The signature is made again from the extractors' definitions that the stored line itself states, so that
    no network is needed for it.
    """
    if metric is None:
        return "not comparable code: the suite that is installed here has no such metric"
    stored, info = dict(column["signature"]["choices"]), metric.info
    given = {need.extractor: str(stored.get(need.extractor, "unknown")) for need in info.needs}
    try:
        line = metric.signature(given).line
    except (MetricError, LookupError, ValueError) as error:
        return f"not comparable code: its definition cannot be made again here ({error})"
    if line != column["line"]:
        return (
            f"not comparable code: the metric installed here is {line}, the bundle's is {column['line']}; "
            "install the version of the bundle (environment.json names its commit)"
        )
    return ""


def _same_code(factory: object, name: str, code: Stored) -> bool:
    own = code["plug-ins"].get(name)
    return bool(own == code_of(factory) if own else code["metrics"] == module_code("spfem_metrics"))


def check_scores(folder: Path, contents: Contents, lines: Sequence[Line], rebuilt: Rebuilt) -> Check:
    """Every stored score beside the one computed here.

    Args:
        folder: the bundle, for feature matrices.
        contents: its documents.
        lines: its rows.
        rebuilt: its metrics.
    """
    scores = contents.scores or {"columns": [], "systems": []}
    names = [column["name"] for column in scores["columns"]]
    total = sum(len(system["scores"].get(name, {})) for system in scores["systems"] for name in names)
    problems, good, largest = list(rebuilt.problems), 0, 0.0
    for name, metric in rebuilt.metrics.items():
        own = [line for line in lines if line["metric"] == name]
        found = _metric_scores(folder, metric, own, contents)
        if isinstance(found, Problem):
            problems.append(found)
            continue
        result = _compare(metric, scores["systems"], found)
        problems += [_blame(problem, same=rebuilt.same_code[name]) for problem in result.problems]
        good, largest = good + result.good, max(largest, result.deviation)
    notes = [*([_agreement(largest)] if good else []), *_foreign_code(rebuilt)]
    return Check("scores", "scores follow from the rows", good, total, problems, notes)


def emotions_of(contents: Contents) -> list[str]:
    """Target emotions of the plan, in the field's order."""
    from spfem_bench.datasets.records import EMOTIONS

    present = {trial["emotion"] for trial in contents.trials}
    return [e for e in EMOTIONS if e in present] + sorted(present - set(EMOTIONS))


def _metric_scores(
    folder: Path, metric: Metric, lines: Sequence[Line], contents: Contents
) -> Mapping[str, Stored] | Problem:
    """System -> emotion -> the metric's score as plain values, or why there is none."""
    matrices = read_matrices(folder, metric.info.name, lines, contents)
    if matrices.problem:
        return matrices.problem
    try:
        reduced = reduce_rows(metric_rows(lines, matrices), [metric], emotions_of(contents))
    except (IntegrityError, MetricError, ValueError, LookupError, ArithmeticError) as error:
        return Problem(metric.info.name, f"its rows cannot be reduced: {error}")
    return {
        system: {emotion: score_to_json(score) for emotion, score in by_metric[metric.info.name].items()}
        for system, by_metric in reduced.items()
    }


@dataclass(frozen=True)
class _Compared:
    problems: Sequence[Problem]
    good: int
    deviation: float


def _compare(metric: Metric, systems: Sequence[Stored], again: Mapping[str, Stored]) -> _Compared:
    name, tolerance = metric.info.name, SETS if metric.info.of_sets else MEANS
    problems, good, largest = [], 0, 0.0
    for system in systems:
        stored, found = system["scores"].get(name, {}), again.get(system["name"], {})
        for emotion in dict.fromkeys([*found, *stored]):
            subject = f"{system['name']}, {name}, {emotion}"
            wrong = list(_differences(stored.get(emotion), found.get(emotion), tolerance))
            problems += [Problem(subject, text) for text in wrong]
            good += not wrong
            largest = max(largest, 0.0 if wrong else _deviation(stored[emotion], found[emotion]))
    return _Compared(problems, good, largest)


def _differences(stored: Stored | None, found: Stored | None, tolerance: float) -> Iterator[str]:
    if stored is None or found is None:
        yield "is not in the table, though there are rows of it" if found else "has no rows behind it"
        return
    for key in dict.fromkeys([*found, *stored]):
        one, two = stored.get(key), found.get(key)
        if key in _NUMBERS and one is not None and two is not None:
            if not abs(one - two) <= tolerance * max(1.0, abs(two)):
                yield f"has another {key} stored ({one!r}) than the rows give ({two!r})"
        elif one != two:
            yield f"has another {key} stored ({one!r}) than the rows give ({two!r})"


def _deviation(stored: Stored, found: Stored) -> float:
    pairs = [(stored[key], found[key]) for key in _NUMBERS if found[key] is not None]
    return max((abs(one - two) / max(1.0, abs(two)) for one, two in pairs), default=0.0)


def _blame(problem: Problem, *, same: bool) -> Problem:
    """With the very code that made the score a difference is an edit; with other code nobody can tell."""
    if same:
        return problem
    why = f"{problem.detail}; not comparable code: the metrics were changed since without a new version, so "
    return Problem(problem.subject, f"{why}install that of the bundle and verify again", "unverifiable")


def _agreement(largest: float) -> str:
    if largest == 0:
        return "equal to the last digit"
    rounding = "the rounding of another processor or library"
    return f"equal within {largest:.1e} (relative, or absolute below 1), {rounding}"


def _foreign_code(rebuilt: Rebuilt) -> list[str]:
    other = [name for name, same in rebuilt.same_code.items() if not same]
    return [f"computed by other code of the same definition: {', '.join(other)}"] if other else []
