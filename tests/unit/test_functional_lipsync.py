"""LSE-C, LSE-D and the offset: against SyncNet's released arithmetic in torch, shifts with known answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group
from torch.nn import functional as F

from spfem_metrics import InputError
from spfem_metrics.functional import SyncDistances, framewise_confidence, sync_curve, sync_distances
from tests.support.parity import EXACT, of_each, release

EVALUATE = f"syncnet_python's evaluate by {release('torch')}'s functions, float64"


def sequences(seed: int, windows: int = 60, width: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Sound that never repeats itself, and lips that follow it with some noise."""
    rng = np.random.default_rng(seed)
    audio = rng.normal(size=(windows, width))
    return audio + 0.3 * rng.normal(size=audio.shape), audio


def by_syncnet(video: np.ndarray, audio: np.ndarray, reach: int) -> tuple[float, float, int, np.ndarray]:
    """What syncnet_python's `calc_pdist` and `evaluate` compute, with torch's own distance."""
    lips, sound = torch.from_numpy(video), F.pad(torch.from_numpy(audio), (0, 0, reach, reach))
    size = 2 * reach + 1
    rows = [F.pairwise_distance(lips[[i]].repeat(size, 1), sound[i : i + size]) for i in range(len(lips))]
    means = torch.stack(rows, 1).mean(1)
    least, place = means.min(0)
    framewise = means.median() - torch.stack(rows, 1)[place]
    return float(least), float(means.median() - least), reach - int(place), framewise.numpy()


@pytest.mark.parametrize("reach", [5, 15])
def test_zero_padded_with_an_epsilon_is_syncnet_to_the_bit_of_float64(parity, reach):
    video, audio = sequences(1)
    video, audio = video[:-3], audio[3:]
    found = sync_distances(video, audio, reach=reach, ends="zero-padded", eps=1e-6)
    curve = sync_curve(found)
    distance, confidence, offset, framewise = by_syncnet(video, audio, reach)
    assert offset == 3
    n = (len(video), "windows")
    parity("LSE-D", EVALUATE, curve.distance(), distance, of_each(1e-12), n=n)
    parity("LSE-C", EVALUATE, curve.confidence(), confidence, of_each(1e-12), n=n)
    parity("sync offset", EVALUATE, curve.offset, offset, EXACT, n=n)
    by_frame = framewise_confidence(found, offset)
    parity("LSE-C, frame by frame", EVALUATE, by_frame, framewise, of_each(1e-9), n=n)


def test_the_smallest_case_by_hand():
    # lips 0 1 2 against sound 0 1 2 in one dimension: |difference| is the shift itself
    line = np.arange(3.0)[:, None]
    found = sync_distances(line, line, reach=1)
    np.testing.assert_array_equal(
        found.counted, [[False, True, True], [True, True, True], [True, True, False]]
    )
    curve = sync_curve(found)
    np.testing.assert_array_equal(curve.means, [1.0, 0.0, 1.0])
    assert (curve.offset, curve.distance(), curve.confidence()) == (0, 0.0, 1.0)
    assert (curve.distance(1), curve.confidence(1)) == (1.0, 0.0)
    padded = sync_curve(sync_distances(line, line, reach=1, ends="zero-padded"))
    # beyond the ends stands 0: |0 - 0| at the start, |2 - 0| at the end
    np.testing.assert_allclose(padded.means, [2 / 3, 0.0, 4 / 3])


@pytest.mark.parametrize("shift", [-15, -10, -3, -1, 0, 1, 4, 10, 15])
def test_a_known_shift_is_found_with_its_sign_and_costs_nothing_at_the_best_offset(shift):
    rng = np.random.default_rng(7)
    audio = rng.normal(size=(160, 24))
    lips = audio + 0.3 * rng.normal(size=audio.shape)
    video, sound = lips[40 - shift : 120 - shift], audio[40:120]
    curve = sync_curve(sync_distances(video, sound))
    assert curve.offset == shift
    whole = sync_curve(sync_distances(lips[40:120], sound))
    assert curve.distance() == pytest.approx(whole.distance(), rel=0.05)
    assert (curve.distance(0) > 2 * whole.distance(0)) == (shift != 0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(2, 12))
