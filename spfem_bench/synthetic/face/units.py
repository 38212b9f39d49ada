"""The muscles: action units after the Facial Action Coding System (Ekman and Friesen 1978)."""

from __future__ import annotations

from collections.abc import Mapping

UNITS: tuple[str, ...] = (
    "AU1",
    "AU2",
    "AU4",
    "AU5",
    "AU6",
    "AU7",
    "AU9",
    "AU10",
    "AU12",
    "AU15",
    "AU17",
    "AU18",
    "AU20",
    "AU23",
    "AU25",
    "AU26",
)
"""Order of every array of action units. An activation is 0 at rest and 1 as far as the mean person goes."""

UNIT_NAMES: Mapping[str, str] = {
    "AU1": "inner brow raiser",
    "AU2": "outer brow raiser",
    "AU4": "brow lowerer",
    "AU5": "upper lid raiser",
    "AU6": "cheek raiser",
    "AU7": "lid tightener",
    "AU9": "nose wrinkler",
    "AU10": "upper lip raiser",
    "AU12": "lip corner puller",
    "AU15": "lip corner depressor",
    "AU17": "chin raiser",
    "AU18": "lip pucker",
    "AU20": "lip stretcher",
    "AU23": "lip tightener",
    "AU25": "lips part",
    "AU26": "jaw drop",
}
"""FACS names."""

INDEX: Mapping[str, int] = {name: place for place, name in enumerate(UNITS)}
"""Place of each unit in an array."""
