"""LSE-D, LSE-C and offset by SyncNet, one set of names for each protocol: their numbers do not compare.

``official``, ``wav2lip`` and ``ned30`` are computed as published (`spfem_metrics.functional.syncnet`), zeros
beyond the clip's ends included. ``clean`` compares only what was seen and heard, as the metrics of
`spfem_metrics.metrics.lipsync` do, whose form and parts it shares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from spfem_metrics.errors import DefinitionError
from spfem_metrics.functional.lipsync import SyncCurve
from spfem_metrics.functional.syncnet import EPS, SyncNetScore, syncnet_score
from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score
from spfem_metrics.metrics.lipsync import PAIRS_MIN, REACH, read_pairs
from spfem_metrics.metrics.reducing import mean_score
from spfem_metrics.metrics.sides import faces_of, sign, sign_faces, usable
from spfem_metrics.outcome import Unscored
from spfem_metrics.signature import Signature

Protocol = Literal["official", "wav2lip", "ned30", "clean"]
Kind = Literal["lse-d", "lse-c", "sync-offset"]

FACE_MIN = 50
"""px of the face's longer side, at the median, that ``clean`` asks for by default: half of syncnet_python's.

Smaller ones are blown up more than threefold; what that costs has not been measured with the real network."""


@dataclass(frozen=True)
class Terms:
    """What a protocol adds to the numbers' names.

    Args:
        label: behind a column's header.
        about: of its numbers.
        reach: shifts tried either way.
        fps: the only rate it can read, None where any.
    """

    label: str
    about: str
    reach: int = REACH
    fps: int | None = None


_PADDED = (
    " Beyond the clip's ends the sound is zeros, as published: the shorter the clip, the more the length of "
    "the lips' embeddings is mixed in (39% of the distances at 20 windows, 3% at 250), so compare clips of "
    "like length only; `padded` in the rows says how much."
)
TERMS: Mapping[Protocol, Terms] = {
    "official": Terms(
        "official", "As syncnet_python computes it of given crops, which the whole frame must be." + _PADDED
    ),
    "wav2lip": Terms(
        "Wav2Lip",
        "As Wav2Lip's evaluation on LRS: the whole frame is squeezed to 224 x 224, whatever it shows, and "
        "frames count as 25 a second, whatever their rate." + _PADDED,
    ),
    "ned30": Terms(
        "NED, 30 fps",
        "As the papers' own script: 30 frames/s, sound as floats, which the network was not trained on, a "
        "column every 133 samples, 10 shifts. Sound of another rate than 16 kHz is brought to it by "
        "another filter than librosa's there, which has changed itself: give 16 kHz. The papers score "
        "aligned and masked faces: nothing is reproduced unless the frames are those and the signature says "
        "mask:given." + _PADDED,
        reach=10,
        fps=30,
    ),
    "clean": Terms(
        "clean",
        "On the tracked face, from lossless frames, at 25 instants a second whatever the clip's rate, and "
        "only over pairs that exist.",
    ),
}
_WHAT: Mapping[Kind, tuple[str, str]] = {
    "lse-d": (
        "LSE-D",
        "Mean distance between SyncNet's embeddings of lips and sound at the shift where it is least. ",
    ),
    "lse-c": (
        "LSE-C",
        "Median over all shifts of the mean distance between lips and sound, less the least. ",
    ),
    "sync-offset": (
        "Offset",
        "Size of the shift, in 40 ms (ned30: frames), at which the mean distance is least. ",
    ),
}
_CEILING = (
    " Real speech is no ceiling: published models have passed it, so read it beside the copy of the source. "
    "Numbers of other protocols do not compare."
)


@dataclass(frozen=True)
class SyncNetMetric:
    """One number of one protocol.

    Args:
        kind: ``lse-d``, ``lse-c`` or ``sync-offset``; the metric is named ``KIND-PROTOCOL``.
        protocol: whose extractor ``syncnet-PROTOCOL`` it reads.
        face_min: for ``clean``: px of the face's longer side at the median, below which there is no number.

    Raises:
        DefinitionError: a kind or protocol there is none of; another kind than ``lse-d`` for ``ned30``;
            ``face_min`` for another protocol than ``clean``.
    """

    kind: Kind
    protocol: Protocol
    face_min: int = FACE_MIN

    def __post_init__(self) -> None:
        if self.kind not in _WHAT or self.protocol not in TERMS:
            raise DefinitionError(
                f"no lip-sync {self.kind!r} by {self.protocol!r}: {', '.join(_WHAT)} by {', '.join(TERMS)}"
            )
        if self.protocol != "clean" and self.face_min != FACE_MIN:
            raise DefinitionError(f"face_min is of clean only: {self.protocol} looks for no face")
        if self.protocol == "ned30" and self.kind != "lse-d":
            raise DefinitionError(f"the papers print LSE-D only: there is no {self.kind} by ned30")

    @property
    def extractor(self) -> str:
        """Whose arrays it reads."""
        return f"syncnet-{self.protocol}"

    @property
    def info(self) -> MetricInfo:
        """Named after kind and protocol."""
        label, what = _WHAT[self.kind]
        terms = TERMS[self.protocol]
        offset = self.kind == "sync-offset"
        return MetricInfo(
            name=f"{self.kind}-{self.protocol}",
            label=f"{label} ({terms.label})",
            version=1,
            direction="higher" if self.kind == "lse-c" else "lower",
            unit="frames" if offset else "distance",
            bounds=(0.0, float(terms.reach) if offset else float("inf")),
            needs=(Need("output", self.extractor), *(faces_of() if self.protocol == "clean" else ())),
            about=what + terms.about + _CEILING,
            order=("copy-source", "copy-reference"),
        )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        reach = str(TERMS[self.protocol].reach)
        shared = {"norm": "euclidean", "reach": reach, "order": _ORDER[self.kind]}
        if self.protocol == "clean":
            own = {
                "eps": "0",
                "ends": "paired",
                "pairs_min": str(PAIRS_MIN),
                "face_min": f"{self.face_min}px",
            }
            return sign_faces(self.info, definitions, **shared, **own)
        own = {"eps": f"{EPS:g}", "ends": "zero-padded", "median": "lower", "windows_min": "1"}
        return sign(self.info, definitions, **shared, **own)

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's number, with the parts of `_parts` or, for ``clean``, of the other lip-sync metrics."""
        if self.protocol == "clean":
            return self._observe_clean(observation)
        score = _evaluated(observation, self.extractor, TERMS[self.protocol])
        return score if isinstance(score, Unscored) else Reading(_VALUE[self.kind](score), _parts(score))

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)

    def _observe_clean(self, observation: Observation) -> Reading | Unscored:
        small = _too_small(observation, self.face_min)
        if small is not None:
            return small
        return read_pairs(observation, self.extractor, _PAIRED_VALUE[self.kind])


