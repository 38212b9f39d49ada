"""What the certificates of a table's metrics saw: a row of panels per metric, one for each claim."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from spfem_bench.certify.certificate import Certificate, Made, MetricCertificate
from spfem_bench.errors import UsageError
from spfem_bench.plots.canvas import captioned, save, styled
from spfem_bench.plots.curves import sheet, sheet_size
from spfem_bench.plots.words import column_of
from spfem_bench.tables import Leaderboard

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GUIDE = (
    "Mean change from the clean output along each degradation, with its 95% interval over speakers. Shaded: "
    "the noise floor; dotted: the tolerance of a claim to ignore."
)


def draw_certificates(
    board: Leaderboard, certificates: Sequence[Certificate], path: Path, metrics: Sequence[str] = ()
) -> Path:
    """Write `certificates_figure`; the path's ending says in which format.

    Raises:
        UsageError: see `certificates_figure`; another ending, or no matplotlib.
        StorageError: the file cannot be written.
    """
    with styled(**{"font.size": 6}):
        return save(certificates_figure(board, certificates, metrics), path)


def certificates_figure(
    board: Leaderboard, certificates: Sequence[Certificate], metrics: Sequence[str] = ()
) -> Figure:
    """A row of panels per metric, one for each claim that could be put to the test.

    Args:
        board: of one or more bundles.
        certificates: of the kind of data the bundles were scored on.
        metrics: names; by default every metric that has a certificate with a claim.

    Raises:
        UsageError: the table lacks a metric, or no certificate makes a claim by these definitions.
    """
    names = list(dict.fromkeys(metrics)) or [column.info.name for column in board.columns]
    digests = [column_of(board, name).signature.digest for name in names]
    known = {metric.digest: (source, metric) for source in certificates for metric in source.metrics}
    found = {digest: known[digest] for digest in digests if digest in known}
    rows = [row for entry in found.values() if (row := _claims(*entry))]
    if not rows:
        raise UsageError(
            f"no certificate makes a claim about {', '.join(names)} by the definitions of '{board.title}': "
            "run spfem-bench certify, or name its folder by --certificates"
        )
    sources = list({id(source): source for source, _ in found.values()}.values())
    columns = max(map(len, rows))
    lines = _small_print(sources, [row[0][0] for row in rows])
    fill = partial(sheet, rows=rows, columns=columns)
    return captioned(*sheet_size(len(rows), columns), lines, (), fill)


def _claims(certificate: Certificate, metric: MetricCertificate) -> list[tuple[MetricCertificate, Made]]:
    made = {item.name: item for item in certificate.degradations if item.scenes}
    return [(metric, made[v.degradation]) for v in metric.verdicts if v.degradation in made]


def _small_print(sources: Sequence[Certificate], shown: Sequence[MetricCertificate]) -> list[str]:
    basis = [
        f"{source.suite} on {source.kind} clips, {source.trials} trials, {source.speakers} speakers, "
        f"certificate {source.digest[:12]}"
        for source in sources
    ]
    definitions = [f"{metric.label} = {metric.name} @{metric.digest}" for metric in shown]
    return [f"{'; '.join(basis)}.", _GUIDE, f"Definitions: {'; '.join(definitions)}."]
