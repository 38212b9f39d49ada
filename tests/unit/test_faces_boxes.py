"""Overlap, tracking and smoothing of face boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spfem_metrics.faces.boxes import LOOK_AHEAD, Tracker, iou, smooth_boxes, smooth_points


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_iou_by_hand():
    square = boxes((0, 0, 10, 10))[0]
    others = boxes((0, 0, 10, 10), (5, 0, 15, 10), (20, 20, 30, 30), (2, 2, 4, 4), (5, 5, 5, 5))
    assert iou(square, others) == pytest.approx([1, 50 / 150, 0, 4 / 100, 0])


def test_iou_matches_torchvision():
    from torch import from_numpy
    from torchvision.ops import box_iou

    random = np.random.default_rng(0)
    corner = random.uniform(0, 50, (40, 2))
    many = np.concatenate([corner, corner + random.uniform(1, 60, (40, 2))], axis=1).astype(np.float32)
    wanted = box_iou(from_numpy(many[:1]), from_numpy(many))[0].numpy()
    assert iou(many[0], many) == pytest.approx(wanted, abs=1e-6)


def test_tracker_takes_the_largest_then_follows_overlap():
    tracker = Tracker()
    assert tracker.choose(boxes((0, 0, 10, 10), (50, 50, 80, 80))) == 1
    assert tracker.choose(boxes((0, 0, 48, 48), (52, 50, 82, 80))) == 1
    assert tracker.track == 1


def test_tracker_waits_before_it_takes_another_face():
    tracker = Tracker(patience=3)
    tracker.choose(boxes((50, 50, 80, 80)))
    other = boxes((0, 0, 10, 10))
    assert [tracker.choose(other) for _ in range(3)] == [None, None, None]
    assert tracker.choose(other) == 0
    assert tracker.track == 2


def test_tracker_finds_its_face_again_within_the_wait():
    tracker = Tracker(patience=3)
    tracker.choose(boxes((50, 50, 80, 80)))
    assert tracker.choose(boxes()) is None
    assert tracker.choose(boxes((0, 0, 40, 40), (50, 50, 80, 80))) == 1
    assert tracker.track == 1


def test_tracker_without_any_face():
    tracker = Tracker()
    assert tracker.choose(boxes()) is None
    assert tracker.track == 0


def test_constant_boxes_stay():
    raw = np.tile(np.float32([1, 2, 3, 4]), (40, 1))
    assert np.array_equal(smooth_boxes(raw, np.ones(40, np.int32)), raw)


def test_a_linear_walk_stays_away_from_the_ends():
    raw = np.outer(np.arange(60), [1, 1, 1, 1]).astype(np.float32)
    smoothed = smooth_boxes(raw, np.ones(60, np.int32))
    inside = slice(LOOK_AHEAD, -LOOK_AHEAD)
    assert smoothed[inside] == pytest.approx(raw[inside], abs=1e-4)


def test_one_wild_box_is_ignored():
    raw = np.tile(np.float32([10, 10, 20, 20]), (40, 1))
    raw[20] = 500
    assert np.array_equal(smooth_boxes(raw, np.ones(40, np.int32)), np.tile(raw[:1], (40, 1)))


def test_tracks_do_not_mix_and_gaps_are_zero():
    raw = np.float32([[10] * 4] * 10 + [[99] * 4] * 3 + [[70] * 4] * 10)
    track = np.array([1] * 10 + [0] * 3 + [2] * 10, np.int32)
    smoothed = smooth_boxes(raw, track)
    assert (smoothed[:10] == 10).all()
    assert (smoothed[10:13] == 0).all()
    assert (smoothed[13:] == 70).all()


def test_points_are_a_mean_of_five():
    raw = np.zeros((9, 5, 2), np.float32)
    raw[4] = 10
    smoothed = smooth_points(raw, np.ones(9, np.int32))
    assert smoothed[2:7] == pytest.approx(np.full((5, 5, 2), 2.0))
    assert (smoothed[[0, 1, 7, 8]] == 0).all()


tracks = st.lists(st.integers(0, 2), min_size=1, max_size=50).map(lambda t: np.array(t, np.int32))


@settings(max_examples=40, deadline=None)
@given(track=tracks, seed=st.integers(0, 2**16), at=st.integers(0, 49))
def test_only_near_frames_move_a_box(track: np.ndarray, seed: int, at: int):
    random = np.random.default_rng(seed)
    raw = random.uniform(0, 100, (len(track), 4)).astype(np.float32)
    at = at % len(track)
    far = np.abs(np.arange(len(track)) - at) > LOOK_AHEAD
    moved = raw.copy()
    moved[far] = random.uniform(0, 100, (int(far.sum()), 4))
    before, after = smooth_boxes(raw, track), smooth_boxes(moved, track)
    assert np.array_equal(before[at], after[at])
    assert np.isfinite(before).all()
    assert (before[track == 0] == 0).all()
