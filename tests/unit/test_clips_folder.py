"""Folders of pictures, and previews."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from spfem_bench.clips import content_digest, open_clip, open_frames, write_lossless, write_preview
from spfem_bench.errors import ClipError, StorageError, UsageError
from tests.support.clips import make_clip, moving_box, noise_frames, tone


def write_pictures(folder, frames, pattern="{}.png"):
    folder.mkdir(exist_ok=True)
    for i, frame in enumerate(frames):
        cv2.imwrite(str(folder / pattern.format(i)), frame[..., ::-1])
    return folder


@pytest.mark.parametrize("pattern", ["{}.png", "frame{}.png", "{:05d}.png", "v2_{}_out.png"])
def test_pictures_come_in_the_order_of_their_numbers(tmp_path, pattern):
    frames = noise_frames(12, (10, 6))
    clip = open_frames(write_pictures(tmp_path / "f", frames, pattern), Fraction(30000, 1001))
    assert (clip.frame_count, clip.size, clip.fps) == (12, (10, 6), Fraction(30000, 1001))
    np.testing.assert_array_equal(np.concatenate(list(clip.frames())), frames)
    np.testing.assert_array_equal(np.concatenate(list(clip.frames(5, 7))), frames[5:7])
    assert clip.audio(16000) is None


def test_folder_and_stored_clip_of_the_same_frames_have_one_digest(tmp_path):
    folder = open_frames(write_pictures(tmp_path / "f", noise_frames(4)), Fraction(25))
    meta = write_lossless(tmp_path / "a.mkv", folder.frames(), fps=folder.fps)
    assert content_digest(folder) == meta.digest


def test_other_files_are_passed_over_and_gray_is_repeated(tmp_path):
    folder = write_pictures(tmp_path / "f", noise_frames(2))
    (folder / "log.txt").write_text("done")
    (folder / ".hidden.png").write_bytes(b"")
    cv2.imwrite(str(folder / "2.png"), np.full((48, 64), 77, np.uint8))
    clip = open_frames(folder, Fraction(25))
    assert clip.frame_count == 3
    assert (next(clip.frames(2)) == 77).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda f: None, "holds no .png"),
        (lambda f: (f / "0.png").write_bytes(b"not a picture"), "not a readable picture"),
        (lambda f: (f / "0.png").touch(), "not a readable picture"),
        (lambda f: write_pictures(f, [*moving_box(1), np.zeros((4, 4, 3), np.uint8)]), "one size"),
        (
            lambda f: [write_pictures(f, moving_box(1), p) for p in ("{}.png", "{}.jpg")],
            "one picture a frame",
        ),
        (
            lambda f: [write_pictures(f, moving_box(1), p) for p in ("{}.png", "0{}.png")],
            "one picture a frame",
        ),
    ],
)
def test_bad_folders_are_named(tmp_path, make, words):
    folder = tmp_path / "f"
    folder.mkdir()
    make(folder)
    with pytest.raises(ClipError, match=words) as caught:
        list(open_frames(folder, Fraction(25)).frames())
    assert str(folder) in str(caught.value)


def test_missing_folder_and_float_rate(tmp_path):
    with pytest.raises(ClipError, match="not a folder"):
        open_frames(tmp_path / "none", Fraction(25))
    with pytest.raises(UsageError, match="positive Fraction"):
        open_frames(tmp_path, 29.97)


@pytest.mark.parametrize(
    ("size", "channels", "rate"), [((64, 48), 1, 16000), ((33, 31), 2, 44100), ((1, 1), 6, 12345)]
)
def test_preview_looks_and_sounds_like_the_clip(tmp_path, size, channels, rate):
    sound = (tone(1.2, rate, channels=channels), rate)
    source = make_clip(tmp_path / "s.mkv", moving_box(30, size), codec="ffv1", pix_fmt="bgr0", audio=sound)
    clip = open_clip(source)
    write_preview(tmp_path / "p.mp4", clip)
    preview = open_clip(tmp_path / "p.mp4")
    assert preview.fps == clip.fps
    assert preview.frame_count == 30
    assert preview.size == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    assert abs(preview.info.audio.samples / preview.info.audio.rate - 1.2) < 0.1
    shown = np.concatenate(list(preview.frames()))[:, : size[1], : size[0]]
    error = np.abs(shown.astype(int) - np.concatenate(list(clip.frames()))).mean()
    assert error < 12


def test_preview_keeps_uneven_times(tmp_path):
    steps = [0, 1, 2, 8, 9, 15]
    source = make_clip(tmp_path / "s.mp4", moving_box(6), 30, times=[Fraction(s, 30) for s in steps])
    write_preview(tmp_path / "p.mp4", open_clip(source))
    np.testing.assert_allclose(open_clip(tmp_path / "p.mp4").times, np.array(steps) / 30, atol=2e-5)


def test_preview_into_a_missing_folder_is_one_sentence(tmp_path):
    clip = open_clip(make_clip(tmp_path / "s.mp4", moving_box(3)))
    with pytest.raises(StorageError, match="cannot be written"):
        write_preview(tmp_path / "none" / "p.mp4", clip)
