"""Stage 2a: clips in, features out, each clip decoded once for all extractors that still miss it.

Features are kept under the digest of the pixels, so an output that equals its source, or a clip that two
protocols share, costs nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spfem_bench.clips import Clip, ContentDigest
from spfem_bench.device import scoring_mode
from spfem_bench.digest import digest_array, digest_of
from spfem_bench.stages.blame import blamed
from spfem_bench.stages.library import ComparedMedia, DigestingMedia, ReadAhead
from spfem_bench.stages.workbench import Workbench, extraction_code, metrics_code
from spfem_bench.versions import libraries
from spfem_metrics import Arrays, ClipFeatures
from spfem_metrics.extraction import extract

KIND = "features"
PAIRS = "pair-features"


@dataclass(frozen=True)
class Subject:
    """A clip to be measured.

    Args:
        clip: opened.
        file_digest: of the dataset's file; empty for stored outputs.
        content: digest of pixels and sound, None where the clip was never read.
    """

    clip: Clip
    file_digest: str
    content: ContentDigest | None

    @cached_property
    def compared(self) -> ComparedMedia:
        """The clip as pair extractors read it, one after another."""
        return ComparedMedia(self.clip)


def feature_key(bench: Workbench, name: str, content: ContentDigest) -> str:
    """Digest of all that can change one extractor's arrays for one clip."""
    code = [extraction_code(), _plugin_code(bench, name), libraries()]
    return digest_of([KIND, name, bench.definitions[name], code, content.video, content.audio, _where(bench)])


def _where(bench: Workbench) -> list[object]:
    return [bench.spec.device, bench.device_label, bench.spec.threads]


def _plugin_code(bench: Workbench, name: str) -> list[str]:
    """Code of the extractor and of all it requires, where it is not this project's."""
    return [bench.built.code.get(part, "") for part in _with_required(bench, [name])]


def ensure_content(bench: Workbench, subject: Subject, names: Sequence[str]) -> ContentDigest:
    """The clip's content digest; where it is unknown the clip is read, and the named features kept too.

    Raises:
        ClipError: the clip cannot be decoded.
    """
    if subject.content is not None:
        return subject.content
    return _first_reading(bench, subject, names)


def _first_reading(bench: Workbench, subject: Subject, names: Sequence[str]) -> ContentDigest:
    media = DigestingMedia(subject.clip)
    wanted = _with_required(bench, names)
    if wanted:
        with _extracting(bench, subject):
            arrays = extract(media, [bench.built.extractors[name] for name in wanted])
    else:
        arrays = {}
        for _ in media.batches():
            pass
    content = media.content()
    for name in wanted:
        bench.store.put_arrays(KIND, feature_key(bench, name, content), arrays[name])
    bench.library.remember(subject.file_digest, content)
    return content


def features(
    bench: Workbench, subject: Subject, content: ContentDigest, names: Sequence[str]
) -> ClipFeatures:
    """Features of a clip, from the store or extracted now.

    Raises:
        ClipError: the clip cannot be decoded.
    """
    known = {name: bench.store.get_arrays(KIND, feature_key(bench, name, content)) for name in names}
    missing = [name for name, arrays in known.items() if arrays is None]
    found: dict[str, Arrays] = {name: arrays for name, arrays in known.items() if arrays is not None}
    if missing:
        found |= _extract(bench, subject, content, missing)
    clip = subject.clip
    return ClipFeatures(float(clip.fps), clip.times, clip.size, {name: found[name] for name in names})


def _extract(
    bench: Workbench, subject: Subject, content: ContentDigest, missing: Sequence[str]
) -> dict[str, Arrays]:
    needed = _with_required(bench, missing)
    stored = {n: bench.store.get_arrays(KIND, feature_key(bench, n, content)) for n in needed}
    known: dict[str, Arrays] = {n: arrays for n, arrays in stored.items() if arrays is not None}
    todo = [name for name in needed if name not in known]
    with _extracting(bench, subject):
        arrays = extract(
            ReadAhead(subject.clip), [bench.built.extractors[name] for name in todo], known=known
        )
    for name in todo:
        bench.store.put_arrays(KIND, feature_key(bench, name, content), arrays[name])
    return {name: arrays[name] for name in missing}


@contextmanager
def _extracting(bench: Workbench, subject: Subject) -> Iterator[None]:
    with (
        blamed(f"measuring {subject.clip.path}"),
        scoring_mode(bench.spec.device, threads=bench.spec.threads),
    ):
        yield


def _with_required(bench: Workbench, names: Sequence[str]) -> list[str]:
    """The names and all they require, in the suite's order (requirements first)."""
    wanted = set(names)
    for name in reversed(list(bench.built.extractors)):
        if name in wanted:
            wanted |= set(bench.built.extractors[name].requires)
    return [name for name in bench.built.extractors if name in wanted]


def pair_key(bench: Workbench, name: str, contents: Sequence[ContentDigest], pairs: NDArray[np.int64]) -> str:
    """Digest of all that can change a pair extractor's arrays."""
    videos = [content.video for content in contents]
    code = [metrics_code(), bench.built.code.get(name, ""), libraries()]
    return digest_of([PAIRS, name, bench.definitions[name], code, videos, digest_array(pairs), _where(bench)])


def pair_features(
    bench: Workbench, name: str, subjects: tuple[Subject, Subject], key: str, pairs: NDArray[np.int64]
) -> Arrays:
    """A pair extractor's arrays, from the store or compared now.

    Raises:
        ClipError: a clip cannot be decoded.
    """
    known = bench.store.get_arrays(PAIRS, key)
    if known is not None:
        return known
    output, other = subjects
    with (
        blamed(f"{name} of {output.clip.path}"),
        scoring_mode(bench.spec.device, threads=bench.spec.threads),
    ):
        arrays = bench.built.pairs[name].compare(output.compared, other.compared, pairs)
    bench.store.put_arrays(PAIRS, key, arrays)
    return arrays
