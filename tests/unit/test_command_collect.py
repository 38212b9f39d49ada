"""What is read of a program's output, and what is refused."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spfem_baselines import SPACES, Output, Space
from spfem_bench.adapters.check import OutputError, checked_frames
from spfem_bench.adapters.command.collect import Asked, collect, has_result
from spfem_bench.adapters.command.parts import Produced
from spfem_bench.adapters.command.prepare import PreparedClip
from spfem_bench.clips import write_lossless
from spfem_bench.testing import fake_clip
from tests.support.clips import make_clip, noise_frames

SOURCE = fake_clip("source", frames=20, size=32)
EACH = np.arange(20, dtype=np.int64)


def asked(folder: Path, produced: Produced | None = None, **prepared: Any) -> Asked:
    given = {"fps": Fraction(25), "frame_count": 20, "size": (32, 32), "source_frames": EACH, **prepared}
    source = PreparedClip(folder / "first.png", **given)
    output = folder / "outputs" / "0000"
    output.mkdir(parents=True, exist_ok=True)
    return Asked("a", output, produced or Produced("video"), SOURCE, source)


def told(one: Asked, **result: Any) -> Asked:
    text = json.dumps({"format": "spfem-result@1", "trial": "a", **result})
    (one.output / "result.json").write_text(text)
    return one


def array(one: Asked, frames: np.ndarray) -> Asked:
    np.save(one.output / "frames.npy", frames)
    return told(one, file="frames.npy")


def read(output: Output) -> np.ndarray:
    return np.concatenate(list(checked_frames(output.frames)))


def refused(one: Asked) -> str:
    with pytest.raises(OutputError) as raised:
        read(collect(one))
    assert str(one.output) not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("space", SPACES)
def test_what_the_pictures_show_is_the_manifests_word(space: Space, tmp_path: Path) -> None:
    one = array(asked(tmp_path, Produced("array", space=space)), noise_frames(20, (32, 32)))
    assert collect(one).space == space


def test_a_trial_without_a_result_file_has_no_result(tmp_path: Path) -> None:
    one = asked(tmp_path)
    assert not has_result(one)
    assert has_result(told(one, failed="no face"))


def test_an_array_is_read_frame_by_frame_as_often_as_wanted(tmp_path: Path) -> None:
    frames = noise_frames(20, (32, 32))
    output = collect(array(asked(tmp_path), frames))
    assert np.array_equal(read(output), frames)
    assert np.array_equal(read(output), frames)
    assert output.fps == 25
    assert output.times is None
    assert output.frame_map is not None
    assert output.frame_map.tolist() == EACH.tolist()


def test_an_array_in_fortran_order_is_the_same_frames(tmp_path: Path) -> None:
    frames = noise_frames(20, (32, 32))
    assert np.array_equal(read(collect(array(asked(tmp_path), np.asfortranarray(frames)))), frames)


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (np.full((20, 32, 32, 3), np.nan, np.float32), "frames hold NaN"),
        (np.zeros((20, 32, 32, 3), np.float32), "frames are float32; uint8 in 0..255 is expected"),
        (np.zeros((20, 32, 32), np.uint8), "has shape (20, 32, 32)"),
        (np.zeros((20, 32, 32, 4), np.uint8), "has shape (20, 32, 32, 4)"),
        (np.zeros((0, 32, 32, 3), np.uint8), "has shape (0, 32, 32, 3)"),
        (np.array([{}], dtype=object), "is not an array of numbers"),
        (np.zeros((20, 16, 32, 3), np.uint8), "the output is 32x16, 32x32 is due"),
        (np.zeros((900, 32, 32, 3), np.uint8), "the output lasts 36.00 s"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_wrong_array_is_one_sentence(tmp_path: Path, frames: np.ndarray, said: str) -> None:
    assert said in refused(array(asked(tmp_path), frames))


def test_an_array_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    one = array(asked(tmp_path), noise_frames(20, (32, 32)))
    os.truncate(one.output / "frames.npy", 5000)
    assert refused(one) == "frames.npy is not an array of numbers"


def test_a_zip_of_arrays_is_refused(tmp_path: Path) -> None:
    one = asked(tmp_path)
    np.savez(one.output / "frames.npz", frames=noise_frames(20, (32, 32)))
    (one.output / "frames.npz").rename(one.output / "frames.npy")
    assert refused(told(one, file="frames.npy")) == "frames.npy is not an array of numbers"


def test_a_video_at_the_manifests_own_rate_is_placed_in_time(tmp_path: Path) -> None:
    """30 per second for a source of 25, as the manifest says: each source frame still at its instant."""
    one = asked(tmp_path, Produced("video", fps=Fraction(30)))
    frames = noise_frames(24, (32, 32))
    write_lossless(one.output / "video.mkv", [frames], fps=Fraction(30))
    output = collect(told(one, file="video.mkv"))
    assert output.fps == 30
    assert output.frame_map is not None
    assert output.frame_map[:8].tolist() == [0, 0, 1, 2, 3, 4, 5, 5]
    assert np.array_equal(read(output), frames)


def test_a_rate_that_nobody_foresaw_is_refused_and_the_programs_word_believed(tmp_path: Path) -> None:
    """A writer's default of 30 frames per second over frames of 25."""
    one = asked(tmp_path)
    write_lossless(one.output / "video.mkv", [noise_frames(20, (32, 32))], fps=Fraction(30))
    assert "the output has 30 frames per second, 25 are due" in refused(told(one, file="video.mkv"))
    output = collect(told(one, file="video.mkv", fps="25"))
    assert output.fps == 25
    assert output.frame_map is not None
    assert output.frame_map.tolist() == EACH.tolist()


