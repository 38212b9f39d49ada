"""Prepared inputs: each step does what its name says, and the same request gives the same bytes."""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spfem_baselines import CannotGenerateError, Request, SourceClip
from spfem_bench.adapters.command.parts import Crop
from spfem_bench.adapters.command.prepare import Prepared, prepare
from spfem_bench.adapters.command.steps import finding, framing, timing
from spfem_bench.clips import open_clip, open_frames
from spfem_bench.testing.fake_clips import FakeClip, fake_clip
from tests.support.foreign_manifests import manifest

SOURCE = fake_clip("source", frames=30, size=64)
REFERENCE = fake_clip("reference", frames=12, size=64)


@dataclass(frozen=True)
class Timed(FakeClip):
    """A fake clip at another rate."""

    nominal: Fraction = Fraction(25)

    @property
    def fps(self) -> Fraction:
        return self.nominal

    @property
    def times(self) -> NDArray[np.float64]:
        return np.arange(len(self.pixels)) / float(self.nominal)


SIXTY = fake_clip("timed", frames=60, size=32).pixels


def timed(frames: int, fps: Fraction) -> Timed:
    return Timed(SIXTY[:frames], None, nominal=fps)


def made(
    folder: Path, source: SourceClip = SOURCE, reference: SourceClip | None = REFERENCE, **changes: Any
) -> Prepared:
    changes = {"mode": ["reference", "label"], **changes}
    request = Request("trial", source, "happy", 1, reference=reference)
    return prepare(manifest(folder / "m", **changes), request, folder / "inputs")


def video(kind: str = "video", **more: Any) -> dict[str, Any]:
    return {"kind": kind, **more}


def pixels(path: Path | None) -> NDArray[np.uint8]:
    assert path is not None
    clip = open_clip(path) if path.is_file() else open_frames(path, Fraction(25))
    return np.concatenate(list(clip.frames()))


def test_png_and_lossless_mp4_are_the_very_frames(tmp_path: Path) -> None:
    png = made(tmp_path / "png", input=video(**{"as": "png"})).source
    lossless = made(tmp_path / "mp4", input=video(**{"as": "mp4-lossless"})).source
    assert png.video is None
    assert lossless.frames is None
    np.testing.assert_array_equal(pixels(png.frames), SOURCE.pixels)
    np.testing.assert_array_equal(pixels(lossless.video), SOURCE.pixels)
    first = cv2.imread(str(lossless.first_frame), cv2.IMREAD_COLOR_RGB)
    np.testing.assert_array_equal(first, SOURCE.pixels[0])
    np.testing.assert_array_equal(png.source_frames, np.arange(30))


