"""Captions: what they say is so, and no word is outside the listed vocabulary."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError
from spfem_bench.synthetic import wording
from spfem_bench.synthetic.captions import PROMPTS, PersonWords, captions, person_words, vocabulary
from spfem_bench.synthetic.face.expressions import PATTERNS, pattern
from spfem_bench.synthetic.face.units import UNITS
from spfem_bench.synthetic.people import identity
from spfem_bench.synthetic.people.identity import identity_of
from spfem_bench.synthetic.people.palette import HAIR

SOMEONE = PersonWords("curly red hair", "a goatee", "round glasses", "older", "dark skin")
VOCABULARY = set(vocabulary())


def words(text: str) -> set[str]:
    return set(re.findall(r"[^\s,:]+", text))


@given(
    emotion=st.sampled_from(SPFEM_EMOTIONS),
    intensity=st.integers(1, 3),
    units=st.lists(st.floats(-1, 1.3), min_size=len(UNITS), max_size=len(UNITS)),
    speaker=st.integers(0, 500),
    key=st.integers(0, 2**31),
)
@settings(max_examples=200, deadline=None)
def test_every_word_is_in_the_vocabulary(
    emotion: str, intensity: int, units: list[float], speaker: int, key: int
) -> None:
    person = person_words(identity_of(speaker))
    for text in captions(emotion, intensity, np.array(units), person, (key,)):
        assert words(text) <= VOCABULARY, text
        assert "{" not in text
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]|  ", text), text


def test_vocabulary_is_closed_small_and_sorted() -> None:
    assert list(vocabulary()) == sorted(VOCABULARY)
    assert 200 <= len(VOCABULARY) <= 900
    assert all(re.fullmatch("[a-z]+", word) for word in VOCABULARY)


def test_prompts_of_an_emotion_name_it_and_no_other() -> None:
    assert tuple(PROMPTS) == SPFEM_EMOTIONS
    for emotion, prompts in PROMPTS.items():
        assert len(set(prompts)) == len(prompts) >= 6
        others = {
            word
            for name in SPFEM_EMOTIONS
            if name != emotion
            for word in wording.GENERAL[name] + wording.NOUNS[name]
        }
        for text in prompts:
            assert words(text) <= VOCABULARY
            assert words(text) & set(wording.GENERAL[emotion] + wording.NOUNS[emotion])
            assert not words(text) & others


def test_no_word_for_an_emotion_names_another() -> None:
    spoken = [
        {
            *wording.GENERAL[name],
            *wording.NOUNS[name],
            *(w for row in wording.GRADED[name].values() for w in row),
        }
        for name in SPFEM_EMOTIONS
    ]
    for place, first in enumerate(spoken):
        assert not any(first & second for second in spoken[place + 1 :])


@pytest.mark.parametrize("emotion", SPFEM_EMOTIONS)
def test_captions_name_the_emotion_in_all_but_the_one_of_muscles(emotion: str) -> None:
    known = {
        *wording.GENERAL[emotion],
        *wording.NOUNS[emotion],
        *(w for row in wording.GRADED[emotion].values() for w in row),
    }
    for key in range(20):
        texts = captions(emotion, 3, pattern(emotion), SOMEONE, (key,))
        assert len(texts) == 6
        named = [any(word in text for word in known) for text in texts]
        assert named == [True, True, False, True, True, True], texts


def test_muscles_are_told_from_strongest_at_most_three_and_by_degree() -> None:
    units = {"AU1": 0.3, "AU12": 0.9, "AU6": 0.5, "AU25": 0.35, "AU4": 0.1}
    for key in range(20):
        text = captions("happy", 3, units, SOMEONE, (key,))[2]
        assert "wide grin" in text or "broad smile" in text
        assert "raised cheeks" in text
        assert "barely parted lips" in text
        assert "brow" not in text


def test_array_and_mapping_say_the_same() -> None:
    values = pattern("fear", 2)
    named = dict(zip(UNITS, values.tolist(), strict=True))
    assert captions("fear", 2, values, SOMEONE, (1,)) == captions("fear", 2, named, SOMEONE, (1,))


def test_a_still_face_and_drooping_lids() -> None:
    assert any(text in captions("neutral", 1, {}, SOMEONE, (1,))[2] for text in wording.STILL)
    drooping = captions("sad", 3, {"AU5": -0.6}, SOMEONE, (1,))[2]
    assert any(text in drooping for text in wording.DROOPING)


def test_intensity_shows_in_the_words() -> None:
    for key in range(30):
        weak, strong = (captions("angry", degree, {}, SOMEONE, (key,))[0] for degree in (1, 3))
        assert not any(word in weak for word in (*wording.ADVERBS[3], *wording.GRADED["angry"][3]))
        assert not any(word in strong for word in (*wording.ADVERBS[1], *wording.GRADED["angry"][1]))


def test_person_is_told() -> None:
    told = " ".join(captions("happy", 3, {}, SOMEONE, (key,))[4] for key in range(40))
    assert all(text in told for text in (*SOMEONE.features, "an older person"))


def test_the_key_chooses_the_words() -> None:
    first = captions("sad", 2, {}, SOMEONE, (1, 2))
    assert first == captions("sad", 2, {}, SOMEONE, (1, 2)) != captions("sad", 2, {}, SOMEONE, (1, 3))


def test_tables_cover_every_identity_and_muscle() -> None:
    assert set(wording.HAIR_STYLES) == set(identity.HAIR_STYLES)
    assert set(wording.FACIAL_HAIR) == set(identity.FACIAL_HAIR)
    assert set(wording.GLASSES) == set(identity.GLASSES)
    assert set(wording.HAIR_COLOURS) == set(HAIR)
    assert set(wording.MOVEMENTS) == set(UNITS) >= {unit for row in PATTERNS.values() for unit in row}
    assert tuple(wording.GENERAL) == SPFEM_EMOTIONS


def test_words_outside_the_vocabulary_are_refused() -> None:
    with pytest.raises(UsageError, match="mohawk"):
        PersonWords("a green mohawk")


@pytest.mark.parametrize(("emotion", "intensity"), [("contempt", 3), ("happy", 0)])
def test_unknown_mood(emotion: str, intensity: int) -> None:
    with pytest.raises(UsageError, match=emotion):
        captions(emotion, intensity, {}, SOMEONE, (1,))
