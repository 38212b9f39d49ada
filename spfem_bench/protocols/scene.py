"""The clips a protocol may use, by speaker and emotion."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from spfem_bench.datasets.records import ClipRecord, Dataset
from spfem_bench.protocols.spec import OTHER, ProtocolSpec, Rule, Select


@dataclass(frozen=True)
class Scene:
    """What planners read.

    Args:
        spec: the protocol.
        rule: its section for this dataset.
        speakers: whose trials are planned, sorted.
        emotions: targets, in the protocol's order.
        clips: (speaker, emotion) -> test clips in the dataset's order, of every speaker and emotion.
        everything: all records of the dataset.
    """

    spec: ProtocolSpec
    rule: Rule
    speakers: tuple[str, ...]
    emotions: tuple[str, ...]
    clips: Mapping[tuple[str, str], tuple[ClipRecord, ...]]
    everything: Sequence[ClipRecord]

    def of(self, speaker: str, emotion: str) -> tuple[ClipRecord, ...]:
        """Test clips of a speaker in an emotion, maybe none."""
        return self.clips.get((speaker, emotion), ())

    def having(self, emotion: str) -> list[str]:
        """Speakers with test clips of an emotion, sorted."""
        return self._by_emotion.get(emotion, [])

    @cached_property
    def _by_emotion(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for speaker, emotion in sorted(self.clips):
            found.setdefault(emotion, []).append(speaker)
        return found

    def reference_speaker(self, speaker: str, emotion: str) -> str | None:
        """Whose clips show the emotion to this speaker's trials; None where nobody can."""
        if not isinstance(self.rule.references, str):
            named = self.rule.references.get(speaker)
            return named if named and self.of(named, emotion) else None
        others = [other for other in self.having(emotion) if other != speaker]
        before = [other for other in others if other < speaker]
        return max(before or others, default=None)


def test_clips(
    dataset: Dataset, select: Select, speakers: Container[str] | None
) -> dict[tuple[str, str], tuple[ClipRecord, ...]]:
    """Labelled clips that a protocol's conditions let through, by (speaker, emotion)."""
    groups: dict[tuple[str, str], list[ClipRecord]] = {}
    for record in dataset.records:
        if record.emotion is not None and (speakers is None or record.speaker in speakers):
            groups.setdefault((record.speaker, record.emotion), []).append(record)
    chosen = {key: _chosen(group, key[1], select) for key, group in sorted(groups.items())}
    return {key: clips for key, clips in chosen.items() if clips}


def _chosen(group: Iterable[ClipRecord], emotion: str, select: Select) -> tuple[ClipRecord, ...]:
    fitting = [record for record in group if _fits(record, select)]
    levelled = sorted(_at_intensity(fitting, emotion, select.intensity), key=_place)
    keep = None if select.last is None else _for_emotion(select.last, emotion)
    return tuple(levelled if keep is None else levelled[-keep:])


def _fits(record: ClipRecord, select: Select) -> bool:
    return (
        all(record.extra.get(key) == value for key, value in select.extra.items())
        and (select.sentences is None or record.sentence in select.sentences)
        and (select.takes is None or record.take in select.takes)
    )


def _at_intensity(
    clips: list[ClipRecord], emotion: str, intensity: Mapping[str, int] | str | None
) -> list[ClipRecord]:
    if intensity is None:
        return clips
    if isinstance(intensity, str):  # "highest"
        wanted = max((record.intensity or 0 for record in clips), default=0)
    else:
        level = _for_emotion(intensity, emotion)
        if level is None:
            return clips
        wanted = level
    return [record for record in clips if (record.intensity or 0) == wanted]


def _for_emotion(values: Mapping[str, int], emotion: str) -> int | None:
    return values.get(emotion, values.get(OTHER))


def _place(record: ClipRecord) -> tuple[int, str]:
    return int(record.extra.get("rank", "0")), record.id
