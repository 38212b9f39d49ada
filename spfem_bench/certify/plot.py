"""A certificate drawn: one sheet per family of degradations, a row per metric."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spfem_bench.certify.certificate import Certificate, Line, Made, MetricCertificate
from spfem_bench.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"holds": "#1b7837", "fails": "#b2182b", "inconclusive": "#8c6d31", "unmeasured": "#666666"}
_PLAIN = "#9aa0a6"
_DPI = 80


def draw(certificate: Certificate, folder: Path) -> list[Path]:
    """Write ``SUITE-KIND-FAMILY.png`` for every family that was made.

    Args:
        certificate: what to draw: mean change from level 0 with its 95% interval, the noise floor shaded.
        folder: where to.

    Raises:
        UsageError: matplotlib is not installed.
        StorageError: a file cannot be written.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise UsageError(
            "plots need matplotlib: pip install 'spfem-bench[plot]', or pass --no-plots"
        ) from error
    with matplotlib.rc_context({"font.size": 7, "axes.linewidth": 0.6, "svg.hashsalt": "spfem-bench"}):
        families: dict[str, list[Made]] = {}
        for made in certificate.degradations:
            if made.scenes:
                families.setdefault(made.family, []).append(made)
        return [_sheet(certificate, name, own, folder) for name, own in families.items()]


def _sheet(certificate: Certificate, family: str, made: Sequence[Made], folder: Path) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    metrics = certificate.metrics
    figure = Figure(
        figsize=(1.5 + 1.9 * len(made), 0.7 + 1.15 * len(metrics)), dpi=_DPI, layout="constrained"
    )
    FigureCanvasAgg(figure)
    panels: Any = figure.subplots(len(metrics), len(made), squeeze=False)
    for row, metric in zip(panels, metrics, strict=True):
        for axes, item in zip(row, made, strict=True):
            _panel(axes, metric, item)
        row[0].set_ylabel(f"{metric.label}\n[{metric.unit}]")
    for axes, item in zip(panels[0], made, strict=True):
        axes.set_title(item.name, fontsize=8)
    for axes, item in zip(panels[-1], made, strict=True):
        axes.set_xlabel(item.unit)
    title = f"{certificate.suite} on {certificate.kind} clips: change from the clean output"
    figure.suptitle(f"{title}, {certificate.trials} trials, {certificate.speakers} speakers", fontsize=8)
    return _write(figure, folder / f"{certificate.stem}-{family}.png")


def _panel(axes: Axes, metric: MetricCertificate, made: Made) -> None:
    line = next((line for line in metric.lines if line.degradation == made.name), None)
    verdict = next((verdict for verdict in metric.verdicts if verdict.degradation == made.name), None)
    axes.axhspan(-metric.floor, metric.floor, color="#e8eaed", linewidth=0)
    axes.axhline(0.0, color="#c0c4c8", linewidth=0.5)
    colour = _COLOURS[verdict.state] if verdict else _PLAIN
    if verdict is not None:
        axes.text(0.02, 0.98, f"{verdict.claim}: {verdict.state}", color=colour, transform=axes.transAxes,
                  va="top", fontsize=6)  # fmt: skip
        if verdict.tolerance is not None:
            for edge in (-verdict.tolerance, verdict.tolerance):
                axes.axhline(edge, color=colour, linewidth=0.5, linestyle=":")
    if line is None or not any(point.level and point.change is not None for point in line.points):
        axes.text(0.5, 0.5, "no score", color=_PLAIN, transform=axes.transAxes, ha="center", va="center")
        axes.set(xticks=[], yticks=[])
        return
    _curve(axes, line, colour)
    axes.tick_params(length=2, width=0.5)
    axes.margins(y=0.3)


def _curve(axes: Axes, line: Line, colour: str) -> None:
    shown = [point for point in line.points if point.change is not None]
    levels, changes = [point.level for point in shown], [point.change or 0.0 for point in shown]
    axes.plot(levels, changes, color=colour, marker="o", markersize=2, linewidth=1)
    sure = [point for point in shown if point.low is not None and point.high is not None]
    lows, highs = [point.low or 0.0 for point in sure], [point.high or 0.0 for point in sure]
    axes.fill_between([point.level for point in sure], lows, highs, color=colour, alpha=0.2, linewidth=0)


def _write(figure: Any, path: Path) -> Path:
    from io import BytesIO

    from spfem_bench.fsio import write_atomically

    stream = BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    write_atomically(path, stream.getvalue())
    return path
