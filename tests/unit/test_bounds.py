"""The bounds: what each shows, frame by frame, and what each refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spfem_baselines import Adapter, CannotGenerateError, Output, Request, bounds


@dataclass(frozen=True)
class Clip:
    """A clip in memory whose chunks are of a chosen length and whose largest held span is noted."""

    images: np.ndarray
    fps: Fraction = Fraction(25)
    chunk: int = 32
    path: Path = Path("clip.mkv")
    started: list[int] = field(default_factory=list)

    @property
    def frame_count(self) -> int:
        return len(self.images)

    @property
    def size(self) -> tuple[int, int]:
        return self.images.shape[2], self.images.shape[1]

    @property
    def times(self) -> np.ndarray:
        return np.arange(len(self.images)) / float(self.fps)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        for at in range(start, len(self.images) if stop is None else stop, self.chunk):
            self.started.append(at)
            yield self.images[at : at + self.chunk]

    def audio(self, rate: int) -> None:
        return None


def numbered(count: int, size: tuple[int, int] = (6, 4), chunk: int = 32, first: int = 0) -> Clip:
    """Frame k is filled with k + first."""
    values = (np.arange(count) + first).astype(np.uint8)
    return Clip(
        np.broadcast_to(values[:, None, None, None], (count, size[1], size[0], 3)).copy(), chunk=chunk
    )


def request(**more: object) -> Request:
    return replace(Request("trial-1", numbered(50), "happy", seed=7), **more)


def shown(output: Output) -> np.ndarray:
    return np.concatenate(list(output.frames))


def test_all_are_adapters_with_names_of_their_own() -> None:
    made = [
        f()
        for f in (
            bounds.copy_source,
            bounds.copy_reference,
            bounds.oracle,
            bounds.random_speaker,
            bounds.noise,
        )
    ]
    assert all(isinstance(bound, Adapter) for bound in made)
    assert [bound.name for bound in made] == [
        "copy-source",
        "copy-reference",
        "oracle",
        "random-speaker",
        "noise",
    ]
    assert len({bound.identity for bound in made}) == 5
    assert [tuple(bound.sees) for bound in made] == [(), (), ("truth",), ("stranger",), ()]


def test_copy_source_is_the_source() -> None:
    output = bounds.copy_source().generate(request())
    np.testing.assert_array_equal(shown(output), numbered(50).images)
    assert output.fps == 25
    assert output.frame_map is None


@settings(max_examples=60, deadline=None)
@given(source=st.integers(1, 120), other=st.integers(1, 120), chunk=st.integers(1, 40))
def test_copy_reference_takes_frame_int_of_i_over_r(source: int, other: int, chunk: int) -> None:
    asked = request(source=numbered(source), reference=numbered(other, chunk=chunk))
    frames = shown(bounds.copy_reference().generate(asked))
    assert frames[:, 0, 0, 0].tolist() == [i * other // source for i in range(source)]


def test_random_speaker_shows_the_stranger_in_the_sources_length() -> None:
    asked = request(stranger=numbered(25, first=100))
    frames = shown(bounds.random_speaker().generate(asked))
    assert frames[:, 0, 0, 0].tolist() == [100 + i // 2 for i in range(50)]


def test_other_sizes_are_letterboxed() -> None:
    tall = Clip(np.full((3, 40, 10, 3), 200, np.uint8))
    asked = request(source=numbered(3, size=(16, 20)), reference=tall)
    frames = shown(bounds.copy_reference().generate(asked))
    assert frames.shape == (3, 20, 16, 3)
    filled = (frames[0, :, :, 0] == 200).any(axis=0)
    assert filled.sum() == 5
    assert (frames[0, :, ~filled, 0] == 0).all()


def test_oracle_follows_the_alignment_and_says_which_source_frames() -> None:
    pairs = np.array([[0, 3], [1, 3], [1, 4], [2, 6], [5, 9]])
    asked = request(truth=numbered(12, first=50), truth_pairs=pairs)
    output = bounds.oracle().generate(asked)
    assert shown(output)[:, 0, 0, 0].tolist() == [53, 53, 56, 59]
    assert output.frame_map is not None
    assert output.frame_map.tolist() == [0, 1, 2, 5]


def test_noise_depends_on_seed_and_trial_and_not_on_calls() -> None:
    bound = bounds.noise()
    first, again = shown(bound.generate(request())), shown(bound.generate(request()))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (50, 4, 6, 3)
    for other in (request(seed=8), request(trial="trial-2")):
        assert (shown(bound.generate(other)) != first).mean() > 0.9
    large = shown(bound.generate(request(source=numbered(4, size=(64, 64)))))
    assert large.mean() == pytest.approx(127.5, abs=1.5)
    assert large.std() == pytest.approx(np.sqrt((256**2 - 1) / 12), abs=1.5)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (bounds.copy_reference, "reference clip"),
        (bounds.oracle, "true pair"),
        (bounds.random_speaker, "clip of another speaker"),
    ],
)
def test_a_missing_clip_is_a_reason(make, what: str) -> None:
    with pytest.raises(CannotGenerateError, match=rf"^no {what}"):
        make().generate(request())


def test_an_unaligned_or_empty_clip_is_a_reason() -> None:
    with pytest.raises(CannotGenerateError, match="no alignment"):
        bounds.oracle().generate(request(truth=numbered(5), truth_pairs=np.zeros((0, 2), np.int64)))
    with pytest.raises(CannotGenerateError, match="no frames"):
        bounds.copy_reference().generate(request(reference=numbered(0)))


def test_frames_are_streamed() -> None:
    """The first chunk comes before the second is decoded, and no chunk is longer than 32."""
    reference = numbered(200)
    output = bounds.copy_reference().generate(request(source=numbered(200), reference=reference))
    frames = iter(output.frames)
    next(frames)
    assert reference.started == [0]
    assert max(len(chunk) for chunk in frames) <= 32
