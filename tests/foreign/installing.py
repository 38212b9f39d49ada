"""Stand-ins of talking-head models as a person would install them, clips with sound, and the whole path."""

from __future__ import annotations

import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import Output, Request
from spfem_bench.adapters.command.adapter import CommandAdapter
from spfem_bench.adapters.command.job import JobClip
from spfem_bench.adapters.command.manifest import shipped
from spfem_bench.adapters.command.places import Place
from spfem_bench.clips import open_clip
from tests.foreign.workbench import clip_of, greys, stand_in
from tests.support.clips import make_clip, tone

RATE = 16000


def installed(name: str, folder: Path) -> Path:
    """A checkout of the stand-in for a wrapper, with every asset its manifest names."""
    checkout = stand_in(name.replace("-", "_"), folder, "fakemedia.py")
    for asset in shipped(name).assets:
        path = checkout / asset.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix:
            path.write_text(asset.name)
        else:
            path.mkdir(exist_ok=True)
    return checkout


def misbehaving(checkout: Path, habit: str) -> Path:
    """The same checkout, told to fail in one way."""
    (checkout / "fake-habit.txt").write_text(habit)
    return checkout


def heard(
    folder: Path,
    count: int,
    fps: Fraction | int = 25,
    size: tuple[int, int] = (96, 64),
    seconds: float | None = None,
) -> JobClip:
    """A prepared clip of greys with sound in its video and beside it, as long as the picture unless told."""
    clip = clip_of(folder, count, fps, size)
    samples = tone(count / Fraction(fps) if seconds is None else seconds, RATE)
    sound = (samples, RATE)
    video = make_clip(folder / "heard.mp4", greys(count, size), fps, options={"crf": "1"}, audio=sound)
    return replace(clip, video=video, audio=_wav(folder / "audio.wav", samples))


def _wav(path: Path, samples: NDArray[np.int16]) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())
    return path


def request(
    folder: Path, count: int, fps: Fraction | int, emotion: str, size: tuple[int, int] = (96, 64)
) -> Request:
    """A trial over a real file of greys with sound at the given rate."""
    folder.mkdir(parents=True)
    sound = (tone(count / Fraction(fps), RATE), RATE)
    path = make_clip(folder / "source.mp4", greys(count, size), fps, options={"crf": "1"}, audio=sound)
    return Request("t", open_clip(path), emotion, seed=11)


def adapter(name: str, checkout: Path, python: Path, **choices: str) -> CommandAdapter:
    """The shipped wrapper over a stand-in; the mode and options by name, hyphens as underscores."""
    manifest = shipped(name).chosen({key.replace("_", "-"): text for key, text in choices.items()})
    return CommandAdapter(manifest, Place(checkout.parent, checkout, str(python), accepts_licence=True))


def frames_of(output: Output) -> NDArray[np.uint8]:
    """(T, H, W, 3) of all chunks."""
    return np.concatenate(list(output.frames))
