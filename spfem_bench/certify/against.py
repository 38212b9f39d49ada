"""A new certificate against a stored one: claims that held must hold still."""

from __future__ import annotations

from spfem_bench.certify.certificate import Certificate, MetricCertificate
from spfem_bench.errors import BenchError, ExitCode, NotComparableError


class LostClaimError(BenchError):
    """A claim that the stored certificate bears out no longer holds."""

    exit_code = ExitCode.REGRESSION


def lost_claims(stored: Certificate, new: Certificate) -> list[str]:
    """A sentence for each claim that held in the stored certificate and does not in the new one.

    Raises:
        NotComparableError: the two are of other suites, kinds of data, claims or definitions.
    """
    _check_same(stored, new)
    fresh = {metric.name: metric for metric in new.metrics}
    return [line for metric in stored.metrics for line in _lost(metric, fresh[metric.name])]


def _check_same(stored: Certificate, new: Certificate) -> None:
    for what in ("suite", "kind", "claims_digest"):
        one, two = getattr(stored, what), getattr(new, what)
        if one != two:
            raise NotComparableError(
                f"the certificates differ in {what.replace('_', ' ')} ({one} against {two}): "
                "certify again and store it"
            )
    lines = {metric.name: metric.signature for metric in stored.metrics}
    found = {metric.name: metric.signature for metric in new.metrics}
    other = [name for name in {**lines, **found} if lines.get(name) != found.get(name)]
    if other:
        raise NotComparableError(
            f"{', '.join(other)}: the stored certificate is of another definition: certify again and store it"
        )


def _lost(stored: MetricCertificate, new: MetricCertificate) -> list[str]:
    now = {(verdict.claim, verdict.degradation): verdict for verdict in new.verdicts}
    lost = []
    for verdict in stored.verdicts:
        fresh = now[verdict.claim, verdict.degradation]
        if verdict.state == "holds" and fresh.state != "holds":
            lost.append(
                f"{stored.name} {verdict.claim} {verdict.degradation}: held, now {fresh.state} ({fresh.why})"
            )
    return lost
