"""A folder of videos as an adapter: the fastest way to a score, with no adapter code at all.

Files are named by trial id (``<trial>.mp4``, or a folder ``<trial>/`` of numbered PNG frames), or listed in
``manifest.jsonl``::

    {"trial": "...", "file": "out/001.mp4", "fps": "25", "first_source_frame": 2}

``frame_map`` may give the source frame of every output frame; without it, output frame k stands for the
source frame on screen at the same time, counted from ``first_source_frame`` (NED, for one, drops two).
``fps`` overrides what a video's container says; numbered frames without it have the source's rate. ``space``
says what of the source's frame a video shows: ``frame``, the usual, or ``crop`` or ``aligned-crop``, which
metrics that compare whole frames do not score.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import Output, Request, SourceClip, Space
from spfem_bench.adapters.check import OutputError, checked_space
from spfem_bench.clips import Clip, open_clip, open_frames
from spfem_bench.clips.stored import read_meta, record_path
from spfem_bench.clips.timing import Timeline, regular_times
from spfem_bench.config import near_miss
from spfem_bench.digest import digest_file, digest_of
from spfem_bench.errors import ClipError, IntegrityError, UsageError

SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".mpg")
MANIFEST = "manifest.jsonl"
HIGHEST_FPS = 1000
RATE_SLACK = 0.02
"""Share by which rates may differ and still be the same one rounded (30 and 29.97)."""
_KEYS = {"trial", "file", "fps", "first_source_frame", "frame_map", "space"}


@dataclass(frozen=True)
class Entry:
    """Where one trial's output is, how its time maps to the source's, and what of its frame it shows.

    ``space`` is None where nobody says: a clip written by `generate` says it itself, another shows all of it.
    """

    file: Path
    fps: Fraction | None = None
    first_source_frame: int = 0
    frame_map: tuple[int, ...] | None = None
    space: Space | None = None

    @property
    def tells_time(self) -> bool:
        """Whether anything is said of how its frames answer to the source's."""
        return (self.fps, self.first_source_frame, self.frame_map) != (None, 0, None)

    def digest(self) -> str:
        """Digest of the files' bytes (the frames of a folder, the record beside a clip) and of the mapping.

        Raises:
            ClipError: a file is gone or cannot be read.
        """
        try:
            files = sorted(self.file.iterdir()) if self.file.is_dir() else [self.file, record_path(self.file)]
            content = [[p.name, digest_file(p)] for p in files if p.is_file() or p == self.file]
        except OSError as error:
            raise ClipError(f"{self.file} cannot be read ({error.strerror}); put it back") from error
        return digest_of([content, self.fps, self.first_source_frame, self.frame_map, self.space])


@dataclass(frozen=True)
class Precomputed:
    """An adapter that reads what a model made elsewhere.

    Args:
        name: the folder's name.
        folder: where the videos are.
        entries: trial id -> entry.
    """

    name: str
    folder: Path
    entries: Mapping[str, Entry] = field(repr=False)
    sees: tuple[()] = ()

    @cached_property
    def _digests(self) -> dict[str, str]:
        return {trial: entry.digest() for trial, entry in self.entries.items()}

    @cached_property
    def identity(self) -> str:
        """Digest of every video in the folder: which outputs a bundle is about.

        Raises:
            ClipError: a file is gone or cannot be read.
        """
        return f"precomputed@2,{digest_of(self._digests)[:16]}"

    def trial_identity(self, request: Request) -> str:
        """Digest of the one file this trial would read; empty where there is none."""
        return self._digests.get(request.trial, "")

    def unused(self, trials: Collection[str]) -> str:
        """A sentence about videos that are for none of the trials, empty where there are none."""
        extra = sorted(set(self.entries) - set(trials))
        if not extra:
            return ""
        shown = ", ".join(extra[:3]) + (", ..." if len(extra) > 3 else "")
        hint = near_miss(extra[0], trials)
        return f"{len(extra)} in {self.folder} left aside, for no trial of this run: {shown}.{hint}"

    def check_trials(self, trials: Collection[str]) -> None:
        """Refuse a folder that has nothing to do with the trials at hand.

        Raises:
            UsageError: none of its videos is one of theirs.
        """
        if set(trials).isdisjoint(self.entries):
            first = min(self.entries)
            raise UsageError(
                f"none of the {len(self.entries)} videos in {self.folder} is for one of the {len(trials)} "
                f"trials: '{first}' is no trial id.{near_miss(first, trials) or f' One is {min(trials)!r};'} "
                "--dry-run prints them all"
            )

    def generate(self, request: Request) -> Output:
        """Read one trial's video.

        Raises:
            ClipError: the video cannot be decoded.
            OutputError: the folder has no video for this trial, or one that lasts longer than the source.
        """
        entry = self.entries.get(request.trial)
        if entry is None:
            raise OutputError(f"no video for this trial in {self.folder.name}")
        clip = _open(entry, request.source.fps)
        frame_map = _frame_map(entry, clip, request.source)
        times = None if clip.timeline.regular else clip.times
        return Output(clip.frames(), clip.fps, frame_map, times, entry.space or _recorded_space(clip))


def _open(entry: Entry, source_fps: Fraction) -> Clip:
    if entry.file.is_dir():
        return open_frames(entry.file, entry.fps or source_fps)
    clip = open_clip(entry.file)
    if entry.fps is None:
        return clip
    return replace(
        clip, timeline=Timeline(entry.fps, regular_times(clip.frame_count, entry.fps), regular=True)
    )


