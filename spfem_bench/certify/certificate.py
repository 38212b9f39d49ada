"""A certificate: what every metric of a suite was seen to see, as plain data on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spfem_bench.certify.terms import Kind, Standing, State
from spfem_bench.config import check_schema, closed_object
from spfem_bench.errors import ConfigError, IntegrityError
from spfem_bench.fsio import write_atomically

SCHEMA_NAME = "spfem-bench/certificate@1"


@dataclass(frozen=True)
class Point:
    """A curve at one level.

    Args:
        level: in the degradation's unit.
        scored: trials (groups) with a value.
        mean: mean over speakers of the value; None without any.
        change: mean change from level 0, over the trials scored at both.
        low: lower bound of the change's 95% interval; None with fewer than two speakers.
        high: its upper bound.
    """

    level: float
    scored: int
    mean: float | None
    change: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Line:
    """How a metric moves along a degradation.

    Args:
        degradation: by name.
        points: level 0 first.
        trend: mean gamma of the value with the level, positive where it rises; None where no level counts.
        trend_low: lower bound of its 95% interval.
        trend_high: upper bound.
    """

    degradation: str
    points: Sequence[Point]
    trend: float | None
    trend_low: float | None
    trend_high: float | None


@dataclass(frozen=True)
class Verdict:
    """A claim with what came of it.

    Args:
        degradation: by name.
        claim: ``sees`` or ``ignores``.
        detail: ``worse``, ``rises`` or ``falls``; or the tolerance as it was stated.
        state: what came of it.
        why: the numbers that decided.
        tolerance: of ``ignores``, in the metric's unit.
    """

    degradation: str
    claim: str
    detail: str
    state: State
    why: str
    tolerance: float | None


@dataclass(frozen=True)
class Visible:
    """The smallest effect that a comparison would find.

    Args:
        degradation: by name.
        trials: of the comparison.
        speakers: of the comparison.
        level: lowest level from which on every change is found; None where none is.
        effect: change found at that level with probability .8, in the metric's unit.
    """

    degradation: str
    trials: int
    speakers: int
    level: float | None
    effect: float | None


@dataclass(frozen=True)
class MetricCertificate:
    """Everything measured of one metric.

    Args:
        name: of the metric.
        label: its column header.
        unit: of its values.
        direction: which way is better.
        signature: its definition as one line.
        digest: of that line.
        per: what one value of a curve is, ``trial`` or ``group of speakers``.
        floor: noise floor: 95th percentile of the size of changes nobody should see.
        floors: the same for each kind of such changes.
        standing: what its claims come to.
        verdicts: claim by claim.
        lines: degradation by degradation.
        visible: smallest effects, empty for set metrics.
    """

    name: str
    label: str
    unit: str
    direction: str
    signature: str
    digest: str
    per: str
    floor: float
    floors: Mapping[str, float]
    standing: Standing
    verdicts: Sequence[Verdict]
    lines: Sequence[Line]
    visible: Sequence[Visible]

    @property
    def failed(self) -> list[Verdict]:
        """Claims that failed."""
        return [verdict for verdict in self.verdicts if verdict.state == "fails"]


@dataclass(frozen=True)
class Made:
    """A degradation as it was made.

    Args:
        name: of the degradation.
        family: it is drawn with.
        unit: of its levels.
        about: what is done.
        levels: above 0.
        scenes: on how many scenes it could be made.
    """

    name: str
    family: str
    unit: str
    about: str
    levels: Sequence[float]
    scenes: int


@dataclass(frozen=True)
class Certificate:
    """What ``certify`` found for one suite on one kind of data.

    Args:
        suite: its name.
        kind: of data.
        how: how a trial is built.
        data: name of the data and digest of its index or of the renderer.
        command: that makes it again, without this machine's folders.
        claims: as made beforehand.
        claims_digest: of them.
        trials: measured.
        speakers: among them.
        skipped: trial -> why it was left out.
        settings: seed, seconds, size, device, threads, versions.
        degradations: in order.
        metrics: in the suite's order.
    """

    suite: str
    kind: Kind
    how: str
    data: Mapping[str, str]
    command: str
    claims: Mapping[str, Any]
    claims_digest: str
    trials: int
    speakers: int
    skipped: Mapping[str, str]
    settings: Mapping[str, Any]
    degradations: Sequence[Made]
    metrics: Sequence[MetricCertificate]

    @property
    def stem(self) -> str:
        """Name of its files without extension."""
        return f"{self.suite}-{self.kind}"

    @property
    def digest(self) -> str:
        """Of everything in it."""
        from spfem_bench.digest import digest_of

        return digest_of(to_plain(self))


_NUMBER = {"type": ["number", "null"]}
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_OBJECT = {"type": "object"}


def _list(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


_STATES = {"enum": ["holds", "fails", "inconclusive", "unmeasured"]}
_POINT = closed_object(
    level={"type": "number"}, scored=_COUNT, mean=_NUMBER, change=_NUMBER, low=_NUMBER, high=_NUMBER
)
_LINE = closed_object(
    degradation=_TEXT, points=_list(_POINT), trend=_NUMBER, trend_low=_NUMBER, trend_high=_NUMBER
)
_VERDICT = closed_object(
    degradation=_TEXT,
    claim={"enum": ["sees", "ignores"]},
    detail=_TEXT,
    state=_STATES,
    why=_TEXT,
    tolerance=_NUMBER,
)
_VISIBLE = closed_object(degradation=_TEXT, trials=_COUNT, speakers=_COUNT, level=_NUMBER, effect=_NUMBER)
_METRIC = closed_object(
    name=_TEXT,
    label=_TEXT,
    unit=_TEXT,
    direction={"enum": ["higher", "lower"]},
    signature=_TEXT,
    digest=_TEXT,
    per=_TEXT,
    floor={"type": "number", "minimum": 0},
    floors={"type": "object", "additionalProperties": {"type": "number"}},
    standing={"enum": ["certified", "fails", "inconclusive", "unclaimed"]},
    verdicts=_list(_VERDICT),
    lines=_list(_LINE),
    visible=_list(_VISIBLE),
)
_MADE = closed_object(
    name=_TEXT, family=_TEXT, unit=_TEXT, about=_TEXT, levels=_list({"type": "number"}), scenes=_COUNT
)
SCHEMA: Mapping[str, Any] = closed_object(
    schema={"const": SCHEMA_NAME},
    suite=_TEXT,
    kind={"enum": ["rendered", "real"]},
    how=_TEXT,
    data=_OBJECT,
    command=_TEXT,
    claims=_OBJECT,
    claims_digest=_TEXT,
    trials=_COUNT,
    speakers=_COUNT,
    skipped=_OBJECT,
    settings=_OBJECT,
    degradations=_list(_MADE),
    metrics=_list(_METRIC),
)
"""JSON Schema of a certificate's file."""


