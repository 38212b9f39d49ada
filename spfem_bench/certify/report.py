"""A certificate as Markdown: what each metric sees, ignores, and how small an effect it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tabulate import tabulate

from spfem_bench.certify.certificate import Certificate, Made, MetricCertificate, Verdict
from spfem_bench.tables.markdown import escape
from spfem_bench.tables.numbers import ABSENT

_STANDINGS = {
    "certified": "certified",
    "fails": "**fails**",
    "inconclusive": "open",
    "unclaimed": "nothing claimed",
}
RULES = (
    "A metric *sees* a degradation where the 95% interval of its trend (Goodman and Kruskal's gamma of value "
    "and level per trial, differences up to the noise floor tied, speakers as units, one speaker without a "
    "trend counted in) lies above .5, its change at the strongest level lies beyond its noise floor, and its "
    "mean never turns back. It *ignores* one where the interval of its change stays within the tolerance at "
    "every level. A claim *fails* where the intervals contradict it and is *inconclusive* where they do "
    "neither; *unmeasured* where this data does not allow the degradation."
)


def render_report(certificate: Certificate) -> str:
    """The whole certificate for people; ends with a newline."""
    parts = [
        f"# Certificate: {certificate.suite} on {certificate.kind} clips",
        *_head(certificate),
        "## Standing",
        _standings(certificate.metrics),
        "## Claims",
        RULES,
        *(_claims(metric) for metric in certificate.metrics if metric.verdicts),
        "## Mean change by level",
        *(_changes(made, certificate.metrics) for made in certificate.degradations),
        "## Smallest visible level",
        _VISIBLE,
        _smallest(certificate.metrics),
    ]
    return "\n\n".join(parts) + "\n"


def render_summary(certificate: Certificate) -> str:
    """The standing of every metric with what fails or is open, for a terminal; no newline at the end."""
    rows = [
        [metric.name, metric.standing, f"{metric.floor:.3g} {metric.unit}", _trouble(metric)]
        for metric in certificate.metrics
    ]
    basis = f"{certificate.trials} trials, {certificate.speakers} speakers"
    heads = ["metric", "standing", "noise floor", "claims that do not hold"]
    table = tabulate(rows, heads, tablefmt="simple", disable_numparse=True)
    return f"{certificate.suite} on {certificate.kind} clips, {basis}\n\n{table}"


def _trouble(metric: MetricCertificate) -> str:
    open_ones = [verdict for verdict in metric.verdicts if verdict.state != "holds"]
    return ", ".join(f"{v.claim} {v.degradation} ({v.state})" for v in open_ones)


_VISIBLE = (
    "Lowest level from which on every mean change would be found with probability .8 by a t interval over "
    "speakers, for comparisons of n trials of k speakers on the same trials; a dash where none would."
)


def _head(certificate: Certificate) -> Iterator[str]:
    data = certificate.data
    yield (
        f"{certificate.trials} trials of {certificate.speakers} speakers, {data['name']} "
        f"(`{data['digest']}`), claims `{certificate.claims_digest[:12]}`. {certificate.how}"
    )
    yield f"`{certificate.command}`"
    yield str(certificate.claims["about"]).strip()
    if certificate.skipped:
        lines = [f"- {escape(name)}: {escape(why)}" for name, why in sorted(certificate.skipped.items())]
        yield "Left out:\n\n" + "\n".join(lines)


def _standings(metrics: Sequence[MetricCertificate]) -> str:
    rows = []
    for metric in metrics:
        counts = [str(sum(v.state == state for v in metric.verdicts)) for state in _COUNTED]
        floor = f"{metric.floor:.3g} {metric.unit}"
        rows.append([escape(metric.name), _STANDINGS[metric.standing], *counts, floor, f"`{metric.digest}`"])
    return _table(["Metric", "Standing", *_COUNTED, "Noise floor", "Definition"], rows)


_COUNTED = ("holds", "fails", "inconclusive", "unmeasured")


def _claims(metric: MetricCertificate) -> str:
    rows = [_claim(verdict) for verdict in metric.verdicts]
    return f"### {escape(metric.name)}\n\n" + _table(["Claim", "Degradation", "", "Result", "Numbers"], rows)


def _claim(verdict: Verdict) -> list[str]:
    state = f"**{verdict.state}**" if verdict.state == "fails" else verdict.state
    return [verdict.claim, verdict.degradation, verdict.detail, state, escape(verdict.why)]


def _changes(made: Made, metrics: Sequence[MetricCertificate]) -> str:
    title = f"### {made.name}\n\n{made.about}; {made.unit}; {made.scenes} scenes"
    rows = [
        [escape(metric.name), *(_change(point.change, point.low, point.high) for point in line.points[1:])]
        for metric in metrics
        for line in metric.lines
        if line.degradation == made.name
    ]
    if not rows:
        return f"{title}. Not made on this data."
    return f"{title}.\n\n" + _table(["Metric", *(f"{level:g}" for level in made.levels)], rows)


def _change(change: float | None, low: float | None, high: float | None) -> str:
    if change is None:
        return ABSENT
    half = "" if low is None or high is None else f" ± {(high - low) / 2:.2g}"
    return f"{change:+.3g}{half}"


def _smallest(metrics: Sequence[MetricCertificate]) -> str:
    sizes = list(dict.fromkeys((item.trials, item.speakers) for m in metrics for item in m.visible))
    rows = []
    for metric in metrics:
        for name in dict.fromkeys(item.degradation for item in metric.visible):
            levels = {
                (item.trials, item.speakers): item.level
                for item in metric.visible
                if item.degradation == name
            }
            shown = [ABSENT if levels.get(size) is None else f"{levels[size]:g}" for size in sizes]
            rows.append([escape(metric.name), name, *shown])
    return _table(["Metric", "Degradation", *(f"n={n}, k={k}" for n, k in sizes)], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return tabulate(rows, heads, tablefmt="pipe", disable_numparse=True)