def _recorded_space(clip: Clip) -> Space:
    return "frame" if clip.stored is None else clip.stored.space


def _frame_map(entry: Entry, clip: Clip, origin: SourceClip) -> NDArray[np.int64]:
    source = origin.times
    if entry.frame_map is not None:
        return np.asarray(entry.frame_map, np.int64)
    if clip.stored is not None:  # written by `generate`: its record says what each frame stands for
        return clip.stored.source_frames
    if not entry.tells_time and entry.file.is_dir() and clip.frame_count == len(source):
        return np.arange(len(source))  # one frame for each of the source's, whatever their spacing
    first = entry.first_source_frame
    if first >= len(source):
        raise OutputError(f"first_source_frame {first} is past the source's {len(source)} frames")
    if entry.fps is None and clip.frame_count == len(source) and abs(clip.fps / origin.fps - 1) > RATE_SLACK:
        raise OutputError(
            f"the video has its source's {len(source)} frames at {float(clip.fps):g} instead of "
            f"{float(origin.fps):g} fps: give fps or frame_map in {MANIFEST} to say which is meant"
        )
    times = clip.times + source[first]
    end = source[-1] + 1.5 * (source[-1] - source[0]) / max(1, len(source) - 1)
    if times[-1] > end + 1e-6:
        raise OutputError(
            f"the video ends {times[-1] - source[-1]:.2f} s after its source: cut it, or give a frame_map"
        )
    return frames_on_screen(source, times)


def frames_on_screen(source: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each time the index of the source frame on screen then.

    Args:
        source: (S,) presentation times in seconds, increasing.
        times: (T,) seconds; a time is taken up to 1 ms early, because containers round.
    """
    shown = np.searchsorted(source, times + 1e-3, side="right") - 1
    return np.clip(shown, 0, len(source) - 1).astype(np.int64)


def open_precomputed(folder: Path) -> Precomputed:
    """Index a folder of outputs.

    Raises:
        UsageError: no such folder, no videos in it, a malformed manifest or a path that leaves the folder.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder of videos: give the folder your model wrote")
    manifest = folder / MANIFEST
    entries = _from_manifest(manifest) if manifest.is_file() else _from_names(folder)
    if not entries:
        where = manifest if manifest.is_file() else folder
        raise UsageError(
            f"{where} names no video: put <trial>.mp4 files there, or list them in {MANIFEST} "
            "(`spfem-bench generate copy-source --dry-run` prints the trial ids)"
        )
    return Precomputed(folder.resolve().name, folder, entries)


def _from_names(folder: Path) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and any(path.glob("*.png")):
            entries[path.name] = Entry(path)
        elif path.suffix.lower() in SUFFIXES and path.is_file() and not _is_preview(path):
            if path.stem in entries:
                raise UsageError(f"{folder} holds two videos for trial {path.stem}: keep one")
            entries[path.stem] = Entry(path)
    return entries


def _is_preview(path: Path) -> bool:
    """Whether it is the viewing copy that ``generate --preview`` puts beside a lossless clip."""
    lossless = path.with_suffix(".mkv")
    try:
        return path.suffix == ".mp4" and lossless.is_file() and read_meta(lossless) is not None
    except IntegrityError:
        return True


def _from_manifest(manifest: Path) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    try:
        lines = manifest.read_text(encoding="utf8").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"{manifest} is not UTF-8: save it as UTF-8 text") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            where = f"{manifest} line {number}"
            row = _row(line, where)
            if row["trial"] in entries:
                raise UsageError(f"{where}: trial {row['trial']} is listed twice: keep one line")
            entries[row["trial"]] = _entry(row, manifest.parent, where)
    return entries


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is not JSON: one object per line is expected") from error
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("trial", "file")):
        raise UsageError(f"{where}: an object with the texts trial and file is expected")
    for key in sorted(set(row) - _KEYS):
        raise UsageError(
            f"{where}: unknown key '{key}'.{near_miss(key, _KEYS)} There are {', '.join(sorted(_KEYS))}"
        )
    return row


def _entry(row: Mapping[str, Any], folder: Path, where: str) -> Entry:
    file = _file(row["file"], folder, where)
    try:
        fps = _fps(row["fps"]) if "fps" in row else None
        frame_map = tuple(_index(index) for index in row["frame_map"]) if "frame_map" in row else None
        space = checked_space(row["space"]) if "space" in row else None
        return Entry(file, fps, _index(row.get("first_source_frame", 0)), frame_map, space)
    except OutputError as error:
        raise UsageError(f"{where}: {error}") from error
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise UsageError(f"{where}: fps, first_source_frame or frame_map is malformed: {error}") from error


def _file(name: str, folder: Path, where: str) -> Path:
    try:
        file = (folder / name).resolve()
        is_there = file.is_file() or file.is_dir()
    except (OSError, ValueError) as error:
        raise UsageError(f"{where}: {name[:60]!r} cannot be a path: mend it") from error
    if not file.is_relative_to(folder.resolve()):
        raise UsageError(f"{where}: {name} leaves the folder: move the video below {folder}")
    if not is_there:
        raise UsageError(f"{where}: {name} does not exist: mend the path or drop the line")
    return file


def _fps(value: object) -> Fraction:
    fps = Fraction(str(value)).limit_denominator(10**9)
    if not 0 < fps <= HIGHEST_FPS:
        raise ValueError(f"{value} frames per second")
    return fps


def _index(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no frame number")
    return value
