"""Colours of skin, hair, eyes and cloth: sRGB, 0 to 255."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

Colour = tuple[float, float, float]

SKIN: tuple[Colour, ...] = (
    (240.0, 207.0, 186.0),
    (234.0, 195.0, 169.0),
    (224.0, 179.0, 149.0),
    (212.0, 163.0, 128.0),
    (190.0, 137.0, 101.0),
    (160.0, 109.0, 77.0),
    (128.0, 83.0, 57.0),
    (99.0, 63.0, 44.0),
    (76.0, 49.0, 37.0),
)
"""From the lightest to the darkest tone."""

HAIR: Mapping[str, Colour] = {
    "black": (34.0, 30.0, 32.0),
    "dark brown": (62.0, 42.0, 32.0),
    "brown": (98.0, 66.0, 44.0),
    "chestnut": (124.0, 70.0, 42.0),
    "red": (166.0, 84.0, 42.0),
    "dark blond": (158.0, 122.0, 78.0),
    "blond": (208.0, 172.0, 112.0),
    "grey": (148.0, 146.0, 146.0),
    "white": (218.0, 214.0, 208.0),
}

IRIS: Mapping[str, Colour] = {
    "dark": (58.0, 36.0, 24.0),
    "brown": (98.0, 60.0, 32.0),
    "hazel": (126.0, 98.0, 48.0),
    "green": (92.0, 122.0, 82.0),
    "blue": (82.0, 124.0, 164.0),
    "grey": (118.0, 132.0, 142.0),
}

CLOTH: tuple[Colour, ...] = (
    (42.0, 48.0, 66.0),
    (172.0, 60.0, 54.0),
    (60.0, 98.0, 86.0),
    (206.0, 200.0, 188.0),
    (90.0, 70.0, 110.0),
    (214.0, 168.0, 70.0),
    (70.0, 110.0, 158.0),
    (38.0, 38.0, 40.0),
    (140.0, 96.0, 74.0),
    (194.0, 128.0, 140.0),
    (112.0, 128.0, 84.0),
    (232.0, 234.0, 236.0),
)

FRAMES: tuple[Colour, ...] = (
    (26.0, 24.0, 26.0),
    (92.0, 54.0, 32.0),
    (168.0, 138.0, 88.0),
    (120.0, 124.0, 130.0),
    (122.0, 34.0, 44.0),
    (40.0, 58.0, 96.0),
)
"""Of glasses."""


@lru_cache(maxsize=4096)
def times(colour: Colour, factor: float | Colour) -> Colour:
    """The colour made darker or lighter, at most 255 a channel."""
    scaled = np.clip(np.asarray(colour) * np.asarray(factor), 0.0, 255.0)
    return (float(scaled[0]), float(scaled[1]), float(scaled[2]))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """``share`` 0 is all ``first``, 1 all ``second``."""
    mixed = (1 - share) * np.asarray(first) + share * np.asarray(second)
    return (float(mixed[0]), float(mixed[1]), float(mixed[2]))


def skin_colour(tone: float, undertone: float) -> Colour:
    """Skin between the steps of `SKIN`.

    Args:
        tone: 0 lightest to 1 darkest.
        undertone: -1 rosy to 1 olive.
    """
    place = float(np.clip(tone, 0, 1)) * (len(SKIN) - 1)
    low = min(int(place), len(SKIN) - 2)
    base = mix(SKIN[low], SKIN[low + 1], place - low)
    return times(base, (1.01 - 0.015 * undertone, 1 + 0.010 * undertone, 0.99 - 0.035 * undertone))
