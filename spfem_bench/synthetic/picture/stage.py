"""The scene: lamp, ambient, backdrop and camera of one clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.draws import generator
from spfem_bench.synthetic.people.palette import Colour, mix, times
from spfem_bench.synthetic.picture.light import Light

Image = NDArray[np.uint8]

_SIDE = 192
_WALLS: tuple[Colour, ...] = (
    (196.0, 200.0, 204.0),
    (150.0, 168.0, 178.0),
    (182.0, 170.0, 152.0),
    (120.0, 134.0, 122.0),
    (92.0, 98.0, 112.0),
    (214.0, 208.0, 196.0),
    (140.0, 112.0, 104.0),
    (70.0, 74.0, 80.0),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything of a picture that is not the person.

    Args:
        light: on the person.
        backdrop: a key of `BACKDROPS`.
        wall: main colour of the backdrop, sRGB 0 to 255.
        exposure: factor on everything.
        balance: factors on red, green and blue.
        noise: standard deviation of the sensor's noise in grey levels, at mid grey.
        defocus: standard deviation of the blur, as a share of the frame.
        key: seeds the backdrop and the noise.
    """

    light: Light
    backdrop: str
    wall: Colour
    exposure: float
    balance: Colour
    noise: float
    defocus: float
    key: tuple[int, ...]


def stage_of(*key: int) -> Stage:
    """The scene of this key; the same key gives the same scene."""
    draw = generator(22, *key)
    across, above = np.deg2rad(draw.uniform(-58, 58)), np.deg2rad(draw.uniform(8, 48))
    towards = (
        float(np.sin(across) * np.cos(above)),
        float(-np.sin(above)),
        float(np.cos(across) * np.cos(above)),
    )
    warm, share = float(draw.uniform(-1, 1)), float(draw.uniform(0.42, 0.68))
    light = Light(
        towards=towards,
        key=1.30 * share,
        ambient=1.04 * (1 - share),
        colour=(1 + 0.05 * warm, 1.0, 1 - 0.06 * warm),
        shade_colour=(1 - 0.03 * warm, 1.0, 1 + 0.05 * warm),
    )
    tint = float(draw.uniform(-1, 1))
    return Stage(
        light=light,
        backdrop=list(BACKDROPS)[int(draw.integers(len(BACKDROPS)))],
        wall=times(_WALLS[int(draw.integers(len(_WALLS)))], float(draw.uniform(0.8, 1.1))),
        exposure=float(np.exp(draw.uniform(-0.14, 0.12))),
        balance=(1 + 0.03 * tint, 1.0, 1 - 0.035 * tint),
        noise=float(draw.uniform(0.8, 2.6)),
        defocus=float(draw.uniform(0.0, 0.0022)),
        key=key,
    )


def backdrop_of(stage: Stage, side: int) -> Image:
    """(side, side, 3) uint8, out of focus."""
    draw = generator(23, *stage.key)
    image = BACKDROPS[stage.backdrop](stage.wall, draw).astype(np.float32)
    ramp = np.linspace(-1, 1, _SIDE, dtype=np.float32)
    lamp = np.float32(stage.light.towards[0])
    image *= (1.02 + 0.12 * lamp * ramp)[None, :, None]
    image *= (1 - 0.16 * (ramp[None] ** 2 + ramp[:, None] ** 2))[..., None]
    grown = cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(np.rint(grown), 0, 255), np.uint8)


def _canvas(colour: Colour) -> Image:
    return np.full((_SIDE, _SIDE, 3), np.rint(colour), np.uint8)


def _blurred(image: Image, share: float) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), share * _SIDE), np.uint8)


def _plain(wall: Colour, _: np.random.Generator) -> Image:
    return _canvas(wall)