def to_plain(certificate: Certificate) -> dict[str, Any]:
    """As in the file; numbers in full, null where there is none."""
    plain: dict[str, Any] = {"schema": SCHEMA_NAME, **asdict(certificate)}
    return json.loads(json.dumps(plain, allow_nan=False))  # type: ignore[no-any-return]


def from_plain(plain: Mapping[str, Any], where: str) -> Certificate:
    """The inverse of `to_plain`; ``where`` names the file in errors.

    Raises:
        IntegrityError: it is no certificate of this version.
    """
    try:
        check_schema(plain, SCHEMA, where)
    except ConfigError as error:
        raise IntegrityError(f"{error} Certify the suite again") from error
    values = {key: value for key, value in plain.items() if key != "schema"}
    metrics = [_metric(metric) for metric in plain["metrics"]]
    degradations = [Made(**made) for made in plain["degradations"]]
    return Certificate(**{**values, "metrics": metrics, "degradations": degradations})


def _metric(plain: Mapping[str, Any]) -> MetricCertificate:
    parts = {
        "verdicts": [Verdict(**item) for item in plain["verdicts"]],
        "lines": [
            Line(**{**item, "points": [Point(**point) for point in item["points"]]})
            for item in plain["lines"]
        ],
        "visible": [Visible(**item) for item in plain["visible"]],
    }
    return MetricCertificate(**{**plain, **parts})


def write_certificate(certificate: Certificate, folder: Path) -> Path:
    """Write ``SUITE-KIND.json``.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    path = folder / f"{certificate.stem}.json"
    text = json.dumps(to_plain(certificate), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_atomically(path, text + "\n")
    return path


def read_certificate(path: Path) -> Certificate:
    """Read a certificate.

    Raises:
        IntegrityError: the file cannot be read or is no certificate of this version.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError, RecursionError) as error:
        raise IntegrityError(f"{path} is not a readable certificate ({error}): certify again") from error
    return from_plain(plain, str(path))
