"""What the harness asks of a model, and what it gets back.

Nothing here is inherited: any object with these attributes is an adapter. The harness owns time and audio:
a model returns frames and says which source frame each stands for; the harness muxes the source's audio.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
"""(N, H, W, 3) uint8 RGB."""

Extra = Literal["truth", "stranger"]
"""Clips only bounds may see: the true pair, and a clip of another speaker in the target emotion."""

Space = Literal["frame", "crop", "aligned-crop"]
"""What of its source's frame an output shows: all of it, a part, or a part turned and scaled to the face."""

SPACES: tuple[Space, ...] = get_args(Space)
SPACE_WORDS: Mapping[Space, str] = {
    "frame": "the whole frame",
    "crop": "a crop",
    "aligned-crop": "an aligned crop",
}
"""What an output shows, as tables and documents say it."""


def as_space(given: object) -> Space:
    """A space by its name.

    Raises:
        ValueError: there is none of that name.
    """
    for known in SPACES:
        if given == known:
            return known
    raise ValueError(f"space is {given!r}; {', '.join(SPACES)} are known")


class SourceClip(Protocol):
    """A clip handed to a model: lazily read, on a rational time base."""

    @property
    def path(self) -> Path:
        """The file itself, for models that read files."""
        ...

    @property
    def fps(self) -> Fraction:
        """Nominal frames per second."""
        ...

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        ...

    @property
    def times(self) -> NDArray[np.float64]:
        """(T,) float64 presentation times in seconds, the first at 0."""
        ...

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Frames ``start`` to ``stop`` in order, in chunks (N, H, W, 3) uint8 RGB of at most 32."""
        ...

    def audio(self, rate: int) -> NDArray[np.float32] | None:
        """(N,) float32 mono in [-1, 1] at ``rate`` Hz; None without audio."""
        ...


@dataclass(frozen=True)
class Request:
    """One thing to generate.

    Args:
        trial: the trial's id, stable across runs; results are joined by it.
        source: the clip whose words must stay on the lips.
        emotion: the target emotion's label (neutral angry contempt disgusted fear happy sad surprised).
        seed: for whatever is drawn at random; the same seed must give the same frames.
        device: ``cpu`` or ``cuda:n``.
        reference: a clip that shows the target emotion, where the protocol gives one.
        text: a prompt, where the protocol gives one.
        truth: the true pair, only for adapters that list it in ``sees``.
        stranger: a real clip of another speaker, only for adapters that list it in ``sees``.
        truth_pairs: (P, 2) int64 (source frame, truth frame), with ``truth``.
    """

    trial: str
    source: SourceClip
    emotion: str
    seed: int
    device: str = "cpu"
    reference: SourceClip | None = None
    text: str | None = None
    truth: SourceClip | None = None
    stranger: SourceClip | None = None
    truth_pairs: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Output:
    """What a model made.

    Args:
        frames: chunks of (N, H, W, 3) uint8 RGB, all of one size; a list of one array will do.
        fps: frames per second of the output.
        frame_map: (T,) int64, for each output frame the source frame it stands for, non-decreasing.
            None means frame i stands for source frame i (the harness checks that the counts agree).
        times: (T,) float64 seconds of every frame from 0, for outputs of varying rate; None for ``i / fps``,
            or for the source's own spacing where ``fps`` is the source's and every frame answers another one.
        space: what of the source's frame the pictures show. Metrics that compare whole frames have no value
            of a crop; those that look at the face do.
    """

    frames: Iterable[Frames]
    fps: Fraction
    frame_map: NDArray[np.int64] | None = None
    times: NDArray[np.float64] | None = None
    space: Space = "frame"


class CannotGenerateError(Exception):
    """The adapter does not apply to this trial (no reference, no true pair): counted as Unscored."""


@runtime_checkable
class Adapter(Protocol):
    """A model behind the harness's one door."""

    @property
    def name(self) -> str:
        """As shown in tables."""
        ...

    @property
    def identity(self) -> str:
        """All that can change the output besides the request: code version, options, weights sha256."""
        ...

    @property
    def sees(self) -> Collection[Extra]:
        """Which extras it reads; empty for every model, filled only by bounds."""
        ...

    def generate(self, request: Request) -> Output:
        """Make one output.

        Raises:
            CannotGenerateError: the trial lacks what this adapter needs.
        """
        ...


@runtime_checkable
class BatchAdapter(Adapter, Protocol):
    """A model that makes several outputs at a time, because loading it costs more than one of them."""

    @property
    def batch(self) -> int:
        """The most requests it takes at once, at least 1; outputs do not depend on it."""
        ...

    def generate_many(
        self, requests: Sequence[Request]
    ) -> AbstractContextManager[Mapping[str, Output | Exception]]:
        """Make outputs, each by its trial's id, or the exception that `generate` would have raised.

        Frames may be read only while the context is open.
        """
        ...
