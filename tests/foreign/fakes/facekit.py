"""Pictures, clips and habits of the stand-ins whose upstreams keep folders of faces (numpy, av, pillow).

What a function needs is imported in it: a trial starts ten programs, and most of them need little.
"""

import json
import sys
from pathlib import Path

COLOURS = {
    "neutral": (0, 0, 0),
    "angry": (40, 0, 0),
    "disgusted": (0, 0, 40),
    "fear": (20, 0, 20),
    "happy": (60, 0, 0),
    "sad": (0, 0, 60),
    "surprised": (30, 0, 60),
}
"""What an emotion adds to red and blue; green stays as it was, so that it still says which frame this is."""


def note():
    """Print how this program was called, for a test to read."""
    print("fake call: " + json.dumps(sys.argv), flush=True)


def need_card():
    """Leave as the upstreams do without a CUDA device: with a word and exit status 0."""
    if Path("no-card").exists():
        print("GPU device not available. Exit")
        sys.exit(0)


def decoded(path):
    """Frames (H, W, 3) uint8 of a video."""
    import av

    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def encoded(path, frames, fps, codec="mpeg4"):
    """Write a video as upstreams do: lossy."""
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24"))
            )
        container.mux(stream.encode())


def picture(path, size=None):
    """(H, W, 3) uint8 of a picture, resampled to a square of ``size`` where given."""
    import numpy as np
    from PIL import Image

    image = Image.open(str(path)).convert("RGB")
    return np.asarray(image if size is None else image.resize((size, size)))


def save(path, array):
    """Write a picture, making its folder."""
    import numpy as np
    from PIL import Image

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, np.uint8)).save(str(path))


def write(path, text):
    """Write text, making the folder."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def numbered(folder, suffix="png"):
    """The files of a folder in order; a missing folder is an error, as the upstreams assert."""
    assert Path(folder).is_dir(), f"{folder} is not a valid directory"
    return sorted(Path(folder).glob("*." + suffix))


def tinted(array, colour):
    """A picture with a colour added."""
    import numpy as np

    return np.clip(np.asarray(array, int) + np.asarray(colour), 0, 255).astype(np.uint8)
