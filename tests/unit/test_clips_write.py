"""Lossless storage: exact, reproducible to the byte, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spfem_bench.clips import PcmSource, content_digest, open_clip, read_meta, record_path, write_lossless
from spfem_bench.clips.digest import NOTHING
from spfem_bench.clips.stored import to_json
from spfem_bench.errors import IntegrityError, StorageError, UsageError
from tests.support.clips import make_clip, moving_box, noise_frames, tone

NTSC = Fraction(30000, 1001)


def read(path) -> np.ndarray:
    return np.concatenate(list(open_clip(path).frames()))


def sound(seconds: float = 1.0) -> PcmSource:
    return PcmSource.from_array(tone(seconds, 16000, channels=2), 16000)


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 20)).flatmap(
        lambda shape: arrays(np.uint8, (*shape, 3))
    )
)
def test_every_size_and_value_survives(tmp_path_factory, frames):
    path = tmp_path_factory.mktemp("size") / "a.mkv"
    write_lossless(path, [frames], fps=Fraction(25))
    np.testing.assert_array_equal(read(path), frames)


@pytest.mark.parametrize(
    "fps", [NTSC, Fraction(24000, 1001), Fraction(1350, 61), Fraction(25), Fraction(1500)]
)
def test_rate_and_times_come_back_exactly(tmp_path, fps):
    path = tmp_path / "a.mkv"
    meta = write_lossless(path, [moving_box(40)], fps=fps)
    clip = open_clip(path)
    assert (clip.fps, meta.fps, meta.times) == (fps, fps, None)
    np.testing.assert_array_equal(clip.times, [float(i / fps) for i in range(40)])
    assert clip.info.duration == 40 / fps


def test_uneven_times_and_map_come_back_exactly(tmp_path):
    times = np.cumsum(np.r_[0, np.random.default_rng(3).uniform(0.0003, 0.2, 29)])
    frame_map = np.sort(np.random.default_rng(4).integers(0, 50, 30))
    path = tmp_path / "a.mkv"
    meta = write_lossless(path, [moving_box(30)], fps=Fraction(7, 3), times=times, frame_map=frame_map)
    clip = open_clip(path)
    np.testing.assert_array_equal(clip.times, times)
    np.testing.assert_array_equal(clip.stored.source_frames, frame_map)
    assert clip.stored == meta
    assert clip.fps == Fraction(7, 3)


def test_identity_map_is_not_spelled_out(tmp_path):
    meta = write_lossless(tmp_path / "a.mkv", [moving_box(5)], fps=Fraction(25), frame_map=np.arange(5))
    assert meta.frame_map is None
    np.testing.assert_array_equal(meta.source_frames, np.arange(5))


@pytest.mark.parametrize("fps", [NTSC, Fraction(25)])
def test_copy_has_the_digest_of_its_source(tmp_path, fps):
    source = open_clip(
        make_clip(tmp_path / "s.mp4", noise_frames(40), fps, audio=(tone(1.5), 16000), audio_codec="aac")
    )
    path = tmp_path / "copy.mkv"
    meta = write_lossless(path, source.frames(), fps=source.fps, times=source.times, audio=source.sound)
    copy = open_clip(path)
    assert content_digest(source) == content_digest(copy) == meta.digest
    assert copy.info == source.info
    np.testing.assert_array_equal(copy.audio(16000), source.audio(16000))


def test_copy_of_a_variable_clip_has_the_digest_of_its_source(tmp_path):
    times = [Fraction(step, 30) for step in (0, 1, 2, 8, 9, 15)]
    source = open_clip(make_clip(tmp_path / "s.mp4", noise_frames(6), 30, times=times))
    assert source.info.variable
    meta = write_lossless(tmp_path / "c.mkv", source.frames(), fps=source.fps, times=source.times)
    copy = open_clip(tmp_path / "c.mkv")
    assert content_digest(source) == content_digest(copy) == meta.digest
    assert copy.info == source.info


def test_digest_is_what_its_description_says(tmp_path):
    frames, samples = noise_frames(3, (16, 8)), tone(0.1, channels=2)
    path = tmp_path / "a.mkv"
    audio = PcmSource.from_array(samples, 16000)
    meta = write_lossless(path, [frames], fps=Fraction(25), audio=audio)
    times = np.array([0, 0.04, 0.08]).astype("<f8").tobytes()
    assert meta.digest.video == hashlib.sha256(b"16x8" + frames.tobytes() + times).hexdigest()
    assert meta.digest.audio == hashlib.sha256(b"16000x2" + samples.astype("<i2").tobytes()).hexdigest()


@pytest.mark.parametrize("change", ["pixel", "order", "time", "size", "sample", "rate", "silence"])
def test_digest_sees_every_change(tmp_path, change):
    frames, fps, samples, rate = noise_frames(4, (16, 8)), Fraction(25), tone(0.1), 16000
    before = write_lossless(
        tmp_path / "a.mkv", [frames], fps=fps, audio=PcmSource.from_array(samples, rate)
    ).digest
    match change:
        case "pixel":
            frames[2, 3, 4, 1] ^= 1
        case "order":
            frames = frames[::-1]
        case "time":
            fps = NTSC
        case "size":
            frames = frames.reshape(4, 16, 8, 3)
        case "sample":
            samples[7] += 1
        case "rate":
            rate = 8000
        case "silence":
            samples = samples[:0]
    after = write_lossless(
        tmp_path / "b.mkv", [frames], fps=fps, audio=PcmSource.from_array(samples, rate)
    ).digest
    part = "video" if change in {"pixel", "order", "time", "size"} else "audio"
    assert getattr(before, part) != getattr(after, part)
    other = "audio" if part == "video" else "video"
    assert getattr(before, other) == getattr(after, other)
    assert (after.audio == NOTHING) == (change == "silence")


WRITE = """
import sys
from fractions import Fraction
from spfem_bench.clips import PcmSource, write_lossless
from tests.support.clips import noise_frames, tone
frames, samples, step = noise_frames(12), tone(0.7, 16000, channels=2), int(sys.argv[2])
chunks = [frames[at:at + step] for at in range(0, 12, step)]
pieces = [samples[at:at + step * 100] for at in range(0, len(samples), step * 100)]
source = PcmSource(16000, 2, lambda: iter(pieces))
write_lossless(sys.argv[1], chunks, fps=Fraction(25), audio=source)
"""


def test_bytes_do_not_depend_on_process_chunking_or_name(tmp_path):
    root = Path(__file__).resolve().parents[2]
    digests = set()
    for name, step in (("a", 12), ("b", 1), ("c", 5)):
        path = tmp_path / f"{name}.mkv"
        subprocess.run([sys.executable, "-c", WRITE, str(path), str(step)], check=True, cwd=root, timeout=60)
        digests.add(hashlib.sha256(path.read_bytes() + record_path(path).read_bytes()).hexdigest())
    assert len(digests) == 1


def bad_frames():
    good = moving_box(3)
    return {
        "float": ([good / 255.0], "float64"),
        "nan": ([np.full((1, 4, 4, 3), np.nan, np.float32)], "not finite"),
        "gray": ([good[..., 0]], r"shape \(3, 48, 64\)"),
        "rgba": ([np.zeros((1, 4, 4, 4), np.uint8)], "RGB"),
        "list": ([[1, 2]], "list"),
        "sizes": ([good, moving_box(1, (32, 32))], "frame 3 is 32x32, the first was 64x48"),
        "none": ([], "no frames"),
        "empty": ([good[:0]], "no frames"),
    }


@pytest.mark.parametrize("case", bad_frames())
def test_wrong_frames_are_named_and_nothing_is_left(tmp_path, case):
    chunks, words = bad_frames()[case]
    with pytest.raises(UsageError, match=words):
        write_lossless(tmp_path / "a.mkv", chunks, fps=Fraction(25))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fps": 29.97}, "positive Fraction"),
        ({"fps": Fraction(0)}, "positive Fraction"),
        ({"times": np.array([0, 0.04])}, "2 times were given"),
        ({"times": np.arange(4) / 25}, "4 times were given for 3"),
        ({"times": np.array([0, 0.04, 0.04])}, "increase"),
        ({"times": np.array([0.1, 0.2, 0.3])}, "start at 0"),
        ({"times": np.array([0, np.nan, 1])}, "finite"),
        ({"frame_map": [0, 1]}, r"shape \(2,\)"),
        ({"frame_map": [0, 2, 1]}, "back in time"),
        ({"frame_map": [-1, 0, 1]}, "negative"),
        ({"frame_map": [0.0, 1.0, 2.0]}, "whole number"),
    ],
)
def test_wrong_times_and_maps_are_named_and_nothing_is_left(tmp_path, options, words):
    with pytest.raises(UsageError, match=words):
        write_lossless(tmp_path / "a.mkv", [moving_box(3)], **{"fps": Fraction(25), **options})
    assert list(tmp_path.iterdir()) == []


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"must end in \.mkv"):
        write_lossless(tmp_path / "a.mp4", [moving_box(1)], fps=Fraction(25))


def test_a_model_that_breaks_off_leaves_the_older_clip(tmp_path):
    path = tmp_path / "a.mkv"
    meta = write_lossless(path, [moving_box(3)], fps=Fraction(25))

    def broken():
        yield moving_box(40)
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        write_lossless(path, broken(), fps=Fraction(25))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "a.mkv"]
    assert content_digest(open_clip(path)) == meta.digest


def test_a_new_video_never_keeps_an_old_record(tmp_path, monkeypatch):
    path = tmp_path / "a.mkv"
    write_lossless(path, [moving_box(3)], fps=Fraction(25))

    def killed(meta):
        raise KeyboardInterrupt

    monkeypatch.setattr("spfem_bench.clips.write.to_json", killed)
    with pytest.raises(KeyboardInterrupt):
        write_lossless(path, [moving_box(4)], fps=Fraction(25))
    assert read_meta(path) is None
    assert [p.name for p in tmp_path.iterdir()] == ["a.mkv"]


def test_files_reach_the_disk_before_they_get_their_name(tmp_path, monkeypatch):
    steps = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda number: (steps.append("sync"), sync(number)))
    monkeypatch.setattr(Path, "replace", lambda a, b: (steps.append(b.name), replace(a, b)))
    write_lossless(tmp_path / "a.mkv", [moving_box(3)], fps=Fraction(25))
    assert steps == ["sync", "a.mkv", "sync", "sync", "a.json", "sync"]


FULL = """
import resource, sys
from fractions import Fraction
from spfem_bench.clips import write_lossless
from spfem_bench.errors import StorageError
from tests.support.clips import noise_frames
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    write_lossless(sys.argv[1], [noise_frames(30)], fps=Fraction(25))
except StorageError as error:
    print(error)
