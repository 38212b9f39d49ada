"""What the mouth does while a timeline is said: targets of each phoneme, blended by dominance.

After Cohen and Massaro (1993): each sound pulls each articulator towards its target with a dominance that
falls exponentially with the distance in time, and the position is the dominance-weighted mean of the targets.
Pressed lips (p, b, m) and a tucked lip (f, v) are contacts, not positions to be averaged: they are reached
outright.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spfem_bench.synthetic.face.states import Articulation
from spfem_bench.synthetic.speech.phonemes import SILENCE, is_vowel
from spfem_bench.synthetic.speech.timeline import Segment, Timeline, phoneme_at

__all__ = ["articulate", "phoneme_at"]

Floats = NDArray[np.float64]

_CHANNELS = ("jaw", "width", "protrude", "tongue")
_CORE = 0.3
_FALL = np.array([24.0, 20.0, 20.0, 34.0])
_ROUNDED_RISE = 9.0
_RAMP = 0.05


@dataclass(frozen=True, slots=True)
class _Pose:
    """Targets of jaw, width, protrusion and tongue, and how strongly the sound insists on each."""

    target: tuple[float, float, float, float]
    strength: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)


_LABIAL = _Pose((0.08, 0.0, 0.05, 0.0), (1.0, 0.15, 0.2, 0.3))
_LABIODENTAL = _Pose((0.12, 0.1, 0.0, 0.0), (0.9, 0.3, 0.5, 0.3))
_ALVEOLAR = _Pose((0.2, 0.15, 0.0, 0.8), (0.5, 0.2, 0.2, 1.5))
_DENTAL = _Pose((0.2, 0.1, 0.0, 1.0), (0.6, 0.2, 0.3, 2.0))
_SIBILANT = _Pose((0.08, 0.3, 0.0, 0.35), (1.0, 0.3, 0.3, 1.0))
_POSTALVEOLAR = _Pose((0.12, -0.4, 0.7, 0.2), (1.0, 0.6, 0.9, 0.8))
_VELAR = _Pose((0.28, 0.05, 0.0, 0.0), (0.3, 0.1, 0.1, 0.3))

_POSES: Mapping[str, tuple[_Pose, ...]] = {
    "AA": (_Pose((1.0, 0.0, 0.0, 0.0)),),
    "AE": (_Pose((0.9, 0.4, 0.0, 0.0)),),
    "AH": (_Pose((0.62, 0.0, 0.0, 0.0), (0.8, 0.5, 0.7, 1.0)),),
    "AO": (_Pose((0.78, -0.5, 0.5, 0.0)),),
    "AW": (_Pose((0.95, 0.0, 0.05, 0.0)), _Pose((0.45, -0.7, 0.6, 0.0))),
    "AY": (_Pose((0.95, 0.05, 0.0, 0.0)), _Pose((0.38, 0.6, 0.0, 0.0))),
    "EH": (_Pose((0.62, 0.45, 0.0, 0.0)),),
    "ER": (_Pose((0.38, -0.35, 0.35, 0.0)),),
    "EY": (_Pose((0.55, 0.55, 0.0, 0.0)), _Pose((0.32, 0.85, 0.0, 0.0))),
    "IH": (_Pose((0.38, 0.55, 0.0, 0.0), (0.9, 0.9, 0.9, 1.0)),),
    "IY": (_Pose((0.25, 1.0, 0.0, 0.0)),),
    "OW": (_Pose((0.55, -0.6, 0.6, 0.0)), _Pose((0.32, -0.9, 0.9, 0.0))),
    "OY": (_Pose((0.6, -0.65, 0.6, 0.0)), _Pose((0.35, 0.55, 0.0, 0.0))),
    "UH": (_Pose((0.4, -0.5, 0.5, 0.0)),),
    "UW": (_Pose((0.25, -0.95, 0.95, 0.0)),),
    "W": (_Pose((0.18, -1.0, 1.0, 0.0), (1.0, 1.6, 1.6, 1.0)),),
    "Y": (_Pose((0.2, 0.65, 0.0, 0.0), (0.8, 0.8, 0.6, 1.0)),),
    "R": (_Pose((0.25, -0.4, 0.4, 0.0), (0.7, 0.8, 0.8, 1.0)),),
    "L": (_Pose((0.32, 0.0, 0.0, 1.0), (0.5, 0.2, 0.2, 2.0)),),
    "HH": (_Pose((0.4, 0.0, 0.0, 0.0), (0.08, 0.05, 0.05, 0.3)),),
    SILENCE: (_Pose((0.0, 0.0, 0.0, 0.0), (0.7, 0.6, 0.6, 1.0)),),
    **dict.fromkeys("PBM", (_LABIAL,)),
    **dict.fromkeys("FV", (_LABIODENTAL,)),
    **dict.fromkeys("TDN", (_ALVEOLAR,)),
    **dict.fromkeys("SZ", (_SIBILANT,)),
    **dict.fromkeys("KG", (_VELAR,)),
    **dict.fromkeys(("TH", "DH"), (_DENTAL,)),
    **dict.fromkeys(("SH", "ZH", "CH", "JH"), (_POSTALVEOLAR,)),
    "NG": (_VELAR,),
}


def articulate(spoken: Timeline, times: ArrayLike) -> Articulation:
    """Positions of the articulators at each time.

    Args:
        spoken: a take of a sentence.
        times: (T,) seconds; before the start and after the end the mouth rests.

    Returns:
        Curves of (T,) in the ranges of `Articulation`.
    """
    when = np.asarray(times, np.float64)
    blended = _blend(_gestures(spoken), when)
    jaw, width, protrude, tongue = (np.clip(blended[:, k], -1.0, 1.0) for k in range(len(_CHANNELS)))
    return Articulation(
        jaw=np.maximum(jaw, 0.0),
        width=width,
        protrude=np.maximum(protrude, 0.0),
        close=_contact(spoken, when, ("P", "B", "M")),
        tuck=_contact(spoken, when, ("F", "V")),
        tongue=np.maximum(tongue, 0.0),
    )


@dataclass(frozen=True, slots=True)
class _Gestures:
    """G gestures: (G,) start and end of the core, (G, 4) target, strength and rate of rise."""

    start: Floats
    end: Floats
    target: Floats
    strength: Floats
    rise: Floats


def _gestures(spoken: Timeline) -> _Gestures:
    """One gesture for each phoneme, two for a diphthong."""
    rows = [row for segment in spoken.segments for row in _of_segment(segment)]
    target = np.array([pose.target for _, _, pose, _ in rows])
    target[:, 0] *= [0.68 + 0.32 * stress for _, _, _, stress in rows]
    rise = np.broadcast_to(_FALL, target.shape).copy()
    rounded = target[:, 2] > 0.45
    rise[rounded, 1:3] = _ROUNDED_RISE
    return _Gestures(
        np.array([start for start, _, _, _ in rows]),
        np.array([end for _, end, _, _ in rows]),
        target,
        np.array([pose.strength for _, _, pose, _ in rows]),
        rise,
    )


def _of_segment(segment: Segment) -> list[tuple[float, float, _Pose, float]]:
    poses = _POSES[segment.phoneme]
    length = (segment.end - segment.start) / len(poses)
    stress = segment.stress if is_vowel(segment.phoneme) else 1.0
    starts = [segment.start + k * length for k in range(len(poses))]
    return [
        (start + _CORE * length, start + (1 - _CORE) * length, pose, stress)
        for start, pose in zip(starts, poses, strict=True)
    ]


def _blend(gestures: _Gestures, when: Floats) -> Floats:
    """(T, 4) positions: targets weighted by dominance."""
    before = np.maximum(gestures.start - when[:, None], 0.0)[..., None]
    after = np.maximum(when[:, None] - gestures.end, 0.0)[..., None]
    dominance = gestures.strength * np.exp(-gestures.rise * before - _FALL * after)
    total = np.maximum(dominance.sum(axis=1), 1e-12)
    return np.asarray((dominance * gestures.target).sum(axis=1) / total, np.float64)


def _contact(spoken: Timeline, when: Floats, phonemes: tuple[str, ...]) -> Floats:
    """1 while a phoneme of these lasts, with half-cosine ramps outside it."""
    spans = [(s.start, s.end) for s in spoken.segments if s.phoneme in phonemes]
    if not spans:
        return np.zeros_like(when)
    edges = np.array(spans)
    distance = np.maximum(edges[:, 0] - when[:, None], when[:, None] - edges[:, 1]).min(axis=1)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * np.clip(distance / _RAMP, 0.0, 1.0)), np.float64)
