"""The hair styles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.people.identity import Identity
from spfem_bench.synthetic.picture.curves import mirrored, spline
from spfem_bench.synthetic.picture.hair import (
    ALONG,
    Hair,
    Lock,
    Shape,
    combed_across,
    combed_along,
    shape_of,
)
from spfem_bench.synthetic.picture.surface import Grid

Floats = NDArray[np.float64]

_U = np.linspace(-1, 1, ALONG)


def hair_of(who: Identity, rest: Grid) -> Hair:
    """One person's hair at rest; ``rest`` are the depths of the face."""
    return STYLES[who.hair](shape_of(who, rest))


def _bald(_: Shape) -> Hair:
    return Hair()


def _buzz(shape: Shape) -> Hair:
    inner, outer = shape.hairline(1.0, 0.05), shape.edge(0.012)
    u = shape.draw.uniform(0, 1, (260, 1)) + np.array([0.0, 0.004])
    v = shape.draw.uniform(0, 0.97, (260, 1)) + np.array([0.0, 0.03])
    return Hair([shape.cap(0.012)], [shape.lock(inner, outer, (u, v))])


def _crop(shape: Shape) -> Hair:
    volume = 0.11 * shape.who.hair_volume
    inner = _ragged(shape, shape.hairline(0.96), 0.035)
    combed = combed_across(shape.draw, 90, 0.05 * shape.who.part)
    return Hair([shape.cap(volume)], [shape.lock(inner, shape.edge(volume), combed)])


def _parted(shape: Shape) -> Hair:
    volume = 0.15 * shape.who.hair_volume
    side = 1.0 if shape.who.part > 0 else -1.0
    inner, outer = shape.hairline(), shape.edge(volume)
    sweep = np.exp(-(((_U + 0.30 * side) / 0.30) ** 2))
    inner[:, 1] += 0.20 * sweep
    outer[:, 1] -= 0.07 * sweep
    start = 0.5 + 0.14 * side
    return Hair([shape.cap(volume)], [shape.lock(inner, outer, combed_along(shape.draw, 66, start, 0.0))])


def _quiff(shape: Shape) -> Hair:
    volume = 0.10 * shape.who.hair_volume
    inner, outer = shape.hairline(1.02, 0.04), shape.edge(volume)
    top = np.exp(-((_U / 0.42) ** 4))
    outer[:, 1] -= 0.20 * shape.who.hair_volume * top
    outer[:, 0] += 0.12 * shape.who.part * top
    combed = combed_across(shape.draw, 80, 0.10 * shape.who.part)
    return Hair([shape.cap(volume)], [shape.lock(inner, outer, combed)])


def _receding(shape: Shape) -> Hair:
    volume = 0.10 * shape.who.hair_volume
    inner, outer = shape.hairline(1.1, 0.12), shape.edge(volume)
    keep = int(0.21 * ALONG)
    locks = []
    for part in (slice(0, keep), slice(ALONG - keep, ALONG)):
        combed = combed_across(shape.draw, 26, 0.0)
        locks.append(shape.lock(inner[part], outer[part], combed))
    return Hair([], locks)


def _curly(shape: Shape) -> Hair:
    volume = 0.20 * shape.who.hair_volume
    inner = shape.hairline(0.97)
    inner[:, 1] += 0.05 * np.abs(np.sin(11 * _U))
    outer = _scalloped(shape.edge(volume, 0.45), 13, 0.055)
    return Hair([shape.cap(0.8 * volume)], [_curled(shape, inner, outer, 130, 0.055)])


def _afro(shape: Shape) -> Hair:
    volume = min(0.32 * shape.who.hair_volume, 1.62 - shape.who.crown)
    outer = _scalloped(shape.edge(volume, 0.55), 22, 0.022)
    return Hair([shape.cap(volume)], [_curled(shape, shape.hairline(1.0), outer, 200, 0.032)])


