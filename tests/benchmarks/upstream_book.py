"""How the published tools' time is booked, so that what they spend twice or beyond ours can be told apart.

Labels are a tool's name, with words after it:

- ``detect TOOL``: what it spends on finding faces, and ``again`` where another tool had looked at that video;
- ``left-out``: frames or windows that a tool takes in its published way and ours does not.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from tests.benchmarks.stopwatch import Stopwatch
from tests.benchmarks.upstream_rules import Box, Frame

DETECT = "detect"
AGAIN, LEFT_OUT = "again", "left-out"
IMPORTS = "FID's imports"


class Book:
    """Who is at work, on what.

    Args:
        watch: takes the times.
    """

    def __init__(self, watch: Stopwatch) -> None:
        self.watch = watch
        self._tool, self._left_out = "", False
        self._seen_by: dict[Path, str] = {}

    def counted(self, tool: Callable[..., dict[str, float]], *given: Path) -> dict[str, float]:
        """What a tool finds, its time under its name."""
        self._tool = tool.__name__
        with self.watch.timed(self._tool):
            return tool(*given)

    @contextmanager
    def taken(self, ours_too: bool) -> Iterator[None]:
        """Count a frame or window that the tool takes, apart where ours leaves it out."""
        self._left_out = not ours_too
        with self.watch.timed(self._tool if ours_too else f"{self._tool} {LEFT_OUT}"):
            yield
        self._left_out = False

    @contextmanager
    def looking(self, video: Path | None = None) -> Iterator[None]:
        """Count a search for faces; one that nobody else does names no video."""
        words = [DETECT, self._tool]
        if video is not None and self._seen_by.setdefault(video, self._tool) != self._tool:
            words.append(AGAIN)
        if self._left_out:
            words.append(LEFT_OUT)
        with self.watch.timed(" ".join(words)):
            yield

    def look(self, detector: Any, frame: Frame, video: Path) -> Box:
        """The likeliest face's box in a BGR frame, by MTCNN."""
        with self.looking(video):
            boxes, _ = detector.detect(Image.fromarray(np.ascontiguousarray(frame[..., ::-1])))
        return None if boxes is None else boxes[0]


def bare_import(environment: Mapping[str, str]) -> float:
    """Seconds in which a fresh process imports what ``python -m pytorch_fid`` does: of three the middle."""
    command = [sys.executable, "-c", "import pytorch_fid.fid_score"]

    def once() -> float:
        start = time.perf_counter()
        subprocess.run(command, env=environment, check=True)
        return time.perf_counter() - start

    return median(once() for _ in range(3))


def kid_subsets(count: int) -> dict[str, int]:
    """torch-fidelity's own 100 subsets of 1000 pictures where there are so many, else all of them once."""
    return {} if count >= 1000 else {"kid_subsets": 1, "kid_subset_size": count}
