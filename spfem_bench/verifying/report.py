"""A verification in words."""

from __future__ import annotations

from collections.abc import Iterator

from spfem_bench.verifying.model import Check, Verification

_SHOWN = 20
"""Problems of one check printed; ``--json`` has them all."""

_VERDICTS = {
    "verified": "verified: the bundle agrees with itself",
    "unverifiable": "unverifiable: nothing contradicts the bundle, but part of it cannot be checked here",
    "failed": "NOT VERIFIED: the bundle contradicts itself",
}


def render_verification(found: Verification) -> str:
    """Lines of text: the checks with their counts, what is wrong, and the verdict last."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Verification) -> Iterator[str]:
    yield f"{'bundle':<10} {found.bundle}"
    if found.title:
        yield f"{'table':<10} {found.title}"
    for check in found.checks:
        yield from _check(check)
    yield _VERDICTS[found.state]


def _check(check: Check) -> Iterator[str]:
    notes = f"; {'; '.join(check.notes)}" if check.notes else ""
    skipped = check.total == 0 and check.problems
    counts = "not checked" if skipped else f"{check.good} of {check.total} {check.what}"
    yield f"{check.name:<10} {counts}{notes}"
    for problem in check.problems[:_SHOWN]:
        yield f"    {problem.state}: {problem.subject} {problem.detail}"
    if len(check.problems) > _SHOWN:
        yield f"    and {len(check.problems) - _SHOWN} more"
