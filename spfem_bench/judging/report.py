"""A comparison, and what a gate made of it, in words: text, Markdown for a comment, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from spfem_bench.judging.gate import Decision
from spfem_bench.judging.model import Comparison, Finding
from spfem_bench.tables.markdown import escape
from spfem_bench.tables.numbers import ABSENT

SCHEMA_NAME = "spfem-bench/comparison@1"
_HEADS = ("system", "metric", "baseline", "candidate", "change", "allowed", "trials", "verdict")
_INFERRED = ("interval", "p (Holm)")
_SHOWN = 5


def to_text(comparison: Comparison, decision: Decision | None = None) -> str:
    """For a terminal or a log; the gate's decision first.

    Returns:
        Text that ends with a newline.
    """
    heads, rows = _table(comparison)
    parts = [
        "\n".join([*([decision.headline] if decision else []), *_head(comparison)]),
        tabulate(rows, heads, tablefmt="simple", disable_numparse=True),
        "\n".join(_remarks(comparison)),
        "\n".join(_definitions(comparison)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def to_markdown(comparison: Comparison, decision: Decision | None = None) -> str:
    """For a comment on a pull request; definitions folded away.

    Returns:
        Text that ends with a newline.
    """
    heads, rows = _table(comparison)
    escaped = [[escape(cell) for cell in row] for row in rows]
    title = f"### {escape(decision.headline)}" if decision else "### Comparison"
    definitions = "\n".join(f"- `{line}`" for line in _definitions(comparison))
    return (
        "\n\n".join(
            [
                title,
                "  \n".join(escape(line) for line in _head(comparison)),
                tabulate(escaped, heads, tablefmt="pipe", disable_numparse=True),
                *(
                    ["\n".join(f"- {escape(line)}" for line in remarks)]
                    if (remarks := [*_remarks(comparison)])
                    else []
                ),
                f"<details><summary>Definitions</summary>\n\n{definitions}\n\n</details>",
            ]
        )
        + "\n"
    )


def to_document(comparison: Comparison, decision: Decision | None = None) -> dict[str, Any]:
    """Plain JSON values; numbers in full, null where there is none."""
    overlap = comparison.overlap
    document: dict[str, Any] = {
        "schema": SCHEMA_NAME,
        "mode": comparison.mode,
        "baseline": comparison.a,
        "candidate": comparison.b,
        "trials": {
            "matched": len(overlap.matched),
            "only_in_baseline": list(overlap.only_a),
            "only_in_candidate": list(overlap.only_b),
            "changed": list(overlap.changed),
            "same_real_clips": overlap.reals,
        },
        "findings": [_finding(finding) for finding in comparison.findings],
        "models_missing": list(comparison.missing),
        "models_new": list(comparison.new),
        "metrics_new": list(comparison.new_metrics),
        "notes": list(comparison.notes),
    }
    if comparison.mode == "superiority":
        document |= {"question": comparison.question, "alpha": comparison.alpha}
    return document | ({"gate": _decision(decision)} if decision else {})


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "passed": decision.passed,
        "exit_code": int(decision.code),
        "headline": decision.headline,
        "compared": decision.compared,
        "faults": [{"exit_code": int(fault.code), "text": fault.text} for fault in decision.faults],
    }


def _finding(found: Finding) -> dict[str, Any]:
    plain = asdict(found)
    pair = plain.pop("pair")
    sets: Mapping[str, tuple[int, int]] = plain.pop("sets")
    moved = plain.pop("moved") | {"worst": found.moved.worst or None}
    return {
        "system": found.pair.name,
        "system_baseline": pair["a"],
        "system_candidate": pair["b"],
        "role": pair["role"],
        **{key: value for key, value in plain.items() if key not in ("a", "b", "notes")},
        "baseline": found.a,
        "candidate": found.b,
        "moved_trials": moved,
        "vectors": {emotion: list(pair) for emotion, pair in sets.items()},
        "notes": list(found.notes),
    }


def _head(comparison: Comparison) -> Iterator[str]:
    overlap = comparison.overlap
    yield f"baseline: {comparison.a}"
    yield f"candidate: {comparison.b}"
    yield f"mode: {_asked(comparison)}"
    yield (
        f"trials: {len(overlap.matched)} matched, {len(overlap.only_a)} only in the baseline, "
        f"{len(overlap.only_b)} only in the candidate, {len(overlap.changed)} of other clips"
    )


def _asked(comparison: Comparison) -> str:
    if comparison.mode == "regression":
        return comparison.mode
    drawn = "other clips of these actors" if comparison.question == "these-actors" else "any actors"
    return f"{comparison.mode}, {drawn}, error rate {comparison.alpha:g} over the table (Holm)"


def _table(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Models in full; of the bounds those that moved or cannot be compared."""
    inferred = comparison.mode == "superiority"
    shown = [*comparison.models, *(f for f in comparison.bounds if _is_odd(f))]
    heads = [*_HEADS[:-1], *(_INFERRED if inferred else ()), _HEADS[-1]]
    return heads, [_row(finding, inferred) for finding in shown]


