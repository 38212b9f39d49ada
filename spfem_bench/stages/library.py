"""The dataset's clips by what is in them: bytes of the file, then pixels and samples.

File digests are remembered by path, size and modification time; content digests by file digest. A content
digest costs a decode, so it is taken while the first extractor reads the clip, never in a pass of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_bench.clips import Clip, ContentDigest, VideoHasher, audio_digest, open_clip, record_path
from spfem_bench.datasets import ClipRecord, Dataset
from spfem_bench.digest import digest_file, digest_of
from spfem_bench.errors import ClipError, IntegrityError
from spfem_bench.prefetch import prefetch
from spfem_bench.store.objects import ObjectStore
from spfem_bench.versions import libraries, package_code
from spfem_metrics import FrameBatch

READ_AHEAD = 2
"""Batches decoded ahead of the networks."""
KEPT = 128 * 2**20
"""Bytes of a clip's chosen frames at most that are kept for its next comparison: 32 of 1080x1080 px."""


@dataclass(frozen=True)
class Shelf:
    """One clip of the dataset, opened, with the digest of its files."""

    clip: Clip
    file_digest: str


class Library:
    """Opens the clips of a dataset and remembers their digests."""

    def __init__(self, dataset: Dataset, store: ObjectStore) -> None:
        self._dataset = dataset
        self._store = store

    def file_digest(self, record: ClipRecord) -> str:
        """Digest of a clip's file, of the record beside a lossless one, and of its separate audio file.

        Raises:
            ClipError: a file is missing.
        """
        video, sound = self._dataset.file(record), self._dataset.audio_file(record)
        beside = record_path(video) if video.suffix == ".mkv" and record_path(video).is_file() else None
        return digest_of([self._digest(path) if path else None for path in (video, beside, sound)])

    def digest_or_none(self, record: ClipRecord | None) -> str | None:
        """`file_digest`, or None where there is no clip or its file is missing."""
        try:
            return None if record is None else self.file_digest(record)
        except ClipError:
            return None

    def open(self, record: ClipRecord) -> Shelf:
        """Open a clip.

        Raises:
            ClipError: a file is missing or is no video.
        """
        digest = self.file_digest(record)
        try:
            clip = _opened(self._dataset.file(record), self._dataset.audio_file(record), digest)
        except IntegrityError as error:  # a lossless clip and its record disagree: this clip's trials fail
            raise ClipError(str(error)) from error
        return Shelf(clip, digest)

    def content(self, file_digest: str) -> ContentDigest | None:
        """What is known of a file's pixels and samples; None until it has been read once."""
        known = self._store.get_json("content", self._content_key(file_digest))
        return ContentDigest(**known) if known else None

    def remember(self, file_digest: str, content: ContentDigest) -> None:
        """Keep a content digest taken while the clip was read."""
        plain = {"video": content.video, "audio": content.audio}
        self._store.put_json("content", self._content_key(file_digest), plain)

    @staticmethod
    def _content_key(file_digest: str) -> str:
        return digest_of(["content", package_code("clips"), libraries(), file_digest])

    def _digest(self, path: Path) -> str:
        try:
            status = path.stat()
            seen = [str(path.resolve()), status.st_size, status.st_mtime_ns, status.st_ino]
            key = digest_of(["file", *seen])
            known = self._store.get_json("files", key)
            found = digest_file(path) if known is None else str(known)
        except OSError as error:
            raise ClipError(f"{path} cannot be read ({error.strerror}): mend the dataset's index") from error
        if known is None:
            self._store.put_json("files", key, found)
        return found


@lru_cache(maxsize=64)
def _opened(file: Path, audio: Path | None, digest: str) -> Clip:
    """Kept for the next systems and references, because opening costs a pass over the packets."""
    del digest  # part of the key only: a file that was replaced is opened anew
    return open_clip(file, audio_path=audio)


class ReadAhead:
    """A clip whose next frames are decoded in a background thread while somebody works on the last ones."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip

    @property
    def fps(self) -> Fraction:
        """Nominal frames per second."""
        return self._clip.fps

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return self._clip.frame_count

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self._clip.size

    @property
    def times(self) -> NDArray[np.float64]:
        """(T,) seconds."""
        return self._clip.times

    def batches(self, size: int = 32) -> Iterator[FrameBatch]:
        """All frames in order."""
        return prefetch(self._clip.batches(size), READ_AHEAD)

    def chosen(self, frames: NDArray[np.int64], size: int = 32) -> Iterator[NDArray[np.uint8]]:
        """Some frames by their numbers, which increase."""
        return prefetch(self._clip.chosen(frames, size), READ_AHEAD)

    def audio(self, rate: int) -> NDArray[np.float32] | None:
        """(N,) float32 mono at ``rate`` Hz."""
        return self._clip.audio(rate)


class ComparedMedia(ReadAhead):
    """The same for comparisons: frames chosen last are kept, where they are few, for the next pair extractor.

    For one trial only: it holds up to `KEPT` bytes of pictures.
    """

    def __init__(self, clip: Clip) -> None:
        super().__init__(clip)
        self._frames = np.zeros(0, np.int64)
        self._kept: list[NDArray[np.uint8]] = []

    def chosen(self, frames: NDArray[np.int64], size: int = 32) -> Iterator[NDArray[np.uint8]]:
        """Some frames by their numbers, which increase; the bytes of a first reading."""
        width, height = self.size
        if 3 * width * height * len(frames) > KEPT:
            return super().chosen(frames, size)
        whole = sum(map(len, self._kept)) == len(self._frames)
        if whole and np.array_equal(frames, self._frames):
            return _copies(self._kept, size)
        return self._keeping(frames, super().chosen(frames, size))

    def _keeping(
        self, frames: NDArray[np.int64], pictures: Iterator[NDArray[np.uint8]]
    ) -> Iterator[NDArray[np.uint8]]:
        self._frames, self._kept = frames, []
        for some in pictures:
            self._kept.append(some.copy())  # whoever gets pictures may change them
            yield some


def _copies(kept: Iterable[NDArray[np.uint8]], size: int) -> Iterator[NDArray[np.uint8]]:
    for pictures in kept:
        yield from (pictures[at : at + size].copy() for at in range(0, len(pictures), size))


class DigestingMedia(ReadAhead):
    """The same, its content digest taken on the way."""

    def __init__(self, clip: Clip) -> None:
        super().__init__(clip)
        self._hasher = VideoHasher()

    def batches(self, size: int = 32) -> Iterator[FrameBatch]:
        """All frames in order, hashed where they are decoded."""
        return prefetch(self._hashed(size), READ_AHEAD)

    def _hashed(self, size: int) -> Iterator[FrameBatch]:
        for batch in self._clip.batches(size):
            for image in batch.images:
                self._hasher.add(image)
            yield batch

    def content(self) -> ContentDigest:
        """The digest, once all frames have been read."""
        return ContentDigest(self._hasher.finish(self._clip.times), audio_digest(self._clip.sound))