def _studio(wall: Colour, _: np.random.Generator) -> Image:
    image = _canvas(times(wall, 0.55))
    cv2.circle(image, (_SIDE // 2, int(0.42 * _SIDE)), int(0.36 * _SIDE), times(wall, 1.12), -1)
    return _blurred(image, 0.16)


def _shelves(wall: Colour, draw: np.random.Generator) -> Image:
    image = _canvas(times(wall, 0.62))
    for row in np.arange(0.04, 1.0, 0.23):
        x = 0.0
        while x < 1:
            wide = float(draw.uniform(0.02, 0.055))
            tall = float(draw.uniform(0.11, 0.19))
            _box(image, (x, row + 0.2 - tall), (x + wide, row + 0.2), mix(_any(draw), wall, 0.35))
            x += wide + float(draw.choice([0.0, 0.0, 0.004, 0.06]))
        _box(image, (0, row + 0.2), (1, row + 0.225), times(wall, 0.42))
    return _blurred(image, 0.014)


def _window(wall: Colour, draw: np.random.Generator) -> Image:
    image = _canvas(wall)
    left = float(draw.choice([-0.12, 0.62]))
    _box(image, (left, 0.05), (left + 0.5, 0.80), (238.0, 236.0, 230.0))
    _box(image, (left + 0.03, 0.09), (left + 0.47, 0.76), (196.0, 220.0, 236.0))
    _box(image, (left + 0.03, 0.52), (left + 0.47, 0.76), (134.0, 160.0, 120.0))
    _box(image, (left + 0.235, 0.05), (left + 0.265, 0.80), (238.0, 236.0, 230.0))
    return _blurred(image, 0.02)


def _bokeh(wall: Colour, draw: np.random.Generator) -> Image:
    image = _blurred(_canvas(times(wall, 0.42)), 0.05)
    for _ in range(34):
        x, y = draw.uniform(0, _SIDE, 2)
        glow = np.zeros_like(image)
        colour = [float(c) for c in draw.uniform((150, 110, 60), (255, 220, 200))]
        cv2.circle(glow, (int(x), int(y)), int(draw.uniform(0.02, 0.07) * _SIDE), colour, -1, cv2.LINE_AA)
        image = np.asarray(cv2.addWeighted(image, 1.0, glow, float(draw.uniform(0.12, 0.4)), 0), np.uint8)
    return _blurred(image, 0.01)


def _picture(wall: Colour, draw: np.random.Generator) -> Image:
    image = _canvas(wall)
    left, top = float(draw.choice([0.02, 0.68])), float(draw.uniform(0.06, 0.2))
    _box(image, (left, top), (left + 0.30, top + 0.36), times(wall, 0.4))
    for k in range(3):
        _box(image, (left + 0.03, top + 0.03 + 0.1 * k), (left + 0.27, top + 0.33), _any(draw))
    _box(image, (0, 0.86), (1, 0.875), times(wall, 0.85))
    return _blurred(image, 0.012)


def _garden(_: Colour, draw: np.random.Generator) -> Image:
    image = _canvas((176.0, 204.0, 226.0))
    _box(image, (0, 0.42), (1, 1), (104.0, 132.0, 84.0))
    for _unused in range(60):
        x, y, radius = draw.uniform((0, 0.18, 0.03), (1, 0.75, 0.11))
        shade = float(draw.uniform(0.55, 1.25))
        cv2.circle(
            image,
            (int(x * _SIDE), int(y * _SIDE)),
            int(radius * _SIDE),
            times((92.0, 128.0, 74.0), shade),
            -1,
        )
    return _blurred(image, 0.03)


def _panels(wall: Colour, draw: np.random.Generator) -> Image:
    image = _canvas(wall)
    for k in range(9):
        _box(image, (k / 9, 0), ((k + 0.93) / 9, 1), times(wall, float(draw.uniform(0.84, 1.04))))
    return _blurred(image, 0.006)


def _any(draw: np.random.Generator) -> Colour:
    red, green, blue = (float(value) for value in draw.uniform(55, 210, 3))
    return red, green, blue


def _box(image: Image, start: tuple[float, float], end: tuple[float, float], colour: Colour) -> None:
    first, last = ((round(x * _SIDE), round(y * _SIDE)) for x, y in (start, end))
    cv2.rectangle(image, first, last, colour, -1)


BACKDROPS: Mapping[str, Callable[[Colour, np.random.Generator], Image]] = {
    "plain": _plain,
    "studio": _studio,
    "shelves": _shelves,
    "window": _window,
    "bokeh": _bokeh,
    "picture": _picture,
    "garden": _garden,
    "panels": _panels,
}
