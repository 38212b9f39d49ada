"""Inputs as a manifest asks for them, made by named, signed steps and nothing else.

Every prepared frame is a frame of the clip (cropped and resized where the manifest says so), and
`PreparedClip.source_frames` says which. The same request gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import CannotGenerateError, Request, SourceClip
from spfem_baselines.contract import Frames
from spfem_bench.adapters.command.manifest import Manifest
from spfem_bench.adapters.command.parts import Audio, Input
from spfem_bench.adapters.command.steps.framing import Box, cropped, resized, square
from spfem_bench.adapters.command.steps.timing import Indices, looped, picked, resampled
from spfem_bench.adapters.command.steps.writing import write_frames, write_picture, write_video, write_wav
from spfem_bench.clips.timing import regular_times
from spfem_bench.fsio import storage_errors


@dataclass(frozen=True, eq=False)
class PreparedClip:
    """A clip as a model gets it.

    Args:
        first_frame: PNG of the first prepared frame.
        fps: frames per second of the prepared frames.
        frame_count: how many there are.
        size: (width, height) in pixels.
        source_frames: (frame_count,) int64, the frame of the clip that each stands for.
        video: where the manifest asks for a file.
        frames: a folder of ``000000.png`` onwards, where it asks for pictures.
        audio: int16 mono wav, where it asks for sound.
        box: what was cropped, in pixels of the clip; None for all of it.
    """

    first_frame: Path
    fps: Fraction
    frame_count: int
    size: tuple[int, int]
    source_frames: NDArray[np.int64] = field(repr=False)
    video: Path | None = None
    frames: Path | None = None
    audio: Path | None = None
    box: Box | None = None


@dataclass(frozen=True, eq=False)
class Prepared:
    """All inputs of one trial.

    Args:
        source: the clip whose words stay.
        reference: the clip that shows the emotion, where the mode reads one.
        action_units: OpenFace table of both, where the manifest names that step.
    """

    source: PreparedClip
    reference: PreparedClip | None = None
    action_units: Path | None = None


@dataclass(frozen=True, eq=False)
class Framed:
    """A clip whose frames, times and size are those of the prepared one; lazily read, fits `SourceClip`.

    Args:
        clip: the harness's clip.
        indices: its frame for each prepared one.
        times: (T,) seconds of the prepared frames.
        fps: their rate.
        size: (width, height) after cropping and resizing.
        box: what is cropped, if anything.
    """

    clip: SourceClip
    indices: Indices
    times: NDArray[np.float64]
    fps: Fraction
    size: tuple[int, int]
    box: Box | None = None

    @property
    def path(self) -> Path:
        """The clip's own file, for messages."""
        return self.clip.path

    @property
    def frame_count(self) -> int:
        """How many prepared frames there are."""
        return len(self.indices)

    @property
    def length(self) -> Fraction:
        """Seconds, the last frame lasting ``1 / fps``."""
        return self.frame_count / self.fps

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Prepared frames in chunks (n, H, W, 3) uint8 RGB of at most 32."""
        chunks = picked(self.clip, self.indices[start:stop])
        if self.box is not None:
            chunks = cropped(chunks, self.box)
        return resized(chunks, self.size)

    def audio(self, rate: int) -> NDArray[np.float32] | None:
        """The clip's own sound, which no step bends."""
        return self.clip.audio(rate)


def prepare(manifest: Manifest, request: Request, folder: Path) -> Prepared:
    """Make the inputs of one trial.

    Args:
        manifest: what is asked for, in its chosen mode.
        request: the trial.
        folder: is made, and everything is put there.

    Raises:
        CannotGenerateError: the trial lacks what the model needs (a reference, a face, sound, frames).
        MissingWeightsError: a step's network is not on this machine.
        ClipError: a clip cannot be decoded.
        StorageError: the disk is full or the folder read-only.
    """
    given = manifest.input
    source = _framed(given, request.source)
    if source.frame_count < manifest.min_frames:
        raise CannotGenerateError(
            f"{manifest.name} takes no fewer than {manifest.min_frames} frames, the prepared source has "
            f"{source.frame_count}"
        )
    shown = _reference(manifest, request, source)
    made = Prepared(_written(given, source, folder / "source"))
    if given.audio is not None and made.source.audio is None:
        raise CannotGenerateError(f"{manifest.name} needs sound, which the source has not")
    if shown is not None:
        made = replace(made, reference=_written(given, shown, folder / "reference"))
    if shown is not None and "openface-aus" in given.extra:
        made = replace(made, action_units=_units(source, shown, folder))
    return made


def _framed(given: Input, clip: SourceClip) -> Framed:
    if given.fps is None:
        indices, times, fps = np.arange(clip.frame_count, dtype=np.int64), clip.times, clip.fps
    else:
        indices, fps = resampled(clip, given.fps), given.fps
        times = regular_times(len(indices), fps)
    box, size = _window(given, clip)
    return Framed(clip, indices, times, fps, size, box)


def _window(given: Input, clip: SourceClip) -> tuple[Box | None, tuple[int, int]]:
    """What is cropped, and the size it gets."""
    if given.crop is None:
        return None, given.size or clip.size
    from spfem_bench.adapters.command.steps.finding import find_face

    box = square(find_face(clip), given.crop)
    side = given.crop.size or box[2] - box[0]
    return box, (side, side)


def _reference(manifest: Manifest, request: Request, source: Framed) -> Framed | None:
    """The clip that shows the emotion, as long as the source where a step says so."""
    if not manifest.needs_reference:
        return None
    if request.reference is None:
        raise CannotGenerateError(f"{manifest.system_name} needs a reference clip; the protocol gives none")
    shown = _framed(manifest.input, request.reference)
    missing = source.frame_count - shown.frame_count
    if "loop-reference" not in manifest.input.extra or missing <= 0:
        return shown
    again = shown.indices[looped(shown.frame_count, source.frame_count)]
    return replace(shown, indices=again, times=regular_times(len(again), shown.fps))


def _written(given: Input, clip: Framed, folder: Path) -> PreparedClip:
    with storage_errors(folder):
        folder.mkdir(parents=True)
    first = next(clip.frames(0, 1))[0]
    write_picture(folder / "first.png", first)
    made = PreparedClip(
        folder / "first.png", clip.fps, clip.frame_count, clip.size, clip.indices, box=clip.box
    )
    if given.audio is not None:
        made = replace(made, audio=_sound(given.audio, clip, folder))
    if given.kind != "video":
        return made
    if given.form == "png":
        write_frames(folder / "frames", clip.frames())
        return replace(made, frames=folder / "frames")
    carried = made.audio if given.audio is not None and given.audio.muxed else None
    video = folder / "video.mp4"
    size = write_video(video, clip.frames(), clip.times, clip.fps, given.form, carried)
    return replace(made, video=video, size=size)


def _sound(wanted: Audio, clip: Framed, folder: Path) -> Path | None:
    """The wav file; None for a clip without sound, or one whose frames do not run as its sound does."""
    if (np.diff(clip.indices) < 0).any():
        return None
    samples = clip.audio(wanted.rate)
    if samples is None or not len(samples):
        return None
    path = folder / "audio.wav"
    write_wav(path, samples, wanted.rate, clip.length)
    return path


def _units(source: Framed, reference: Framed, folder: Path) -> Path:
    from spfem_bench.adapters.command.steps.openface import write_units

    path = folder / "openface.csv"
    write_units(path, source, reference, source.fps)
    return path
