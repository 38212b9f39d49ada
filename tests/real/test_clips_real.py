"""Clips of real people: rates, counts and digests through storage."""

from __future__ import annotations

import json
from fractions import Fraction

import av
import numpy as np
import pytest

from spfem_bench.clips import content_digest, open_clip, write_lossless
from tests.support.clips import make_clip

pytestmark = pytest.mark.real

ODD_RATES = {
    # The container divides by a last frame that is shown longer; the frames are 1/24 s apart.
    "edge-no_face": (Fraction(24), False),
    # Frames of 1/30 s, every third one missing: (135 - 1) / (93691 - 507) * 15360.
    "retalking-1": (Fraction(2010, 91), True),
    # (169 - 1) / 97695 * 15360.
    "edge-face_noface": (Fraction(57344, 2171), True),
}


def manifest(fixtures_dir) -> list[dict]:
    return [json.loads(line) for line in (fixtures_dir / "clips.jsonl").read_text().splitlines()]


def test_every_clip_opens_as_its_manifest_says(fixtures_dir):
    clips = manifest(fixtures_dir)
    assert len(clips) == 43
    for row in clips:
        clip = open_clip(fixtures_dir / row["file"])
        fps, variable = ODD_RATES.get(row["id"], (Fraction(row["fps"]), False))
        found = (clip.frame_count, clip.size, clip.fps, clip.info.variable, clip.sound is not None)
        assert found == (row["frames"], (row["width"], row["height"]), fps, variable, row["audio"]), row["id"]
        assert clip.times[0] == 0
        assert (np.diff(clip.times) > 0).all()


def test_clips_decode_to_the_frames_it_promises(fixtures_dir):
    # The large regular ones are left out for time; edit lists, HEVC and uneven rates are in.
    rows = [row for row in manifest(fixtures_dir) if row["width"] <= 400 or row["id"].startswith("edge")]
    assert len(rows) == 33
    for row in rows:
        clip = open_clip(fixtures_dir / row["file"])
        assert sum(len(chunk) for chunk in clip.frames()) == clip.frame_count, row["id"]


@pytest.mark.parametrize("name", ["grid/bbaf2n.mpg", "retalking/1.mp4", "pcavs/00010.mp4"])
def test_stored_copy_has_the_digest_of_its_source(fixtures_dir, tmp_path, name):
    source = open_clip(fixtures_dir / name)
    path = tmp_path / "copy.mkv"
    meta = write_lossless(path, source.frames(), fps=source.fps, times=source.times, audio=source.sound)
    copy = open_clip(path)
    assert content_digest(source) == content_digest(copy) == meta.digest
    assert copy.info == source.info


def test_real_frames_at_30000_1001_keep_rate_and_digest(fixtures_dir, tmp_path):
    frames = np.concatenate(list(open_clip(fixtures_dir / "pcavs/00010.mp4").frames(0, 40)))
    source = open_clip(make_clip(tmp_path / "ntsc.mp4", frames, Fraction(30000, 1001)))
    meta = write_lossless(tmp_path / "copy.mkv", source.frames(), fps=source.fps, times=source.times)
    assert source.fps == meta.fps == Fraction(30000, 1001)
    assert meta.times is None
    assert content_digest(source) == meta.digest


def test_late_sound_is_placed_by_the_container_clock(fixtures_dir):
    path = fixtures_dir / "edge/face_noface.mov"
    with av.open(str(path)) as container:
        first = next(container.decode(audio=0))
        late = round(first.pts * first.time_base * 44100)
    samples, rate = open_clip(path).pcm()
    assert rate == 44100
    assert late == 107164
    assert not samples[:late].any()
    assert samples[late : late + 4410].any()


def test_sound_is_as_long_as_speech_clips_are(fixtures_dir):
    clip = open_clip(fixtures_dir / "grid/bbaf2n.mpg")
    wave = clip.audio(16000)
    assert wave.dtype == np.float32
    assert abs(len(wave) / 16000 - float(clip.info.duration)) < 0.05
    assert 0.01 < np.abs(wave).max() <= 1
