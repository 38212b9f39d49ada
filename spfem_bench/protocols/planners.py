"""The four rules that pair sources with targets. Pure: a scene in, pairings and notes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from spfem_bench.datasets.records import ClipRecord
from spfem_bench.protocols.ids import hash_order
from spfem_bench.protocols.scene import Scene

NEUTRAL = "neutral"


@dataclass(frozen=True)
class Pairing:
    """A trial in the making: everything but its id and stranger."""

    source: ClipRecord
    emotion: str
    reference: ClipRecord | None = None
    truth: ClipRecord | None = None


Say = Callable[[str], None]
"""Takes a sentence on what could not be planned."""

Planner = Callable[[Scene, Say], Iterator[Pairing]]


def cross_id(scene: Scene, say: Say) -> Iterator[Pairing]:
    """Neutral test clips of a speaker, driven by another speaker's clips of the emotion.

    The i-th source takes the i-th reference, counted around where there are fewer references.
    """
    for speaker in scene.speakers:
        sources = scene.of(speaker, NEUTRAL)
        shown = {emotion: _references(scene, speaker, emotion) for emotion in scene.emotions}
        _say_missing(scene, speaker, bool(sources), [e for e in shown if not shown[e]], say)
        for emotion, references in shown.items():
            for i, source in enumerate(sources if references else ()):
                yield Pairing(source, emotion, references[i % len(references)])


def _references(scene: Scene, speaker: str, emotion: str) -> tuple[ClipRecord, ...]:
    giver = scene.reference_speaker(speaker, emotion)
    return () if giver is None else scene.of(giver, emotion)


def _say_missing(scene: Scene, speaker: str, has_source: bool, unshown: list[str], say: Say) -> None:
    if not has_source:
        say(f"{speaker} has no trial: no neutral test clip of it is here.")
    elif unshown:
        named = scene.rule.references
        giver = "another speaker" if isinstance(named, str) else f"its reference speaker {named.get(speaker)}"
        say(f"{speaker} has no trial to {', '.join(unshown)}: no test clip of {giver} shows that.")


def intra_id(scene: Scene, say: Say) -> Iterator[Pairing]:
    """Test clips of an emotion, driven by the same speaker's clips of it; the source is the truth.

    ``next-clip`` takes the next test clip as reference (the only one itself), ``same-clip`` the source.
    """
    step = 0 if scene.spec.options.get("intra-reference") == "same-clip" else 1
    for speaker in scene.speakers:
        for emotion in scene.emotions:
            clips = scene.of(speaker, emotion)
            if not clips:
                say(f"{speaker} has no {emotion} test clip, so no trial of it.")
            for i, clip in enumerate(clips):
                yield Pairing(clip, emotion, clips[(i + step) % len(clips)], truth=clip)


def paired(scene: Scene, say: Say) -> Iterator[Pairing]:
    """Neutral clips whose words the same speaker also says in the emotion: that clip is the truth.

    Of several, the one of the source's take, else the first. The reference comes from another speaker and,
    where there is a choice, says other words, so that copying its mouth does not help.
    """
    for speaker in scene.speakers:
        sources = [clip for clip in scene.of(speaker, NEUTRAL) if clip.sentence is not None]
        found = False
        for emotion in (e for e in scene.emotions if e != NEUTRAL):
            for i, source in enumerate(sources):
                truth = _truth(source, scene.of(speaker, emotion))
                if truth is not None:
                    found = True
                    yield Pairing(source, emotion, _other_words(scene, source, emotion, i), truth)
        if not found:
            say(f"{speaker} says no sentence both neutrally and in an emotion, as far as is known.")


def _truth(source: ClipRecord, candidates: Sequence[ClipRecord]) -> ClipRecord | None:
    same = [clip for clip in candidates if clip.sentence == source.sentence]
    return min(same, key=lambda clip: (clip.take != source.take, clip.take, clip.id), default=None)


def _other_words(scene: Scene, source: ClipRecord, emotion: str, i: int) -> ClipRecord | None:
    giver = scene.reference_speaker(source.speaker, emotion)
    clips = scene.of(giver, emotion) if giver else ()
    other = [clip for clip in clips if clip.sentence != source.sentence] or list(clips)
    return other[i % len(other)] if other else None


def open_cross_id(scene: Scene, say: Say) -> Iterator[Pairing]:
    """Every clip, labelled or not, to emotions that other speakers show and it does not.

    Which emotions and which reference is decided by sha256 over the ids and the protocol's seed, so that
    adding a clip leaves other trials as they are unless it is chosen.
    """
    seed, count = (
        str(scene.spec.options.get("seed", "")),
        int(scene.spec.options.get("targets-per-source", 1)),
    )
    speakers = set(scene.speakers)
    for source in scene.everything:
        if source.speaker not in speakers:
            continue
        targets = [e for e in scene.emotions if e != source.emotion and _others(scene, source, e)]
        if not targets:
            say(f"{source.id} has no trial: no other speaker shows an emotion it could be given.")
        for emotion in sorted(targets, key=lambda e: hash_order(seed, source.id, e))[:count]:
            givers = _others(scene, source, emotion)
            yield Pairing(source, emotion, _by_hash(scene, givers, emotion, (seed, source.id)))


def stranger(scene: Scene, pairing: Pairing) -> ClipRecord | None:
    """A real clip of the emotion by a third speaker, else by the reference's; None where there is none."""
    others = _others(scene, pairing.source, pairing.emotion)
    giver = pairing.reference.speaker if pairing.reference else None
    third = [speaker for speaker in others if speaker != giver]
    return _by_hash(scene, third or others, pairing.emotion, ("stranger", pairing.source.id))


def _others(scene: Scene, source: ClipRecord, emotion: str) -> list[str]:
    return [speaker for speaker in scene.having(emotion) if speaker != source.speaker]


def _by_hash(scene: Scene, speakers: list[str], emotion: str, salt: tuple[str, ...]) -> ClipRecord | None:
    """First a speaker, then one of its clips: who has many clips is not drawn more often."""
    if not speakers:
        return None
    speaker = min(speakers, key=lambda name: hash_order(*salt, emotion, name))
    return min(scene.of(speaker, emotion), key=lambda clip: hash_order(*salt, clip.id))


PLANNERS: Mapping[str, Planner] = {
    "cross-id": cross_id,
    "intra-id": intra_id,
    "paired": paired,
    "open": open_cross_id,
}
"""``plan:`` of a protocol file -> the rule."""
