"""Two clips in lockstep: which frames meet, how little is held, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest

from spfem_metrics import (
    ArrayMedia,
    DefinitionError,
    FrameBatch,
    InputError,
    Observation,
    PairExtractor,
    Reading,
    Row,
    TrialFacts,
)
from spfem_metrics.functional import psnr, ssim
from spfem_metrics.metrics.paired import PSNR
from spfem_metrics.pairs.fitting import fit_to
from spfem_metrics.pairs.image_quality import image_quality, ssim_pictures
from spfem_metrics.pairs.lockstep import BATCH, lockstep
from spfem_metrics.sampling import taken


def media(frames: int, seed: int = 0, size: tuple[int, int] = (16, 20)) -> ArrayMedia:
    rng = np.random.default_rng(seed)
    return ArrayMedia(rng.integers(0, 256, (frames, *size, 3), np.uint8), Fraction(25))


@dataclass
class Counted:
    """A media that counts how many frames it was asked to decode, and in what portions."""

    inner: ArrayMedia
    portions: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def batches(self, size: int = 32) -> Iterator[FrameBatch]:
        for batch in self.inner.batches(size):
            self.portions.append(len(batch.images))
            yield batch


def test_the_frames_that_meet_are_those_of_the_pairs():
    output, other = media(30), media(50, 1)
    pairs = np.array([[0, 0], [0, 3], [1, 3], [9, 40], [29, 49]])
    for (a, b), (i, j) in zip(lockstep(output, other, pairs), pairs, strict=True):
        np.testing.assert_array_equal(a, output.frames[i])
        np.testing.assert_array_equal(b, other.frames[j])


def test_each_clip_is_decoded_once_in_small_portions():
    output, other = Counted(media(40)), Counted(media(40, 1))
    frames = np.arange(40)
    assert sum(1 for _ in lockstep(output, other, np.stack([frames, frames // 2], axis=1))) == 40
    assert sum(output.portions) == 40
    assert sum(other.portions) == 24
    assert max(output.portions + other.portions) <= BATCH


def test_values_are_those_of_the_functional_forms():
    output, other = media(5), media(5, 1)
    frames = np.arange(5)
    arrays = image_quality().compare(output, other, np.stack([frames, frames], axis=1))
    np.testing.assert_array_equal(
        arrays["ssim"], [ssim(a, b) for a, b in zip(output.frames, other.frames, strict=True)]
    )
    np.testing.assert_array_equal(
        arrays["psnr"], [psnr(a, b) for a, b in zip(output.frames, other.frames, strict=True)]
    )
    assert not arrays["identical"].any()


def test_a_clip_compared_with_itself_is_identical_and_finite():
    clip = media(3)
    arrays = image_quality().compare(clip, clip, np.array([[0, 0], [1, 1], [2, 2]]))
    assert arrays["identical"].all()
    assert arrays["psnr"].tolist() == [100.0] * 3
    np.testing.assert_allclose(arrays["ssim"], 1.0, atol=1e-12)


def test_an_output_of_another_size_is_brought_to_the_other_clips_size():
    ramp = np.tile(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], (48, 1, 3))
    shrunk = fit_to(ramp, 32, 24)
    assert shrunk.shape == (24, 32, 3)
    # by area: every pixel is the mean of the four it covers
    np.testing.assert_allclose(shrunk[0, :, 0], ramp[0, :, 0].reshape(32, 2).mean(axis=1), atol=1)
    assert fit_to(ramp, 64, 48) is ramp
    assert fit_to(ramp, 100, 24).shape == (24, 100, 3)
    large, small = ArrayMedia(ramp[None], Fraction(25)), ArrayMedia(shrunk[None], Fraction(25))
    assert image_quality().compare(large, small, np.array([[0, 0]]))["identical"].all()


def test_no_pairs_give_empty_arrays_and_decode_nothing():
    clip = Counted(media(3))
    arrays = image_quality().compare(clip, clip, np.zeros((0, 2), np.int64))
    assert {name: array.shape for name, array in arrays.items()} == {
        "ssim": (0,),
        "psnr": (0,),
        "identical": (0,),
    }
    assert clip.portions == []


@pytest.mark.parametrize(
    ("pairs", "match"),
    [
        ([[1, 0], [0, 1]], "back in time"),
        ([[0, 1], [1, 0]], "back in time"),
        ([[-1, 0]], "non-negative"),
        ([[0, 7]], "ended before"),
        ([[0, 1, 2]], "shape"),
    ],
)
def test_pairs_that_cannot_be_read_in_one_go_are_refused(pairs, match):
    clip = media(5)
    with pytest.raises(InputError, match=match):
        list(lockstep(clip, clip, np.array(pairs)))


def test_it_is_a_pair_extractor_whose_definition_fits_a_signature():
    extractor = image_quality()
    assert isinstance(extractor, PairExtractor)
    assert not set(" |\n") & set(extractor.definition)


@pytest.mark.parametrize("make", [image_quality, ssim_pictures])
@pytest.mark.parametrize("length", [1, 7, 8, 30])
def test_of_many_pairs_so_many_are_compared_evenly_spaced(make, length):
    output, other = media(length), media(40, 1)
    pairs = np.stack([np.arange(length), np.arange(length) + 3], axis=1)
    whole, part = make().compare(output, other, pairs), make(frames=8).compare(output, other, pairs)
    assert whole.keys() == part.keys()
    for name, values in whole.items():
        np.testing.assert_array_equal(part[name], taken(values, 8))
        assert len(part[name]) == min(length, 8)


def test_the_definition_says_which_pairs_only_where_it_is_not_all_of_them():
    assert image_quality(frames=32).definition == f"{image_quality().definition},pairs:even32"
    assert ssim_pictures(frames=4).definition == f"{ssim_pictures().definition},pairs:even4"


@pytest.mark.parametrize("make", [image_quality, ssim_pictures])
@pytest.mark.parametrize("frames", [0, -3, "even32", "8"])
def test_numbers_of_pairs_that_cannot_be_are_refused(make, frames):
    with pytest.raises(DefinitionError):
        make(frames=frames)


def test_parts_count_the_frames_compared():
    clip, facts = media(40), TrialFacts("t", "p", "happy")
    pairs = np.stack([np.arange(40), np.arange(40)], axis=1)
    arrays = {("truth", "image-quality"): image_quality(frames=10).compare(clip, clip, pairs)}
    reading = PSNR().observe(Observation(facts, {}, np.arange(40), pairs, arrays))
    assert isinstance(reading, Reading)
    assert reading.parts == {"frames": 10.0, "identical": 1.0}
    notes = PSNR().reduce([Row(facts, reading)]).notes
    assert "10 of 10 frames are identical to the true pair's and count 100 dB" in notes
