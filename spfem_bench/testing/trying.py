"""What the conformance kit tries an adapter with: requests over rendered people, and what came of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import Adapter, BatchAdapter, Output, Request, SourceClip
from spfem_bench.adapters.check import OutputError, checked_frames, checked_map
from spfem_bench.digest import digest_array, digest_file, digest_of
from spfem_bench.errors import ClipError

SIDE = 96
"""Of the rendered pictures, pixels."""

SECONDS = 2.0
"""Of a rendered clip: what the sync network needs at least."""

LARGE_SEED = (1 << 62) + 1
"""Seeds have 63 bits, though many libraries take 32 only."""


@dataclass(frozen=True)
class Held:
    """A clip whose frames are held in memory and handed out as views, so that writing into them shows.

    Args:
        clip: the clip itself.
        pixels: (T, H, W, 3) uint8 RGB, its frames.
        path: as told to the adapter.
        ends_at: the frame at which reading breaks off, as in a file that was cut; None for a whole clip.
    """

    clip: SourceClip
    pixels: NDArray[np.uint8]
    path: Path
    ends_at: int | None = None

    @property
    def fps(self) -> Fraction:
        """Nominal frames per second."""
        return self.clip.fps

    @property
    def frame_count(self) -> int:
        """Number of frames, as the file's header says."""
        return self.clip.frame_count

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.clip.size

    @property
    def times(self) -> NDArray[np.float64]:
        """(T,) seconds."""
        return self.clip.times

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[NDArray[np.uint8]]:
        """Chunks (N, H, W, 3) uint8 RGB of at most 32 frames.

        Raises:
            ClipError: the clip is cut, and its end was reached.
        """
        chosen = self.pixels[: self.ends_at][start:stop]
        yield from (chosen[first : first + 32] for first in range(0, len(chosen), 32))
        if self.ends_at is not None and (stop is None or stop > self.ends_at):
            raise ClipError(f"{self.path} ends early: frame {self.ends_at} cannot be decoded")

    def audio(self, rate: int) -> NDArray[np.float32] | None:
        """(N,) float32 mono at ``rate`` Hz."""
        return self.clip.audio(rate)


@dataclass(frozen=True)
class Came:
    """An output, read to its end.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        output: as the adapter gave it.
    """

    frames: NDArray[np.uint8]
    output: Output

    @property
    def digest(self) -> str:
        """Of frames, rate, map and times: what must not change from one time to the next."""
        given = [self.output.frame_map, self.output.times]
        arrays = [None if array is None else np.asarray(array).tolist() for array in given]
        return digest_of([digest_array(self.frames), str(self.output.fps), arrays])

    def mapped(self, source_count: int) -> NDArray[np.int64]:
        """(T,) the source frame of each output frame.

        Raises:
            OutputError: the map cannot be used.
        """
        return checked_map(self.output.frame_map, len(self.frames), source_count)


Attempt = Came | BaseException


def attempt(adapter: Adapter, request: Request) -> Attempt:
    """What came of a request, exceptions and attempts to end the process included."""
    return _outcome(lambda: adapter.generate(request))


def together(adapter: BatchAdapter, requests: Sequence[Request]) -> dict[str, Attempt]:
    """What came of requests that were made together: every output is read while the batch is open."""
    with ExitStack() as stack:

        def output(trial: str) -> Output:
            found = outcomes.get(trial, OutputError("nothing came for this trial"))
            if isinstance(found, Exception):
                raise found
            return found

        try:
            outcomes = stack.enter_context(adapter.generate_many(requests))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as in `_outcome`
            return dict.fromkeys((request.trial for request in requests), error)
        return {request.trial: _outcome(partial(output, request.trial)) for request in requests}


def _outcome(make: Callable[[], Output]) -> Attempt:
    try:
        return read(make())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a model raises is what is reported
        return error


def read(output: Output) -> Came:
    """An output with all its frames.

    Raises:
        OutputError: they are no frames, or none.
        Exception: whatever the model raises while it makes them.
    """
    return Came(np.concatenate([chunk.copy() for chunk in checked_frames(output.frames)]), output)


def same(one: Attempt, two: Attempt) -> bool:
    """Whether two tries ended alike: the same output, or the same complaint."""
    if isinstance(one, Came) and isinstance(two, Came):
        return one.digest == two.digest
    return not isinstance(one, Came) and not isinstance(two, Came) and str(one) == str(two)


def said(found: Attempt) -> str:
    """A try in a few words."""
    if isinstance(found, Came):
        return f"an output of {len(found.frames)} frames"
    return f"{type(found).__name__}: {' '.join(str(found).split()) or 'without a word'}"


def held(request: Request) -> Request:
    """The same request over a copy of its source's frames in memory."""
    pixels = np.concatenate([chunk.copy() for chunk in request.source.frames()])
    return replace(request, source=Held(request.source, pixels, request.source.path))


def cut(request: Request, folder: Path) -> Request:
    """The same request over a source that was cut in half, in memory and as a file in ``folder``."""
    source = request.source
    path = folder / f"cut{source.path.suffix}"
    if source.path.is_file():
        content = source.path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    pixels = cast(Held, held(request).source).pixels
    broken = Held(source, pixels, path, ends_at=source.frame_count // 2)
    return replace(request, trial=f"{request.trial}-cut", source=broken)


def rendered_requests(adapter: Adapter, folder: Path) -> list[Request]:
    """Two people who are to become happy; their clips are rendered into ``folder`` where they are missing.

    Args:
        adapter: whose ``sees`` decides which extras are given.
        folder: of the rendered clips, kept between calls.
    """
    from spfem_bench.clips import open_clip
    from spfem_bench.synthetic.dataset import write

    extras = getattr(adapter, "sees", ())
    shown = ("neutral", "happy")
    dataset = write(folder, speakers=2, sentences=1, emotions=shown, size=SIDE, seconds=SECONDS)
    clips = {(record.speaker, record.emotion): open_clip(dataset.file(record)) for record in dataset.records}
    first, second = sorted({record.speaker for record in dataset.records})
    found = []
    for seed, (speaker, other) in enumerate([(first, second), (second, first)]):
        source, truth = clips[speaker, "neutral"], clips[speaker, "happy"]
        count = np.arange(min(source.frame_count, truth.frame_count), dtype=np.int64)
        sees = "truth" in extras
        request = Request(
            trial=f"kit-{speaker}",
            source=source,
            emotion="happy",
            seed=seed + 1,
            reference=clips[other, "happy"],
            text="a happy face",
            truth=truth if sees else None,
            stranger=clips[other, "happy"] if "stranger" in extras else None,
            truth_pairs=np.stack([count, count], axis=1) if sees else None,
        )
        found.append(request)
    return found


def inputs_of(requests: Sequence[Request]) -> list[Path]:
    """Every file that the requests name."""
    clips = [
        clip for one in requests for clip in (one.source, one.reference, one.truth, one.stranger) if clip
    ]
    return sorted({clip.path for clip in clips if clip.path.is_file()})


def snapshot(files: Sequence[Path]) -> dict[str, object]:
    """What is in some files, and what lies beside them: to be compared later."""
    seen: dict[str, object] = {str(file): digest_file(file) if file.is_file() else None for file in files}
    for place in sorted({file.parent for file in files}):
        for entry in place.iterdir():
            seen.setdefault(str(entry), _state(entry))
    return seen


def _state(entry: Path) -> object:
    try:
        status = entry.stat()
    except OSError:  # a dangling link, or gone since it was listed
        return None
    return (status.st_size, status.st_mtime_ns) if entry.is_file() else "folder"