"""


# The limits fall into a frame, into the last buffered bytes, and into the muxer's trailer.
@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, share):
    write_lossless(tmp_path / "whole.mkv", [noise_frames(30)], fps=Fraction(25))
    limit = int(share * (tmp_path / "whole.mkv").stat().st_size)
    (tmp_path / "full").mkdir()
    path = tmp_path / "full" / "a.mkv"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path), str(limit)],
        check=True, cwd=root, timeout=60, capture_output=True, text=True,
    )  # fmt: skip
    assert str(path) in done.stdout
    assert "cannot be written" in done.stdout
    assert list(path.parent.iterdir()) == []


def test_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(StorageError, match="cannot be written"):
        write_lossless(tmp_path / "none" / "a.mkv", [moving_box(1)], fps=Fraction(25))


def test_record_is_canonical_and_read_back(tmp_path):
    path = tmp_path / "a.mkv"
    meta = write_lossless(path, [moving_box(3)], fps=NTSC, audio=sound(0.1))
    text = record_path(path).read_text()
    assert text == to_json(meta)
    assert json.loads(text)["fps"] == "30000/1001"
    assert read_meta(path) == meta


@pytest.mark.parametrize(
    "edit",
    [
        lambda r: r | {"fps": "0/1"},
        lambda r: r | {"fps": "25/0"},
        lambda r: r | {"schema_version": 99},
        lambda r: r | {"frame_map": [0]},
        lambda r: r | {"size": 7},
        lambda r: r | {"space": "face"},
        lambda r: r | {"space": None},
        lambda r: {k: v for k, v in r.items() if k != "digest"},
    ],
)
def test_malformed_record_is_named(tmp_path, edit):
    path = tmp_path / "a.mkv"
    write_lossless(path, [moving_box(3)], fps=NTSC)
    record = json.loads(record_path(path).read_text())
    record_path(path).write_text(json.dumps(edit(record)))
    with pytest.raises(IntegrityError, match=r"a\.json is not a readable clip record"):
        open_clip(path)


def test_record_of_another_video_is_noticed(tmp_path):
    write_lossless(tmp_path / "a.mkv", [moving_box(3)], fps=NTSC)
    write_lossless(tmp_path / "b.mkv", [moving_box(4)], fps=NTSC)
    (tmp_path / "b.json").replace(tmp_path / "a.json")
    with pytest.raises(IntegrityError, match="3 frames"):
        open_clip(tmp_path / "a.mkv")


def test_foreign_json_beside_a_video_is_ignored(tmp_path):
    path = tmp_path / "a.mkv"
    write_lossless(path, [moving_box(3)], fps=NTSC)
    record_path(path).write_text('{"speaker": "M003"}')
    assert open_clip(path).stored is None
    assert open_clip(path).fps == NTSC
