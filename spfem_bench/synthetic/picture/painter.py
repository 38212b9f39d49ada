"""Paints one person on one stage."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.draws import generator
from spfem_bench.synthetic.face.states import FaceState
from spfem_bench.synthetic.people.identity import Identity
from spfem_bench.synthetic.people.palette import Colour, skin_colour, times
from spfem_bench.synthetic.picture.beard import Beard
from spfem_bench.synthetic.picture.canvas import Canvas, supersampling
from spfem_bench.synthetic.picture.face import REST, Face, anatomy_of, face_of
from spfem_bench.synthetic.picture.features import paint_brow, paint_eye, paint_mouth, paint_nose
from spfem_bench.synthetic.picture.folds import paint_folds
from spfem_bench.synthetic.picture.hair import paint_locks
from spfem_bench.synthetic.picture.head import dropped
from spfem_bench.synthetic.picture.light import Light, face_places, relief, shading
from spfem_bench.synthetic.picture.skin import Plane, skin_detail
from spfem_bench.synthetic.picture.stage import Stage, backdrop_of
from spfem_bench.synthetic.picture.styles import hair_of
from spfem_bench.synthetic.picture.surface import Grid
from spfem_bench.synthetic.picture.tints import tints_of
from spfem_bench.synthetic.picture.view import UNIT, View, view_of
from spfem_bench.synthetic.picture.wear import Glasses, body_pixels, collar, dress

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

_STRIPS = 8
_KNEE = np.float32(196)


class Painter:
    """Paints one person on one stage; what does not move is made once.

    Args:
        who: the person.
        stage: light, backdrop and camera.
        size: height and width of the frames in pixels, 32 to 1024.
    """

    def __init__(self, who: Identity, stage: Stage, size: int) -> None:
        self._who, self._stage, self._size = who, stage, size
        self._anatomy = anatomy_of(who)
        self._tints = tints_of(who)
        self._hair = hair_of(who, self._anatomy.surface.depths(REST))
        self._hair_colour = self._tints.scarf if who.hair == "scarf" else self._tints.hair
        self._beard, self._glasses = Beard(who), Glasses(who)
        self._plane = Plane(UNIT * size)
        self._detail = skin_detail(who, self._plane)
        self._ground = _ground(who, stage, size)
        self._collar = [(body_pixels(points, size), colour) for points, colour in collar(who)]
        luminance = float(np.dot(self._tints.skin, (0.3, 0.59, 0.11))) / 255
        self._gloss = 0.22 * who.gloss / (0.25 + luminance)

    def paint(self, state: FaceState, index: int = 0) -> Image:
        """One frame.

        Args:
            state: of the face and the head.
            index: of the frame; seeds the noise of the camera.

        Returns:
            (size, size, 3) uint8 RGB, sRGB.
        """
        face, view = face_of(self._anatomy, state), view_of(state, self._size)
        canvas = Canvas(self._ground, view, face.depths, self._size)
        self._draw(canvas, face, state, view)
        colour, share, crease = canvas.averaged()
        shade = shading(face.depths, view, self._stage.light, self._gloss)
        lit = relief(self._detail, shade, self._plane, face_places(face.depths, view, self._size))
        bare = np.clip((share - np.float32(0.94)) * np.float32(20), 0, 1)
        lit *= 1 - bare * crease * np.array([0.76, 0.94, 0.96], np.float32)
        return self._exposed(colour * (1 + share * (lit - 1)), index)

    def _draw(self, canvas: Canvas, face: Face, state: FaceState, view: View) -> None:
        who, tints, head = self._who, self._tints, self._anatomy.head
        paint_locks(canvas, self._hair.behind, self._hair_colour, state.angles[0], 0.62)
        rim = dropped(head.rim, face.mouth.drop)
        jaw = dropped(head.jaw, face.mouth.drop)
        self._neck(canvas, view, jaw)
        for ear in head.ears:
            _ear(canvas, ear, tints.ear)
        canvas.hull(np.concatenate([rim, head.back, head.cheeks]), tints.skin)
        paint_folds(canvas, who, state, face.eyes, face.brows, face.mouth)
        for eye in face.eyes:
            paint_eye(canvas, who, eye, tints)
        paint_nose(canvas, who, face.wings, tints)
        self._beard.paint(canvas, face.mouth, jaw, tints)
        paint_mouth(canvas, who, face.mouth, tints)
        for brow in face.brows:
            paint_brow(canvas, brow, tints)
        paint_locks(canvas, self._hair.front, self._hair_colour, state.angles[0])
        self._glasses.paint(canvas)

    def _neck(self, canvas: Canvas, view: View, jaw: Floats) -> None:
        """A column between the moving head and the still shoulders, in the head's shadow at the top."""
        if self._who.hair == "scarf":
            return
        top = view.project(np.array([(x, 0.95, 0.0) for x in (-0.53, 0.53)]))
        foot = body_pixels(np.array([(-0.41, 1.60), (0.41, 1.60)]), self._size)
        chin = view.project(np.add(jaw[4:13], (0.0, 0.15, -0.3)))
        _column(
            canvas, self._stage.light, skin_colour(self._who.tone, self._who.undertone), (top, foot, chin)
        )
        for points, colour in self._collar:
            canvas.flat(points, colour)

    def _exposed(self, image: Grid, index: int) -> Image:
        stage, size = self._stage, self._size
        image = image * (np.float32(stage.exposure) * np.asarray(stage.balance, np.float32))
        if stage.defocus * size > 0.15:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), stage.defocus * size), np.float32)
        # Highlights roll off instead of clipping.
        over = np.maximum(image - _KNEE, 0)
        image -= over * over / (over + np.float32(255) - _KNEE)
        # Photon noise: the deviation grows with the root of the light.
        grain = generator(24, index, *stage.key).standard_normal(image.shape, np.float32)
        image += np.float32(stage.noise) * grain * np.sqrt(np.maximum(image, 4) * np.float32(1 / 128))
        return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


