"""A folder of videos as an adapter: the fastest way to a score, with no adapter code at all.

Files are named by trial id (``<trial>.mp4``, or a folder ``<trial>/`` of numbered PNG frames), or listed in
``manifest.jsonl``::

    {"trial": "...", "file": "out/001.mp4", "fps": "25", "first_source_frame": 2}

``frame_map`` may give the source frame of every output frame; without it, output frame k stands for the
source frame on screen at the same time, counted from ``first_source_frame`` (NED, for one, drops two).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import CannotGenerateError, Output, Request
from spfem_bench.adapters.check import OutputError
from spfem_bench.clips import Clip, open_clip, open_frames
from spfem_bench.digest import digest_bytes, digest_file, digest_of
from spfem_bench.errors import UsageError

SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".mpg")
MANIFEST = "manifest.jsonl"
_KEYS = {"trial", "file", "fps", "first_source_frame", "frame_map"}


@dataclass(frozen=True)
class Entry:
    """Where one trial's output is, and how its time maps to the source's."""

    file: Path
    fps: Fraction | None = None
    first_source_frame: int = 0
    frame_map: tuple[int, ...] | None = None

    def digest(self) -> str:
        """Digest of the pixels' bytes and of the mapping."""
        if self.file.is_dir():
            images = sorted(path for path in self.file.iterdir() if path.is_file())
            content = digest_bytes(*(part for p in images for part in (p.name.encode(), p.read_bytes())))
        else:
            content = digest_file(self.file)
        return digest_of([content, self.fps, self.first_source_frame, self.frame_map])


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
    identity: str = "precomputed-v1"
    sees: tuple[()] = ()

    def trial_identity(self, request: Request) -> str:
        """Digest of the one file this trial would read; empty where there is none."""
        entry = self.entries.get(request.trial)
        return entry.digest() if entry else ""

    def generate(self, request: Request) -> Output:
        """Read one trial's video.

        Raises:
            CannotGenerateError: the folder has no video for this trial.
            ClipError: the video cannot be decoded.
            OutputError: it lasts longer than the source.
        """
        entry = self.entries.get(request.trial)
        if entry is None:
            raise CannotGenerateError(f"no video for this trial in {self.folder.name}")
        clip = _open(entry)
        return Output(clip.frames(), clip.fps, _frame_map(entry, clip, request.source.times))


def _open(entry: Entry) -> Clip:
    if entry.file.is_dir():
        return open_frames(entry.file, entry.fps or Fraction(25))
    return open_clip(entry.file)


def _frame_map(entry: Entry, clip: Clip, source: NDArray[np.float64]) -> NDArray[np.int64]:
    if entry.frame_map is not None:
        return np.asarray(entry.frame_map, np.int64)
    if clip.stored is not None:  # written by `generate`: its record says what each frame stands for
        return clip.stored.source_frames
    first = entry.first_source_frame
    if first >= len(source):
        raise OutputError(f"first_source_frame {first} is past the source's {len(source)} frames")
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
    entries = _from_manifest(manifest) if manifest.exists() else _from_names(folder)
    if not entries:
        raise UsageError(
            f"{folder} holds no video named by a trial id and no {MANIFEST}: "
            "`spfem-bench generate --dry-run` prints the trial ids"
        )
    return Precomputed(folder.resolve().name, folder, entries)


def _from_names(folder: Path) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and any(path.glob("*.png")):
            entries[path.name] = Entry(path)
        elif path.suffix.lower() in SUFFIXES and path.is_file():
            if path.stem in entries:
                raise UsageError(f"{folder} holds two videos for trial {path.stem}: keep one")
            entries[path.stem] = Entry(path)
    return entries


def _from_manifest(manifest: Path) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for number, line in enumerate(manifest.read_text(encoding="utf8").splitlines(), 1):
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
    except json.JSONDecodeError as error:
        raise UsageError(f"{where} is not JSON ({error.msg}): one object per line is expected") from error
    if not isinstance(row, dict) or not {"trial", "file"} <= set(row) or set(row) - _KEYS:
        raise UsageError(
            f"{where}: an object with trial and file, and of {', '.join(sorted(_KEYS))}, is expected"
        )
    return row


def _entry(row: Mapping[str, Any], folder: Path, where: str) -> Entry:
    file = (folder / str(row["file"])).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise UsageError(f"{where}: {row['file']} leaves the folder: move the video below {folder}")
    if not file.exists():
        raise UsageError(f"{where}: {row['file']} does not exist: mend the path or drop the line")
    try:
        fps = Fraction(str(row["fps"])) if "fps" in row else None
        frame_map = tuple(int(index) for index in row["frame_map"]) if "frame_map" in row else None
        return Entry(file, fps, int(row.get("first_source_frame", 0)), frame_map)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise UsageError(f"{where}: fps, first_source_frame or frame_map is malformed ({error})") from error
