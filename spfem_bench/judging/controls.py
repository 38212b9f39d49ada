"""Bounds as controls: they are the harness's own outputs, so where one moves, the measurement did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spfem_bench.judging.model import Finding


def controlled(findings: Sequence[Finding], *, same_seed: bool) -> list[Finding]:
    """The findings, ``not comparable`` where a bound shows that the metric itself moved.

    Args:
        findings: of models and bounds.
        same_seed: whether both runs drew alike; if not, the noise bound is another noise and no bound counts.
    """
    if not same_seed:
        return list(findings)
    moved: dict[str, Finding] = {}
    for found in findings:
        if found.pair.role == "bound" and abs(found.change or 0.0) > found.allowance.size:
            moved.setdefault(found.metric, found)
    return [_lowered(found, moved.get(found.metric)) for found in findings]


def _lowered(found: Finding, bound: Finding | None) -> Finding:
    if bound is None or found.verdict == "not comparable":
        return found
    why = (
        f"the measurement itself moved: the bound {bound.pair.name} changed by {bound.change:+.4g} "
        f"{bound.unit} under one definition; mend the metric, raise its version, or calibrate if it is noise"
    )
    return replace(found, verdict="not comparable", why=why)