def _ear(canvas: Canvas, ear: Floats, colour: Colour) -> None:
    canvas.fill(ear, colour)
    middle = ear.mean(axis=0)
    canvas.fill(middle + 0.62 * (ear - middle), times(colour, 0.80))
    canvas.fill(middle + 0.40 * (ear - middle) + (0, 0.02, 0), times(colour, 0.92))


def _column(canvas: Canvas, light: Light, skin: Colour, edges: tuple[Floats, Floats, Floats]) -> None:
    """Strips across the neck, each lit as a cylinder is; ``edges`` are top, foot and the shadow's edge."""
    top, foot, chin = edges
    across = np.linspace(0, 1, _STRIPS + 1)[:, None]
    high, low = (end[0] * (1 - across) + end[1] * across for end in (top, foot))
    level = np.interp(0.5 * (high + low)[:, 0], chin[:, 0], chin[:, 1])
    share = np.clip((level - high[:, 1]) / np.maximum(low[:, 1] - high[:, 1], 1e-6), 0, 1)
    lit = 0.86 * light.on(_cylinder()) * skin
    for end, dark in ((low, 1.0), (high + share[:, None] * (low - high), 0.66)):
        colours = np.clip(dark * lit, 0, 255).tolist()
        for k, (red, green, blue) in enumerate(colours):
            canvas.flat(np.stack([high[k], high[k + 1], end[k + 1], end[k]]), (red, green, blue))


@lru_cache(maxsize=1)
def _cylinder() -> Floats:
    """(_STRIPS, 3) normals across the neck."""
    x = 0.85 * (2 * (np.arange(_STRIPS) + 0.5) / _STRIPS - 1)
    return np.stack([x, np.full(_STRIPS, 0.15), np.sqrt(1 - x**2)], axis=1)


def _ground(who: Identity, stage: Stage, size: int) -> Image:
    """Backdrop and clothes on the fine canvas, (F, F, 4)."""
    side = size * supersampling(size)
    ground = np.dstack([backdrop_of(stage, side), np.zeros((side, side), np.uint8)])
    dress(ground, who, skin_colour(who.tone, who.undertone), size)
    ramp = np.linspace(-1, 1, side, dtype=np.float32)
    lamp = np.asarray(stage.light.towards, np.float32)
    lit = (0.93 + 0.30 * lamp[0] * ramp)[None] * (0.86 + 0.10 * ramp)[:, None]
    body = (ground[..., 3:] > 0).astype(np.float32)
    colour = np.asarray(stage.light.colour, np.float32) * lit[..., None]
    ground[..., :3] = np.clip(np.rint(ground[..., :3] * (1 + body * (colour - 1))), 0, 255)
    ground[..., 3] = 0
    return np.ascontiguousarray(ground)
