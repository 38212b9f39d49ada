"""The words of a certificate, as types."""

from __future__ import annotations

from typing import Literal

Kind = Literal["rendered", "real"]
"""Of data: certificates of one kind say nothing about the other."""

Way = Literal["worse", "rises", "falls"]
"""Where a metric that sees goes: in its worse direction, or named where worse is not the point."""

State = Literal["holds", "fails", "inconclusive", "unmeasured"]
"""Of a claim: borne out, contradicted, neither, or not to be made on this data."""

Standing = Literal["certified", "fails", "inconclusive", "unclaimed"]
"""Of a metric: all its claims hold; one fails; some are open; it has none."""
