"""The rule from time stamps to rates and times."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spfem_bench.clips.timing import regular_times, timeline_from, timeline_of

NTSC = Fraction(30000, 1001)
RATES = [Fraction(24), Fraction(25), Fraction(24000, 1001), NTSC, Fraction(30), Fraction(60)]


def stamps(fps: Fraction, count: int, time_base: Fraction, start: int = 0) -> np.ndarray:
    return np.array([start + round(i / fps / time_base) for i in range(count)], np.int64)


@given(
    fps=st.sampled_from(RATES),
    base=st.sampled_from([Fraction(1, 1000), Fraction(1, 12800), Fraction(1, 90000), Fraction(1, 1001000)]),
    count=st.integers(2, 2000),
    start=st.integers(-5000, 5000),
)
def test_container_rounding_never_moves_a_nominal_clip(fps, base, count, start):
    line = timeline_of(stamps(fps, count, base, start), base, [fps])
    assert (line.fps, line.regular, line.variable) == (fps, True, False)
    assert line.duration == count / fps
    np.testing.assert_array_equal(line.times, [float(i / fps) for i in range(count)])


def test_times_are_nearest_floats_to_the_exact_fractions():
    exact = [float(Fraction(i * 1001, 30000)) for i in range(20000)]
    np.testing.assert_array_equal(regular_times(20000, NTSC), exact)


def test_wrong_container_rate_is_overruled_by_the_stamps():
    # An mp4 whose last frame is shown longer states 75 / 3.2 s, although its frames are 40 ms apart.
    line = timeline_of(stamps(Fraction(25), 75, Fraction(1, 12800)), Fraction(1, 12800), [Fraction(375, 16)])
    assert line.fps == 25
    assert line.regular


def test_frames_missing_in_the_middle_make_a_clip_variable():
    ticks = np.delete(np.arange(100) * 512, slice(40, 60))
    line = timeline_of(ticks, Fraction(1, 15360), [Fraction(30)])
    assert line.fps == Fraction(79) / (99 * 512 * Fraction(1, 15360))
    assert not line.regular
    assert line.variable
    np.testing.assert_array_equal(line.times, [float(t * Fraction(1, 15360)) for t in ticks])
    assert line.duration == Fraction(float(line.times[-1])) + 1 / line.fps


def test_small_jitter_keeps_its_times_and_is_not_variable():
    ticks = np.arange(50) * 3600 + np.where(np.arange(50) % 2, 900, 0)
    line = timeline_of(ticks, Fraction(1, 90000), [Fraction(25)])
    assert not line.regular
    assert not line.variable


def test_dropped_frame_on_a_clock_of_whole_frames_is_seen():
    ticks = np.array([0, 1, 2, 4, 5])
    line = timeline_of(ticks, Fraction(1, 25), [Fraction(25)])
    assert not line.regular
    assert line.fps == Fraction(4 * 25, 5)


@pytest.mark.parametrize("ticks", [[], [0, 0], [0, 2, 1]])
def test_stamps_that_do_not_increase_are_refused(ticks):
    with pytest.raises(ValueError, match="do not increase"):
        timeline_of(np.array(ticks, np.int64), Fraction(1, 25), [Fraction(25)])


def test_single_frame_needs_a_rate():
    assert timeline_of(np.array([7]), Fraction(1, 25), [Fraction(25)]).duration == Fraction(1, 25)
    with pytest.raises(ValueError, match="single frame"):
        timeline_of(np.array([7]), Fraction(1, 25), [])


def test_known_times_are_recognised_as_regular():
    assert timeline_from(regular_times(10, NTSC), NTSC).regular
    assert not timeline_from(np.array([0, 0.04, 0.09]), Fraction(25)).regular