_ORDER: Mapping[Kind, str] = {
    "lse-d": "mean-then-min",
    "lse-c": "mean-then-median-minus-min",
    "sync-offset": "mean-then-min",
}
_VALUE: Mapping[Kind, Callable[[SyncNetScore], float]] = {
    "lse-d": lambda score: score.distance,
    "lse-c": lambda score: score.confidence,
    "sync-offset": lambda score: float(abs(score.offset)),
}
_PAIRED_VALUE: Mapping[Kind, Callable[[SyncCurve], float]] = {
    "lse-d": lambda curve: curve.distance(),
    "lse-c": lambda curve: curve.confidence(),
    "sync-offset": lambda curve: float(abs(curve.offset)),
}


def _evaluated(observation: Observation, extractor: str, terms: Terms) -> SyncNetScore | Unscored:
    clip = observation.sides["output"]
    if terms.fps is not None and abs(clip.fps / terms.fps - 1) > 0.01:
        return Unscored(f"the protocol reads {terms.fps} frames/s only; the output has {clip.fps:g}")
    read = clip[extractor]
    if not int(read["samples"][0]):
        return Unscored("the output has no sound")
    if not len(read["video"]):
        pictures, seconds = int(read["pictures"][0]), int(read["samples"][0]) / 16000
        return Unscored(
            f"too short for SyncNet: {pictures} pictures and {seconds:.2f} s of sound hold no window"
        )
    return syncnet_score(read["video"], read["audio"], reach=terms.reach)


def _too_small(observation: Observation, face_min: int) -> Unscored | None:
    """Why the output's face is too small to be read, None where it is not or is not there."""
    seen = usable(observation, "output")
    if isinstance(seen, Unscored):
        return seen
    boxes = np.asarray(observation.sides["output"]["faces"]["raw_box"], np.float64)[seen]
    side = float(np.median((boxes[:, 2:] - boxes[:, :2]).max(axis=1)))
    if side >= face_min:
        return None
    return Unscored(f"the output's face is {side:.0f} px large at the median, {face_min} px needed")


def _parts(score: SyncNetScore) -> dict[str, float]:
    """What a reading says besides its value.

    ``offset``: signed, positive where the lips come after the sound. ``framewise_low``: the frame-wise
    confidence (after its median of nine windows) that nine windows in ten reach. ``windows``, ``padded``: how
    many, and the share of distances taken to zeros beyond the ends.
    """
    return {
        "offset": float(score.offset),
        "distance": score.distance,
        "confidence": score.confidence,
        "framewise_low": float(np.quantile(score.framewise, 0.1)),
        "windows": float(score.windows),
        "padded": score.padded,
    }
