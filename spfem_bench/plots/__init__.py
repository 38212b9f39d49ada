"""Leaderboards and certificates as pictures (matplotlib, the extra ``plot``), for papers and pages."""

from __future__ import annotations

from typing import Literal

from spfem_bench.plots.certificates import draw_certificates
from spfem_bench.plots.emotions import draw_emotions
from spfem_bench.plots.tradeoff import draw_tradeoff

Kind = Literal["emotions", "tradeoff", "certificate"]
KINDS: tuple[Kind, ...] = ("emotions", "tradeoff", "certificate")

__all__ = ["KINDS", "Kind", "draw_certificates", "draw_emotions", "draw_tradeoff"]
