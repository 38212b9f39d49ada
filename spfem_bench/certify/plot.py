"""A certificate drawn: one sheet per family of degradations, a row of panels per metric."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spfem_bench.certify.certificate import Certificate, Made
from spfem_bench.plots.canvas import new_figure, require_matplotlib, save, styled
from spfem_bench.plots.curves import sheet, sheet_size

_DPI = 90


def draw(certificate: Certificate, folder: Path) -> list[Path]:
    """Write ``SUITE-KIND-FAMILY.png`` for every family that was made.

    Args:
        certificate: what to draw: mean change from level 0 with its 95% interval, the noise floor shaded.
        folder: where to.

    Raises:
        UsageError: matplotlib is not installed.
        StorageError: a file cannot be written.
    """
    require_matplotlib(", or pass --no-plots")
    families: dict[str, list[Made]] = {}
    for made in certificate.degradations:
        if made.scenes:
            families.setdefault(made.family, []).append(made)
    with styled(**{"font.size": 6}):
        return [_sheet(certificate, name, own, folder) for name, own in families.items()]


def _sheet(certificate: Certificate, family: str, made: Sequence[Made], folder: Path) -> Path:
    rows = [[(metric, item) for item in made] for metric in certificate.metrics]
    figure = new_figure(*sheet_size(len(rows), len(made)), _DPI)
    sheet(figure, rows, len(made))
    title = f"{certificate.suite} on {certificate.kind} clips: change from the clean output, {family}"
    figure.suptitle(f"{title}, {certificate.trials} trials, {certificate.speakers} speakers", fontsize=9)
    return save(figure, folder / f"{certificate.stem}-{family}.png")
