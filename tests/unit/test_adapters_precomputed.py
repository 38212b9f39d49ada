from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spfem_baselines import Adapter, Output, Request
from spfem_bench.adapters import OutputError, load_system
from spfem_bench.adapters.precomputed import Precomputed, frames_on_screen, open_precomputed
from spfem_bench.clips import Clip, open_clip, write_lossless, write_preview
from spfem_bench.clips.timing import regular_times
from spfem_bench.errors import ClipError, UsageError
from tests.support.clips import make_clip, moving_box, noise_frames

COUNT = 20
RATES = st.fractions(10, 60, max_denominator=1001)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """20 frames at 25 frames/s."""
    return open_clip(make_clip(tmp_path_factory.mktemp("source") / "s.mp4", moving_box(COUNT)))


def listed(folder: Path, *lines: Mapping[str, object]) -> Precomputed:
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return open_precomputed(folder)


def asked(adapter: Precomputed, source: Clip, trial: str = "t") -> Output:
    return adapter.generate(Request(trial, source, "happy", 0))


def frame_map(output: Output) -> list[int]:
    assert output.frame_map is not None
    return list(map(int, output.frame_map))


def write_frames(folder: Path, count: int, start: int = 0) -> None:
    folder.mkdir()
    for number, image in enumerate(moving_box(count), start):
        cv2.imwrite(str(folder / f"{number}.png"), image[:, :, ::-1])


def test_it_is_an_adapter_named_after_its_folder(tmp_path: Path) -> None:
    (tmp_path / "my model").mkdir()
    make_clip(tmp_path / "my model" / "t.mp4", moving_box(4))
    system = load_system(f"precomputed:{tmp_path / 'my model'}")
    assert isinstance(system.adapter, Adapter)
    assert (system.name, system.role) == ("my model", "model")
    assert load_system(f"other=precomputed:{tmp_path / 'my model'}").name == "other"


def test_videos_are_found_by_trial_id_whatever_their_container(tmp_path: Path, source: Clip) -> None:
    for name in ("a.b.mp4", "c.MKV", "d.avi"):
        make_clip(tmp_path / name, moving_box(COUNT))
    (tmp_path / "notes.txt").write_text("")
    adapter = open_precomputed(tmp_path)
    assert set(adapter.entries) == {"a.b", "c", "d"}
    assert frame_map(asked(adapter, source, "a.b")) == list(range(COUNT))
    with pytest.raises(OutputError, match="no video for this trial"):
        asked(adapter, source, "e")


