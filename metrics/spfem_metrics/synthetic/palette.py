"""Extractors of rendered faces: ``faces``, ``identity``, ``emotion``. Valid on rendered clips only.

``stability`` is `spfem_metrics.faces.stability`, which reads the ``steady5`` and ``track`` given here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.extractor import Arrays, Extractor, Pass
from spfem_metrics.media import FrameBatch, Media
from spfem_metrics.synthetic.constants import palette
from spfem_metrics.synthetic.locate import Face, locate, working_size
from spfem_metrics.synthetic.measure import COEFFICIENTS, TRAITS, Reading, read

Rows = dict[str, NDArray[np.generic]]

_FIELDS: Mapping[str, tuple[int, ...]] = {
    "box": (4,),
    "points5": (5, 2),
    "steady5": (5, 2),
    "interocular": (),
    "mouth_opening": (),
    "mouth_width": (),
    "mouth_points": (12, 2),
    "coefficients": (len(COEFFICIENTS),),
    "pose": (3,),
    "gaze": (2,),
    "traits": (len(TRAITS),),
}


def faces(*, weights: Mapping[str, Path], device: str = "cpu") -> Extractor:
    """The face of every frame, read from its colours.

    Arrays, zeros where no face was found:

    - ``found`` (T,) bool
    - ``box`` (T, 4) float32 px, x0 y0 x1 y1: upright, 2.5 eye distances wide, from 1.1 above to 1.9 below
      the eyes
    - ``points5`` (T, 5, 2) float32 px: eye left and right in the image, nose, mouth corner left, right
    - ``steady5`` (T, 5, 2) float32 px: the eyes, and nose and mouth where a rigid face has them, for crops
    - ``track`` (T,) int32: 1 where found
    - ``interocular`` (T,) float32 px
    - ``mouth_opening``, ``mouth_width`` (T,) float32 in eye distances
    - ``mouth_points`` (T, 12, 2) float32 px: corners, five points along the upper edge, five along the lower
    - ``coefficients`` (T, 10) float32: expression geometry, see `COEFFICIENTS`, standardised (0: the mean
      neutral face)
    - ``pose`` (T, 3) float32 degrees: yaw and pitch cannot be read and are 0; roll clockwise in the image
    - ``gaze`` (T, 2) float32: iris against the eye's centre, in eye distances, right and down
    - ``traits`` (T, 12) float32: what ``identity`` reads, see `TRAITS`

    Args:
        weights: must be empty, nothing is loaded.
        device: ignored, there is nothing to run on it.
    """
    del device
    return _extractor("faces", "palette-v0-faces@1," + _file(), (), _FacePass, weights)


def identity(*, weights: Mapping[str, Path], device: str = "cpu") -> Extractor:
    """Who is shown: ``embedding`` (T, D) float32 of unit length and ``valid`` (T,) bool.

    Colours of skin and hair and proportions of the face, centred on the population and scaled by how much
    people differ against how much one person varies while speaking and emoting.
    """
    del device
    return _extractor("identity", "palette-v0-traits@1," + _file(), ("faces",), _IdentityPass, weights)


def emotion(*, weights: Mapping[str, Path], device: str = "cpu") -> Extractor:
    """What is felt: ``probabilities`` (T, 7) float32 and ``valid`` (T,) bool.

    Order: neutral angry disgusted fear happy sad surprised. Softmax over Mahalanobis distances from the
    frame's ``coefficients`` to one prototype per emotion.
    """
    del device
    return _extractor("emotion", "palette-v0-prototypes@1," + _file(), ("faces",), _EmotionPass, weights)


@dataclass(frozen=True)
class _PaletteExtractor:
    name: str
    definition: str
    requires: Sequence[str]
    begin: Callable[[Media], Pass] = field(repr=False)

    def start(self, media: Media) -> Pass:
        """Begin a clip."""
        return self.begin(media)


def _extractor(
    name: str,
    definition: str,
    requires: Sequence[str],
    begin: Callable[[Media], Pass],
    weights: Mapping[str, Path],
) -> Extractor:
    if weights:
        raise DefinitionError(
            f"{name} of palette-v0 reads colours and takes no weights, got {sorted(weights)}"
        )
    return _PaletteExtractor(name, definition, requires, begin)


def _file() -> str:
    return f"constants:{palette().digest}"


class _Collected:
    """Rows of consecutive batches, joined at the end of the clip."""

    def __init__(self, empty: Rows) -> None:
        self._parts: list[Rows] = [empty]

    def add(self, rows: Rows) -> Rows:
        """Take the rows of the next batch, and give them on."""
        self._parts.append(rows)
        return rows

    def finish(self) -> Arrays:
        """All rows of the clip."""
        return {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}


class _FacePass(_Collected):
    def __init__(self, media: Media) -> None:
        del media
        super().__init__(_blank(0))

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> Arrays:
        """Read each frame on its own."""
        del upstream
        rows = _blank(len(batch.images))
        for index, image in enumerate(batch.images):
            small, factor = working_size(image)
            face = locate(small)
            reading = None if face is None else read(small, face)
            if face is not None and reading is not None:
                _fill(rows, index, face, reading, factor)
        return self.add(rows)


class _IdentityPass(_Collected):
    def __init__(self, media: Media) -> None:
        del media
        super().__init__(
            {"embedding": np.zeros((0, len(palette().trait_basis)), np.float32), "valid": np.zeros(0, bool)}
        )

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> Arrays:
        """Project the traits that ``faces`` read."""
        del batch
        found = upstream["faces"]["found"].astype(bool)
        vectors = palette().embedding(upstream["faces"]["traits"].astype(np.float64))
        return self.add(
            {"embedding": np.where(found[:, None], vectors, 0.0).astype(np.float32), "valid": found}
        )


class _EmotionPass(_Collected):
    def __init__(self, media: Media) -> None:
        del media
        super().__init__({"probabilities": np.zeros((0, 7), np.float32), "valid": np.zeros(0, bool)})

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> Arrays:
        """Compare the coefficients that ``faces`` read with the prototypes."""
        del batch
        found = upstream["faces"]["found"].astype(bool)
        shares = palette().probabilities(upstream["faces"]["coefficients"].astype(np.float64))
        return self.add(
            {"probabilities": np.where(found[:, None], shares, 0.0).astype(np.float32), "valid": found}
        )


def _blank(count: int) -> Rows:
    rows: Rows = {name: np.zeros((count, *shape), np.float32) for name, shape in _FIELDS.items()}
    return {"found": np.zeros(count, bool), "track": np.zeros(count, np.int32), **rows}


def _fill(rows: Rows, index: int, face: Face, reading: Reading, factor: float) -> None:
    """Write one face, from working pixels to the frame's."""
    points = np.stack([face.left, face.right, reading.nose, *reading.corners])
    values = {
        "found": True,
        "track": 1,
        "box": _to_image(_box(face), factor),
        "points5": _to_image(points, factor),
        "steady5": _to_image(_rigid(face), factor),
        "interocular": face.interocular * factor,
        "mouth_opening": reading.opening,
        "mouth_width": reading.width,
        "mouth_points": _to_image(reading.mouth_points, factor),
        "coefficients": palette().coefficients(reading.expression),
        "pose": (0.0, 0.0, face.roll),
        "gaze": reading.gaze,
        "traits": reading.traits,
    }
    for name, value in values.items():
        rows[name][index] = np.asarray(value)


def _to_image(points: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """Working pixels -> frame pixels, pixel centres at whole numbers in both."""
    return (points + 0.5) * factor - 0.5


def _box(face: Face) -> NDArray[np.float64]:
    middle, unit = (face.left + face.right) / 2, face.interocular
    return np.concatenate([middle - unit * np.array([1.25, 1.1]), middle + unit * np.array([1.25, 1.9])])


def _rigid(face: Face) -> NDArray[np.float64]:
    """(5, 2) the eyes, and nose and mouth corners of the mean face turned and scaled by the eyes."""
    middle, across = (face.left + face.right) / 2, face.right - face.left
    down = np.array([-across[1], across[0]])
    others = [middle + x * across + y * down for x, y in ((0.0, 0.68), (-0.42, 1.16), (0.42, 1.16))]
    return np.stack([face.left, face.right, *others])
