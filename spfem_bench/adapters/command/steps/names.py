"""The named steps between a clip of the harness and a model's input, each with its version and choices.

A step whose result changes gets a higher version here, and every adapter that uses it another identity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from spfem_bench.adapters.command.parts import Input

CRF = 10
"""Of H.264: on a GRID clip of 360x288 pixels frames are .97 grey levels off in the mean, 25 at most."""

VERSIONS: Mapping[str, int] = MappingProxyType(
    {
        "resample-fps": 1,
        "face-crop": 1,
        "resize": 1,
        "audio-wav": 1,
        "video-mp4": 1,
        "video-mp4-lossless": 1,
        "frames-png": 1,
        "first-frame-png": 1,
        "loop-reference": 1,
        "openface-aus": 1,
    }
)

ABOUT: Mapping[str, str] = MappingProxyType(
    {
        "resample-fps": "the frame on screen at each tick of a regular grid; none is blended",
        "face-crop": "one square for the whole clip around its median face; edge pixels repeat beyond it",
        "resize": "area averaging where it shrinks both ways, else bicubic; the aspect is not kept",
        "audio-wav": "int16 mono at the asked rate, as long as the prepared video",
        "video-mp4": "H.264, yuv420p, key frames only, at a fixed quality; odd sizes repeat their last line",
        "video-mp4-lossless": "H.264 in RGB without loss (libx264rgb, qp 0), key frames only",
        "frames-png": "numbered PNG files from 000000.png",
        "first-frame-png": "the first prepared frame as a PNG file",
        "loop-reference": "the reference to and fro until it is as long as the source; then without sound",
        "openface-aus": "an OpenFace table, APPROXIMATED from MediaPipe: lower face, blink and pose of the "
        "source, upper face of the reference",
    }
)
"""What each step does, in one line."""

APPROXIMATIONS: Mapping[str, str] = MappingProxyType(
    {"openface-aus": "AUs by openface-aus, an approximation of OpenFace's"}
)
"""Steps that stand for something else, as tables say it of the models that use them."""


def signatures(given: Input, finder: str = "") -> tuple[str, ...]:
    """Every step an input takes, in order, as ``NAME@VERSION(CHOICES)``.

    Args:
        given: what a manifest asks for.
        finder: what finds faces, where there is a crop.
    """
    return tuple(_signature(name, choices) for name, choices in _steps(given, finder))


def step_names(given: Input) -> tuple[str, ...]:
    """The names alone."""
    return tuple(name for name, _ in _steps(given, ""))


def _steps(given: Input, finder: str) -> Iterator[tuple[str, str]]:
    if given.fps is not None:
        yield "resample-fps", str(given.fps)
    if given.crop is not None:
        side = "source" if given.crop.size is None else str(given.crop.size)
        yield "face-crop", f"{given.crop.rule},margin:{given.crop.margin:g},size:{side},finder:{finder}"
    if given.size is not None:
        yield "resize", f"{given.size[0]}x{given.size[1]}"
    if "loop-reference" in given.extra:
        yield "loop-reference", ""
    if given.audio is not None:
        yield "audio-wav", f"{given.audio.rate}{',muxed' if given.audio.muxed else ''}"
    yield from _written(given)
    if "openface-aus" in given.extra:
        yield "openface-aus", ""


def _written(given: Input) -> Iterator[tuple[str, str]]:
    yield "first-frame-png", ""
    if given.kind == "video":
        yield {
            "mp4": ("video-mp4", f"crf:{CRF}"),
            "mp4-lossless": ("video-mp4-lossless", ""),
            "png": ("frames-png", ""),
        }[given.form]


def _signature(name: str, choices: str) -> str:
    return f"{name}@{VERSIONS[name]}{f'({choices})' if choices else ''}"