def _long(shape: Shape, wave: float = 0.0) -> Hair:
    volume = 0.10 * shape.who.hair_volume
    inner, outer = _curtain(shape, volume, 1.95)
    if wave:
        ripple = wave * np.sin(17 * np.abs(_U)) * np.clip(2.5 * np.abs(_U) - 0.8, 0, 1)
        outer[:, 0] += np.sign(_U) * ripple
        inner[:, 0] += 0.4 * np.sign(_U) * ripple
    start = 0.5 + 0.07 * shape.who.part
    combed = combed_along(shape.draw, 84, start, 1.2 * wave)
    return Hair([_nape(outer)], [shape.lock(inner, outer, combed)])


def _wavy(shape: Shape) -> Hair:
    return _long(shape, 0.06)


def _bob(shape: Shape) -> Hair:
    volume = 0.12 * shape.who.hair_volume
    inner, outer = _curtain(shape, volume, 1.12)
    sides = shape.lock(inner, outer, combed_along(shape.draw, 66, 0.5, 0.0))
    w = shape.who.head_width
    low = mirrored([(0.0, -0.47), (0.4 * w, -0.45), (0.74 * w, -0.34), (0.88 * w, -0.16)])
    high = mirrored([(0.0, -shape.who.crown * 0.97), (0.36 * w, -1.12), (0.70 * w, -0.88), (0.90 * w, -0.5)])
    fringe = shape.lock(
        _ragged(shape, shape.on_face(spline(low, ALONG), 0.06), 0.03),
        shape.on_face(spline(high, ALONG), 0.03),
        combed_across(shape.draw, 60, 0.0),
    )
    return Hair([_nape(outer)], [sides, fringe])


def _bun(shape: Shape) -> Hair:
    volume = 0.05 * shape.who.hair_volume
    combed = combed_across(shape.draw, 80, 0.0)
    tight = shape.lock(shape.hairline(1.04), shape.edge(volume), combed)
    radius = 0.24 * min(shape.who.hair_volume, 1.15)
    return Hair([shape.cap(volume), shape.ball((0.0, -shape.who.crown - 0.10, -0.1), radius)], [tight])


def _ponytail(shape: Shape) -> Hair:
    volume = 0.06 * shape.who.hair_volume
    side = 1.0 if shape.who.part > 0 else -1.0
    w = shape.who.head_width
    tail_in = spline(
        [(side * 0.4 * w, 0.2, -0.4), (side * 0.72 * w, 1.0, -0.4), (side * 0.74, 2.1, -0.1)], ALONG
    )
    tail_out = spline(
        [(side * 0.9 * w, 0.0, -0.4), (side * 1.30 * w, 0.9, -0.4), (side * 1.18, 2.1, -0.1)], ALONG
    )
    u, v = np.meshgrid(np.linspace(0.02, 1, 12), np.linspace(0.08, 0.92, 18))
    tail = shape.lock(tail_in, tail_out, (u, v))
    combed = combed_across(shape.draw, 80, 0.16 * side)
    tight = shape.lock(shape.hairline(1.02), shape.edge(volume), combed)
    return Hair([tail, shape.cap(volume)], [tight])


def _scarf(shape: Shape) -> Hair:
    w, chin = shape.who.head_width, shape.who.chin_length
    face = [
        (0.0, -0.90),
        (0.45 * w, -0.84),
        (0.80 * w, -0.50),
        (0.92 * w, -0.05),
        (0.90 * w, 0.45),
        (0.80 * w, 0.95),
    ]
    inner = shape.on_face(spline(mirrored(face), ALONG), 0.03)
    outside = [
        (0.0, -shape.who.crown - 0.12, 0.1),
        (0.52 * w, -shape.who.crown - 0.02, 0.05),
        (0.98 * w, -0.70, 0.0),
        (1.14 * w, -0.05, -0.05),
        (1.12 * w, 0.55, -0.05),
        (1.00 * w, 1.10, 0.0),
    ]
    outer = spline(mirrored(outside), ALONG)
    wrap = spline(mirrored([*outside[:-1], (1.05 * w, 1.2, 0.0), (1.25 * w, chin + 0.75, 0.0)]), ALONG)
    wrap[:, 2] = -0.05
    u, v = np.meshgrid(np.linspace(0.03, 0.97, 30), np.linspace(0.15, 0.9, 6))
    return Hair(
        [Lock(wrap, area_rim=np.ones(len(wrap)))], [shape.lock(inner, outer, (u, v + 0.05 * np.sin(9 * u)))]
    )


