"""What is known of a clip before its frames are decoded, and its digests after."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """An audio stream: sampling rate in Hz, channels, length in samples."""

    rate: int
    channels: int
    samples: int


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What the container says, checked against the packets.

    Args:
        size: (width, height) in pixels, as displayed.
        frame_count: number of frames that can be decoded.
        fps: nominal rate; where presentation times vary, the mean rate (frames - 1) / (last - first).
        variable: True where a frame's time departs from i / fps by more than half a frame.
        duration: seconds from the first frame's time to the end of the last frame.
        audio: None without an audio stream.
    """

    size: tuple[int, int]
    frame_count: int
    fps: Fraction
    variable: bool
    duration: Fraction
    audio: AudioInfo | None


@dataclass(frozen=True, slots=True)
class ContentDigest:
    """What is on the screen and in the speaker, whatever the file and codec.

    Args:
        video: sha256 over size, presentation times and the RGB bytes of every frame.
        audio: sha256 over rate, channels and the PCM samples; the digest of nothing without audio.
    """

    video: str
    audio: str
