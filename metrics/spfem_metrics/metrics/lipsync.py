"""Lip-sync of the output with its own sound: LSE-D, LSE-C and the offset, from the extractor ``sync``.

The extractor embeds the mouth of a few frames from frame i on and the sound from frame i on: ``video`` and
``audio`` (T, D), with flags (T,) ``video_valid`` and ``audio_valid``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from spfem_metrics.errors import DefinitionError
from spfem_metrics.functional.lipsync import (
    SyncCurve,
    SyncDistances,
    framewise_confidence,
    sync_curve,
    sync_distances,
)
from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score
from spfem_metrics.metrics.reducing import mean_score
from spfem_metrics.metrics.sides import answered, faces_of, sign_faces
from spfem_metrics.outcome import Unscored
from spfem_metrics.signature import Signature

REACH = 15
"""Frames of offset tried either way, as SyncNet does."""

PAIRS_MIN = 10
"""Windows that must be left to compare at every offset; a clip of some 30 frames leaves as many."""

CHANCE = REACH * (REACH + 1) / (2 * REACH + 1)
"""Mean size of an offset drawn at random, in frames."""

At = Literal["best", "zero"]
"""Which offset is read: the one of the least distance, as SyncNet does, or none."""

_NEEDS = (Need("output", "sync"), *faces_of())
_SEARCHED = (
    f"The offset of the least distance is read, as SyncNet does, so that lips up to {REACH} frames late or "
    "early cost nothing: read it beside sync-offset or the form at zero."
)
_AS_IS = (
    "Read at offset zero, as the clip plays, where SyncNet reads the best offset: late lips cost, but no "
    "more once they are later than a syllable."
)
_LIMITS = (
    " Only pairs that exist are compared, where SyncNet pads with zeros. Numbers depend on the network, and "
    "real speech is no ceiling: published models have passed it, so read them beside the copy of the source."
)


@dataclass(frozen=True)
class SyncDistance:
    """LSE-D: distance of the lips from the sound; parts as in `_parts`.

    Args:
        at: ``best`` is named ``lse-d``, ``zero`` is named ``lse-d-at-zero``.

    Raises:
        DefinitionError: another place.
    """

    at: At = "best"

    def __post_init__(self) -> None:
        _check(self.at)

    @property
    def info(self) -> MetricInfo:
        """Named after the offset read."""
        return _info(
            ("lse-d", "LSE-D"),
            self.at,
            "lower",
            (0.0, float("inf")),
            "Mean distance between the embeddings of the mouth's windows and of their sound. ",
        )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return _sign(self.info, definitions, at=self.at, order="mean-then-min")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's distance."""
        return _read(observation, lambda curve: curve.distance(_offset(self.at)))

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)


@dataclass(frozen=True)
class SyncConfidence:
    """LSE-C: how much nearer the lips are to their sound than to sound of other times; parts as in `_parts`.

    Args:
        at: ``best`` is named ``lse-c``, ``zero`` is named ``lse-c-at-zero``.

    Raises:
        DefinitionError: another place.
    """

    at: At = "best"

    def __post_init__(self) -> None:
        _check(self.at)

    @property
    def info(self) -> MetricInfo:
        """Named after the offset read."""
        return _info(
            ("lse-c", "LSE-C"),
            self.at,
            "higher",
            (0.0 if self.at == "best" else float("-inf"), float("inf")),
            "Median over all offsets of the mean distance between the mouth's windows and the sound, minus "
            "the distance read. A mouth that stands still comes near 0. ",
        )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return _sign(self.info, definitions, at=self.at, order="mean-then-median-minus-min")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's confidence."""
        return _read(observation, lambda curve: curve.confidence(_offset(self.at)))

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)


