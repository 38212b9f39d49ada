"""What an adapter says its outputs lack or change: whatever else is missing or of another size is a fault."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import Adapter, Request

_RATE = 16_000


@dataclass(frozen=True)
class Declared:
    """What is known of an adapter's outputs before a run.

    Args:
        size: (width, height) in pixels; None for the source's.
        head: frames of the source, at its start, that have no output.
        tail: frames at its end that have none.
    """

    size: tuple[int, int] | None = None
    head: int = 0
    tail: int = 0


def declared_by(adapter: Adapter, request: Request) -> Declared:
    """What a wrapped model's manifest says of its output for one request; nothing for other adapters.

    Frames that a manifest drops are those of the prepared source; an output that ends with the reference or
    the sound may end as much earlier as these do.
    """
    manifest: Any = getattr(adapter, "manifest", None)
    output = getattr(manifest, "output", None)
    if output is None:
        return Declared()
    source = request.source
    each = source.fps / (manifest.input.fps or source.fps)
    tail = ceil(output.tail * each) + _ended_before(output.length, request)
    return Declared(_size(manifest), ceil(output.head * each), tail)


def size_fault(shown: tuple[int, int], space: str, request: Request, declared: Declared) -> str | None:
    """What is wrong with the size of an output's pictures, None where nothing is.

    A crop of the source's frame has a size of its own, which need not be said.
    """
    source = request.source.size
    if shown in {source, declared.size} or (declared.size is None and space != "frame"):
        return None
    also = "" if declared.size is None else f" nor the {_by(declared.size)} that are declared"
    return (
        f"frames are {_by(shown)}, {'neither' if also else 'not'} the source's {_by(source)}{also}: say the "
        "size in the manifest, or by declared=; or say that the output is a crop"
    )


def loss_fault(given: NDArray[np.int64], fps: Fraction, request: Request, declared: Declared) -> str | None:
    """What an output leaves out of its source without a word, None where it leaves nothing out.

    Args:
        given: (T,) the source frame of each output frame.
        fps: of the output: a lower rate than the source's is no loss.
        request: whose source it is.
        declared: what may be missing.
    """
    count = request.source.frame_count
    step = max(1, ceil(request.source.fps / fps))
    first, last = int(given[0]), int(given[-1])
    holes = np.flatnonzero(np.diff(given) > step)
    lost = []
    if first > declared.head:
        lost.append(f"{first} at the start ({declared.head} declared)")
    if count - last - step > declared.tail:
        lost.append(f"{count - 1 - last} at the end ({declared.tail} declared)")
    if len(holes):
        lost.append(f"a hole after frame {int(given[holes[0]])}")
    if not lost:
        return None
    return (
        f"stands for {len(np.unique(given))} of {count} source frames, and not all that is missing is "
        f"declared: {', '.join(lost)}; say it as `dropped` in the manifest, or by declared="
    )


def _size(manifest: Any) -> tuple[int, int] | None:
    """The (width, height) that a manifest gives its output, None for the source's or an unknown crop's."""
    size, given = manifest.output.size, manifest.input
    if size == "prepared":
        if given.size is None and given.crop is not None and given.crop.size is not None:
            return (given.crop.size, given.crop.size)
        return given.size  # type: ignore[no-any-return]
    return None if size == "source" else size


def _ended_before(length: str, request: Request) -> int:
    """Frames of the source after the end of what decides how long the output is."""
    source, seconds = request.source, None
    if length == "shorter-of-both" and request.reference is not None:
        seconds = request.reference.frame_count / request.reference.fps
    elif length == "audio":
        sound = source.audio(_RATE)
        seconds = None if sound is None else Fraction(len(sound), _RATE)
    return 0 if seconds is None else max(0, source.frame_count - int(seconds * source.fps))


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
