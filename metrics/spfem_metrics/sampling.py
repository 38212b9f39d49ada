"""Which frames, windows or pairs of frames are taken: one rule for metrics of sets and for extractors.

Where an extractor reads only what is taken, its definition says so (``frames:even32``), and a metric that
would take others refuses it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError, InputError

Frames = int | Literal["all"]
"""Frames taken of each clip, or frame pairs of each two: at most so many, evenly spaced, or every one."""


def check_frames(frames: Frames) -> None:
    """The option ``frames`` of a set metric, an extractor or a pair extractor.

    Raises:
        DefinitionError: neither ``all`` nor a whole number of at least 1.
    """
    if frames == "all":
        return
    if isinstance(frames, str) or frames < 1:
        raise DefinitionError(f"frames taken of a clip are at least 1, or all, not {frames!r}")


def pairs_word(frames: Frames) -> str:
    """The choice of frame pairs as a pair extractor's definition names it, empty where all are compared."""
    return "" if frames == "all" else f",pairs:{words(frames)}"


def taken(good: NDArray[np.int64], frames: Frames) -> NDArray[np.int64]:
    """Of usable frames, or of rows of frame pairs, those taken: all, or at most ``frames`` evenly spaced."""
    if frames == "all":
        return good
    count = min(frames, len(good))
    return good[((np.arange(count) + 0.5) * len(good) / count).astype(np.int64)]


def within(chosen: NDArray[np.int64], start: int, count: int) -> NDArray[np.int64]:
    """Of ascending frame numbers those in a batch of ``count`` frames from ``start``: their places in it."""
    first, stop = np.searchsorted(chosen, (start, start + count))
    return chosen[first:stop] - start


def words(frames: Frames) -> str:
    """The choice as signatures and definitions name it: ``all``, ``even32``."""
    return "all" if frames == "all" else f"even{frames}"


def check_read(definition: str, key: Literal["frames", "windows"], frames: Frames) -> None:
    """An extractor reads what a metric takes of a clip: all of it, or just that.

    Args:
        definition: of the extractor.
        key: what is counted.
        frames: that the metric takes.

    Raises:
        DefinitionError: it reads others.
    """
    own = definition.split("+", maxsplit=1)[0].split(",")  # after a plus comes what the extractor requires
    read = next((part.removeprefix(f"{key}:") for part in own if part.startswith(f"{key}:")), "all")
    if read not in ("all", words(frames)):
        raise DefinitionError(
            f"takes {words(frames)} {key} of a clip, but its extractor reads {read} only: give both the same "
            f"option `{key}`"
        )


def check_count(name: str, found: int, expected: int) -> None:
    """As many frames came as were chosen by what the clip says of its length.

    Raises:
        InputError: fewer came.
    """
    if found != expected:
        raise InputError(f"{name}: {found} came of the {expected} chosen: the clip is shorter than it says")
