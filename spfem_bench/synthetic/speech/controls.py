"""The slow parameters of a voice, every 5 ms: formants, pitch, and how loud each source is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.draws import generator
from spfem_bench.synthetic.speech.phonemes import PHONEMES, SILENCE, Phoneme, is_vowel
from spfem_bench.synthetic.speech.prosody import Prosody, Voice
from spfem_bench.synthetic.speech.timeline import Segment, Timeline

Floats = NDArray[np.float64]

STEP = 0.005
"""Seconds between control instants."""

_SCHWA = (500.0, 1450.0, 2450.0)
_REDUCTION = 0.25
_ANTIFORMANT: Mapping[str, float] = {"M": 900.0, "N": 1500.0, "NG": 2200.0}
_BURST = 0.012


@dataclass(frozen=True, slots=True)
class Controls:
    """C control instants.

    Args:
        time: (C,) seconds.
        formants: (C, 3) F1 to F3 in Hz, of this speaker.
        pitch: (C,) fundamental frequency in Hz.
        voicing: (C,) amplitude of the glottal source, 1 in a stressed vowel.
        bar: (C,) 0 to 1, how far the mouth is shut around a voiced sound, so that only low tones leave it.
        nasal: (C,) 0 to 1, how far the nose is coupled.
        zero: (C,) Hz of the antiformant while it is.
        breath: (C,) amplitude of breath noise through the tract, apart from the voice's own.
        hiss: (C,) amplitude of noise made at a constriction.
        centre: (C,) Hz about which that noise lies.
        spread: (C,) Hz, its standard deviation about the centre.
    """

    time: Floats
    formants: Floats
    pitch: Floats
    voicing: Floats
    bar: Floats
    nasal: Floats
    zero: Floats
    breath: Floats
    hiss: Floats
    centre: Floats
    spread: Floats


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of one sound with constant sources, from ``start`` to the next part's start."""

    start: float
    voicing: float = 0.0
    bar: float = 0.0
    nasal: float = 0.0
    zero: float = 1000.0
    breath: float = 0.0
    hiss: float = 0.0
    noise: tuple[float, float] = (3000.0, 2000.0)


_NOISE: Mapping[str, tuple[float, tuple[float, float]]] = {
    "S": (0.34, (5800.0, 1300.0)),
    "SH": (0.36, (3200.0, 900.0)),
    "F": (0.10, (4000.0, 3500.0)),
    "TH": (0.07, (5500.0, 3000.0)),
    "T": (0.30, (4200.0, 1500.0)),
    "K": (0.28, (1900.0, 700.0)),
    "P": (0.22, (900.0, 900.0)),
}
"""Amplitude, and centre and spread in Hz, of each place's noise (after Klatt 1980 and Stevens 1998)."""

_PLACE: Mapping[str, str] = {
    **{"S": "S", "Z": "S", "SH": "SH", "ZH": "SH", "CH": "SH", "JH": "SH", "F": "F", "V": "F"},
    **{"TH": "TH", "DH": "TH", "T": "T", "D": "T", "K": "K", "G": "K", "P": "P", "B": "P"},
}


def controls(spoken: Timeline, voice: Voice, prosody: Prosody, key: tuple[int, ...]) -> Controls:
    """All parameters of one take, from its start to its end."""
    time = np.arange(0.0, spoken.seconds + STEP, STEP)
    parts = [part for segment in spoken.segments for part in _parts(segment)]
    place = np.maximum(np.searchsorted([part.start for part in parts], time, side="right") - 1, 0)

    def curve(name: str, smoothing: int) -> Floats:
        return smooth(np.array([float(getattr(part, name)) for part in parts])[place], smoothing)

    noise = np.array([part.noise for part in parts])[place]
    return Controls(
        time=time,
        formants=formant_tracks(spoken, time) * voice.tract * (1.0 + prosody.spread),
        pitch=_pitch(spoken, voice, prosody, time, generator(*key, 1)),
        voicing=curve("voicing", 5),
        bar=curve("bar", 3),
        nasal=curve("nasal", 9),
        zero=np.array([part.zero for part in parts])[place] * voice.tract,
        breath=curve("breath", 3),
        hiss=curve("hiss", 3),
        centre=np.minimum(noise[:, 0] * voice.tract, 6500.0),
        spread=noise[:, 1],
    )


def formant_tracks(spoken: Timeline, time: Floats) -> Floats:
    """(C, 3) formants in Hz of the tables' men: targets joined by lines, consonants drawn to their vowels."""
    rows = [_targets(segment) for segment in spoken.segments]
    knots = np.array([knot for segment in spoken.segments for knot in _knots(segment)])
    targets = np.array([target for pair in rows for target in pair])
    vocalic = np.repeat([is_vowel(segment.phoneme) for segment in spoken.segments], 2)
    hold = np.repeat([PHONEMES[segment.phoneme].hold for segment in spoken.segments], 2)[:, None]
    context = _along(knots, knots[vocalic], targets[vocalic]) if vocalic.any() else targets
    tracks = _along(time, knots, hold * targets + (1.0 - hold) * context)
    return np.stack([smooth(tracks[:, k], 7) for k in range(3)], axis=1)


