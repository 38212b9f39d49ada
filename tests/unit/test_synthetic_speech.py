"""Sentences, their timing, and what the mouth does while they are said."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError
from spfem_bench.synthetic.speech.lexicon import UNSTRESSED, lexicon, pronounce
from spfem_bench.synthetic.speech.phonemes import NUMBER, PHONEMES, SILENCE, SYMBOLS, is_vowel
from spfem_bench.synthetic.speech.sentences import COMMON, RAVDESS, SENTENCES, mead_sentences, sentence_of
from spfem_bench.synthetic.speech.timeline import Segment, Timeline, phoneme_at, timeline, timing_map
from spfem_bench.synthetic.speech.visemes import articulate

_WRITTEN = """
AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH
"""
ARPABET = set(_WRITTEN.split())
"""The 39 symbols of CMUdict 0.7b."""


def take(index: int, *key: int, rate: float = 1.0, tempo: float = 1.0) -> Timeline:
    return timeline(sentence_of(index), rate, tempo, key or (0, index))


def said(*phonemes: str, length: float = 0.1) -> Timeline:
    """Phonemes of one length each between two silences."""
    edges = 0.3 + length * np.arange(len(phonemes) + 1)
    rows = [
        Segment(phoneme, float(start), float(end), 1.0, 0)
        for phoneme, (start, end) in zip(phonemes, pairwise(edges), strict=True)
    ]
    last = float(edges[-1])
    silent = (Segment(SILENCE, 0.0, 0.3, 0.0, -1), Segment(SILENCE, last, last + 0.3, 0.0, -1))
    return Timeline((silent[0], *rows, silent[1]), last + 0.3)


class TestSentences:
    def test_bank_has_the_structure_of_mead(self) -> None:
        plans = {emotion: mead_sentences(emotion) for emotion in SPFEM_EMOTIONS}
        assert {emotion: len(plan) for emotion, plan in plans.items()} == {
            **dict.fromkeys(SPFEM_EMOTIONS, 30),
            "neutral": 40,
        }
        assert all(plan[:3] == COMMON for plan in plans.values())
        shared = set.intersection(*map(set, plans.values()))
        assert len(shared) == 13
        owned = [index for plan in plans.values() for index in plan if index not in shared]
        assert len(owned) == len(set(owned)) == 6 * 17 + 27

    def test_every_sentence_is_in_a_plan_or_a_statement(self) -> None:
        used = {index for emotion in SPFEM_EMOTIONS for index in mead_sentences(emotion)} | set(RAVDESS)
        assert used == set(range(SENTENCES))
        assert SENTENCES <= 200

    def test_texts_differ(self) -> None:
        assert len({sentence_of(index).text for index in range(SENTENCES)}) == SENTENCES

    def test_ravdess_statements_share_all_but_their_subject(self) -> None:
        first, second = (sentence_of(index).words for index in RAVDESS)
        assert first[0] != second[0]
        assert first[-2:] == second[-2:]

    def test_lexicon_covers_the_bank_and_nothing_else(self) -> None:
        words = {word for index in range(SENTENCES) for word in sentence_of(index).words}
        assert words == set(lexicon())

    def test_pronunciations_are_arpabet_with_one_primary_stress_at_most(self) -> None:
        for word, phonemes in lexicon().items():
            vowels = [symbol for symbol in phonemes if symbol[-1].isdigit()]
            assert vowels, word
            assert {symbol.rstrip("012") for symbol in phonemes} <= ARPABET, word
            assert sum(symbol.endswith("1") for symbol in vowels) <= 1, word
            assert all(is_vowel(symbol[:-1]) for symbol in vowels), word
            assert not any(is_vowel(symbol) for symbol in phonemes if not symbol[-1].isdigit()), word

    def test_all_sounds_of_english_are_heard(self) -> None:
        heard = {symbol.rstrip("012") for phonemes in lexicon().values() for symbol in phonemes}
        assert heard == ARPABET == set(PHONEMES) - {SILENCE}

    def test_words_of_grammar_are_in_the_lexicon(self) -> None:
        assert set(lexicon()) > UNSTRESSED

    def test_golden_sentence(self) -> None:
        sentence = sentence_of(RAVDESS[0])
        assert sentence.text == "Goats are waiting by the pool."
        assert [" ".join(word) for word in sentence.phonemes] == [
            *("G OW1 T S", "AA1 R", "W EY1 T IH0 NG", "B AY1", "DH AH0", "P UW1 L"),
        ]

    def test_punctuation_makes_pauses_and_questions(self) -> None:
        texts = {sentence_of(index).text: sentence_of(index) for index in range(SENTENCES)}
        listing = texts["The shop sells paint, brushes, and glue."]
        assert listing.breaks == {3, 4}
        asked = {text for text, sentence in texts.items() if sentence.question}
        assert asked == {text for text in texts if re.search(r"\?$", text)} != set()

    @pytest.mark.parametrize("index", [-1, SENTENCES])
    def test_unknown_sentence(self, index: int) -> None:
        with pytest.raises(UsageError, match=f"no sentence {index}"):
            sentence_of(index)

    def test_unknown_emotion_and_word(self) -> None:
        with pytest.raises(UsageError, match="contempt"):
            mead_sentences("contempt")
        with pytest.raises(UsageError, match=r"lexicon\.txt"):
            pronounce("zyzzyva")


class TestTimeline:
    def test_clips_last_two_to_five_seconds(self) -> None:
        seconds = [take(index).seconds for index in range(SENTENCES)]
        assert min(seconds) > 2.0
        assert max(seconds) < 5.0

    def test_syllables_a_second_are_those_of_read_speech(self) -> None:
        """Read American English has about 4 to 6 syllables a second without pauses (e.g. Byrd 1994)."""
        rates = []
        for index in range(0, SENTENCES, 5):
            sounds = [segment for segment in take(index).segments if segment.word >= 0]
            rates.append(sum(is_vowel(s.phoneme) for s in sounds) / sum(s.end - s.start for s in sounds))
        assert 3.8 < np.mean(rates) < 5.5

    @given(index=st.integers(0, SENTENCES - 1), key=st.integers(0, 99), speed=st.floats(0.7, 1.4))
    @settings(max_examples=25, deadline=None)
    def test_segments_follow_one_another_and_spell_the_sentence(
        self, index: int, key: int, speed: float
    ) -> None:
        spoken = take(index, key, rate=speed)
        assert spoken.segments[0].start == 0.0
        assert all(a.end == b.start for a, b in pairwise(spoken.segments))
        assert all(segment.end > segment.start for segment in spoken.segments)
        assert spoken.segments[-1].end == spoken.seconds
        assert 0.15 <= spoken.segments[0].end <= 0.4
        sounds = [segment.phoneme for segment in spoken.segments if segment.word >= 0]
        assert sounds == [symbol.rstrip("012") for word in sentence_of(index).phonemes for symbol in word]

    def test_golden_share_of_the_rules(self) -> None:
        """Final "glue" against the first "the": inherent 210 and 140 ms, lengthened and weakened."""
        lengths: dict[str, list[float]] = {"final": [], "weak": []}
        glue = next(k for k in range(SENTENCES) if sentence_of(k).text.endswith("glue."))
        for key in range(60):
            sounds = [s for s in take(glue, key).segments if s.word >= 0]
            lengths["final"].append(sounds[-1].end - sounds[-1].start)
            lengths["weak"].append(sounds[1].end - sounds[1].start)
        assert np.mean(lengths["final"]) == pytest.approx(0.07 + (0.21 - 0.07) * 1.4, rel=0.05)
        assert np.mean(lengths["weak"]) == pytest.approx(0.03 + (0.14 - 0.03) * 0.5, rel=0.05)

    def test_rate_and_tempo_scale_the_speech(self) -> None:
        def speech(spoken: Timeline) -> float:
            return spoken.segments[-1].start - spoken.segments[0].end

        assert speech(take(3, 1)) == pytest.approx(1.2 * 1.1 * speech(take(3, 1, rate=1.2, tempo=1.1)))

    def test_takes_differ_by_tens_of_milliseconds_and_are_repeatable(self) -> None:
        first, again, second = take(5, 1), take(5, 1), take(5, 2)
        assert first.segments == again.segments
        shift = [b[0] - a[0] for a, b in zip(first.words(), second.words(), strict=True)]
        assert np.ptp(shift) > 0.04

    def test_words_have_pauses_at_commas(self) -> None:
        glue = next(k for k in range(SENTENCES) if sentence_of(k).text.endswith("glue."))
        spans = take(glue).words()
        assert len(spans) == len(sentence_of(glue).words)
        assert all(spans[k + 1][0] - spans[k][1] >= 0.16 for k in (3, 4))

    def test_timing_map_sends_every_boundary_to_its_own(self) -> None:
        a, b = take(7, 1), take(7, 2, tempo=0.8)
        sounds = [[s for s in spoken.segments if s.word >= 0] for spoken in (a, b)]
        middles = [np.array([(s.start + s.end) / 2 for s in rows]) for rows in sounds]
        assert timing_map(a, b, middles[0]) == pytest.approx(middles[1])
        assert timing_map(a, b, [0.0, a.seconds]).tolist() == [0.0, b.seconds]

    @given(keys=st.tuples(st.integers(0, 50), st.integers(0, 50)), index=st.integers(0, SENTENCES - 1))
    @settings(max_examples=25, deadline=None)
    def test_timing_map_is_monotone_and_keeps_the_sound(self, keys: tuple[int, int], index: int) -> None:
        a, b = take(index, keys[0]), take(index, keys[1])
        times = np.linspace(0.0, a.seconds, 300)
        mapped = timing_map(a, b, times)
        assert np.all(np.diff(mapped) >= 0)
        inside = np.array(
            [s.start + share * (s.end - s.start) for s in a.segments if s.word >= 0 for share in (0.2, 0.8)]
        )
        assert np.array_equal(phoneme_at(a, inside), phoneme_at(b, timing_map(a, b, inside)))
        assert timing_map(b, a, timing_map(a, b, inside)) == pytest.approx(inside)

    def test_timing_map_of_another_sentence(self) -> None:
        with pytest.raises(ValueError, match="takes of one sentence"):
            timing_map(take(1), take(2), [0.0])

    def test_phoneme_at(self) -> None:
        spoken = said("B", "IY", "T")
        assert [SYMBOLS[k] for k in phoneme_at(spoken, [-1.0, 0.1, 0.35, 0.45, 0.55, 0.8, 9.0])] == [
            *(SILENCE, SILENCE, "B", "IY", "T", SILENCE, SILENCE)
        ]
        assert NUMBER[SILENCE] == len(SYMBOLS) - 1


class TestArticulation:
    @pytest.mark.parametrize("index", range(0, SENTENCES, 12))
    def test_ranges(self, index: int) -> None:
        spoken = take(index)
        mouth = articulate(spoken, np.arange(-0.2, spoken.seconds + 0.2, 0.01))
        for name, low in {"jaw": 0, "width": -1, "protrude": 0, "close": 0, "tuck": 0, "tongue": 0}.items():
            curve = getattr(mouth, name)
            assert low <= curve.min() <= curve.max() <= 1, name
            assert np.isfinite(curve).all(), name

    def test_mouth_rests_in_silence(self) -> None:
        mouth = articulate(said("AA"), np.array([0.0, 0.7]))
        assert max(np.abs(getattr(mouth, name)).max() for name in ("width", "close", "tuck")) < 0.05
        assert mouth.jaw.max() < 0.1

    def test_lips_meet_in_every_bilabial_and_part_again_in_vowels(self) -> None:
        for index in range(0, SENTENCES, 4):
            spoken = take(index)
            for kind, expected in (("PBM", 1.0), ("FV", 0.0)):
                spans = [(s.start, s.end) for s in spoken.segments if s.phoneme in kind]
                times = np.array(
                    [start + share * (end - start) for start, end in spans for share in (0.1, 0.5, 0.9)]
                )
                mouth = articulate(spoken, times)
                assert np.all((mouth.close if expected else mouth.tuck) == 1.0)
            open_vowels = [
                (s.start + s.end) / 2
                for s in spoken.segments
                if is_vowel(s.phoneme) and s.end - s.start > 0.12
            ]
            assert articulate(spoken, np.array(open_vowels)).close.max() < 0.05

    def test_every_bilabial_is_seen_at_25_frames_a_second(self) -> None:
        for index in range(0, SENTENCES, 4):
            spoken = take(index, rate=1.2)
            times = np.arange(0.0, spoken.seconds, 0.04)
            close = articulate(spoken, times).close
            for segment in spoken.segments:
                if segment.phoneme in "PBM":
                    near = np.abs(times - (segment.start + segment.end) / 2) <= 0.0201
                    assert close[near].max() > 0.9

    def test_vowels_take_their_shapes(self) -> None:
        middle = np.array([0.45])
        shapes = {vowel: articulate(said(vowel, length=0.3), middle) for vowel in ("AA", "IY", "UW", "EH")}
        assert shapes["AA"].jaw > shapes["EH"].jaw > shapes["IY"].jaw
        assert shapes["IY"].width > 0.85
        assert shapes["UW"].width < -0.85
        assert shapes["UW"].protrude > 0.85
        assert abs(shapes["AA"].width[0]) < 0.1

    def test_rounding_is_anticipated_through_consonants(self) -> None:
        """Lips round before the vowel begins, as in "stew" (Cohen and Massaro 1993)."""
        onset = np.array([0.35, 0.45])
        rounded, spread = (articulate(said("S", "T", vowel), onset) for vowel in ("UW", "IY"))
        assert np.all(rounded.protrude > spread.protrude + 0.3)
        assert np.all(rounded.width < spread.width - 0.3)
        assert rounded.protrude[1] > rounded.protrude[0]

    def test_neighbours_change_a_vowel(self) -> None:
        """Undershoot: between closed consonants a short open vowel opens less than a long one."""
        short = said("S", "AA", "S", length=0.06)
        long = said("S", "AA", "S", length=0.25)
        assert articulate(short, np.array([0.39])).jaw < articulate(long, np.array([0.675])).jaw - 0.05

    def test_stress_opens_the_jaw(self) -> None:
        strong = said("T", "AA", "T", length=0.2)
        weak = Timeline(tuple(replace(s, stress=0.25 * s.stress) for s in strong.segments), strong.seconds)
        middle = np.array([0.6])
        assert articulate(strong, middle).jaw > articulate(weak, middle).jaw + 0.1

    def test_tongue_shows_in_alveolars(self) -> None:
        mouth = articulate(said("L", "AA", "TH", length=0.12), np.array([0.36, 0.48, 0.6]))
        assert mouth.tongue[0] > 0.8
        assert mouth.tongue[2] > 0.8
        assert mouth.tongue[1] < 0.3

    def test_positions_do_not_jump(self) -> None:
        spoken = take(11)
        mouth = articulate(spoken, np.arange(0.0, spoken.seconds, 0.005))
        for name in ("jaw", "width", "protrude", "close", "tuck", "tongue"):
            assert np.abs(np.diff(getattr(mouth, name))).max() < 0.2, name

    def test_instants_are_independent_of_one_another(self) -> None:
        spoken = take(2)
        times = np.arange(0.0, spoken.seconds, 0.04)
        whole, one = articulate(spoken, times), articulate(spoken, times[20:21])
        assert whole.jaw[20] == pytest.approx(one.jaw[0])
        assert whole.close[20] == one.close[0]
