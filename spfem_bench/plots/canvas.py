"""What every plot stands on: one style, colours that all readers can tell apart, files without a date.

Colours are those of Okabe and Ito (2008), without the yellow that is lost on white.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spfem_bench.errors import UsageError
from spfem_bench.fsio import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MODELS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Of models, in order of appearance."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")
"""Of models in scatter plots: colour never stands alone."""
BOUND, FAINT, INK, ALARM = "#5F6368", "#C4C7CB", "#202124", "#B3261E"
SUFFIXES = (".png", ".pdf", ".svg")

_DPI = 200
_POINTS = 72
_CAPTION_SIZE = 6.0
_LEADING = 1.35
_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # TrueType: the text stays text
    "svg.hashsalt": "spfem-bench",
}
_UNDATED: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    "svg": {"Date": None, "Creator": None},
}


def require_matplotlib(otherwise: str = "") -> None:
    """Say how to get matplotlib where it is missing.

    Args:
        otherwise: what can be done without it, as in ``or pass --no-plots``.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import matplotlib  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise UsageError(f"plots need matplotlib: pip install 'spfem-bench[plot]'{otherwise}") from error


@contextmanager
def styled(**changes: Any) -> Iterator[None]:
    """The plots' style, whatever the user's own settings are.

    Raises:
        UsageError: matplotlib is not installed.
    """
    require_matplotlib()
    import matplotlib as mpl

    wanted: Any = _STYLE | changes  # its keys are settings' names, which matplotlib checks itself
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(wanted)
        yield


def new_figure(width: float, height: float, dpi: float = _DPI) -> Figure:
    """An empty figure without a window.

    Args:
        width: in inches.
        height: in inches.
        dpi: of pictures made of pixels.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def captioned(
    width: float, height: float, lines: Sequence[str], alarm: Sequence[str], fill: Callable[[Figure], None]
) -> Figure:
    """A figure with small print below it.

    Args:
        width: in inches.
        height: of the plot itself, in inches; the small print comes on top of it.
        lines: sentences, each from a new line, wrapped to the width.
        alarm: sentences in red before them, such as ``NOT A RESULT: ...``.
        fill: draws into the figure above the small print.
    """
    letters = int(width * _POINTS / (_CAPTION_SIZE * 0.53))
    wrapped = [(part, ALARM) for line in alarm for part in textwrap.wrap(line, letters)]
    wrapped += [(part, BOUND) for line in lines for part in textwrap.wrap(line, letters)]
    leading = _CAPTION_SIZE * _LEADING / _POINTS
    whole = height + leading * (len(wrapped) + 0.5)
    figure = new_figure(width, whole)
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0, 1 - height / whole, 1, height / whole))
    fill(figure)
    for number, (text, colour) in enumerate(reversed(wrapped)):
        bottom = leading * (number + 0.4) / whole
        figure.text(0.06 / width, bottom, text, color=colour, fontsize=_CAPTION_SIZE, va="bottom")
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write a figure; equal figures give equal bytes on one machine.

    Args:
        figure: to write.
        path: its ending, one of `SUFFIXES`, says in which format.

    Raises:
        UsageError: another ending.
        StorageError: the file cannot be written.
    """
    check_suffix(path)
    form = path.suffix.lower().removeprefix(".")
    stream = BytesIO()
    figure.savefig(stream, format=form, metadata=_UNDATED[form])
    write_atomically(path, stream.getvalue())
    return path


def check_suffix(path: Path) -> None:
    """Refuse a file whose format cannot be written.

    Raises:
        UsageError: its ending is none of `SUFFIXES`.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path} must end with {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
