"""Video, sound and habits for the fake upstreams: runs in the foreign environment (numpy, av, pillow).

A file ``fake-habit.txt`` in the fake's root names what goes wrong: ``no-ffmpeg`` (the last step, by
ffmpeg through a shell whose status nobody reads, leaves nothing), ``crash`` (a traceback).
"""

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def read_video(path):
    """Frames as a list of (H, W, 3) uint8 RGB, and the rate."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return frames, Fraction(stream.average_rate)


def write_video(path, frames, fps):
    """Write frames as yuv420p, as every upstream here does, but fast and fine: tests count grey levels."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(fps), options={"crf": "1", "preset": "ultrafast"}
        )
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def samples_of(path):
    """Samples and rate of a wav, or of a video's sound."""
    if str(path).endswith(".wav"):
        with wave.open(str(path), "rb") as sound:
            return sound.getnframes(), sound.getframerate()
    with av.open(str(path)) as container:
        if not container.streams.audio:
            raise SystemExit(f"{path}: no sound")
        stream = container.streams.audio[0]
        count = sum(frame.samples for frame in container.decode(stream))
        return count, stream.rate


def has_face(frame):
    """A frame that is black all over shows no face."""
    return frame.max() > 8


def habit():
    """What this fake is told to do wrong; empty for nothing."""
    path = Path(__file__).resolve().parent / "fake-habit.txt"
    return path.read_text().strip() if path.exists() else ""


def resized(frame, width, height):
    """Nearest neighbour."""
    rows = np.arange(height) * frame.shape[0] // height
    columns = np.arange(width) * frame.shape[1] // width
    return frame[rows][:, columns]
