"""Floors and ceilings: models too simple to be models, printed beside every table.

Zero-argument factories, e.g. ``spfem_baselines.bounds:copy_source``. All of them stream: no more than a
chunk of frames is in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_baselines.contract import CannotGenerateError, Extra, Frames, Output, Request, SourceClip

_CHUNK = 32


@dataclass(frozen=True)
class Bound:
    """A bound as the harness sees it: `spfem_baselines.Adapter` by shape.

    Args:
        name: as shown in tables.
        identity: name and version; raised whenever the frames change.
        sees: the extra clips it reads.
        make: what it does.
    """

    name: str
    identity: str
    sees: tuple[Extra, ...]
    make: Callable[[Request], Output] = field(repr=False)

    def generate(self, request: Request) -> Output:
        """Make one output.

        Raises:
            CannotGenerateError: the trial has no such clip.
        """
        return self.make(request)


def copy_source() -> Bound:
    """The source itself: the best any model can keep of words and identity, and no change of emotion."""
    return Bound("copy-source", "copy-source@1", (), _copy_source)


def copy_reference() -> Bound:
    """The reference clip in the source's length: the emotion as it is, another person, other words.

    Source frame i takes reference frame int(i / r) with r = source frames / reference frames (the rule of
    SSERD's evaluation), in whole numbers: i * reference // source. Letterboxed to the source's size.
    """
    return Bound("copy-reference", "copy-reference@1", (), _copy_reference)


def oracle() -> Bound:
    """The true pair, aligned to the source: what a perfect model would make."""
    return Bound("oracle", "oracle@1", ("truth",), _oracle)


def random_speaker() -> Bound:
    """A stranger in the target emotion, in the source's length: what identity and words are worth alone."""
    return Bound("random-speaker", "random-speaker@1", ("stranger",), _random_speaker)


def noise() -> Bound:
    """Uniform noise: no face, nothing to score, and the floor of every picture measure."""
    return Bound("noise", "noise@1", (), _noise)


def _copy_source(request: Request) -> Output:
    return Output(request.source.frames(), request.source.fps)


def _copy_reference(request: Request) -> Output:
    return _retimed(request, _required(request.reference, "reference clip"))


def _random_speaker(request: Request) -> Output:
    return _retimed(request, _required(request.stranger, "clip of another speaker in the target emotion"))


def _oracle(request: Request) -> Output:
    truth = _required(request.truth, "true pair")
    if request.truth_pairs is None or not len(request.truth_pairs):
        raise CannotGenerateError("no alignment with the true pair")
    rows, first = np.unique(request.truth_pairs[:, 0], return_index=True)
    wanted = np.maximum.accumulate(request.truth_pairs[first, 1].astype(np.int64))
    frames = _fitted(_picked(truth, wanted), request.source.size)
    return Output(frames, request.source.fps, rows.astype(np.int64))


def _noise(request: Request) -> Output:
    width, height = request.source.size
    key = int.from_bytes(hashlib.sha256(request.trial.encode()).digest()[:8], "big")
    return Output(
        _noise_frames(request.source.frame_count, (height, width, 3), (request.seed, key)), request.source.fps
    )


def _required(clip: SourceClip | None, what: str) -> SourceClip:
    """The clip; the reasons name no trial, so that a table can count equal ones."""
    if clip is None:
        raise CannotGenerateError(f"no {what}")
    if clip.frame_count == 0:
        raise CannotGenerateError(f"no frames in the {what}")
    return clip


def _retimed(request: Request, clip: SourceClip) -> Output:
    """Another clip stretched or squeezed to the source's number of frames, at the source's size and rate."""
    count = request.source.frame_count
    wanted = np.arange(count, dtype=np.int64) * clip.frame_count // max(count, 1)
    return Output(_fitted(_picked(clip, wanted), request.source.size), request.source.fps)


def _picked(clip: SourceClip, wanted: NDArray[np.int64]) -> Iterator[Frames]:
    """Frames of a clip by non-decreasing index, decoded once, in chunks of at most 32."""
    position, done = 0, 0
    for chunk in clip.frames():
        stop = done + int(np.searchsorted(wanted[done:], position + len(chunk)))
        for start in range(done, stop, _CHUNK):
            yield chunk[wanted[start : min(start + _CHUNK, stop)] - position]
        position, done = position + len(chunk), stop
        if done == len(wanted):
            return


def _fitted(chunks: Iterable[Frames], size: tuple[int, int]) -> Iterator[Frames]:
    for chunk in chunks:
        if (chunk.shape[2], chunk.shape[1]) == size:
            yield chunk
        else:
            yield np.stack([letterbox(image, size) for image in chunk])


def letterbox(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """An image scaled to fit inside a frame, centred on black; its proportions are kept.

    Args:
        image: (H, W, 3) uint8.
        size: (width, height) of the frame.
    """
    scale = min(size[0] / image.shape[1], size[1] / image.shape[0])
    width, height = (max(1, round(side * scale)) for side in (image.shape[1], image.shape[0]))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    frame = np.zeros((size[1], size[0], 3), np.uint8)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    frame[top : top + height, left : left + width] = cv2.resize(image, (width, height), interpolation=how)
    return frame


def _noise_frames(count: int, shape: tuple[int, int, int], key: tuple[int, int]) -> Iterator[Frames]:
    """Uniform bytes; every frame has a stream of its own, so chunks do not matter."""
    for start in range(0, count, _CHUNK):
        yield np.stack(
            [_noise_frame(shape, (*key, index)) for index in range(start, min(start + _CHUNK, count))]
        )


def _noise_frame(shape: tuple[int, int, int], key: tuple[int, ...]) -> NDArray[np.uint8]:
    draw = np.random.Generator(np.random.PCG64(np.random.SeedSequence([abs(part) for part in key])))
    return draw.integers(0, 256, size=shape, dtype=np.uint8)
