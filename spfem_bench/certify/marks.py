"""What certificates say of the columns of a table: matched by definition and kind of data, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from spfem_bench.certify.certificate import Certificate, MetricCertificate, read_certificate
from spfem_bench.errors import ConfigError, IntegrityError
from spfem_bench.resources import shipped
from spfem_bench.store.bundle import read_json

if TYPE_CHECKING:
    from spfem_bench.tables import Leaderboard

FOLDER = "leaderboards/certificates"


@dataclass(frozen=True)
class _Entry:
    certificate: Certificate
    metric: MetricCertificate


def shipped_certificates() -> Path | None:
    """The folder that travels with the package; None where an installation lacks it."""
    try:
        return shipped(FOLDER)
    except ConfigError:
        return None


def read_certificates(folder: Path | None) -> list[Certificate]:
    """Every certificate of a folder, by name; none of None.

    Raises:
        IntegrityError: a file is damaged.
    """
    return [] if folder is None else [read_certificate(path) for path in sorted(folder.glob("*.json"))]


def marked(board: Leaderboard, bundles: Sequence[Path], certificates: Iterable[Certificate]) -> Leaderboard:
    """The table with a note on each metric's certificate.

    Args:
        board: of the bundles.
        bundles: their specifications say on which kind of data they were scored.
        certificates: where to look.

    Returns:
        The table as given where no certificate is of any of its definitions on its kind of data.

    Raises:
        UsageError: a bundle has no specification.
        IntegrityError: it is damaged.
    """
    kinds = kinds_of(bundles)
    entries = {
        metric.digest: _Entry(certificate, metric)
        for certificate in certificates
        if kinds == {certificate.kind}
        for metric in certificate.metrics
    }
    found = {column.info.name: entries.get(column.signature.digest) for column in board.columns}
    if not any(found.values()):
        return board
    return replace(board, certificates={name: said(entry) for name, entry in found.items()})


def kinds_of(bundles: Iterable[Path]) -> set[str]:
    """The kinds of data that bundles were scored on; certificates of another kind say nothing of them.

    Raises:
        UsageError: a bundle has no specification.
        IntegrityError: it is damaged.
    """
    return {_kind(bundle) for bundle in bundles}


def _kind(bundle: Path) -> str:
    try:
        return str(read_json(bundle / "spec.json")["dataset"]["kind"])
    except (LookupError, TypeError) as error:
        raise IntegrityError(f"{bundle / 'spec.json'} is damaged: restore it or run again") from error


def said(entry: _Entry | None) -> str:
    """What a certificate says of a metric, in a clause."""
    if entry is None:
        return "not certified"
    certificate, metric = entry.certificate, entry.metric
    basis = f"on {certificate.kind} clips ({certificate.trials} trials, {certificate.speakers} speakers)"
    if metric.standing == "certified":
        return f"certified {basis}"
    if metric.standing == "fails":
        claims = ", ".join(f"{verdict.claim} {verdict.degradation}" for verdict in metric.failed)
        return f"FAILS its own claim {basis}: {claims}"
    if metric.standing == "unclaimed":
        return f"not certified: nothing is claimed of it {basis}"
    return f"not certified {basis}: {_open(metric)}"


def _open(metric: MetricCertificate) -> str:
    """The claims that are neither borne out nor contradicted."""
    groups = {
        state: [verdict.degradation for verdict in metric.verdicts if verdict.state == state]
        for state in ("inconclusive", "unmeasured")
    }
    return "; ".join(f"{state}: {', '.join(names)}" for state, names in groups.items() if names)
