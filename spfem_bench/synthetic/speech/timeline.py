"""When each phoneme of a sentence is said, in one take of it.

The durations follow Klatt's rules (1976; as in Allen, Hunnicutt and Klatt 1987): each phoneme's inherent
duration is compressed towards its minimum by a product of percentages for stress, place in word and phrase,
and neighbours. Two takes differ as people's do: by word, by sound, in their pauses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spfem_bench.synthetic.draws import generator
from spfem_bench.synthetic.speech.lexicon import UNSTRESSED
from spfem_bench.synthetic.speech.phonemes import NUMBER, PHONEMES, SILENCE, is_vowel
from spfem_bench.synthetic.speech.sentences import Sentence

Floats = NDArray[np.float64]

_FINAL = 1.4
_WORD_SPREAD, _SOUND_SPREAD = 0.10, 0.08
_HESITATION = 0.12
_SHORTEST = 0.035


@dataclass(frozen=True, slots=True)
class Segment:
    """One sound or pause.

    Args:
        phoneme: ARPAbet symbol without stress, or ``SIL``.
        start: seconds from the clip's start.
        end: seconds.
        stress: 0 to 1 of the syllable it belongs to: 1 primary, 0.6 secondary, 0.25 none; 0 for a pause.
        word: index of the word in the sentence, -1 for a pause.
    """

    phoneme: str
    start: float
    end: float
    stress: float
    word: int


@dataclass(frozen=True)
class Timeline:
    """One take of a sentence.

    Args:
        segments: in order, without gaps, from second 0; silence first, last and in every pause.
        seconds: end of the last segment.
        question: whether the sentence asks.
    """

    segments: tuple[Segment, ...]
    seconds: float
    question: bool = False

    def words(self) -> tuple[tuple[float, float], ...]:
        """Start and end of each word, in seconds."""
        count = 1 + max(segment.word for segment in self.segments)
        spans = [[s for s in self.segments if s.word == word] for word in range(count)]
        return tuple((span[0].start, span[-1].end) for span in spans)

    @cached_property
    def starts(self) -> Floats:
        """(S,) seconds."""
        return np.array([segment.start for segment in self.segments])

    @cached_property
    def ends(self) -> Floats:
        """(S,) seconds."""
        return np.array([segment.end for segment in self.segments])

    @cached_property
    def stresses(self) -> Floats:
        """(S,) stress of each segment."""
        return np.array([segment.stress for segment in self.segments])

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """(S,) numbers of the phonemes in the order of `spfem_bench.synthetic.speech.phonemes.SYMBOLS`."""
        return np.array([NUMBER[segment.phoneme] for segment in self.segments], np.int64)


@dataclass(frozen=True, slots=True)
class _Sound:
    """A phoneme before it has its time: what the rules look at."""

    phoneme: str
    level: int
    word: int
    first: bool
    last: bool
    final: bool
    vowels: int


def timeline(sentence: Sentence, rate: float, tempo: float, key: tuple[int, ...]) -> Timeline:
    """One take of a sentence.

    Args:
        sentence: what is said.
        rate: the speaker's own, 1 on average; twice as high is twice as fast.
        tempo: the take's, 1 on average; it multiplies the rate.
        key: of the take; another key gives other lengths of words, sounds and pauses.
    """
    draw = generator(*key)
    speed = rate * tempo
    sounds = _sounds(sentence)
    lengths = _lengths(sounds) / speed
    words = np.exp(_WORD_SPREAD * _noise(draw, len(sentence.words)))
    lengths *= words[[sound.word for sound in sounds]] * np.exp(_SOUND_SPREAD * _noise(draw, len(sounds)))
    pauses = _pauses(sentence, draw) / speed
    lead, tail = 0.15 + 0.25 * draw.random(2)
    return _laid_out(sounds, lengths, pauses, (float(lead), float(tail)), sentence.question)


def timing_map(a: Timeline, b: Timeline, times: ArrayLike) -> Floats:
    """Where in take ``b`` the sound is that take ``a`` makes at each time: the truth of an alignment.

    Piecewise linear between the boundaries of sounds. A pause that only one take has maps to an instant.

    Args:
        a: a take.
        b: another take of the same sentence.
        times: seconds in ``a``, any shape.

    Returns:
        Seconds in ``b``, of the same shape.

    Raises:
        ValueError: the two say different sounds.
    """
    first, second = _said(a), _said(b)
    if [s.phoneme for s in first] != [s.phoneme for s in second]:
        raise ValueError("the two timelines are not takes of one sentence; map takes of the same words")
    return np.interp(np.asarray(times, np.float64), _anchors(first, a.seconds), _anchors(second, b.seconds))


def phoneme_at(spoken: Timeline, times: ArrayLike) -> NDArray[np.int64]:
    """Number of the phoneme at each time, in the order of ``SYMBOLS``; silence before and after."""
    place = np.searchsorted(spoken.ends, np.asarray(times, np.float64), side="right")
    return spoken.numbers[np.minimum(place, len(spoken.segments) - 1)]


def _said(spoken: Timeline) -> list[Segment]:
    return [segment for segment in spoken.segments if segment.word >= 0]


def _anchors(said: list[Segment], seconds: float) -> list[float]:
    return [0.0, *(edge for segment in said for edge in (segment.start, segment.end)), seconds]


def _noise(draw: np.random.Generator, count: int) -> Floats:
    return np.clip(draw.standard_normal(count), -2.0, 2.0)


def _sounds(sentence: Sentence) -> list[_Sound]:
    found: list[_Sound] = []
    last_word = len(sentence.words) - 1
    for word, phonemes in enumerate(sentence.phonemes):
        found += _sounds_of_word(
            word, phonemes, sentence.words[word] in UNSTRESSED, last_word, sentence.breaks
        )
    return found


def _sounds_of_word(
    word: int, phonemes: tuple[str, ...], weak: bool, last_word: int, breaks: frozenset[int]
) -> list[_Sound]:
    places = [k for k, symbol in enumerate(phonemes) if symbol[-1].isdigit()]
    phrase_end = word == last_word or word in breaks
    rows = []
    for k, symbol in enumerate(phonemes):
        nearest = min(places, key=lambda place: (abs(place - k), place < k))
        level = 0 if weak else int(phonemes[nearest][-1])
        final = phrase_end and k >= places[-1]
        bare = symbol.rstrip("012")
        rows.append(_Sound(bare, level, word, k == 0, k == len(phonemes) - 1, final, len(places)))
    return rows


def _lengths(sounds: list[_Sound]) -> Floats:
    """Seconds of each sound at the average rate: ``(inherent - minimum) * share + minimum``."""
    kinds = [PHONEMES[sound.phoneme] for sound in sounds]
    shares = np.array([_share(sounds, k) for k in range(len(sounds))])
    inherent = np.array([kind.inherent for kind in kinds])
    minimum = np.array([kind.minimum for kind in kinds])
    weak = np.array([sound.level == 0 and is_vowel(sound.phoneme) for sound in sounds])
    minimum = np.where(weak, 0.5 * minimum, minimum)
    return np.asarray(np.maximum((inherent - minimum) * shares + minimum, _SHORTEST), np.float64)


def _share(sounds: list[_Sound], k: int) -> float:
    """Product of Klatt's percentages that hold for this sound."""
    sound = sounds[k]
    share = _FINAL if sound.final else 1.0
    if is_vowel(sound.phoneme):
        return share * _vowel_share(sound, sounds[k + 1] if k + 1 < len(sounds) else None)
    share *= 0.7 if sound.level == 0 else 1.0
    beside = [sounds[j] for j in (k - 1, k + 1) if 0 <= j < len(sounds) and sounds[j].word == sound.word]
    clustered = any(not is_vowel(other.phoneme) for other in beside)
    return share * (0.7 if clustered else 1.0) * (1.0 if sound.first or sound.last else 0.85)


