"""What came of measuring one thing: a value, a reason for none, or an error.

An outcome is never NaN and never a stand-in zero: whatever has no value says why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from spfem_metrics.errors import InputError


@dataclass(frozen=True, slots=True)
class Scored:
    """A finite value in the metric's unit.

    Raises:
        InputError: the value is NaN or infinite.
    """

    value: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise InputError(f"a score must be finite, not {self.value}; say Unscored(reason) instead")


@dataclass(frozen=True, slots=True)
class Unscored:
    """The metric does not apply here (no face, no audio, no true pair): counted, shown as coverage."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Something broke (decode error, crash of a model): counted and shown, never dropped."""

    error: str


Outcome = Scored | Unscored | Failed