def _is_odd(bound: Finding) -> bool:
    """Whether a bound has anything to tell: it moved, or it cannot be compared though it should."""
    return bound.verdict != "equivalent" and not bound.idle


def _row(found: Finding, inferred: bool) -> list[str]:
    system = f"{found.pair.name} (bound)" if found.pair.role == "bound" else found.pair.name
    counts = found.counts
    lost = f", {counts.lost} lost" if counts.lost else ""
    gained = f", {counts.gained} gained" if counts.gained else ""
    numbers = [_number(found.a), _number(found.b), _number(found.change, "+")]
    allowed = ABSENT if found.change is None else f"{found.allowance.size:.3g}"
    trials = f"{counts.both}{lost}{gained}"
    more = _inferred(found) if inferred else []
    return [system, found.metric, *numbers, allowed, trials, *more, found.verdict]


def _number(value: float | None, sign: str = "") -> str:
    return ABSENT if value is None else f"{value:{sign}.5g}"


def _inferred(found: Finding) -> list[str]:
    inference = found.inference
    if inference is None:
        return [ABSENT, ABSENT]
    ends = ABSENT if inference.low is None else f"[{inference.low:+.3g}, {inference.high:+.3g}]"
    p = inference.p if inference.adjusted is None else inference.adjusted
    return [ends, ABSENT if p is None else f"{p:.3g}"]


def _remarks(comparison: Comparison) -> Iterator[str]:
    for finding in [f for f in comparison.findings if f.pair.role == "model" or _is_odd(f)]:
        if finding.verdict != "equivalent":
            yield f"{finding.pair.name}, {finding.metric}: {finding.verdict}: {finding.why}"
        yield from _of_counts(finding)
        yield from (f"{finding.pair.name}, {finding.metric}: {note}" for note in finding.notes)
        if finding.sets and finding.change is not None:
            yield f"{finding.pair.name}, {finding.metric}: {_sizes(finding)}"
    bounds = [finding for finding in comparison.bounds if not finding.idle]
    if not bounds:
        yield "no bounds on both sides, so a moved measurement could not be told from a moved model"
    else:
        unmoved = sum(not _is_odd(finding) for finding in bounds)
        yield f"bounds as controls of the measurement: {unmoved} of {len(bounds)} within what is allowed"
    yield from _names("in the baseline only, models", comparison.missing)
    yield from _names("in the candidate only, models", comparison.new)
    yield from _names("in the candidate only, metrics (nothing to compare them with)", comparison.new_metrics)
    yield from _names("in the baseline only, trials", comparison.overlap.only_a)
    yield from _names("in the candidate only, trials", comparison.overlap.only_b)
    yield from _names("of other clips or labels, trials", comparison.overlap.changed)
    yield from comparison.notes


def _sizes(found: Finding) -> str:
    """How large the sets are; a finding with numbers has as many vectors on both sides."""
    sizes = [n for n, _ in found.sets.values()]
    low, high = min(sizes), max(sizes)
    return f"n = {low} vectors a side" if low == high else f"n = {low}..{high} vectors a side, by emotion"


def _of_counts(found: Finding) -> Iterator[str]:
    """What was unscored or failed, where anything was."""
    if found.pair.role == "bound":
        return
    c = found.counts
    sides = (("baseline", c.unscored_a, c.failed_a), ("candidate", c.unscored_b, c.failed_b))
    said = [
        f"{side} {unscored} unscored and {failed} failed"
        for side, unscored, failed in sides
        if unscored + failed
    ]
    if said:
        yield f"{found.pair.name}, {found.metric}: {'; '.join(said)}"


def _names(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield f"{what}: {', '.join(names[:_SHOWN])}{more}"


def _definitions(comparison: Comparison) -> list[str]:
    """Every definition once: a number does not travel without it."""
    return list(dict.fromkeys(finding.signature for finding in comparison.findings))
