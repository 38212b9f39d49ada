"""Expression and speech: added up with the interaction off, changing one another with it on."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError
from spfem_bench.synthetic.face.expressions import INTENSITIES, blended, pattern, personal
from spfem_bench.synthetic.face.perform import (
    amplitude_of,
    expression_over_time,
    head_motion,
    perform,
)
from spfem_bench.synthetic.face.states import Articulation, FaceTrack
from spfem_bench.synthetic.face.units import INDEX, UNIT_NAMES, UNITS
from spfem_bench.synthetic.people.style import Style, style_of

TIMES = np.arange(75) / 25.0
STILL = np.zeros_like(TIMES)


def speech(**curves: float) -> Articulation:
    """Constant curves, zero where not given."""
    return Articulation(**{f.name: STILL + curves.get(f.name, 0.0) for f in fields(Articulation)})


def acted(
    emotion: str, said: Articulation, *, interaction: bool = True, style: Style | None = None
) -> FaceTrack:
    style = style or style_of(3)
    units = np.broadcast_to(personal(pattern(emotion), style), (len(TIMES), len(UNITS), 2))
    head = head_motion(TIMES, STILL, style, (1, 2))
    amplitude = amplitude_of(emotion, 1.0)
    return perform(units, amplitude, said, head, style, interaction=interaction)


def test_every_unit_has_a_facs_name() -> None:
    assert set(UNITS) == set(UNIT_NAMES)
    assert len(UNITS) >= 12
    assert INDEX["AU12"] == UNITS.index("AU12")


def test_levels_grow_and_the_third_is_the_whole_expression() -> None:
    strengths = [np.abs(pattern("happy", level)).sum() for level in INTENSITIES]
    assert strengths == sorted(strengths)
    assert pattern("happy", 3)[INDEX["AU12"]] == 1.0


def test_an_unknown_emotion_is_named_with_what_there_is() -> None:
    with pytest.raises(UsageError, match=r"no rendered expression 'joy' at level 3.*happy"):
        pattern("joy")


def test_a_blend_runs_from_one_emotion_to_the_other() -> None:
    np.testing.assert_array_equal(blended("neutral", "sad", 0.0), pattern("neutral"))
    np.testing.assert_array_equal(blended("neutral", "sad", 1.0), pattern("sad"))
    np.testing.assert_allclose(blended("angry", "happy", 0.5), (pattern("angry") + pattern("happy")) / 2)


def test_people_smile_differently() -> None:
    smiles = np.stack([personal(pattern("happy"), style_of(k)) for k in range(12)])
    smile = smiles[:, INDEX["AU12"]]
    assert smile.mean(axis=-1).std() > 0.05
    assert np.abs(smile[:, 0] - smile[:, 1]).max() > 0.05


def test_without_interaction_both_are_added_up() -> None:
    said = speech(jaw=0.6, width=-0.7, protrude=0.6)
    neutral, happy = (acted(e, said, interaction=False) for e in ("neutral", "happy"))
    for item in fields(Articulation):
        np.testing.assert_array_equal(getattr(neutral.mouth, item.name), getattr(happy.mouth, item.name))
    alone = acted("happy", speech(), interaction=False)
    np.testing.assert_array_equal(happy.units, alone.units)


def test_a_smile_spreads_rounded_vowels() -> None:
    said = speech(jaw=0.4, width=-0.8, protrude=0.8)
    neutral, happy = acted("neutral", said), acted("happy", said)
    assert (happy.mouth.width > neutral.mouth.width + 0.2).all()
    assert (happy.mouth.protrude < neutral.mouth.protrude).all()


def test_anger_tightens_the_speaking_mouth() -> None:
    said = speech(jaw=0.8, width=0.8)
    style = style_of(3)
    neutral, angry = acted("neutral", said, style=style), acted("angry", said, style=style)
    assert (angry.mouth.width < neutral.mouth.width).all()
    assert angry.mouth.jaw.mean() < neutral.mouth.jaw.mean()


def test_sadness_damps_articulation_and_happiness_widens_it() -> None:
    said = speech(jaw=0.5)
    jaws = {e: float(acted(e, said).mouth.jaw.mean()) for e in SPFEM_EMOTIONS}
    assert jaws["sad"] < jaws["neutral"] < jaws["happy"]


def test_closed_lips_close_whatever_the_emotion_does() -> None:
    surprised = acted("surprised", speech(close=1.0))
    assert surprised.units[:, INDEX["AU26"]].max() < 0.12
    assert surprised.units[:, INDEX["AU25"]].max() < 0.12


def test_people_differ_in_how_emotion_meets_speech() -> None:
    said = speech(jaw=0.4, width=-0.8)
    widths = [float(acted("happy", said, style=style_of(k)).mouth.width.mean()) for k in range(16)]
    assert np.std(widths) > 0.03


def test_head_and_lids_stay_in_their_ranges_and_depend_on_the_key_alone() -> None:
    one, same, other = (head_motion(TIMES, STILL, style_of(0), key) for key in ((5, 1), (5, 1), (5, 2)))
    np.testing.assert_array_equal(one.angles, same.angles)
    assert np.abs(one.angles - other.angles).max() > 1.0
    for key in range(40):
        head = head_motion(TIMES, STILL, style_of(key), (9, key))
        assert np.abs(head.angles).max() < 45
        assert np.abs(head.gaze).max() < 0.8
        assert head.blink.min() >= 0
        assert head.blink.max() <= 1
        assert np.isfinite(head.shift).all()
        assert 0.85 < head.scale.min() <= head.scale.max() < 1.15


def test_an_expression_lives_but_stays_itself() -> None:
    units = personal(pattern("happy"), style_of(0))
    moving = expression_over_time(units, TIMES, (3, 4))
    assert 0.005 < moving[:, INDEX["AU12"], 0].std() < 0.15
    np.testing.assert_allclose(moving.mean(axis=0), units, atol=0.25)
    assert not moving[:, INDEX["AU9"]].any()