def test_turning_both_spaces_alike_moves_nothing(seed, windows, width):
    video, audio = sequences(seed, windows, width)
    turn = ortho_group.rvs(width, random_state=seed)
    plain = sync_distances(video, audio, reach=1)
    both = sync_distances(video @ turn, audio @ turn, reach=1)
    np.testing.assert_allclose(both.values, plain.values, rtol=1e-9, atol=1e-9)
    assert sync_curve(both).offset == sync_curve(plain).offset


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 10))
def test_distances_grow_with_the_scale_and_the_confidence_is_never_negative(seed, scale):
    video, audio = sequences(seed, 30, 6)
    one = sync_curve(sync_distances(video, audio, reach=5))
    other = sync_curve(sync_distances(scale * video, scale * audio, reach=5))
    assert other.distance() == pytest.approx(scale * one.distance())
    assert other.confidence() == pytest.approx(scale * one.confidence())
    assert one.confidence() >= 0


def test_time_reversed_swaps_the_sign_of_the_offset():
    video, audio = sequences(3, 80)
    ahead = sync_curve(sync_distances(video[5:], audio[:-5], reach=10))
    back = sync_curve(sync_distances(video[5:][::-1], audio[:-5][::-1], reach=10))
    assert (ahead.offset, back.offset) == (-5, 5)


def test_rows_that_were_not_seen_do_not_count_whatever_they_hold():
    video, audio = sequences(4, 50)
    lips, sound = np.ones(50, bool), np.ones(50, bool)
    lips[10:14], sound[44:] = False, False
    dirty = video.copy()
    dirty[10:14] = 1e6
    found = sync_distances(dirty, audio, reach=4, seen=(lips, sound))
    assert sync_curve(found).distance() < 5
    assert not found.counted[10:14].any()
    assert found.counted.sum(axis=0).tolist() == [
        sum(1 for i in range(50) if lips[i] and 0 <= i + c - 4 < 50 and sound[i + c - 4]) for c in range(9)
    ]
    assert found.fewest == found.counted.sum(axis=0).min()
    assert len(found.at(0)) == 40


def test_padding_pulls_short_clips_towards_the_length_of_the_embeddings():
    """Why only existing pairs are compared here: a clip's ends weigh more the shorter it is."""
    video, audio = sequences(5, 400)
    whole = sync_curve(sync_distances(video, audio)).confidence()
    short = {}
    for ends in ("paired", "zero-padded"):
        parts = [slice(start, start + 30) for start in range(0, 400, 40)]
        curves = [sync_curve(sync_distances(video[p], audio[p], ends=ends)) for p in parts]
        short[ends] = abs(np.mean([curve.confidence() for curve in curves]) - whole)
    assert short["paired"] < 0.2 * short["zero-padded"]


def test_equal_distances_take_the_smallest_shift():
    flat = SyncDistances(np.ones((6, 7)), np.ones((6, 7), bool))
    assert sync_curve(flat).offset == 0
    assert sync_curve(flat).confidence() == 0


def test_an_offset_without_a_pair_has_no_curve():
    video, audio = sequences(6, 12)
    found = sync_distances(video, audio, reach=12)
    assert found.fewest == 0
    with pytest.raises(InputError, match="leaves no pair"):
        sync_curve(found)


@pytest.mark.parametrize(
    ("video", "audio", "more"),
    [
        (np.zeros((5, 3)), np.zeros((5, 4)), {}),
        (np.zeros((5, 3)), np.zeros((4, 3)), {}),
        (np.zeros((0, 3)), np.zeros((0, 3)), {}),
        (np.full((5, 3), np.nan), np.zeros((5, 3)), {}),
        (np.zeros((5, 3)), np.zeros((5, 3)), {"reach": 0}),
        (np.zeros((5, 3)), np.zeros((5, 3)), {"seen": (np.ones(4), np.ones(5))}),
        (np.zeros((5, 3)), np.zeros((5, 3)), {"seen": (np.ones(5), np.ones(5)), "ends": "zero-padded"}),
    ],
)
def test_sequences_that_do_not_fit_are_refused(video, audio, more):
    with pytest.raises(InputError):
        sync_distances(video, audio, **more)
