"""The measured noise floor as a file: what ``calibrate`` writes and the gate reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spfem_bench.config import check_schema, closed_object
from spfem_bench.errors import ConfigError, IntegrityError, NotComparableError, UsageError
from spfem_bench.fsio import write_atomically

SCHEMA_NAME = "spfem-bench/noise@1"


@dataclass(frozen=True)
class Floor:
    """How far one metric moves between runs that differ in nothing that should matter.

    Args:
        metric: its name.
        signature: its definition, one line.
        digest: of that line.
        unit: of all numbers here.
        score: by how much a score may move, see `spfem_bench.judging.calibrate`.
        trial: by how much the value of one trial may move; 0 for set metrics.
        spread: standard deviation of the score between runs, of the model that spreads most.
        largest: largest difference of two runs' scores that was seen.
        trials: scored in every run, of the model with the fewest.
    """

    metric: str
    signature: str
    digest: str
    unit: str
    score: float
    trial: float
    spread: float
    largest: float
    trials: int


@dataclass(frozen=True)
class Noise:
    """What repeated runs of the same systems showed.

    Args:
        dataset: name and digest.
        protocol: name and digest.
        models: that were run.
        runs: manifest digest, seed, threads and device of each.
        false_alarms: chance that a table shows a regression under these floors though nothing changed.
        hypotheses: model and metric pairs that this chance is split over.
        floors: by metric.
        notes: what limits them.
    """

    dataset: Mapping[str, str]
    protocol: Mapping[str, str]
    models: Sequence[str]
    runs: Sequence[Mapping[str, Any]]
    false_alarms: float
    hypotheses: int
    floors: Sequence[Floor]
    notes: Sequence[str] = ()

    def by_digest(self) -> dict[str, Floor]:
        """Digest of a definition -> floor: another definition has another noise."""
        return {floor.digest: floor for floor in self.floors}


_TEXT = {"type": "string"}
_SIZE = {"type": "number", "minimum": 0}
_NAMED = closed_object(name=_TEXT, digest=_TEXT)
_TEXTS = {"type": "array", "items": _TEXT}
_COUNT = {"type": "integer", "minimum": 0}
_RUN = closed_object(
    manifest=_TEXT, seed={"type": ["integer", "null"]}, threads={"type": ["integer", "null"]}, device=_TEXT
)
_FLOOR = closed_object(
    metric=_TEXT,
    signature=_TEXT,
    digest=_TEXT,
    unit=_TEXT,
    score=_SIZE,
    trial=_SIZE,
    spread=_SIZE,
    largest=_SIZE,
    trials=_COUNT,
)
SCHEMA: Mapping[str, Any] = closed_object(
    schema={"const": SCHEMA_NAME},
    dataset=_NAMED,
    protocol=_NAMED,
    models=_TEXTS,
    runs={"type": "array", "items": _RUN, "minItems": 2},
    false_alarms={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    hypotheses=_COUNT,
    floors={"type": "array", "items": _FLOOR},
    notes=_TEXTS,
)
"""JSON Schema of the file."""


def to_plain(noise: Noise) -> dict[str, Any]:
    """As in the file."""
    plain: dict[str, Any] = json.loads(json.dumps({"schema": SCHEMA_NAME, **asdict(noise)}, allow_nan=False))
    return plain


def write_noise(noise: Noise, path: Path) -> None:
    """Write the file: sorted keys, numbers in full.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    text = json.dumps(to_plain(noise), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_atomically(path, text + "\n")


def read_noise(path: Path) -> Noise:
    """Read the file.

    Raises:
        UsageError: it cannot be read.
        IntegrityError: it is no noise floor of this version.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf8"), parse_constant=_refuse)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): make it with calibrate") from error
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{path} is not JSON ({error}): calibrate again") from error
    try:
        check_schema(plain, SCHEMA, str(path))
    except ConfigError as error:
        raise IntegrityError(f"{error} Calibrate again") from error
    values = {key: value for key, value in plain.items() if key != "schema"}
    return Noise(**{**values, "floors": [Floor(**floor) for floor in plain["floors"]]})


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def check_ground(noise: Noise, spec: Mapping[str, Any], where: str) -> None:
    """Refuse a floor measured on other data: it holds for its own trials only.

    Args:
        noise: the floor.
        spec: of the bundle to be judged.
        where: the floor's file.

    Raises:
        NotComparableError: another dataset or protocol.
    """
    for part, held in (("dataset", noise.dataset), ("protocol", noise.protocol)):
        if held["digest"] != spec[part]["digest"]:
            raise NotComparableError(
                f"{where} was measured on {part} {held['name']} ({held['digest'][:12]}), the bundle is of "
                f"{spec[part]['name']} ({spec[part]['digest'][:12]}): calibrate on the same {part}"
            )
