"""What a face does over time, as arrays: the one thing that passes from acting to painting."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Articulation:
    """What speech does to the mouth, before any emotion meets it; each array is (T,) float64.

    Args:
        jaw: 0 closed to 1 as far as a loud open vowel goes.
        width: -1 rounded (as in "oo") to 1 spread (as in "ee"); 0 at rest.
        protrude: 0 to 1, lips pushed forward.
        close: 0 to 1, lips pressed together (p, b, m), whatever the jaw does.
        tuck: 0 to 1, lower lip against the upper teeth (f, v).
        tongue: 0 to 1, tip of the tongue raised and visible behind the teeth (t, d, n, l, th).
    """

    jaw: Floats
    width: Floats
    protrude: Floats
    close: Floats
    tuck: Floats
    tongue: Floats


@dataclass(frozen=True)
class HeadMotion:
    """What moves apart from the expression and the mouth.

    Args:
        blink: (T,) 0 open to 1 closed.
        gaze: (T, 2) of the eyes in their sockets, to the image's right and down, -1 to 1.
        angles: (T, 3) yaw, pitch, roll in degrees: yaw positive where the face turns to the image's right,
            pitch positive where it looks down, roll clockwise in the image.
        shift: (T, 2) of the head, to the image's right and down, in inter-ocular distances.
        scale: (T,) size of the head, 1 on average.
    """

    blink: Floats
    gaze: Floats
    angles: Floats
    shift: Floats
    scale: Floats


@dataclass(frozen=True)
class FaceTrack:
    """Everything the painter needs of T instants of one face.

    Args:
        units: (T, 16, 2) activations in the order of `spfem_bench.synthetic.face.units.UNITS`, last axis the
            half of the face at the image's left and right.
        mouth: articulation, after it has met the emotion.
        head: head, eyes and lids.
    """

    units: Floats
    mouth: Articulation
    head: HeadMotion

    def __len__(self) -> int:
        return len(self.units)

    def at(self, index: int) -> FaceState:
        """One instant."""
        mouth, head = self.mouth, self.head
        return FaceState(
            units=self.units[index],
            jaw=float(mouth.jaw[index]),
            width=float(mouth.width[index]),
            protrude=float(mouth.protrude[index]),
            close=float(mouth.close[index]),
            tuck=float(mouth.tuck[index]),
            tongue=float(mouth.tongue[index]),
            blink=float(head.blink[index]),
            gaze=(float(head.gaze[index, 0]), float(head.gaze[index, 1])),
            angles=(float(head.angles[index, 0]), float(head.angles[index, 1]), float(head.angles[index, 2])),
            shift=(float(head.shift[index, 0]), float(head.shift[index, 1])),
            scale=float(head.scale[index]),
        )


@dataclass(frozen=True, slots=True)
class FaceState:
    """One instant of a `FaceTrack`: the same names, without the time axis."""

    units: Floats
    jaw: float = 0.0
    width: float = 0.0
    protrude: float = 0.0
    close: float = 0.0
    tuck: float = 0.0
    tongue: float = 0.0
    blink: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shift: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0


Track = TypeVar("Track", Articulation, HeadMotion)


def rows_of(track: Track, indices: Floats | NDArray[np.int64]) -> Track:
    """The same curves at some of their instants."""
    return type(track)(**{item.name: getattr(track, item.name)[indices] for item in fields(track)})
