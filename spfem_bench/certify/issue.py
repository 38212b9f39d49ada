"""From measured scenes to a certificate: curves, verdicts, smallest visible effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spfem_bench.certify.catalogue import CATALOGUE
from spfem_bench.certify.certificate import (
    Certificate,
    Line,
    Made,
    MetricCertificate,
    Point,
    Verdict,
    Visible,
)
from spfem_bench.certify.claims import Claims, Sees
from spfem_bench.certify.curves import MetricCurves, curves_of
from spfem_bench.certify.spec import CertifySpec
from spfem_bench.certify.statistics import Curve, change, interval, trend, visible_from
from spfem_bench.certify.verdicts import Judged, judge, standing
from spfem_bench.certify.work import Material, Measured
from spfem_bench.errors import ConfigError, IncompleteError
from spfem_bench.suites import BuiltSuite
from spfem_metrics import Metric

PLANNED = ((6, 6), (12, 6), (24, 6), (48, 6), (12, 12), (24, 12), (48, 12), (96, 12), (24, 24), (96, 24))
"""(trials, speakers) for which the smallest visible effect is stated."""


def issue(
    spec: CertifySpec, built: BuiltSuite, material: Material, found: Sequence[Measured], command: str
) -> Certificate:
    """Write down what was measured.

    Args:
        spec: what was asked.
        built: the suite's objects.
        material: where the scenes come from.
        found: every scene's rows.
        command: that makes the certificate again.

    Raises:
        IncompleteError: no scene could be measured.
    """
    claims = spec.claims
    kept = [item for item in found if not item.skipped]
    if not kept:
        reasons = "; ".join(sorted({item.skipped for item in found})[:3]) or "there are no clips"
        raise IncompleteError(f"nothing could be certified: {reasons}")
    return Certificate(
        suite=claims.suite,
        kind=claims.kind,
        how=material.how,
        data={"name": material.name, "digest": material.digest[:12]},
        command=command,
        claims=claims.plain(),
        claims_digest=claims.digest,
        trials=len(kept),
        speakers=len({item.speaker for item in kept}),
        skipped={item.trial: item.skipped for item in found if item.skipped},
        settings=_settings(spec),
        degradations=[_made(name, levels, kept) for name, levels in claims.degradations.items()],
        metrics=[_metric(metric, built, kept, claims) for metric in built.metrics],
    )


def check_names(claims: Claims, built: BuiltSuite) -> None:
    """Refuse claims about metrics that are not measured.

    Raises:
        ConfigError: the claims name a metric that the suite lacks.
    """
    names = [metric.info.name for metric in built.metrics]
    unknown = sorted(set(claims.metrics) - set(names))
    if unknown:
        raise ConfigError(
            f"the claims of {claims.suite} on {claims.kind} clips name '{unknown[0]}', "
            f"which the suite lacks; it has {', '.join(names)}"
        )


def _settings(spec: CertifySpec) -> Mapping[str, object]:
    from spfem_bench import __version__

    return {
        "seed": spec.seed,
        "seconds": spec.seconds,
        "size": spec.size,
        "device": spec.device,
        "threads": spec.threads,
        "version": __version__,
    }


def _made(name: str, levels: Sequence[float], kept: Sequence[Measured]) -> Made:
    item = CATALOGUE[name]
    scenes = sum(any(cell.harm == name for cell in scene.cells) for scene in kept)
    return Made(name, item.family, item.unit, item.about, list(levels), scenes)


def _metric(metric: Metric, built: BuiltSuite, kept: Sequence[Measured], claims: Claims) -> MetricCertificate:
    info, signature = metric.info, built.signature(metric)
    measured = curves_of(metric, kept, claims)
    judged = judge(claims.metrics.get(info.name, ()), measured.curves, info.direction, measured.floor)
    return MetricCertificate(
        name=info.name,
        label=info.label,
        unit=info.unit,
        direction=info.direction,
        signature=signature.line,
        digest=signature.digest,
        per=measured.unit,
        floor=measured.floor,
        floors=measured.floors,
        standing=standing(judged),
        verdicts=[_verdict(item) for item in judged],
        lines=[_line(name, curve, measured.floor) for name, curve in measured.curves.items()],
        visible=[] if info.of_sets else _visible(judged, measured),
    )


def _verdict(item: Judged) -> Verdict:
    claim = item.claim
    if isinstance(claim, Sees):
        return Verdict(claim.degradation, "sees", claim.way, item.state, item.why, None)
    bound = f"within {claim.within:g}{f' of {claim.of}' if claim.of else ''}"
    return Verdict(claim.degradation, "ignores", bound, item.state, item.why, item.tolerance)


def _line(name: str, curve: Curve, floor: float) -> Line:
    covered = curve.covered()
    ordered = trend(covered, 1, floor) if len(covered.levels) > 1 else None
    return Line(
        name,
        [_point(curve, column) for column in range(len(curve.levels))],
        *((ordered.estimate, ordered.low, ordered.high) if ordered else (None, None, None)),
    )


def _point(curve: Curve, column: int) -> Point:
    values = curve.values[:, column]
    mean, moved = interval(values, curve.clusters), change(curve, column)
    scored = int(np.isfinite(values).sum())
    return Point(curve.levels[column], scored, mean.estimate, moved.estimate, moved.low, moved.high)


def _visible(judged: Sequence[Judged], measured: MetricCurves) -> list[Visible]:
    """For every degradation the metric claims to see; nothing where one speaker tells nothing of others."""
    seen = [item.claim.degradation for item in judged if isinstance(item.claim, Sees)]
    return [
        _smallest(name, measured.curves[name].covered(), measured.floor, trials, speakers)
        for name in seen
        if name in measured.curves
        for trials, speakers in PLANNED
    ]


def _smallest(name: str, curve: Curve, floor: float, trials: int, speakers: int) -> Visible:
    found = visible_from(curve, trials, speakers, floor)
    level, effect = found if found else (None, None)
    return Visible(name, trials, speakers, level, effect)
