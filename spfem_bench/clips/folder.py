"""A folder of pictures as a clip without sound: how many models leave their output."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_bench.clips.checking import checked_rate
from spfem_bench.clips.clip import Clip
from spfem_bench.clips.container import MAX_SIDE
from spfem_bench.clips.picture import Image
from spfem_bench.clips.timing import Timeline, regular_times
from spfem_bench.errors import ClipError

PICTURES = frozenset((".png", ".jpg", ".jpeg", ".bmp"))


@dataclass(frozen=True)
class PictureFrames:
    """Pictures of one size, in order."""

    files: tuple[Path, ...]
    size: tuple[int, int]

    def __call__(self, start: int, stop: int) -> Iterator[Image]:
        """Frames in order.

        Raises:
            ClipError: a picture cannot be read or is of another size than the first.
        """
        return self._read(self.files[start:stop])

    def some(self, frames: NDArray[np.int64]) -> Iterator[Image]:
        """The frames of these numbers; raises likewise."""
        return self._read(self.files[number] for number in frames.tolist())

    def _read(self, files: Iterable[Path]) -> Iterator[Image]:
        for file in files:
            image = read_picture(file)
            size = (image.shape[1], image.shape[0])
            if size != self.size:
                raise ClipError(
                    f"{file} is {size} pixels, the first frame {self.size}; write all frames at one size"
                )
            yield image


def open_frames(folder: Path | str, fps: Fraction) -> Clip:
    """The pictures of ``folder`` as a clip without sound, ordered by the numbers in their names.

    ``frame2.png`` comes before ``frame10.png``. Other files and hidden ones are passed over.

    Args:
        folder: holds .png, .jpg, .jpeg or .bmp files of one size.
        fps: their rate.

    Raises:
        ClipError: there is no such folder, no picture in it, or two names with the same numbers.
        UsageError: the rate is not a positive fraction.
    """
    root, rate = Path(folder), checked_rate(fps)
    if not root.is_dir():
        raise ClipError(f"{root} is not a folder; name the folder that holds the frames")
    shown = [file for file in root.iterdir() if file.suffix.lower() in PICTURES and file.name[0] != "."]
    files = tuple(sorted(shown, key=natural_key))
    if not files:
        raise ClipError(f"{root} holds no .png, .jpg or .bmp frames; check where the model writes them")
    _check_distinct(files)
    height, width = read_picture(files[0]).shape[:2]
    line = Timeline(rate, regular_times(len(files), rate), regular=True)
    return Clip(root, (width, height), line, PictureFrames(files, (width, height)))


def natural_key(file: Path) -> tuple[tuple[int, int, str], ...]:
    """A sort key by which numbers inside the name count as numbers."""
    parts = re.findall(r"\d+|\D+", file.stem)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def read_picture(file: Path) -> Image:
    """(H, W, 3) uint8 RGB of an image file; gray is repeated, transparency dropped, 16 bits cut to 8.

    Raises:
        ClipError: it cannot be read or is too large.
    """
    import cv2

    try:
        data = np.fromfile(file, np.uint8)
    except OSError as error:
        raise ClipError(f"{file} cannot be read ({error.strerror}); check the folder of frames") from error
    image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
    if image is None:
        raise ClipError(f"{file} is not a readable picture; write the frame again")
    if max(image.shape[:2]) > MAX_SIDE:
        raise ClipError(f"{file} has more than {MAX_SIDE} pixels a side; scale it down")
    return np.asarray(image, np.uint8)


def _check_distinct(files: tuple[Path, ...]) -> None:
    for one, two in pairwise(files):
        if natural_key(one) == natural_key(two):
            raise ClipError(f"{two.parent} holds both {one.name} and {two.name}; keep one picture a frame")
