"""From a dataset and a protocol to a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from spfem_bench.config import near_miss
from spfem_bench.datasets.records import ClipRecord, Dataset
from spfem_bench.errors import DatasetError, UsageError
from spfem_bench.protocols.ids import hash_order, real_id, tailed, trial_id
from spfem_bench.protocols.plan import Plan, RealEntry, Trial
from spfem_bench.protocols.planners import PLANNERS, Pairing, stranger
from spfem_bench.protocols.scene import Scene, test_clips
from spfem_bench.protocols.spec import OTHER, ProtocolSpec, Rule, load_protocol

_NOTES_SHOWN = 6
_T = TypeVar("_T", Trial, RealEntry)


def make_plan(
    dataset: Dataset,
    protocol: str | Path,
    *,
    limit: int | None = None,
    speakers: Sequence[str] | None = None,
    emotions: Sequence[str] | None = None,
) -> Plan:
    """All trials of a protocol on a dataset. The same arguments give the same plan on every machine.

    Args:
        dataset: as indexed.
        protocol: a shipped name such as ``spfem/cross-id@1``, or the path of a YAML file.
        limit: at most so many trials (and real entries), balanced over emotions; a smaller limit's trials
            are among a larger one's.
        speakers: only trials of these; references still come from everybody the protocol names.
        emotions: only these targets.

    Raises:
        ConfigError: no such protocol, or its file is malformed.
        UsageError: the protocol does not cover this dataset, or a speaker or emotion is unknown.
        DatasetError: no trial can be made; says why.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"a limit of {limit} leaves no trial; give 1 or more")
    spec = load_protocol(protocol)
    rule = spec.rule_for(dataset)
    notes: list[str] = []
    scene = _scene(dataset, spec, rule, speakers, emotions, notes)
    pairings = list(PLANNERS[spec.plan](scene, notes.append))
    if not pairings:
        raise DatasetError(_no_trial(dataset, spec, notes))
    trials = _trials(scene, pairings)
    reals = _reals(scene, trials)
    footer = [*rule.footer, *_fewer(scene), *_shortened(notes)]
    if limit is not None and limit < len(trials):
        footer.append(f"Limited to {limit} of {len(trials)} trials: a smoke test, not a result.")
        trials = _balanced(trials, spec.emotions, limit)
        reals = _balanced(_reals(scene, trials), spec.emotions, limit)
    return Plan(spec.name, tuple(trials), tuple(reals), tuple(footer), rule.align, spec.content)


def _scene(
    dataset: Dataset,
    spec: ProtocolSpec,
    rule: Rule,
    speakers: Sequence[str] | None,
    emotions: Sequence[str] | None,
    notes: list[str],
) -> Scene:
    here = sorted({record.speaker for record in dataset.records})
    named = sorted(rule.speakers) if rule.speakers is not None else here
    absent = [speaker for speaker in named if speaker not in here]
    if absent:
        notes.append(f"Not in this {dataset.name} tree: {', '.join(absent)}.")
    return Scene(
        spec=spec,
        rule=rule,
        speakers=tuple(s for s in _subset("speaker", speakers, named) if s in here),
        emotions=tuple(_subset("emotion", emotions, spec.emotions)),
        clips=test_clips(dataset, rule.select, _cast(rule)),
        everything=dataset.records,
    )


def _cast(rule: Rule) -> set[str] | None:
    """Everybody a rule names, as source or as reference; None for all."""
    if rule.speakers is None:
        return None
    givers = () if isinstance(rule.references, str) else rule.references.values()
    return {*rule.speakers, *givers}


def _subset(what: str, wanted: Sequence[str] | None, known: Sequence[str]) -> Sequence[str]:
    if wanted is None:
        return known
    for name in wanted:
        if name not in known:
            raise UsageError(
                f"no {what} '{name}' in this protocol.{near_miss(name, known)} There are {', '.join(known)}"
            )
    return [name for name in known if name in wanted]


def _trials(scene: Scene, pairings: Iterable[Pairing]) -> list[Trial]:
    made = [
        Trial(
            id=trial_id(pairing.source, pairing.emotion, pairing.reference),
            speaker=pairing.source.speaker,
            emotion=pairing.emotion,
            source=pairing.source,
            reference=pairing.reference,
            truth=pairing.truth,
            stranger=stranger(scene, pairing),
        )
        for pairing in pairings
    ]
    return _distinct(made, _trial_clips)


def _distinct(items: list[_T], full: Callable[[_T], tuple[str, ...]]) -> list[_T]:
    """Sorted by id; ids that are one file name where case is ignored get a digest of the clips' ids each."""
    counts = Counter(item.id.casefold() for item in items)
    named = [
        item if counts[item.id.casefold()] == 1 else replace(item, id=tailed(item.id, *full(item)))
        for item in items
    ]
    return sorted(named, key=lambda item: item.id)


def _trial_clips(trial: Trial) -> tuple[str, ...]:
    return trial.source.id, trial.emotion, trial.reference.id if trial.reference else ""


def _reals(scene: Scene, trials: Iterable[Trial]) -> list[RealEntry]:
    """What outputs are compared with as sets: the speaker's own test clips of the emotion.

    In the open protocol, whose speakers seldom show two emotions, everybody's clips of it.
    """
    if scene.spec.plan == "open":
        emotions = sorted({trial.emotion for trial in trials})
        groups = [(speaker, emotion) for emotion in emotions for speaker in scene.having(emotion)]
    else:
        groups = sorted({(trial.speaker, trial.emotion) for trial in trials})
    return _distinct(
        [_real(clip) for group in groups for clip in scene.of(*group)], lambda real: (real.clip.id,)
    )


def _real(clip: ClipRecord) -> RealEntry:
    return RealEntry(real_id(clip), clip.speaker, str(clip.emotion), clip)


def _balanced(items: list[_T], emotions: Sequence[str], limit: int) -> list[_T]:
    """At most ``limit`` of them: emotions take turns, each in the order of its items' hashes."""
    queues = {
        emotion: sorted(
            (item for item in items if item.emotion == emotion), key=lambda item: hash_order(item.id)
        )
        for emotion in emotions
    }
    turns = ((place, n, item) for n, e in enumerate(emotions) for place, item in enumerate(queues[e]))
    chosen = sorted(turns, key=lambda turn: turn[:2])[:limit]
    return sorted((item for _, _, item in chosen), key=lambda item: item.id)


def _fewer(scene: Scene) -> list[str]:
    """What a table must say where speakers have fewer test clips than the rule takes."""
    last = scene.rule.select.last or {}
    counts = {
        (s, e): (len(scene.of(s, e)), last.get(e, last.get(OTHER, 0)))
        for s in scene.speakers
        for e in scene.emotions
    }
    fewer = [f"{s} {e} {have} of {wanted}" for (s, e), (have, wanted) in counts.items() if have < wanted]
    more = f" and {len(fewer) - 4} more" if len(fewer) > 4 else ""
    return [f"Fewer test clips here than the rule takes: {', '.join(fewer[:4])}{more}."] if fewer else []


def _shortened(notes: list[str]) -> list[str]:
    more = len(notes) - _NOTES_SHOWN
    return notes if more <= 0 else [*notes[:_NOTES_SHOWN], f"{more} more notes of this kind."]


def _no_trial(dataset: Dataset, spec: ProtocolSpec, notes: list[str]) -> str:
    why = " ".join(notes[:3]) or "no clip fits its conditions."
    return f"{spec.name} finds no trial in the {dataset.name} data at {dataset.root}: {why.rstrip('.')}"
