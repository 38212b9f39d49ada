"""How numbers are written: enough digits to read, the same on every machine."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import median

ABSENT = "\u2013"
"""An en dash: stands where there is no number; a footnote says why."""


def decimals(values: Iterable[float]) -> int:
    """Digits after the point for a column, chosen by the median magnitude of its non-zero values.

    100 and more: 2; from 0.1: 3; from 0.001: 4; smaller: 6.
    """
    sizes = [abs(value) for value in values if value]
    size = median(sizes) if sizes else 1.0
    if size >= 100:
        return 2
    if size >= 0.1:
        return 3
    return 4 if size >= 0.001 else 6


def fixed(value: float, places: int) -> str:
    """The value with ``places`` digits after the point; a rounded zero has no sign."""
    text = f"{value:.{places}f}"
    return text.lstrip("-") if float(text) == 0 else text


def significant(value: float | None) -> str:
    """Five significant figures, empty for None (the CSV form)."""
    return "" if value is None else f"{value:.5g}"


def finite_or_none(value: float) -> float | None:
    """The value, or None where JSON could not hold it."""
    return value if math.isfinite(value) else None