def test_a_video_is_mapped_by_time_not_by_number(tmp_path: Path, source: Clip) -> None:
    make_clip(tmp_path / "half.mp4", moving_box(10), Fraction(25, 2))
    make_clip(tmp_path / "twice.mp4", moving_box(40), 50)
    make_clip(tmp_path / "ntsc.mp4", moving_box(23), Fraction(30000, 1001))
    adapter = open_precomputed(tmp_path)
    assert frame_map(asked(adapter, source, "half")) == list(range(0, 20, 2))
    assert frame_map(asked(adapter, source, "twice")) == [k // 2 for k in range(40)]
    ntsc = asked(adapter, source, "ntsc")
    assert ntsc.fps == Fraction(30000, 1001)
    assert frame_map(ntsc) == [k * 1001 * 25 // 30000 for k in range(23)]


def test_dropped_head_frames_are_said_in_the_manifest(tmp_path: Path, source: Clip) -> None:
    make_clip(tmp_path / "x.mp4", moving_box(COUNT - 2))
    adapter = listed(tmp_path, {"trial": "t", "file": "x.mp4", "first_source_frame": 2})
    assert frame_map(asked(adapter, source)) == list(range(2, COUNT))
    late = listed(tmp_path, {"trial": "t", "file": "x.mp4", "first_source_frame": COUNT})
    with pytest.raises(OutputError, match="first_source_frame 20 is past the source's 20 frames"):
        asked(late, source)


def test_a_stated_rate_overrides_the_containers(tmp_path: Path, source: Clip) -> None:
    make_clip(tmp_path / "x.mp4", moving_box(COUNT), 10)
    with pytest.raises(OutputError, match="20 frames at 10 instead of 25 fps"):
        asked(listed(tmp_path, {"trial": "t", "file": "x.mp4"}), source)
    output = asked(listed(tmp_path, {"trial": "t", "file": "x.mp4", "fps": "25"}), source)
    assert output.fps == 25
    assert frame_map(output) == list(range(COUNT))


@pytest.mark.parametrize(("fps", "exact"), [(25, Fraction(25)), ("30000/1001", None), (29.97, None)])
def test_rates_are_exact(tmp_path: Path, source: Clip, fps: object, exact: Fraction | None) -> None:
    write_frames(tmp_path / "t", COUNT)
    output = asked(listed(tmp_path, {"trial": "t", "file": "t", "fps": fps}), source)
    assert output.fps == (exact or Fraction(str(fps)))


def test_a_frame_map_is_taken_as_it_is(tmp_path: Path, source: Clip) -> None:
    make_clip(tmp_path / "x.mp4", moving_box(3))
    adapter = listed(tmp_path, {"trial": "t", "file": "x.mp4", "frame_map": [4, 4, 9]})
    assert frame_map(asked(adapter, source)) == [4, 4, 9]


def test_numbered_frames_have_the_sources_rate(tmp_path: Path) -> None:
    fast = open_clip(make_clip(tmp_path / "s.mp4", moving_box(COUNT), 50))
    (tmp_path / "model").mkdir()
    write_frames(tmp_path / "model" / "t", COUNT, start=95)  # 99.png comes before 100.png
    output = asked(open_precomputed(tmp_path / "model"), fast)
    assert output.fps == 50
    assert frame_map(output) == list(range(COUNT))
    frames = np.concatenate(list(output.frames))
    assert np.array_equal(frames, moving_box(COUNT))


def test_as_many_numbered_frames_as_the_source_has_answer_them_one_by_one(tmp_path: Path) -> None:
    times = [Fraction(i * i, 100) for i in range(8)]
    uneven = open_clip(make_clip(tmp_path / "s.mp4", moving_box(8), times=times))
    assert uneven.timeline.variable
    (tmp_path / "model").mkdir()
    write_frames(tmp_path / "model" / "t", 8)
    assert frame_map(asked(open_precomputed(tmp_path / "model"), uneven)) == list(range(8))


def test_what_generate_wrote_is_read_back_exactly_and_its_preview_is_no_second_video(
    tmp_path: Path, source: Clip
) -> None:
    frames = moving_box(COUNT - 2)
    write_lossless(tmp_path / "t.mkv", [frames], fps=source.fps, frame_map=np.arange(2, COUNT))
    write_preview(tmp_path / "t.mp4", open_clip(tmp_path / "t.mkv"))
    adapter = open_precomputed(tmp_path)
    assert adapter.entries["t"].file.suffix == ".mkv"
    output = asked(adapter, source)
    assert frame_map(output) == list(range(2, COUNT))
    assert np.array_equal(np.concatenate(list(output.frames)), frames)


def test_what_a_video_shows_is_said_by_its_line_else_by_its_record(tmp_path: Path, source: Clip) -> None:
    write_lossless(tmp_path / "t.mkv", [moving_box(COUNT)], fps=source.fps, space="aligned-crop")
    make_clip(tmp_path / "v.mp4", moving_box(COUNT))
    found = open_precomputed(tmp_path)
    assert [asked(found, source, trial).space for trial in ("t", "v")] == ["aligned-crop", "frame"]
    told = listed(
        tmp_path,
        {"trial": "t", "file": "t.mkv", "space": "frame"},
        {"trial": "v", "file": "v.mp4", "space": "crop"},
    )
    assert [asked(told, source, trial).space for trial in ("t", "v")] == ["frame", "crop"]
    request = Request("v", source, "happy", 0)
    assert told.trial_identity(request) != found.trial_identity(request)
    assert frame_map(asked(told, source, "v")) == list(range(COUNT))


def test_what_frames_show_is_no_word_about_their_time(tmp_path: Path) -> None:
    times = [Fraction(i * i, 100) for i in range(8)]
    uneven = open_clip(make_clip(tmp_path / "s.mp4", moving_box(8), times=times))
    write_frames(tmp_path / "t", 8)
    adapter = listed(tmp_path, {"trial": "t", "file": "t", "space": "crop"})
    assert frame_map(asked(adapter, uneven)) == list(range(8))


def test_an_mp4_beside_a_foreign_mkv_is_a_second_video(tmp_path: Path) -> None:
    make_clip(tmp_path / "t.mkv", moving_box(4))
    make_clip(tmp_path / "t.mp4", moving_box(4))
    (tmp_path / "t.json").write_text('{"mine": true}')
    with pytest.raises(UsageError, match="two videos for trial t"):
        open_precomputed(tmp_path)


def test_a_folder_of_frames_and_a_video_of_one_trial_are_two(tmp_path: Path) -> None:
    make_clip(tmp_path / "t.mp4", moving_box(4))
    write_frames(tmp_path / "t", 4)
    with pytest.raises(UsageError, match="two videos for trial t"):
        open_precomputed(tmp_path)


def test_the_identity_follows_all_that_is_read(tmp_path: Path, source: Clip) -> None:
    write_lossless(tmp_path / "t.mkv", [moving_box(4)], fps=Fraction(25))
    write_frames(tmp_path / "f", 3)
    make_clip(tmp_path / "v.mp4", moving_box(4))

    def identities(adapter: Precomputed) -> list[str]:
        return [adapter.trial_identity(Request(t, source, "happy", 0)) for t in ("t", "f", "v", "none")]

    before = identities(open_precomputed(tmp_path))
    assert before == identities(open_precomputed(tmp_path))
    assert before[3] == ""
    record = tmp_path / "t.json"
    record.write_text(record.read_text().replace('"frame_map": null', '"frame_map": [0, 2, 4, 6]'))
    (tmp_path / "f" / "1.png").rename(tmp_path / "f" / "7.png")
    (tmp_path / "v.mp4").write_bytes((tmp_path / "v.mp4").read_bytes() + b"\0")
    after = identities(open_precomputed(tmp_path))
    assert not set(before[:3]) & set(after)
    line = {"trial": "v", "file": "v.mp4"}
    shifted = identities(listed(tmp_path, line | {"first_source_frame": 1}))[2]
    assert len({after[2], shifted, identities(listed(tmp_path, line | {"fps": 24}))[2]}) == 3


def test_a_video_that_vanished_is_its_trials_error(tmp_path: Path, source: Clip) -> None:
    make_clip(tmp_path / "t.mp4", moving_box(4))
    adapter = open_precomputed(tmp_path)
    (tmp_path / "t.mp4").unlink()
    with pytest.raises(ClipError, match=r"t\.mp4 cannot be read \(No such file or directory\)"):
        adapter.trial_identity(Request("t", source, "happy", 0))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"trial": "t"}, "the texts trial and file"),
        (
            {"trial": "t", "file": "x.mp4", "space": "face"},
            "space is 'face'; frame, crop, aligned-crop are known",
        ),
        ({"trial": 1, "file": "x.mp4"}, "the texts trial and file"),
        ({"trial": ["t"], "file": "x.mp4"}, "the texts trial and file"),
        ({"trial": "t", "file": "x\0.mp4"}, "cannot be a path"),
        ({"trial": "t", "file": "x" * 5000}, "cannot be a path|does not exist"),
        ({"trial": "t", "file": "x.mp4", "fps": "1/0"}, "malformed"),
        ({"trial": "t", "file": "x.mp4", "fps": "fast"}, "malformed"),
        ({"trial": "t", "file": "x.mp4", "fps": -25}, "malformed: -25 frames per second"),
        ({"trial": "t", "file": "x.mp4", "fps": 1e9}, "malformed"),
        ({"trial": "t", "file": "x.mp4", "first_source_frame": 1.5}, "1.5 is no frame number"),
        ({"trial": "t", "file": "x.mp4", "first_source_frame": True}, "True is no frame number"),
        ({"trial": "t", "file": "x.mp4", "frame_map": [0, "1"]}, "'1' is no frame number"),
        ({"trial": "t", "file": "x.mp4", "frame_map": 7}, "malformed"),
    ],
)
def test_a_wrong_manifest_line_is_one_sentence(tmp_path: Path, line: dict[str, object], said: str) -> None:
    make_clip(tmp_path / "x.mp4", moving_box(4))
    with pytest.raises(UsageError, match=rf"manifest\.jsonl line 1: .*({said})") as caught:
        listed(tmp_path, line)
    assert "\n" not in str(caught.value)


