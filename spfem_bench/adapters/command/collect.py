"""What a program left for one trial, as the frames the harness expects, or one sentence.

Nothing here trusts the program: paths must stay inside the trial's folder, also through links; arrays are
never unpickled; rate, size and length are held against the manifest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import Output, SourceClip
from spfem_bench.adapters.check import OutputError
from spfem_bench.adapters.command.framing import Came, Grid, same_rate, source_map
from spfem_bench.adapters.command.job import RESULT_FILE, JobError, Result, read_result
from spfem_bench.adapters.command.parts import Produced
from spfem_bench.adapters.command.prepare import PreparedClip
from spfem_bench.adapters.precomputed import HIGHEST_FPS, RATE_SLACK
from spfem_bench.clips import Clip, open_clip, open_frames
from spfem_bench.clips.clip import CHUNK
from spfem_bench.clips.folder import PICTURES
from spfem_bench.clips.timing import regular_times
from spfem_bench.errors import ClipError, IntegrityError, UsageError


@dataclass(frozen=True, eq=False)
class Asked:
    """What was asked of a program for one trial.

    Args:
        trial: its id.
        output: its folder.
        produced: what the manifest says of outputs.
        origin: the real source.
        source: the prepared source.
    """

    trial: str
    output: Path
    produced: Produced
    origin: SourceClip
    source: PreparedClip

    @property
    def fps_due(self) -> Fraction:
        """Frames per second by the manifest."""
        told = self.produced.fps
        if isinstance(told, Fraction):
            return told
        return self.origin.fps if told == "source" else self.source.fps

    @property
    def size_due(self) -> tuple[int, int]:
        """(width, height) by the manifest."""
        told = self.produced.size
        if isinstance(told, tuple):
            return told
        return self.origin.size if told == "source" else self.source.size


@dataclass(frozen=True, eq=False)
class _Opened:
    """Frames of one kind of file.

    Args:
        count: of frames.
        size: (width, height).
        fps: what the file says; None where it says nothing.
        times: (T,) seconds where the file's frames are not evenly spaced.
        frames: gives them in chunks.
    """

    count: int
    size: tuple[int, int]
    fps: Fraction | None
    times: NDArray[np.float64] | None
    frames: Callable[[], Iterable[NDArray[Any]]]


def has_result(asked: Asked) -> bool:
    """Whether the program said anything of this trial."""
    return os.path.lexists(asked.output / RESULT_FILE)


def collect(asked: Asked) -> Output:
    """Read what came; frames are decoded while the output is iterated.

    Raises:
        OutputError: the program says that it failed, or what it left cannot be judged.
    """
    with _told_as_output_errors(asked.output):
        result = read_result(_inside(asked.output, RESULT_FILE))
        if result.trial != asked.trial:
            raise OutputError(f"its {RESULT_FILE} is about the trial {result.trial!r}")
        if result.failed is not None or result.file is None:
            raise OutputError(" ".join(str(result.failed).split()))
        opened = _open(_inside(asked.output, result.file))
    return _output(asked, result, opened)


def _output(asked: Asked, result: Result, opened: _Opened) -> Output:
    fps = _rate(asked, result, opened)
    times = opened.times if result.fps is None else None
    _check_size(asked, opened.size)
    _check_duration(asked, opened.count, fps)
    came = Came(fps, regular_times(opened.count, fps) if times is None else times)
    grid = Grid(asked.source.fps, asked.source.source_frames)
    frame_map = source_map(result, came, asked.produced, grid)
    return Output(_Reading(asked.output, opened), fps, frame_map, times, asked.produced.space)


@dataclass(frozen=True, eq=False)
class _Reading:
    """The frames, read anew at each iteration."""

    output: Path
    opened: _Opened

    def __iter__(self) -> Iterator[Any]:
        with _told_as_output_errors(self.output):
            yield from self.opened.frames()


@contextmanager
def _told_as_output_errors(output: Path) -> Iterator[None]:
    """Errors about a file of the output, without the job's folder: its name is another one each time."""
    try:
        yield
    except (ClipError, IntegrityError, JobError, UsageError) as error:
        raise OutputError(str(error).replace(f"{output}{os.sep}", "")) from error
    except OSError as error:
        raise OutputError(f"its output cannot be read ({error.strerror or error})") from error


