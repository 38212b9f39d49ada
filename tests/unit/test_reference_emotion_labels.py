"""Label maps are tables: every label has one meaning, none is guessed, and what is left out is said."""

from __future__ import annotations

import pytest

from spfem_bench.datasets.labels import ALIASES
from spfem_bench.datasets.ravdess import EMOTION_CODES
from spfem_bench.datasets.records import EMOTIONS as DATASET_LABELS
from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_metrics import DefinitionError
from spfem_metrics.labels import (
    EMOTIONS,
    SEVEN,
    VOCABULARIES,
    Classes,
    canonical,
    check_columns,
    counterpart,
)
from spfem_metrics.networks.hsemotion import EIGHT

HSEMOTION_ORDER = ["Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise"]
"""``idx_to_emotion_class`` of EmotiEffLib 1.1.1 for its networks of eight classes."""


def test_the_fields_labels_are_the_harnesss() -> None:
    """Two packages that may not import each other hold one list."""
    assert EMOTIONS == DATASET_LABELS
    assert SEVEN == SPFEM_EMOTIONS == tuple(label for label in EMOTIONS if label != "contempt")


def test_every_label_means_what_the_datasets_say_it_means() -> None:
    for vocabulary, table in VOCABULARIES.items():
        for label, meaning in table.items():
            if label != "calm":
                assert ALIASES[label.lower()] == meaning, (vocabulary, label)


def test_ravdess_is_covered_and_calm_is_nobodys_neutral() -> None:
    ours = [counterpart(label, "canonical", "ravdess") for label in EMOTIONS if label != "contempt"]
    assert None not in ours
    assert canonical("calm", "ravdess") is None
    assert counterpart("calm", "ravdess", "affectnet") is None
    assert counterpart("Contempt", "affectnet", "ravdess") is None
    # the harness reads RAVDESS's codes into canonical labels, calm aside
    assert set(EMOTION_CODES.values()) - {"calm"} == set(SEVEN)


@pytest.mark.parametrize(
    ("label", "source", "target", "wanted"),
    [
        ("Happiness", "affectnet", "mead", "happy"),
        ("Surprise", "affectnet", "mead", "surprised"),
        ("Disgust", "emonet", "ravdess", "disgust"),
        ("Fear", "affectnet", "ravdess", "fearful"),
        ("surprise", "fer2013", "mead", "surprised"),
        ("disgusted", "mead", "affectnet", "Disgust"),
    ],
)
def test_labels_that_differ_by_a_letter_meet(label: str, source: str, target: str, wanted: str) -> None:
    assert counterpart(label, source, target) == wanted
    assert counterpart(wanted, target, source) == label


def test_an_unknown_label_is_named_with_the_ones_there_are() -> None:
    with pytest.raises(DefinitionError, match=r"'happiness' is no label of affectnet, which has Anger, .*"):
        canonical("happiness", "affectnet")
    with pytest.raises(DefinitionError, match=r"no vocabulary 'ferplus': there are canonical, mead"):
        counterpart("happy", "mead", "ferplus")


def test_columns_stand_in_one_order_whatever_the_networks() -> None:
    """The trap of two orders: AffectNet's is alphabetical in English nouns, EmoNet's is not."""
    assert list(EIGHT) == HSEMOTION_ORDER
    affectnet = Classes(EIGHT, "affectnet")
    assert affectnet.labels == EMOTIONS
    assert [HSEMOTION_ORDER[i] for i in affectnet.columns] == [
        "Neutral", "Anger", "Contempt", "Disgust", "Fear", "Happiness", "Sadness", "Surprise",
    ]  # fmt: skip
    emonet = Classes(list(VOCABULARIES["emonet"]), "emonet")
    assert emonet.labels == EMOTIONS
    assert emonet.columns != affectnet.columns


def test_a_dropped_output_has_no_column_and_is_signed() -> None:
    seven = Classes((*EIGHT, "valence", "arousal"), "affectnet", ("Contempt", "valence", "arousal"))
    assert seven.labels == SEVEN
    assert set(seven.columns) == {0, 2, 3, 4, 5, 6, 7}
    assert ",drop:Contempt/valence/arousal,labels:affectnet" in seven.definition
    assert seven.definition != Classes(EIGHT, "affectnet").definition


@pytest.mark.parametrize(
    ("outputs", "vocabulary", "drop", "message"),
    [
        (["happy", "calm"], "ravdess", [], "'calm' means none of .* name it under drop"),
        (["happy", "happy"], "mead", [], "name happy twice"),
        (["happy", "Sad"], "mead", [], "'Sad' is no label of mead"),
        (["happy", "sad"], "mead", ["angry"], "'angry' cannot be dropped: the outputs are happy, sad"),
        (["happy", "sad"], "mead", ["sad"], "1 classes tells nothing apart"),
        (["happy", "very sad"], "mead", [], "'very sad' has a name other than letters"),
    ],
)
def test_classes_that_cannot_be_are_refused(outputs, vocabulary, drop, message) -> None:
    with pytest.raises(DefinitionError, match=message):
        Classes(outputs, vocabulary, drop)


def test_two_outputs_of_one_emotion_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = {**VOCABULARIES, "twice": {"joy": "happy", "happiness": "happy", "sad": "sad"}}
    monkeypatch.setattr("spfem_metrics.labels.VOCABULARIES", twice)
    with pytest.raises(DefinitionError, match="'joy' and 'happiness' both mean happy: drop one"):
        Classes(["joy", "happiness", "sad"], "twice")
    assert Classes(["joy", "happiness", "sad"], "twice", ["joy"]).columns == (1, 2)


def test_a_metric_that_reads_columns_under_wrong_names_is_refused() -> None:
    definition = f"net@1,{Classes(EIGHT, 'affectnet').definition},chunk32+faces"
    check_columns("emotion-x", definition, EMOTIONS)
    check_columns("emotion", "a definition that states no classes", SEVEN)
    with pytest.raises(DefinitionError, match=r"emotion-x tells neutral, angry, contempt.* give the metric"):
        check_columns("emotion-x", definition, SEVEN)
