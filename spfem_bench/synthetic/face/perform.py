"""Acting: an expression and speech become one face over time.

With the interaction on, emotion and speech meet as on real faces: a smile spreads the vowels, anger tightens
the lips and holds the jaw, strong feelings widen or damp articulation, and speech in turn holds back the
mouth's expression. People differ in how much (`Style`). With it off, both are simply added up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.draws import generator
from spfem_bench.synthetic.face.states import Articulation, FaceTrack, HeadMotion
from spfem_bench.synthetic.face.units import INDEX, UNITS
from spfem_bench.synthetic.people.style import Style

Floats = NDArray[np.float64]

AMPLITUDE: Mapping[str, float] = {
    "neutral": 0.0,
    "angry": 0.18,
    "disgusted": -0.06,
    "fear": -0.08,
    "happy": 0.12,
    "sad": -0.24,
    "surprised": 0.10,
}
"""By how much a full emotion widens (or damps) the articulation."""


def perform(
    units: Floats,
    amplitude: float,
    speech: Articulation,
    head: HeadMotion,
    style: Style,
    *,
    interaction: bool = True,
) -> FaceTrack:
    """The whole face over T instants.

    Args:
        units: (T, 16, 2) the expression alone, see `expression_over_time`.
        amplitude: change of the articulation by the emotion, from `amplitude_of`; unused without interaction.
        speech: the articulation of a neutral voice.
        head: head, eyes, lids.
        style: of the person.
        interaction: whether emotion and speech change one another.
    """
    spoken = _scaled(speech, style.articulation)
    if not interaction:
        return FaceTrack(units, spoken, head)
    return FaceTrack(
        held_back(units, spoken, style), coloured(spoken, units.mean(axis=-1), amplitude, style), head
    )


def amplitude_of(emotion: str, share: float) -> float:
    """What an emotion at a share of its full strength does to the size of the mouth's movements."""
    return AMPLITUDE[emotion] * share


def coloured(speech: Articulation, units: Floats, amplitude: float, style: Style) -> Articulation:
    """Articulation as an expression shapes it.

    Args:
        speech: (T,) curves.
        units: (T, 16) action units.
        amplitude: from `amplitude_of`.
        style: of the person.
    """
    smile, stretch = units[:, INDEX["AU12"]], units[:, INDEX["AU20"]]
    tight = np.clip(style.anger_tighten * units[:, INDEX["AU23"]], 0.0, 1.4)
    drop = units[:, INDEX["AU26"]]
    spread = np.clip(style.smile_spread * (0.55 * smile + 0.35 * stretch), 0.0, 1.2)
    jaw = speech.jaw * (1 + amplitude) * (1 - 0.32 * tight) * (1 - 0.25 * np.clip(drop, 0, 1))
    rounded = np.minimum(speech.width, 0.0)
    # A rounded vowel loses its rounding to a smile; a spread one gains less, as the corners are out already.
    width = speech.width - 0.6 * spread * rounded + 0.45 * spread * speech.jaw
    width = width * (1 + 0.5 * amplitude) * (1 - 0.30 * tight)
    protrude = speech.protrude * (1 - 0.6 * np.clip(spread, 0, 1)) + 0.12 * tight * speech.jaw
    return replace(
        speech,
        jaw=np.clip(jaw, 0.0, 1.4),
        width=np.clip(width, -1.3, 1.3),
        protrude=np.clip(protrude, 0.0, 1.2),
        close=speech.close,
        tuck=speech.tuck * (1 - 0.2 * np.clip(smile, 0, 1)),
    )


def held_back(units: Floats, speech: Articulation, style: Style) -> Floats:
    """(T, 16, 2) units as speech lets them be: the mouth cannot hold its expression while it speaks."""
    hold = style.suppression
    result = units.copy()

    def damp(name: str, by: Floats) -> None:
        result[:, INDEX[name]] *= np.clip(1 - hold * by, 0.05, 1.0)[:, None]

    damp("AU12", 0.40 * speech.protrude + 0.12 * speech.close)
    damp("AU20", 0.45 * speech.protrude + 0.15 * speech.close)
    damp("AU15", 0.25 * speech.jaw)
    damp("AU17", 0.55 * speech.jaw)
    damp("AU18", 0.60 * np.clip(speech.width, 0, 1))
    damp("AU23", 0.50 * speech.jaw)
    for name in ("AU25", "AU26"):
        damp(name, 0.45 * speech.jaw)
        result[:, INDEX[name]] *= (1 - 0.92 * np.clip(np.maximum(speech.close, speech.tuck), 0, 1))[:, None]
    damp("AU10", 0.30 * speech.close)
    return result