def _inside(output: Path, name: str) -> Path:
    """The path of a regular file, or of a folder of regular files, that lies in the output's own folder.

    Raises:
        OutputError: it leaves the folder, is not there, or is something else.
    """
    try:
        path = (output / name).resolve()
        if output.is_symlink() or not path.is_relative_to(output.resolve()) or path == output.resolve():
            raise OutputError(f"its result names {name!r}, which leaves its output folder")
        if path.is_dir():
            return _folder(path, output.resolve(), name)
    except (OSError, ValueError, RuntimeError) as error:
        raise OutputError(f"its result names {name[:60]!r}, which cannot be a path") from error
    if not path.is_file():
        raise OutputError(f"its result names {name!r}, which is not there")
    return path


def _folder(path: Path, output: Path, name: str) -> Path:
    """A folder whose pictures are regular files of the output folder, or links to such."""
    for picture in path.iterdir():
        if picture.suffix.lower() in PICTURES:
            real = picture.resolve()
            if not (real.is_file() and real.is_relative_to(output)):
                raise OutputError(f"its folder {name!r} holds {picture.name!r}, which is no file of its own")
    return path


def _open(file: Path) -> _Opened:
    if file.suffix == ".npy":
        return _array(file)
    if file.is_dir():
        pictures = open_frames(file, Fraction(1))
        return _Opened(pictures.frame_count, pictures.size, None, None, pictures.frames)
    clip: Clip = open_clip(file)
    times = None if clip.timeline.regular else clip.times
    return _Opened(clip.frame_count, clip.size, clip.fps, times, clip.frames)


def _array(file: Path) -> _Opened:
    try:
        array = np.lib.format.open_memmap(file, mode="r")
    except (ValueError, EOFError, SyntaxError) as error:  # text, pickled objects, a file cut short
        raise OutputError(f"{file.name} is not an array of numbers") from error
    if array.ndim != 4 or array.shape[3] != 3 or not array.size:
        raise OutputError(f"{file.name} has shape {array.shape}; (N, H, W, 3) RGB is expected")

    def frames() -> Iterator[NDArray[Any]]:
        for start in range(0, len(array), CHUNK):
            yield np.array(array[start : start + CHUNK])

    return _Opened(len(array), (array.shape[2], array.shape[1]), None, None, frames)


def _rate(asked: Asked, result: Result, opened: _Opened) -> Fraction:
    """The program's word before the file's, then the manifest's; exact where it was rounded.

    Raises:
        OutputError: the file says another rate than the manifest, and the program does not explain it.
    """
    due = asked.fps_due
    fps = result.fps or opened.fps or due
    if fps > HIGHEST_FPS:
        raise OutputError(f"its rate is {float(fps):g} frames per second; {HIGHEST_FPS} is the most")
    if result.fps is None and abs(fps / due - 1) > RATE_SLACK:
        raise OutputError(
            f"the output has {float(fps):g} frames per second, {float(due):g} are due: "
            "mend output.fps in the manifest, or give fps in the result"
        )
    return asked.source.fps if same_rate(fps, asked.source.fps) else fps


def _check_size(asked: Asked, size: tuple[int, int]) -> None:
    due = asked.size_due
    even = (due[0] + due[0] % 2, due[1] + due[1] % 2)  # what encoders make of an odd size
    if size not in {due, even}:
        raise OutputError(
            f"the output is {size[0]}x{size[1]}, {due[0]}x{due[1]} is due: mend output.size in the manifest"
        )


def _check_duration(asked: Asked, count: int, fps: Fraction) -> None:
    """Before anything is stored: an endless output would fill the disk."""
    origin = asked.origin
    longest = float(origin.times[-1]) + 3 / float(origin.fps)
    if count / fps > longest:
        raise OutputError(
            f"the output lasts {float(count / fps):.2f} s, its source {longest - 2 / float(origin.fps):.2f} s"
        )