def _vowel_share(sound: _Sound, after: _Sound | None) -> float:
    """Stress, length of the word, and the consonant that closes the syllable."""
    share = {0: 0.5, 1: 1.0, 2: 0.85}[sound.level] * (0.85 if sound.vowels > 1 else 1.0)
    if not sound.final and sound.level and not sound.last:
        share *= 0.85
    if after is None or after.word != sound.word:
        return share
    follower = PHONEMES[after.phoneme]
    if follower.kind in ("stop", "affricate", "fricative"):
        return share * (1.1 if follower.voiced else 0.75)
    return share * (0.85 if follower.kind == "nasal" else 1.0)


def _pauses(sentence: Sentence, draw: np.random.Generator) -> Floats:
    """Seconds of silence after each word but the last: at commas, and a few hesitations."""
    rows = draw.random((len(sentence.words) - 1, 2))
    breaks = np.array([k in sentence.breaks for k in range(len(rows))], bool)
    hesitant = rows[:, 0] < _HESITATION
    return np.where(breaks, 0.16 + 0.14 * rows[:, 1], np.where(hesitant, 0.05 + 0.09 * rows[:, 1], 0.0))


def _laid_out(
    sounds: list[_Sound], lengths: Floats, pauses: Floats, edges: tuple[float, float], question: bool
) -> Timeline:
    time = edges[0]
    rows = [Segment(SILENCE, 0.0, time, 0.0, -1)]
    for sound, length in zip(sounds, lengths.tolist(), strict=True):
        rows.append(Segment(sound.phoneme, time, time + length, (0.25, 1.0, 0.6)[sound.level], sound.word))
        time += length
        pause = float(pauses[sound.word]) if sound.last and sound.word < len(pauses) else 0.0
        if pause > 0.0:
            rows.append(Segment(SILENCE, time, time + pause, 0.0, -1))
            time += pause
    rows.append(Segment(SILENCE, time, time + edges[1], 0.0, -1))
    return Timeline(tuple(rows), time + edges[1], question)
