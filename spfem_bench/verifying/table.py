"""What a table prints beside its scores: columns, coverage, reasons and footnotes, each from its source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from spfem_bench.digest import digest_of, short_digest
from spfem_bench.errors import BenchError
from spfem_bench.suites import Suite, load_suite
from spfem_bench.verifying.clips import missing_outputs
from spfem_bench.verifying.contents import Contents
from spfem_bench.verifying.model import Check, Problem
from spfem_bench.verifying.rescoring import Rebuilt, emotions_of
from spfem_bench.verifying.rows import Line
from spfem_metrics import MetricInfo

_ALIGNMENTS = ("identity", "dtw")
_WHERE = "scores.json"
Facts = Mapping[str, Any]


def check_table(
    contents: Contents, files: set[str], lines: Sequence[Line], rebuilt: Rebuilt, suite: str | None
) -> Check:
    """Everything in ``scores.json`` that is no score.

    Args:
        contents: its documents, all of them read.
        files: the bundle's regular files.
        lines: its rows.
        rebuilt: its metrics.
        suite: name or path of the suite, where it is not installed under the name the bundle gives.
    """
    spec, scores = contents.spec or {}, contents.scores or {}
    groups = {
        "title, emotions and trials": _heading(contents, spec, scores),
        "columns": _columns(spec, scores, rebuilt),
        "systems": [*_systems(contents, files, lines), *_documents(spec)],
        "reasons": _reasons(scores, lines),
        "matrices": _matrices(contents, lines),
        "footnotes": _footer(spec, scores, suite or spec["suite"]["name"]),
    }
    found = {name: list(problems) for name, problems in groups.items()}
    problems = [problem for group in found.values() for problem in group]
    good = sum(not group for group in found.values())
    return Check(
        "table", f"parts of the table follow from the rest ({', '.join(groups)})", good, len(groups), problems
    )


def _expect(what: str, stored: object, wanted: object) -> Iterator[Problem]:
    if stored != wanted:
        yield Problem(_WHERE, f"says that {what} is {stored!r}, it should be {wanted!r}")


def _heading(contents: Contents, spec: Facts, scores: Facts) -> Iterator[Problem]:
    title = f"{spec['suite']['name']} on {spec['dataset']['name']}, {spec['protocol']['name']}"
    yield from _expect("the title", scores["title"], title)
    yield from _expect("the list of emotions", scores["emotions"], emotions_of(contents))
    if scores["trials_digest"] not in _trials_digests(contents, spec["protocol"]["name"]):
        yield Problem(_WHERE, "has another digest of the trials than trials.jsonl: a trial was added or lost")


def _trials_digests(contents: Contents, protocol: str) -> list[str]:
    """The digest of the plan for each rule of alignment, which stands in the protocol's file alone."""
    sides = ("source", "reference", "truth")
    trials = [
        [t["id"], t["speaker"], t["emotion"], t["text"], *(t["digests"][side] for side in sides)]
        for t in contents.trials
    ]
    reals = [[e["id"], e["speaker"], e["emotion"], e["digests"]["real"]] for e in contents.reals]
    return [digest_of([protocol, align, trials, reals]) for align in _ALIGNMENTS]


def _columns(spec: Facts, scores: Facts, rebuilt: Rebuilt) -> Iterator[Problem]:
    names = [column["name"] for column in scores["columns"]]
    yield from _expect("the list of columns", sorted(names), sorted(spec["signatures"]))
    for column in scores["columns"]:
        name, signature = column["name"], column["signature"]
        choices = [f"{key}:{value}" for key, value in signature["choices"]]
        line = "|".join([signature["name"], f"v{signature['version']}", *choices])
        yield from _expect(f"the definition of {name}", column["line"], spec["signatures"].get(name))
        yield from _expect(f"the definition of {name}", line, column["line"])
        if name in rebuilt.metrics:
            yield from _described(column, rebuilt.metrics[name].info, texts=rebuilt.same_code[name])