def test_a_link_out_of_the_folder_is_refused_in_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    outside = make_clip(tmp_path / "x.mp4", moving_box(4))
    (tmp_path / "model" / "x.mp4").symlink_to(outside)
    with pytest.raises(UsageError, match=r"x\.mp4 leaves the folder"):
        listed(tmp_path / "model", {"trial": "t", "file": "x.mp4"})


@given(st.integers(1, 60), st.integers(1, 120), RATES, RATES, st.integers(0, 5))
def test_the_map_never_goes_back_and_stays_inside(
    sources: int, outputs: int, source_fps: Fraction, fps: Fraction, first: int
) -> None:
    source = regular_times(sources, source_fps)
    times = regular_times(outputs, fps) + source[min(first, sources - 1)]
    shown = frames_on_screen(source, times)
    assert (np.diff(shown) >= 0).all()
    assert shown.min() >= 0
    assert shown.max() < sources
    inside = times < source[-1] - 2e-3
    assert (source[shown[inside]] <= times[inside] + 1e-3).all()
    assert (source[shown[inside] + 1] > times[inside]).all()


def test_a_lossless_clip_damaged_since_is_not_read_as_if_it_were_whole(tmp_path: Path, source: Clip) -> None:
    """FFmpeg answers a damaged FFV1 frame with the frame before it, and says nothing."""
    write_lossless(tmp_path / "t.mkv", [noise_frames(COUNT)], fps=source.fps)
    content = bytearray((tmp_path / "t.mkv").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    (tmp_path / "t.mkv").write_bytes(content)
    output = asked(open_precomputed(tmp_path), source)
    with pytest.raises(ClipError, match=r"t\.mkv is damaged: its frames are not those stored"):
        list(output.frames)
