"""What a complete release of a known dataset holds and a tree does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from spfem_bench.datasets.cards import card
from spfem_bench.datasets.records import EMOTIONS, ClipRecord, Dataset
from spfem_bench.datasets.rendered import lost_clips


def expected_gaps(dataset: Dataset) -> list[str]:
    """Sentences on absent speakers and clips; empty for datasets without a known count.

    A rendered tree should hold what was rendered into it, not what the recorded dataset holds.
    """
    if dataset.kind == "rendered":
        return lost_clips(dataset)
    if dataset.name == "ravdess":
        from spfem_bench.datasets import ravdess

        return [*_absent(dataset), *ravdess.gaps(list(dataset.records))]
    if dataset.name == "mead":
        return [*_absent(dataset), *_mead(dataset)]
    return []


def _absent(dataset: Dataset) -> Iterator[str]:
    released = card(dataset.name).speakers
    here = {record.speaker for record in dataset.records}
    absent = [speaker for speaker in released if speaker not in here]
    if absent:
        yield f"{len(absent)} of {len(released)} released speakers are not here: {', '.join(absent)}."


def _mead(dataset: Dataset) -> Iterator[str]:
    """Front clips below the nominal count, by actor. Real copies lack some: this is no sign of a bad copy."""
    nominal = card("mead").nominal
    expected = {
        (emotion, level): nominal["neutral" if emotion == "neutral" else "other"]
        for emotion in EMOTIONS
        for level in ((1,) if emotion == "neutral" else (1, 2, 3))
    }
    front = [record for record in dataset.records if record.extra.get("view") == "front"]
    for actor in sorted({record.speaker for record in dataset.records}):
        counts = Counter(_group(record) for record in front if record.speaker == actor)
        short = [key for key, count in expected.items() if counts[key] < count]
        if short:
            shown = ", ".join(f"{e} level_{n} {counts[e, n]} of {expected[e, n]}" for e, n in short[:3])
            more = f" and {len(short) - 3} more groups" if len(short) > 3 else ""
            total = f"{sum(counts.values())} of {sum(expected.values())}"
            yield f"{actor} has {total} nominal front clips: {shown}{more}."


def _group(record: ClipRecord) -> tuple[str, int]:
    return str(record.emotion), record.intensity or 0
