"""Which source frame each output frame stands for."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spfem_bench.adapters.check import OutputError
from spfem_bench.adapters.command.framing import Came, Grid, same_rate, source_map
from spfem_bench.adapters.command.job import Result
from spfem_bench.adapters.command.parts import Produced
from spfem_bench.clips.timing import regular_times

AS_IS = Produced("video")


def grid(count: int = 20, fps: int | str = 25, step: int = 1) -> Grid:
    return Grid(Fraction(fps), np.arange(count, dtype=np.int64) * step)


def came(count: int, fps: int | str = 25) -> Came:
    return Came(Fraction(fps), regular_times(count, Fraction(fps)))


def mapped(result: Result, output: Came, produced: Produced = AS_IS, given: Grid | None = None) -> list[int]:
    return source_map(result, output, produced, given or grid()).tolist()


def test_without_a_word_as_many_frames_stand_for_themselves() -> None:
    assert mapped(Result("a", "f"), came(20)) == list(range(20))


def test_frames_of_the_prepared_source_are_told_in_frames_of_the_real_one() -> None:
    """50 per second sampled at 25: prepared frame k is source frame 2 k."""
    assert mapped(Result("a", "f"), came(20), given=grid(step=2)) == list(range(0, 40, 2))
    given_map = Result("a", "f", frame_map=(0, 3, 3))
    assert mapped(given_map, came(3), given=grid(step=2)) == [0, 6, 6]


def test_dropped_frames_of_the_manifest_shift_the_map() -> None:
    """NED never makes the first two."""
    ned = Produced("frames", head=2)
    assert mapped(Result("a", "f"), came(18), ned) == list(range(2, 20))
    with pytest.raises(OutputError, match="20 frames came where 18 are due"):
        mapped(Result("a", "f"), came(20), ned)


def test_the_first_source_frame_of_a_result_allows_any_shorter_output() -> None:
    assert mapped(Result("a", "f", first_source_frame=3), came(10)) == list(range(3, 13))
    with pytest.raises(OutputError, match="18 frames came from frame 3 on, of 20"):
        mapped(Result("a", "f", first_source_frame=3), came(18))
    with pytest.raises(OutputError, match="first source frame is 20, of 20"):
        mapped(Result("a", "f", first_source_frame=20), came(1))


def test_at_another_rate_the_frame_on_screen_counts() -> None:
    """30 per second shown for a source of 25: every fifth source frame twice."""
    found = mapped(Result("a", "f"), came(24, 30))
    assert found[:8] == [0, 0, 1, 2, 3, 4, 5, 5]
    assert found[-1] == 19


def test_too_few_frames_are_refused_unless_the_manifest_foresees_them() -> None:
    with pytest.raises(OutputError, match="12 frames came where 20 are due, and no frame map"):
        mapped(Result("a", "f"), came(12))
    shorter = Produced("video", length="shorter-of-both")
    assert mapped(Result("a", "f"), came(12), shorter) == list(range(12))


@pytest.mark.parametrize("produced", [AS_IS, Produced("video", length="shorter-of-both")])
def test_more_frames_than_the_source_has_are_refused(produced: Produced) -> None:
    with pytest.raises(OutputError, match="21 frames came where 20 are due"):
        mapped(Result("a", "f"), came(21), produced)


def test_all_frames_in_half_the_time_are_refused() -> None:
    with pytest.raises(OutputError, match="20 frames came where 40 are due"):
        mapped(Result("a", "f"), came(20, 50))


def test_a_given_map_must_fit_both_sides() -> None:
    with pytest.raises(OutputError, match="its frame map has 2 entries for 3 frames"):
        mapped(Result("a", "f", frame_map=(0, 1)), came(3))
    with pytest.raises(OutputError, match="points outside the 20 frames"):
        mapped(Result("a", "f", frame_map=(0, 20)), came(2))


def test_a_given_map_wins_over_all_else() -> None:
    result = Result("a", "f", frame_map=(5, 6), first_source_frame=1)
    assert mapped(result, came(2), Produced("frames", head=2)) == [5, 6]


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    st.integers(1, 200),
    st.sampled_from([24, 25, 30, 50, Fraction(30000, 1001)]),
    st.sampled_from([12, 25, 29, 30, 60, Fraction(24000, 1001)]),
)
def test_a_whole_output_at_any_rate_maps_forwards_and_within_one_frame(
    count: int, fps: Fraction, other: Fraction
) -> None:
    """Every output frame stands for the source frame on screen, to the millisecond containers round."""
    source = grid(count, fps)  # type: ignore[arg-type]
    output = came(max(1, round(count * Fraction(other) / Fraction(fps))), other)  # type: ignore[arg-type]
    found = source_map(Result("a", "f"), output, AS_IS, source)
    assert (np.diff(found) >= 0).all()
    assert found[0] == 0
    assert found.max() < count
    if same_rate(output.fps, source.fps):  # 29.97 written as 30 is 29.97
        assert found.tolist() == list(range(output.count))
        return
    shown = regular_times(count, Fraction(fps))[found]
    assert (shown <= output.times + 1.1e-3).all()
    ends = np.append(regular_times(count, Fraction(fps))[1:], np.inf)[found]
    assert (ends > output.times).all()
