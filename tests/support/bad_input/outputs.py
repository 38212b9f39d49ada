"""Folders of outputs that cannot be scored, and single bad outputs among good ones."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np

from tests.support.bad_input.world import Arguments, World, case, score
from tests.support.clips import make_audio, make_clip, moving_box, tone

# Folders of outputs


@case("folder of outputs that does not exist", 2, "nowhere is not a folder of videos: give the folder")
def _missing_folder(world: World, place: Path) -> Arguments:
    return score(world, place, place / "nowhere")


@case("empty folder of outputs", 2, r"model names no video: put <trial>\.mp4 files there")
def _empty_folder(world: World, place: Path) -> Arguments:
    (place / "model").mkdir()
    return score(world, place, place / "model")


@case("videos whose names are no trial ids", 2, r"none of the 1 videos in .*model is for one of the 6 trials")
def _foreign_names(world: World, place: Path) -> Arguments:
    (place / "model").mkdir()
    shutil.copy(world.first(world.good), place / "model" / "final_v2.mp4")
    return score(world, place, place / "model")


@case("a trial id with a typing error", 2, r"is no trial id\. Did you mean 'p0__")
def _near_name(world: World, place: Path) -> Arguments:
    (place / "model").mkdir()
    shutil.copy(world.first(world.good), place / "model" / f"{world.trials[0]}x.mp4")
    return score(world, place, place / "model")


@case("two videos for one trial", 2, "holds two videos for trial p0__.*: keep one")
def _two_videos(world: World, place: Path) -> Arguments:
    folder = world.outputs(place)
    shutil.copy(world.first(folder), world.first(folder).with_suffix(".avi"))
    return score(world, place, folder)


@case(
    "folder of outputs called `real`", 2, "cannot be called 'real', which means the real clips: give a name"
)
def _called_real(world: World, place: Path) -> Arguments:
    return score(world, place, world.outputs(place).rename(place / "real"))


def _listed(world: World, place: Path, *lines: object) -> Arguments:
    folder = world.outputs(place)
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    (folder / "manifest.jsonl").write_text(text)
    return score(world, place, folder)


def _line(world: World, **more: object) -> dict[str, object]:
    return {"trial": world.trials[0], "file": f"{world.trials[0]}.mp4", **more}


@case(
    "manifest with a path that leaves its folder",
    2,
    r"manifest\.jsonl line 1: \.\./good/.* leaves the folder",
)
def _escape(world: World, place: Path) -> Arguments:
    return _listed(world, place, _line(world, file=f"../good/{world.trials[0]}.mp4"))


@case("manifest with an absolute path", 2, r"line 1: /etc/hostname leaves the folder")
def _absolute(world: World, place: Path) -> Arguments:
    return _listed(world, place, _line(world, file="/etc/hostname"))


@case("manifest line that is not JSON", 2, r"manifest\.jsonl line 2 is not JSON: one object per line")
def _not_json(world: World, place: Path) -> Arguments:
    return _listed(world, place, _line(world), '{"trial": ')


@case(
    "manifest with an unknown key", 2, r"unknown key 'first_sorce_frame'\. Did you mean 'first_source_frame'"
)
def _unknown_key(world: World, place: Path) -> Arguments:
    return _listed(world, place, _line(world, first_sorce_frame=2))


@case("manifest that lists a trial twice", 2, "line 2: trial p0__.* is listed twice: keep one line")
def _listed_twice(world: World, place: Path) -> Arguments:
    return _listed(world, place, _line(world), _line(world))


@case("manifest with a file that is not there", 2, r"line 1: gone\.mp4 does not exist: mend the path")
def _listed_gone(world: World, place: Path) -> Arguments:
    return _listed(world, place, _line(world, file="gone.mp4"))


@case("manifest with 0 frames per second", 2, "line 1: fps, .* malformed: 0 frames per second")
def _no_rate(world: World, place: Path) -> Arguments:
    return _listed(world, place, _line(world, fps=0))


@case("manifest with a negative first frame", 2, "line 1: fps, .* malformed: -2 is no frame number")
def _negative_first(world: World, place: Path) -> Arguments:
    return _listed(world, place, _line(world, first_source_frame=-2))


@case("manifest in UTF-16", 2, r"manifest\.jsonl is not UTF-8: save it as UTF-8 text")
def _utf16(world: World, place: Path) -> Arguments:
    arguments = _listed(world, place)
    path = place / "model" / "manifest.jsonl"
    path.write_bytes(json.dumps(_line(world)).encode("utf-16"))
    return arguments


# One bad output among good ones: that trial fails, the others are scored


@case(
    "one output cut off before its index", 0, r"model: 5 of 6 trials .*p0__\S+\.mp4 is not a readable media"
)
def _truncated(world: World, place: Path) -> Arguments:
    folder = world.outputs(place)
    os.truncate(world.first(folder), 600)
    return score(world, place, folder)


@case("one output cut off within its frames", 0, r"\.mp4 (stops after frame \d+ of 12|is damaged near frame)")
def _truncated_late(world: World, place: Path) -> Arguments:
    folder = world.outputs(place)
    first = world.first(folder)
    make_clip(first, moving_box(12, (32, 32)), container_options={"movflags": "faststart"})
    os.truncate(first, first.stat().st_size * 3 // 4)
    return score(world, place, folder)


@case("one output of 0 bytes", 0, r"model: 5 of 6 trials .*\.mp4 is empty \(0 bytes\)")
def _zero_bytes(world: World, place: Path) -> Arguments:
    folder = world.outputs(place)
    world.first(folder).write_bytes(b"")
    return score(world, place, folder)


@case("one output that is text", 0, r"\.mp4 is not a readable media file")
def _text(world: World, place: Path) -> Arguments:
    folder = world.outputs(place)
    world.first(folder).write_text("out of memory\n" * 50)
    return score(world, place, folder)


@case("one output with sound but no picture", 0, r"\.mp4 has no video stream")
def _sound_only(world: World, place: Path) -> Arguments:
    folder = world.outputs(place)
    make_audio(world.first(folder), tone(0.5), 16000, codec="aac")
    return score(world, place, folder)


@case("one output longer than its source", 0, r"the video ends \d\.\d\d s after its source")
def _longer(world: World, place: Path) -> Arguments:
    folder = world.outputs(place)
    make_clip(world.first(folder), moving_box(40, (32, 32)))
    return score(world, place, folder)


@case(
    "one output at 10 instead of 25 frames/s", 0, r"12 frames at 10 instead of 25 fps: give fps or frame_map"
)
def _slow(world: World, place: Path) -> Arguments:
    folder = world.outputs(place)
    make_clip(world.first(folder), moving_box(12, (32, 32)), 10)
    return score(world, place, folder)


@case("one output at 100 instead of 25 frames/s", 0, r"stands for 3 of 1\d source frames; 50% is the least")
def _fast(world: World, place: Path) -> Arguments:
    folder = world.outputs(place)
    make_clip(world.first(folder), moving_box(11, (32, 32)), 100)
    return score(world, place, folder)


@case("one output of 1x1 pixel", 0, r"model +\d")
def _one_pixel(world: World, place: Path) -> Arguments:
    folder = world.outputs(place)
    world.first(folder).unlink()
    pixel = np.full((12, 1, 1, 3), 90, np.uint8)
    make_clip(world.first(folder).with_suffix(".mkv"), pixel, codec="ffv1", pix_fmt="bgr0")
    return score(world, place, folder)


@case(
    "one output as frames, one of them broken",
    0,
    r"006\.png is not a readable picture; write the frame again",
)
def _broken_frame(world: World, place: Path) -> Arguments:
    folder = world.outputs(place)
    world.first(folder).unlink()
    frames = folder / world.trials[0]
    frames.mkdir()
    for number, image in enumerate(moving_box(12, (32, 32))):
        cv2.imwrite(str(frames / f"{number:03}.png"), image)
    (frames / "006.png").write_bytes(b"\x89PNG")
    return score(world, place, folder)


@case(
    "one output missing, 10% allowed", 5, r"1 of 6 of the models' outputs failed, more than the allowed 10%"
)
def _too_many(world: World, place: Path) -> Arguments:
    folder = world.outputs(place)
    world.first(folder).unlink()
    return score(world, place, folder, "--max-missing", 0.1)