def test_plain_mp4_has_every_frame_at_its_time_for_other_readers_too(tmp_path: Path) -> None:
    source = made(tmp_path).source
    clip = open_clip(source.video or "")
    assert (clip.frame_count, clip.fps, clip.size, clip.timeline.regular) == (30, 25, (64, 64), True)
    # Chroma is halved, so edges of flat colours move; the mean stays within a grey level or two.
    assert np.abs(pixels(source.video).astype(int) - SOURCE.pixels).mean() < 3
    reader = cv2.VideoCapture(str(source.video))
    assert reader.get(cv2.CAP_PROP_FPS) == 25
    assert sum(1 for _ in iter(lambda: reader.read()[0], False)) == 30


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    asked = video(fps=30, size=[48, 32], audio={"rate": 16000, "muxed": True})
    digests = []
    for name in ("once", "twice"):
        made(tmp_path / name, input=asked)
        files = sorted((tmp_path / name / "inputs").rglob("*.*"))
        digests.append([(file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files])
    assert digests[0] == digests[1]
    assert len(digests[0]) == 6


def test_odd_sizes_are_evened_for_yuv_and_kept_without_loss(tmp_path: Path) -> None:
    assert made(tmp_path / "a", input=video(size=[45, 33])).source.size == (46, 34)
    assert made(tmp_path / "b", input=video(size=[45, 33], **{"as": "mp4-lossless"})).source.size == (45, 33)


def test_images_come_without_video(tmp_path: Path) -> None:
    source = made(tmp_path, input=video("image-and-audio", audio={"rate": 8000})).source
    assert source.video is None
    assert source.frames is None
    assert source.first_frame.is_file()
    assert (source.frame_count, source.fps) == (30, 25)


def test_sound_is_int16_mono_as_long_as_the_video(tmp_path: Path) -> None:
    source = made(tmp_path, input=video(audio={"rate": 8000, "muxed": True})).source
    with wave.open(str(source.audio)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        assert file.getnframes() == 30 * 8000 // 25
        heard = np.frombuffer(file.readframes(9600), "<i2") / 32768
    expected = SOURCE.audio(8000)
    assert expected is not None
    assert np.abs(heard - expected[:9600]).max() < 1 / 32768
    carried = open_clip(source.video or "").audio(8000)
    assert carried is not None
    assert np.corrcoef(carried[:9000], heard[:9000])[0, 1] > 0.95


def test_resampling_takes_the_frame_on_screen(tmp_path: Path) -> None:
    source = made(tmp_path, timed(30, Fraction(30)), input=video(fps=25, **{"as": "png"})).source
    assert (source.frame_count, source.fps) == (25, 25)
    # Tick k at k / 25 s falls into frame floor(30 k / 25).
    np.testing.assert_array_equal(source.source_frames, np.arange(25) * 30 // 25)
    np.testing.assert_array_equal(pixels(source.frames), timed(30, Fraction(30)).pixels[source.source_frames])


@given(
    st.integers(1, 60), st.sampled_from(["25", "30", "30000/1001", "50"]), st.sampled_from([10, 25, 30, 60])
)
def test_a_grid_covers_the_clip_and_never_goes_back(count: int, rate: str, wanted: int) -> None:
    indices = timing.resampled(timed(count, Fraction(rate)), Fraction(wanted))
    assert indices[0] == 0
    assert indices.max() <= count - 1
    assert (np.diff(indices) >= 0).all()
    assert (len(indices) - 1) / wanted < count / float(Fraction(rate)) <= len(indices) / wanted + 1e-9
    if wanted == Fraction(rate):
        np.testing.assert_array_equal(indices, np.arange(count))


@given(st.integers(1, 9), st.integers(1, 40))
def test_a_loop_moves_by_one_frame_at_most(count: int, wanted: int) -> None:
    indices = timing.looped(count, wanted)
    assert len(indices) == wanted
    assert indices.min() == 0
    assert indices.max() <= count - 1
    assert all(abs(b - a) == (count > 1) for a, b in pairwise(indices.tolist()))


NUMBERED = FakeClip(np.repeat(np.arange(70, dtype=np.uint8), 12).reshape(70, 2, 2, 3), None)


@given(st.lists(st.integers(0, 69), min_size=1, max_size=90))
def test_any_order_of_frames_can_be_read(order: list[int]) -> None:
    read = np.concatenate(list(timing.picked(NUMBERED, np.array(order))))
    assert read[:, 0, 0, 0].tolist() == order


def test_a_short_reference_is_looped_where_asked(tmp_path: Path) -> None:
    asked = video(steps=["loop-reference"], audio={"rate": 8000}, **{"as": "png"})
    reference = made(tmp_path, input=asked).reference
    assert reference is not None
    assert reference.frame_count == 30
    assert reference.audio is None
    np.testing.assert_array_equal(reference.source_frames[10:14], [10, 11, 10, 9])
    np.testing.assert_array_equal(pixels(reference.frames), REFERENCE.pixels[reference.source_frames])
    plain = made(tmp_path / "plain", input=video()).reference
    assert plain is not None
    assert plain.frame_count == 12


def test_a_crop_is_one_square_with_repeated_edges() -> None:
    box = framing.square((10, 20, 30, 60), Crop("face-static", 0.25))
    assert box == (-10, 10, 50, 70)  # side 40 + 2 * 10, centred on (20, 40)
    [cut] = framing.cropped(iter([SOURCE.pixels[:2]]), (-4, 60, 8, 72))
    assert cut.shape == (2, 12, 12, 3)
    np.testing.assert_array_equal(cut[:, 0, :4], np.repeat(SOURCE.pixels[:2, 60, :1], 4, axis=1))
    np.testing.assert_array_equal(cut[:, 4:], np.repeat(cut[:, 3:4], 8, axis=1))


def test_a_crop_says_what_it_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "find_face", lambda _: (16, 16, 48, 48))
    monkeypatch.setattr(finding, "finder_name", lambda: "fixed@1")
    asked = video(crop={"rule": "face-static", "margin": 0.25, "size": "source"}, **{"as": "png"})
    source = made(tmp_path, input=asked, output={"as": "video", "space": "crop"}).source
    assert (source.box, source.size) == ((8, 8, 56, 56), (48, 48))
    np.testing.assert_array_equal(pixels(source.frames), SOURCE.pixels[:, 8:56, 8:56])


def test_rendered_faces_are_found_without_any_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from spfem_bench.synthetic.clip import ClipSpec, render_frames, truth

    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("SPFEM_BENCH_WEIGHTS", raising=False)
    assert finding.finder_name() == "mean-face@1"
    spec = ClipSpec(6, 6, seed=11, seconds=1.2)  # likeness .80 in its third frame
    frames = np.concatenate(list(render_frames(spec, range(3, 6))))
    left, top, right, bottom = finding.find_face(FakeClip(frames, None))
    marks = truth(spec, [4]).landmarks[0]
    inside = (marks > (left, top)).all(axis=1) & (marks < (right, bottom)).all(axis=1)
    # The contour of the jaw may touch the border of a box that detectors would draw.
    assert inside.mean() > 0.8
    assert (right - left) < 1.6 * np.ptp(marks[:, 0])
    with pytest.raises(CannotGenerateError, match=r"no face was found .* weights fetch yunet"):
        finding.find_face(FakeClip(np.full((3, 64, 64, 3), 90, np.uint8), None))


@pytest.mark.real
def test_real_faces_are_found_by_yunet(fixtures_dir: Path, weights_dir: Path) -> None:
    assert finding.finder_name().startswith("yunet@104ee26c")
    assert weights_dir
    clip = open_clip(next(iter(sorted((fixtures_dir / "grid").iterdir()))))
    left, top, right, bottom = finding.find_face(clip)
    assert 0 < left < right < clip.size[0]
    assert 0 < top < bottom < clip.size[1]
    assert (right - left) > clip.size[0] / 6


def test_what_a_trial_lacks_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotGenerateError, match="mine needs a reference clip"):
        made(tmp_path / "a", reference=None)
    silent = fake_clip(frames=8, size=32, audio=False)
    with pytest.raises(CannotGenerateError, match="needs sound"):
        made(tmp_path / "b", silent, input=video(audio={"rate": 8000}))
    with pytest.raises(CannotGenerateError, match="no fewer than 10 frames, the prepared source has 8"):
        made(tmp_path / "c", silent, min_frames=10)
    assert made(tmp_path / "d", mode=["label"], reference=None).reference is None


class _Counting(FakeClip):
    """Counts the frames handed out."""

    handed = 0

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[NDArray[np.uint8]]:
        for chunk in super().frames(start, stop):
            type(self).handed += len(chunk)
            yield chunk


def test_a_clip_is_read_once_for_its_file(tmp_path: Path) -> None:
    clip = _Counting(SOURCE.pixels, None)
    made(tmp_path, clip, mode=["label"], reference=None)
    assert _Counting.handed == 30 + 1  # all of it, and the first frame for its picture
