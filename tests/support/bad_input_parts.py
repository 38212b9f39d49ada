"""Parts for suites that must be refused or stopped."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from spfem_baselines import Output, Request
from spfem_metrics import Media, MetricInfo, Need, Observation, Reading, Row, Score, Signature
from spfem_metrics.networks.mobilefacenet import Identity, identity
from tests.support.adapters import Made
from tests.support.tiny import Luma, LumaDrift, luma_drift


def other_luma(*, weights: Mapping[str, Path], device: str = "cpu") -> Luma:
    """As ``luma``, by another definition."""
    return Luma(definition="mean-rgb-v2")


def identity_from(*, weights: Mapping[str, Path], device: str = "cpu", file: str) -> Identity:
    """The network read from any file at all."""
    return identity(weights={"model": Path(file)}, device=device)


@dataclass(frozen=True)
class NoFaces:
    """An extractor called ``faces`` that is never asked for a frame."""

    name: str = "faces"
    definition: str = "none"
    requires: Sequence[str] = ()

    def start(self, media: Media) -> None:
        return None


def no_faces(*, weights: Mapping[str, Path], device: str = "cpu") -> NoFaces:
    return NoFaces()


@dataclass(frozen=True)
class Named:
    """``LumaDrift`` under another name, with other needs, and perhaps a fault."""

    info: MetricInfo
    fails: bool = False
    inner: LumaDrift = field(default_factory=luma_drift)

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        return Signature(self.info.name, 1, {"miss": "exclude"})

    def observe(self, observation: Observation) -> Reading:
        return Reading(1 / (0 if self.fails else 1))

    def reduce(self, rows: Sequence[Row]) -> Score:
        return self.inner.reduce(rows)


def needs_identity() -> Named:
    info = luma_drift().info
    return Named(replace(info, name="identity", needs=(Need("output", "identity"),)))


def raising() -> Named:
    return Named(replace(luma_drift().info, name="raising"), fails=True)


def killed() -> Made:
    """A model whose process the operating system kills."""

    def work(request: Request) -> Output:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")

    return Made("killed", work)