def test_a_rounded_rate_is_the_sources_exact_one(tmp_path: Path) -> None:
    ntsc = Fraction(30000, 1001)
    one = asked(tmp_path, fps=ntsc)
    write_lossless(one.output / "video.mkv", [noise_frames(20, (32, 32))], fps=Fraction(2997, 100))
    assert collect(told(one, file="video.mkv")).fps == ntsc


def test_int_of_the_rate_is_another_rate(tmp_path: Path) -> None:
    """int(29.97) is 29: sound and picture would part by a frame a second."""
    one = asked(tmp_path, fps=Fraction(30000, 1001))
    write_lossless(one.output / "video.mkv", [noise_frames(20, (32, 32))], fps=Fraction(29))
    assert "the output has 29 frames per second, 29.97 are due" in refused(told(one, file="video.mkv"))


def test_a_video_of_varying_rate_keeps_its_times(tmp_path: Path) -> None:
    one = asked(tmp_path, Produced("video", length="shorter-of-both"))
    times = np.array([0.0, 0.04, 0.12, 0.16, 0.28])
    write_lossless(one.output / "video.mkv", [noise_frames(5, (32, 32))], fps=Fraction(25), times=times)
    output = collect(told(one, file="video.mkv", **{"frame-map": [0, 1, 3, 4, 7]}))
    assert output.times is not None
    assert np.allclose(output.times, times)


def test_an_even_size_made_of_an_odd_one_is_let_pass(tmp_path: Path) -> None:
    one = asked(tmp_path, Produced("video", size="prepared"), size=(31, 31))
    assert collect(array(one, noise_frames(20, (32, 32)))).fps == 25


def test_an_ordinary_mp4_is_read(tmp_path: Path) -> None:
    one = asked(tmp_path)
    make_clip(one.output / "video.mp4", noise_frames(20, (32, 32)))
    assert read(collect(told(one, file="video.mp4"))).shape == (20, 32, 32, 3)


@pytest.mark.parametrize(
    "name",
    [
        "../0001/frames.npy",
        "/etc/hostname",
        ".",
        "..",
        "",
        "\0",
        "x" * 1025,
        "none.mp4",
        "frames/../../secret",
    ],
)
def test_a_path_that_leaves_the_output_is_refused(tmp_path: Path, name: str) -> None:
    one = asked(tmp_path)
    (one.output.parent / "secret").write_text("secret")
    assert "\n" not in refused(told(one, file=name))


@pytest.mark.parametrize("name", ["result.json", "frames.npy", "frames"])
def test_links_out_of_the_output_are_refused(tmp_path: Path, name: str) -> None:
    one = told(asked(tmp_path), file="frames.npy" if name == "frames.npy" else "frames")
    outside = tmp_path / "outside"
    if name == "frames":
        outside.mkdir()
    else:
        outside.write_bytes(b"{}")
    (one.output / name).unlink(missing_ok=True)
    (one.output / name).symlink_to(outside)
    assert "leaves its output folder" in refused(one)


def test_an_output_folder_that_was_replaced_by_a_link_is_refused(tmp_path: Path) -> None:
    one = told(asked(tmp_path), file="frames.npy")
    one.output.rename(tmp_path / "elsewhere")
    one.output.symlink_to(tmp_path / "elsewhere")
    assert "leaves its output folder" in refused(one)


def test_a_pipe_among_the_frames_is_refused_not_waited_for(tmp_path: Path) -> None:
    one = told(asked(tmp_path), file="frames")
    (one.output / "frames").mkdir()
    os.mkfifo(one.output / "frames" / "000000.png")
    assert "holds '000000.png', which is no file of its own" in refused(one)


def test_what_the_program_says_went_wrong_is_one_line(tmp_path: Path) -> None:
    assert refused(told(asked(tmp_path), failed="no face\n  in frame 3")) == "no face in frame 3"
