"""The record beside a losslessly stored clip: what Matroska's millisecond clock cannot hold.

``<name>.json`` beside ``<name>.mkv``: exact rate and times, the frame map, what of the source's frame the
pictures show, and the content digests taken while writing. It is written after the video, so a video without
a record is an unfinished one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import Space, as_space
from spfem_bench.clips.timing import Timeline, regular_times
from spfem_bench.clips.types import AudioInfo, ContentDigest
from spfem_bench.errors import IntegrityError

SCHEMA = "spfem-bench/stored-clip"
SCHEMA_VERSION = 1
LARGEST_RECORD = 64 * 2**20
"""Bytes; enough for the times of a day of video."""


@dataclass(frozen=True)
class StoredMeta:
    """What is known of a stored clip without opening its video.

    Args:
        size: (width, height) in pixels.
        frame_count: number of frames.
        fps: nominal or mean rate, exact.
        times: seconds of every frame where they are not exactly ``i / fps``, else None.
        frame_map: for each frame the source frame it stands for, None for frame i = source frame i.
        audio: of the stored sound, None without.
        digest: content digests, as `content_digest` would give them.
        space: what of its source's frame the clip shows.
    """

    size: tuple[int, int]
    frame_count: int
    fps: Fraction
    times: tuple[float, ...] | None
    frame_map: tuple[int, ...] | None
    audio: AudioInfo | None
    digest: ContentDigest
    space: Space = "frame"

    @property
    def timeline(self) -> Timeline:
        """Rate and times."""
        if self.times is None:
            return Timeline(self.fps, regular_times(self.frame_count, self.fps), regular=True)
        return Timeline(self.fps, np.array(self.times, np.float64), regular=False)

    @property
    def source_frames(self) -> NDArray[np.int64]:
        """(T,) int64 frame map."""
        return np.array(range(self.frame_count) if self.frame_map is None else self.frame_map, np.int64)


def record_path(video: Path) -> Path:
    """Where the record of ``video`` is."""
    return video.with_suffix(".json")


def to_json(meta: StoredMeta) -> str:
    """The record's text; equal records give equal bytes."""
    audio = meta.audio
    record = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "size": meta.size,
        "frame_count": meta.frame_count,
        "fps": f"{meta.fps.numerator}/{meta.fps.denominator}",
        "times": meta.times,
        "frame_map": meta.frame_map,
        "audio": audio and {"rate": audio.rate, "channels": audio.channels, "samples": audio.samples},
        "digest": {"video": meta.digest.video, "audio": meta.digest.audio},
    }
    if meta.space != "frame":  # told only of crops, so that records of whole frames stay as they always were
        record["space"] = meta.space
    return json.dumps(record, sort_keys=True, allow_nan=False) + "\n"


def read_meta(video: Path) -> StoredMeta | None:
    """The record of ``video``, None where it has none (other JSON files beside a video are not ours).

    Raises:
        IntegrityError: the record is one of ours and malformed, or of a later version.
    """
    path = record_path(video)
    if video.suffix != ".mkv" or not path.is_file():
        return None
    if path.stat().st_size > LARGEST_RECORD:
        raise IntegrityError(f"{path} is larger than any clip record; remove it and generate the clip again")
    try:
        record = json.loads(path.read_bytes())
        if not isinstance(record, dict) or record.get("schema") != SCHEMA:
            return None
        return _from_record(record)
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError) as error:
        raise IntegrityError(
            f"{path} is not a readable clip record ({error}); generate the clip again"
        ) from error


def _from_record(record: Mapping[str, Any]) -> StoredMeta:
    if record["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"schema version {record['schema_version']}, known is {SCHEMA_VERSION}")
    count, audio, digest = int(record["frame_count"]), record["audio"], record["digest"]
    times, frame_map = (_of_length(count, record[key]) for key in ("times", "frame_map"))
    width, height = record["size"]
    return StoredMeta(
        size=(int(width), int(height)),
        frame_count=count,
        fps=_rate(record["fps"]),
        times=None if times is None else tuple(float(time) for time in times),
        frame_map=None if frame_map is None else tuple(int(frame) for frame in frame_map),
        audio=audio and AudioInfo(int(audio["rate"]), int(audio["channels"]), int(audio["samples"])),
        digest=ContentDigest(str(digest["video"]), str(digest["audio"])),
        space=as_space(record.get("space", "frame")),
    )


def _rate(text: str) -> Fraction:
    fps = Fraction(text)
    if fps <= 0:
        raise ValueError(f"a rate of {text}")
    return fps


def _of_length(count: int, values: list[Any] | None) -> list[Any] | None:
    if values is not None and len(values) != count:
        raise ValueError(f"{len(values)} entries for {count} frames")
    return values
