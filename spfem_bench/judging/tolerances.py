"""How far a number may move before it counts: the largest of what was measured, certified and stated."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from spfem_bench.certify.certificate import Certificate
from spfem_bench.errors import UsageError
from spfem_bench.judging.model import Allowance
from spfem_bench.judging.noise import Floor

EVERY = "*"
"""Stands for every metric in a stated tolerance."""

_FORM = re.compile(r"(?P<size>[0-9.]+(?:[eE][-+]?[0-9]+)?)(?P<percent>%?)")


@dataclass(frozen=True)
class Tolerance:
    """A stated tolerance.

    Args:
        size: in the metric's unit, or as a share of the baseline's score.
        relative: whether it is such a share.
    """

    size: float
    relative: bool = False

    def of(self, score: float | None) -> float:
        """In the metric's unit, for this score of the baseline."""
        return self.size * abs(score or 0.0) if self.relative else self.size


@dataclass(frozen=True)
class Tolerances:
    """Everything that may allow a number to move.

    Args:
        stated: metric (or `EVERY`) -> by whoever asks for the comparison.
        suite: metric -> by the suite.
        certified: digest of a definition -> noise floor of its certificate on this kind of data.
        floors: digest of a definition -> what `calibrate` measured.
    """

    stated: Mapping[str, Tolerance] = field(default_factory=dict)
    suite: Mapping[str, Tolerance] = field(default_factory=dict)
    certified: Mapping[str, float] = field(default_factory=dict)
    floors: Mapping[str, Floor] = field(default_factory=dict)

    def allowance(self, metric: str, digest: str, score: float | None) -> Allowance:
        """The largest allowance of any source.

        Args:
            metric: its name.
            digest: of its definition.
            score: of the baseline, which relative tolerances refer to.
        """
        floor = self.floors.get(digest)
        sources = {"calibrated noise floor": floor.score if floor else 0.0}
        sources["certificate"] = self.certified.get(digest, 0.0)
        for source, tolerances in (("suite", self.suite), ("stated", self.stated)):
            tolerance = tolerances.get(metric) or tolerances.get(EVERY)
            sources[source] = tolerance.of(score) if tolerance else 0.0
        source = max(sources, key=lambda name: sources[name])
        size = sources[source]
        trial = max(size, floor.trial if floor else 0.0)
        return Allowance(size, source if size else "none stated", trial)


def parse_tolerances(texts: Iterable[str], metrics: Iterable[str]) -> dict[str, Tolerance]:
    """Read ``METRIC=SIZE`` (in its unit) and ``METRIC=SHARE%`` (of the baseline); ``*`` is all metrics.

    Raises:
        UsageError: another form, an unknown metric, one metric twice.
    """
    known, found = [*metrics, EVERY], dict[str, Tolerance]()
    for text in texts:
        name, _, size = text.rpartition("=")
        if name not in known:
            raise UsageError(f"--tolerance {text}: there is no metric '{name}'; there are {', '.join(known)}")
        if name in found:
            raise UsageError(f"--tolerance names {name} twice: keep one")
        found[name] = parse_tolerance(size)
    return found


def parse_tolerance(text: str) -> Tolerance:
    """Read ``0.01`` or ``2%``.

    Raises:
        UsageError: it is no finite number of at least 0.
    """
    match = _FORM.fullmatch(text.strip())
    try:
        size = float(match["size"]) if match else math.nan
    except ValueError:
        size = math.nan
    if match is None or not math.isfinite(size):
        raise UsageError(f"the tolerance '{text}' is neither a number such as 0.01 nor a share such as 2%")
    return Tolerance(size / 100, relative=True) if match["percent"] else Tolerance(size)


def certified_floors(certificates: Iterable[Certificate], kind: str) -> dict[str, float]:
    """Digest of a definition -> noise floor, of the certificates on this kind of data only."""
    return {
        metric.digest: metric.floor
        for certificate in certificates
        if certificate.kind == kind
        for metric in certificate.metrics
    }