def _curtain(shape: Shape, volume: float, end: float) -> tuple[Floats, Floats]:
    """Hair parted near the middle that hangs down to height ``end`` on both sides."""
    w, c, h = shape.who.head_width, shape.who.crown, shape.who.hairline
    falls = np.linspace(0.15, end, 4)
    inside = [(0.0, -h - 0.10), (0.42 * w, -0.82 * h), (0.80 * w, -0.34)]
    inside += [(x * w, y) for x, y in zip((0.91, 0.95, 0.96, 0.88), falls, strict=True)]
    outside = [
        (0.0, -c - 0.8 * volume, 0.1),
        (0.55 * w, -0.93 * c - volume, 0.05),
        (1.0 * w + 0.6 * volume, -0.5 * c, -0.05),
    ]
    outside += [(x * w + volume, y, 0.0) for x, y in zip((1.07, 1.10, 1.12, 1.05), falls, strict=True)]
    start = 0.10 * shape.who.part
    inner, outer = shape.on_face(spline(mirrored(inside), ALONG)), spline(mirrored(outside), ALONG)
    inner[:, 2] = np.maximum(inner[:, 2], 0.25)
    inner[:, 0] += start * (1 - np.abs(_U)) ** 3
    return inner, outer


def _nape(outer: Floats) -> Lock:
    """Long hair behind the neck, down to the shoulders."""
    back = outer.copy()
    back[:, 1] = np.minimum(back[:, 1], 1.70)
    back[:, 2] = -0.3
    return Lock(back, area_rim=np.ones(len(back)))


def _ragged(shape: Shape, curve: Floats, by: float) -> Floats:
    moved = curve.copy()
    moved[:, 1] += by * shape.draw.uniform(-1, 1, ALONG) * (1 - np.abs(_U) ** 3)
    return moved


def _scalloped(curve: Floats, count: int, by: float) -> Floats:
    """An edge of round bumps."""
    moved = curve.copy()
    out = by * np.abs(np.sin(0.5 * np.pi * count * (_U + 1) / 2))[:, None]
    away = curve[:, :2] - (0.0, -0.2)
    moved[:, :2] += out * away / np.linalg.norm(away, axis=1, keepdims=True)
    return moved


def _curled(shape: Shape, inner: Floats, outer: Floats, count: int, radius: float) -> Lock:
    """Hair in small arcs."""
    lock = shape.lock(
        inner, outer, (shape.draw.uniform(0, 1, (count, 1)), shape.draw.uniform(0.05, 0.95, (count, 1)))
    )
    start = shape.draw.uniform(0, 6.28, (count, 1))
    turn = start + np.linspace(0, 4.2, 8)
    size = radius * shape.draw.uniform(0.7, 1.3, (count, 1))
    arcs = np.stack([size * np.cos(turn), size * np.sin(turn), np.zeros_like(turn)], axis=-1)
    return replace(lock, strands=lock.strands + arcs)


STYLES: Mapping[str, Callable[[Shape], Hair]] = {
    "bald": _bald,
    "buzz": _buzz,
    "crop": _crop,
    "parted": _parted,
    "quiff": _quiff,
    "receding": _receding,
    "curly": _curly,
    "afro": _afro,
    "long": _long,
    "wavy": _wavy,
    "bob": _bob,
    "bun": _bun,
    "ponytail": _ponytail,
    "scarf": _scarf,
}