def smooth(values: Floats, width: int) -> Floats:
    """The mean over a Hann window of ``width`` samples, ends repeated."""
    window = np.hanning(width + 2)[1:-1]
    return np.convolve(np.pad(values, width // 2, mode="edge"), window / window.sum(), mode="valid")


def _along(time: Floats, knots: Floats, rows: Floats) -> Floats:
    return np.stack([np.interp(time, knots, rows[:, k]) for k in range(rows.shape[1])], axis=1)


def _knots(segment: Segment) -> tuple[float, float]:
    margin = (0.25 if is_vowel(segment.phoneme) else 0.4) * (segment.end - segment.start)
    return segment.start + margin, segment.end - margin


def _targets(segment: Segment) -> tuple[Floats, Floats]:
    kind = PHONEMES[segment.phoneme]
    first, last = np.array(kind.formants), np.array(kind.glide)
    weak = _REDUCTION * (1.0 - segment.stress) if is_vowel(segment.phoneme) else 0.0
    return first + weak * (np.array(_SCHWA) - first), last + weak * (np.array(_SCHWA) - last)


def _parts(segment: Segment) -> list[_Part]:
    kind = PHONEMES[segment.phoneme]
    force = 0.6 + 0.4 * segment.stress
    if segment.phoneme == SILENCE:
        return [_Part(segment.start)]
    if kind.kind in ("stop", "affricate"):
        return _stop(segment, kind, force)
    if kind.kind == "fricative":
        return [_fricative(segment, kind, force)]
    if kind.kind == "aspirate":
        return [_Part(segment.start, breath=0.3 * force)]
    if kind.kind == "nasal":
        zero = _ANTIFORMANT[segment.phoneme]
        return [_Part(segment.start, voicing=0.42 * force, nasal=1.0, zero=zero)]
    return [_Part(segment.start, voicing=force * (1.0 if kind.kind == "vowel" else 0.6))]


def _fricative(segment: Segment, kind: Phoneme, force: float) -> _Part:
    level, noise = _NOISE[_PLACE[segment.phoneme]]
    if kind.voiced:
        return _Part(segment.start, voicing=0.25 * force, bar=0.7, hiss=0.5 * level * force, noise=noise)
    return _Part(segment.start, hiss=level * force, noise=noise)


def _stop(segment: Segment, kind: Phoneme, force: float) -> list[_Part]:
    """Closure, burst, and breath or frication until the next sound."""
    level, noise = _NOISE[_PLACE[segment.phoneme]]
    length = segment.end - segment.start
    release = segment.start + length * (0.45 if kind.kind == "affricate" else 0.6)
    closure = _Part(
        segment.start, voicing=0.2 * force if kind.voiced else 0.0, bar=1.0 if kind.voiced else 0.0
    )
    if kind.kind == "affricate":
        hiss = level * force * (0.6 if kind.voiced else 1.0)
        return [closure, _Part(release, hiss=hiss, noise=noise, voicing=0.2 * force if kind.voiced else 0.0)]
    burst = _Part(release, hiss=level * force * (0.6 if kind.voiced else 1.0), noise=noise)
    after = min(release + _BURST, segment.end)
    if kind.voiced:
        return [closure, burst, _Part(after, voicing=0.5 * force)]
    return [closure, burst, _Part(after, breath=0.16 * force)]


def _pitch(
    spoken: Timeline, voice: Voice, prosody: Prosody, time: Floats, draw: np.random.Generator
) -> Floats:
    """Declination, accents on stressed vowels, the end's rise or fall, wavering and jitter, in semitones."""
    start, end = spoken.segments[0].end, spoken.segments[-1].start
    along = np.clip((time - start) / max(end - start, 1e-6), 0.0, 1.0)
    contour = 1.8 - 3.6 * along
    for segment in spoken.segments:
        if is_vowel(segment.phoneme) and segment.stress > 0.5:
            middle = 0.5 * (segment.start + segment.end)
            height = 2.6 * segment.stress * (1.0 + 0.25 * float(np.clip(draw.standard_normal(), -2, 2)))
            contour += height * np.exp(-0.5 * ((time - middle) / 0.09) ** 2)
    last = np.clip((time - end + 0.35) / 0.35, 0.0, 1.0)
    contour = (
        contour * prosody.reach * voice.lilt + (prosody.final + (5.0 if spoken.question else -1.5)) * last
    )
    contour += prosody.pitch + prosody.tremor * np.sin(2 * np.pi * (6.0 * time + draw.random()))
    uneven = smooth(draw.standard_normal(len(time)), 3) * 17.3 * voice.jitter
    return np.asarray(voice.pitch * 2.0 ** ((contour - 0.6 + uneven) / 12.0), np.float64)