def _described(column: Facts, info: MetricInfo, *, texts: bool) -> Iterator[Problem]:
    """Which way is better, unit, bounds, inputs; words only where the code is the very same."""
    wanted: dict[str, Any] = {
        "version": info.version,
        "direction": info.direction,
        "unit": info.unit,
        "bounds": [None if abs(bound) == float("inf") else bound for bound in info.bounds],
        "needs": [[need.side, need.extractor] for need in info.needs],
        "of_sets": info.of_sets,
    }
    if "whole_frames" in column:  # bundles from before it was told have no such key
        wanted["whole_frames"] = info.whole_frames
    if texts:
        wanted |= {"label": info.label, "about": info.about, "order": list(info.order), "weak": info.weak}
    for key, value in wanted.items():
        yield from _expect(f"the {key} of {info.name}", column[key], value)


def _systems(contents: Contents, files: set[str], lines: Sequence[Line]) -> Iterator[Problem]:
    spec, scores = contents.spec or {}, contents.scores or {}
    stored = [(system["name"], system["role"]) for system in scores["systems"]]
    yield from _expect("the list of systems", stored, [(s["name"], s["role"]) for s in spec["systems"]])
    known = missing_outputs(contents, files, lines)
    for system in scores["systems"]:
        name, failures = system["name"], system["failures"]
        yield from _expect(f"the number of trials of {name}", system["trials"], len(contents.trials))
        without = sum(failures.values())
        yield from _expect(
            f"the number of outputs of {name}", system["generated"], system["trials"] - without
        )
        if name in known:
            yield from _expect(f"why {name} has no output", failures, dict(known[name]))
        else:
            yield from _plausible(name, failures, lines)


def _documents(spec: Facts) -> Iterator[Problem]:
    """What a foreign model's identity was made of: its digest stands in the identity."""
    for system in spec["systems"]:
        identity, document = str(system["identity"]), system.get("document")
        if document is not None and not identity.endswith(f",{short_digest(document)}"):
            yield Problem("spec.json", f"describes {system['name']} as another than its identity {identity}")


def _plausible(system: str, failures: Mapping[str, int], lines: Sequence[Line]) -> Iterator[Problem]:
    """Outputs of bounds are not kept: a trial without one has the same reason in every row."""
    reasons: dict[str, set[str | None]] = {}
    for line in lines:
        if line["system"] == system:
            reasons.setdefault(line["trial"], set()).add(line["reason"])
    alike = Counter(next(iter(found)) for found in reasons.values() if len(found) == 1)
    for reason, count in failures.items():
        if count > alike[reason]:
            yield Problem(
                _WHERE, f"counts {count} outputs of {system} missing for {reason!r}, rows {alike[reason]}"
            )


def _reasons(scores: Facts, lines: Sequence[Line]) -> Iterator[Problem]:
    """Reasons of rows whose trial has an output: all of the metric's less those of missing outputs."""
    systems = {system["name"] for system in scores["systems"]}
    lost = Counter({r: 0 for s in scores["systems"] for r in s["failures"]})
    for system in scores["systems"]:
        lost.update(system["failures"])
    found: dict[str, Counter[str]] = {}
    for line in lines:
        if line["reason"] is not None and line["system"] in systems:
            found.setdefault(line["metric"], Counter())[line["reason"]] += 1
    kept = {metric: dict(sorted((counts - lost).items())) for metric, counts in sorted(found.items())}
    yield from _expect("the reasons", scores["reasons"], {metric: own for metric, own in kept.items() if own})


def _matrices(contents: Contents, lines: Sequence[Line]) -> Iterator[Problem]:
    having = {line["metric"] for line in lines if line["matrix_rows"] is not None}
    stored = [*(contents.matrices or ()), *contents.omitted]
    yield from _expect("the list of feature matrices", sorted(stored), sorted(having))


def _footer(spec: Facts, scores: Facts, suite: str) -> Iterator[Problem]:
    """Footnotes that must be there: dataset, a stamp on data the suite is not valid on, metrics left out."""
    dataset = spec["dataset"]
    wanted = [f"dataset {dataset['name']} ({dataset['kind']}), index {dataset['digest'][:12]}"]
    with suppress(BenchError):  # without their suite the scores are told to be unverifiable already
        wanted += _of_suite(load_suite(suite), dataset["kind"])
    for line in wanted:
        if line not in scores["footer"]:
            yield Problem(_WHERE, f"lacks the footnote {line!r}")


def _of_suite(suite: Suite, kind: str) -> list[str]:
    stamp = suite.refuse_kind(kind, force=True)
    return [stamp] if stamp else []
