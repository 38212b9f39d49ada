"""``linear-shift``: the mean movement of an emotion, added to a neutral face.

The simplest model that does something. What it is: for each emotion, one field of displacements of the face,
the mean over true pairs of training people (rendered, in no test set); a face is placed by registration with
the mean face, and the field bends every frame by the same amount whatever is being said. What it is not: it
does not look at the reference, assumes a neutral source, paints nothing (no teeth, no wrinkles, no opened
mouth), knows nothing of how speech and emotion meet, and has never seen a real face.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_baselines.contract import CannotGenerateError, Extra, Frames, Output, Request
from spfem_baselines.placing import ORIGIN, UNIT, Follower, Place, cut_template, inner_face, place_by_eyes

FILE = "linear_shift.npz"
GRID = 40
"""Points a side of a displacement field."""

SPAN = (-1.3, 1.3, -1.0, 1.9)
"""Left, right, top, bottom of the field, in distances between the eyes from the point between them."""

_REACH = 0.17
_REST = 0.12

Pairs = tuple[str, Frames, NDArray[np.float32], NDArray[np.float32]]
"""Emotion, frames of the neutral clip, and (T, K, 2) px landmarks of it and of its true pair."""


@dataclass(frozen=True)
class LinearShift:
    """The fitted model; an adapter by shape.

    Args:
        template: (64, 64) float32 mean face, see `spfem_baselines.placing`.
        fields: emotion -> (40, 40, 2) float32 displacement of the face at each grid point, in distances
            between the eyes.
    """

    template: NDArray[np.float32]
    fields: Mapping[str, NDArray[np.float32]]
    name: str = "linear-shift"
    sees: Collection[Extra] = ()

    @property
    def identity(self) -> str:
        """Version of the code and digest of the fitted numbers."""
        digest = hashlib.sha256(self.template.astype("<f4").tobytes())
        for name in sorted(self.fields):
            digest.update(name.encode() + self.fields[name].astype("<f4").tobytes())
        return f"linear-shift@1,{digest.hexdigest()[:16]}"

    def generate(self, request: Request) -> Output:
        """Bend every frame of the source.

        Raises:
            CannotGenerateError: no displacement was fitted for the target emotion.
        """
        field = self.fields.get(request.emotion)
        if field is None:
            known = ", ".join(sorted(self.fields))
            raise CannotGenerateError(f"linear-shift was fitted for {known}, not for {request.emotion}")
        return Output(self._frames(request.source.frames(), field), request.source.fps)

    def _frames(self, chunks: Iterable[Frames], field: NDArray[np.float32]) -> Iterator[Frames]:
        follower = Follower(self.template)
        for chunk in chunks:
            places = follower.follow(chunk)
            yield np.stack([bend(image, place, field) for image, place in zip(chunk, places, strict=True)])

    def to_bytes(self) -> bytes:
        """The fitted numbers as an .npz file; equal models give equal bytes."""
        stream = io.BytesIO()
        names = sorted(self.fields)
        np.savez(
            stream,
            template=self.template.astype(np.float16),
            emotions=np.array(names),
            fields=np.stack([self.fields[name] for name in names]).astype(np.float16),
        )
        return stream.getvalue()

    def save(self, path: Path) -> None:
        """Write the fitted numbers."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.to_bytes())


def linear_shift() -> LinearShift:
    """The shipped model, fitted by ``python -m spfem_bench.synthetic.fitting``."""
    content = files("spfem_baselines").joinpath("data", FILE).read_bytes()
    return from_bytes(content)


def from_bytes(content: bytes) -> LinearShift:
    """A model from what `LinearShift.to_bytes` gave (arrays only: pickles are refused)."""
    with np.load(io.BytesIO(content), allow_pickle=False) as data:
        names, fields = data["emotions"], data["fields"].astype(np.float32)
        template = data["template"].astype(np.float32)
    return LinearShift(template, {str(name): field for name, field in zip(names, fields, strict=True)})


def fit(pairs: Iterable[Pairs]) -> LinearShift:
    """Fit template and fields on true pairs.

    Args:
        pairs: for each training person and emotion (neutral paired with itself included) the emotion, the
            frames (T, H, W, 3) of the neutral clip, and the landmarks (T, K, 2) px of it and of its true
            pair. The first two landmarks are the eyes.

    Raises:
        ValueError: no pair of the neutral emotion, from which the template is made.
    """
    faces: list[NDArray[np.float32]] = []
    moves: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {}
    for emotion, images, before, after in pairs:
        places = [place_by_eyes(marks[0], marks[1]) for marks in before]
        if emotion == "neutral":
            faces += [cut_template(image, place) for image, place in zip(images, places, strict=True)]
        rest = np.stack([_to_units(marks, place) for marks, place in zip(before, places, strict=True)])
        moved = np.stack([_to_units(marks, place) for marks, place in zip(after, places, strict=True)])
        moves.setdefault(emotion, []).append((rest.mean(axis=0), moved.mean(axis=0)))
    if not faces:
        raise ValueError("linear-shift needs neutral clips to make its mean face of")
    mean = np.mean(faces, axis=0) * inner_face()
    fields = {emotion: _field(*np.mean(rows, axis=0)) for emotion, rows in moves.items()}
    return LinearShift(np.asarray(mean / mean.std(), np.float32), fields)


def bend(image: NDArray[np.uint8], place: Place, field: NDArray[np.float32]) -> NDArray[np.uint8]:
    """One frame moved by a field.

    Args:
        image: (H, W, 3) uint8.
        place: template pixels -> frame pixels.
        field: (40, 40, 2) in distances between the eyes, how far what is now at a grid point has come.
    """
    height, width = image.shape[:2]
    to_grid = _grid_to_frame(place)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    inverse = cv2.invertAffineTransform(to_grid)
    spread = cv2.warpAffine(field, inverse, (width, height), flags=flags, borderMode=cv2.BORDER_CONSTANT)
    shift = spread @ (place[:, :2] * UNIT).T.astype(np.float32)
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    mapped = cv2.remap(
        image, xs - shift[..., 0], ys - shift[..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
    )
    return np.asarray(mapped, np.uint8)


def _grid_to_frame(place: Place) -> Place:
    """Grid points -> frame pixels."""
    left, right, top, bottom = SPAN
    zoom = np.array([(right - left), (bottom - top)]) / (GRID - 1) * UNIT
    corner = np.array(ORIGIN) + np.array([left, top]) * UNIT
    return np.concatenate([place[:, :2] * zoom, (place[:, :2] @ corner + place[:, 2])[:, None]], axis=1)


def _to_units(points: NDArray[np.float32], place: Place) -> NDArray[np.float64]:
    """Frame pixels -> distances between the eyes."""
    template = (points - place[:, 2]) @ np.linalg.inv(place[:, :2]).T
    return np.asarray((template - ORIGIN) / UNIT)


def _field(rest: NDArray[np.float64], moved: NDArray[np.float64]) -> NDArray[np.float32]:
    """Displacements on the grid: means of the points' own by nearness, fading away from all of them."""
    left, right, top, bottom = SPAN
    xs, ys = np.meshgrid(np.linspace(left, right, GRID), np.linspace(top, bottom, GRID))
    grid = np.stack([xs, ys], axis=-1)[:, :, None, :]
    weight = np.exp(-0.5 * ((grid - moved) ** 2).sum(axis=-1) / _REACH**2)
    total = weight.sum(axis=-1, keepdims=True)
    return np.asarray(weight @ (moved - rest) / (total + _REST), np.float32)