@dataclass(frozen=True)
class SyncOffset:
    """Size of the offset between lips and sound; parts as in `_parts`, with the sign in ``offset``."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="sync-offset",
        label="Sync offset",
        version=1,
        direction="lower",
        unit="frames",
        bounds=(0.0, float(REACH)),
        needs=_NEEDS,
        about=(
            f"Size of the shift, within {REACH} frames either way, at which lips and sound fit best. Where "
            f"nothing fits, any shift is as good and the mean is about {CHANCE:.1f} frames; a shift beyond "
            "the reach looks the same. Read it beside LSE-C."
        ),
        order=("copy-source", "copy-reference"),
    )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return _sign(self.info, definitions, order="mean-then-min")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's offset in frames."""
        return _read(observation, lambda curve: float(abs(curve.offset)))

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)


def _check(at: str) -> None:
    if at not in ("best", "zero"):
        raise DefinitionError(f"lip-sync is not read at {at!r}: best or zero")


def _offset(at: At) -> int | None:
    return None if at == "best" else 0


def _info(
    named: tuple[str, str],
    at: At,
    direction: Literal["higher", "lower"],
    bounds: tuple[float, float],
    about: str,
) -> MetricInfo:
    name, label = named
    searched = at == "best"
    return MetricInfo(
        name=name if searched else f"{name}-at-zero",
        label=label if searched else f"{label} (0)",
        version=1,
        direction=direction,
        unit="distance",
        bounds=bounds,
        needs=_NEEDS,
        about=f"{about}{_SEARCHED if searched else _AS_IS}{_LIMITS}",
        order=("copy-source", "copy-reference"),
    )


def _sign(info: MetricInfo, definitions: Mapping[str, str], **choices: str) -> Signature:
    return sign_faces(
        info,
        definitions,
        norm="euclidean",
        eps="0",
        ends="paired",
        reach=f"{REACH}frames",
        pairs_min=str(PAIRS_MIN),
        **choices,
    )


def _read(observation: Observation, value: Callable[[SyncCurve], float]) -> Reading | Unscored:
    return read_pairs(observation, "sync", value)


def read_pairs(
    observation: Observation, extractor: str, value: Callable[[SyncCurve], float]
) -> Reading | Unscored:
    """What a metric takes from the output's curve of distances over offsets, with the parts all share.

    Args:
        observation: of the trial.
        extractor: whose arrays hold ``video``, ``audio`` and their flags.
        value: from the curve over pairs that exist.
    """
    answer = answered(observation)
    if isinstance(answer, Unscored):
        return answer
    found = _distances(observation, extractor)
    if isinstance(found, Unscored):
        return found
    curve = sync_curve(found)
    return Reading(value(curve), {**answer.parts(len(found.at(0))), **_parts(found, curve)})


def _distances(observation: Observation, extractor: str) -> SyncDistances | Unscored:
    read = observation.sides["output"][extractor]
    lips, sound = (np.asarray(read[name], bool) for name in ("video_valid", "audio_valid"))
    if not sound.any():
        return Unscored("the output has no sound that the lip-sync network could read")
    if not lips.any():
        return Unscored("the output has no run of frames in which the lip-sync network could read the mouth")
    found = sync_distances(read["video"], read["audio"], reach=REACH, seen=(lips, sound))
    if found.fewest < PAIRS_MIN:
        return Unscored(
            f"{found.fewest} windows left to compare at a shift of {REACH} frames, {PAIRS_MIN} needed"
        )
    return found


def _parts(found: SyncDistances, curve: SyncCurve) -> dict[str, float]:
    """What a reading says besides its value.

    ``offset``: frames, positive where the lips come after the sound. ``distance``, ``confidence``: at the
    best offset; ``distance_at_zero``, ``confidence_at_zero``: as the clip plays. ``framewise_low``: the
    confidence that nine windows in ten reach at the best offset.
    """
    framewise = framewise_confidence(found, curve.offset)
    return {
        "offset": float(curve.offset),
        "distance": curve.distance(),
        "confidence": curve.confidence(),
        "distance_at_zero": curve.distance(0),
        "confidence_at_zero": curve.confidence(0),
        "framewise_low": float(np.quantile(framewise, 0.1)),
    }