def expression_over_time(units: Floats, times: Floats, key: tuple[int, ...]) -> Floats:
    """(T, 16, 2) an expression that lives: it swells by some percent, each unit a little on its own.

    Args:
        units: (16, 2) the expression.
        times: (T,) seconds.
        key: of the random stream.
    """
    draw = generator(*key)
    common = 1.0 + 0.07 * wander(times, draw, 0.35)
    own = np.stack([wander(times, draw, 0.5) for _ in UNITS], axis=1)
    return np.asarray(units * (common[:, None] * (1 + 0.06 * own))[:, :, None])


def head_motion(times: Floats, stress: Floats, style: Style, key: tuple[int, ...]) -> HeadMotion:
    """Head, eyes and lids of a clip: the same for every emotion of a true pair.

    Args:
        times: (T,) seconds.
        stress: (T,) 0 to 1, where stressed syllables are: the head nods with them a little.
        style: of the person.
        key: of the random stream.
    """
    draw = generator(*key)
    base = draw.standard_normal(3).clip(-2, 2) * (7.0, 3.5, 2.0)
    slow = np.stack([wander(times, draw, 0.22) for _ in range(6)], axis=1)
    angles = base + slow[:, :3] * np.array([7.0, 3.5, 2.6]) * style.nod
    angles[:, 1] += 2.2 * style.nod * stress
    return HeadMotion(
        blink=_blinks(times, style.blink_rate, draw),
        gaze=_gaze(times, draw),
        angles=angles,
        shift=slow[:, 3:5] * (0.07, 0.045) + draw.standard_normal(2).clip(-2, 2) * (0.05, 0.03),
        scale=(1.0 + 0.03 * float(np.clip(draw.standard_normal(), -2, 2))) * (1.0 + 0.015 * slow[:, 5]),
    )


def wander(times: Floats, draw: np.random.Generator, hertz: float) -> Floats:
    """(T,) a slow curve of about unit size: three sines of drawn speed and phase."""
    phase, speed = (
        draw.random(3) * 2 * np.pi,
        hertz * np.array([0.6, 1.3, 2.3]) * (0.8 + 0.4 * draw.random(3)),
    )
    waves = np.sin(2 * np.pi * speed * times[:, None] + phase)
    return np.asarray((np.array([0.75, 0.45, 0.25]) * waves).sum(axis=1))


def _scaled(speech: Articulation, factor: float) -> Articulation:
    return replace(speech, jaw=speech.jaw * factor, width=speech.width * factor)


def _blinks(times: Floats, rate: float, draw: np.random.Generator) -> Floats:
    """Blinks of about 0.2 s: quick to close, slower to open, at drawn intervals."""
    closed = np.zeros_like(times)
    at = 0.3 + 1.2 * draw.random() / rate / 3
    while len(times) and at < times[-1]:
        away = times - at
        closed = np.maximum(closed, np.clip(1.5 - np.where(away < 0, -away / 0.05, away / 0.085), 0.0, 1.0))
        at += 0.7 + draw.exponential(1.0 / rate) * 0.75
    return closed


def _gaze(times: Floats, draw: np.random.Generator) -> Floats:
    """(T, 2) fixations of about a second with quick moves between them, and a slow drift."""
    knots, values = [0.0], [draw.standard_normal(2) * (0.22, 0.10)]
    while len(times) and knots[-1] < times[-1]:
        stay = 0.5 + draw.exponential(0.8)
        target = draw.standard_normal(2) * (0.22, 0.10)
        values += [values[-1], target]
        knots += [knots[-1] + stay, knots[-1] + stay + 0.04]
    table = np.clip(np.array(values), -0.6, 0.6)
    drift = np.stack([wander(times, draw, 0.4) for _ in range(2)], axis=1) * 0.03
    return np.stack([np.interp(times, knots, table[:, axis]) for axis in range(2)], axis=1) + drift
