"""The admission tests. Each sets values of a better and of a worse kind of case against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.admission.material import Clip, Material, cut, set_distance, shifted, trial, value
from spfem_metrics.admission.pictures import blur, harmed, jpeg
from spfem_metrics.extractor import ClipFeatures
from spfem_metrics.metric import Metric, Observation, Reading
from spfem_metrics.metrics import (
    PSNR,
    SSIM,
    EmotionAccuracy,
    ExpressionSimilarity,
    Flicker,
    GazeDrift,
    HeadPoseDrift,
    IdentitySimilarity,
    MouthCorrelation,
    MouthDistance,
    MouthLag,
    frechet_identity,
    kid_identity,
)
from spfem_metrics.pairs.image_quality import image_quality

SHIFT = 0.4
"""Seconds."""


@dataclass(frozen=True)
class Check:
    """One claim, with the values that speak for or against it.

    Args:
        metric: under test.
        claim: in words, better case first.
        better: values of the cases that should score better.
        worse: values of the cases that should score worse.
        direction: ``higher`` or ``lower``, which is better.
        needed: share of (better, worse) pairs that must be in the claimed order, ties counting half.
    """

    metric: str
    claim: str
    better: Sequence[float]
    worse: Sequence[float]
    direction: str
    needed: float

    @property
    def share(self) -> float:
        """Share of pairs in the claimed order (area under the ROC curve); 0 without values on both sides."""
        if not self.better or not self.worse:
            return 0.0
        gap = np.subtract.outer(np.asarray(self.better), np.asarray(self.worse))
        gap = gap if self.direction == "higher" else -gap
        return float(((gap > 0) + 0.5 * (gap == 0)).mean())

    @property
    def passed(self) -> bool:
        """The claim holds to the share needed."""
        return self.share >= self.needed

    @property
    def line(self) -> str:
        """One line with every number."""
        mark = "ok  " if self.passed else "FAIL"
        sides = " against ".join(_summary(values) for values in (self.better, self.worse))
        return f"{mark} {self.metric:22} {self.claim}: {sides}; order {self.share:.3f}, needed {self.needed}"


def _summary(values: Sequence[float]) -> str:
    if not values:
        return "nothing"
    return f"{np.mean(values):.3f} [{min(values):.3f}, {max(values):.3f}] n={len(values)}"


def _values(metric: Metric, observations: Iterable[Observation]) -> list[float]:
    found = (value(metric, observation) for observation in observations)
    return [number for number in found if number is not None]


def _check(
    metric: Metric, claim: str, better: Sequence[float], worse: Sequence[float], needed: float
) -> Check:
    return Check(metric.info.name, claim, better, worse, metric.info.direction, needed)


def _others(material: Material, clips: Sequence[Clip]) -> list[Observation]:
    """Every clip as the output for every later one."""
    return [trial(material.features(a), material.features(b)) for a, b in combinations(clips, 2)]


def _copies(material: Material, clips: Sequence[Clip], harm: str) -> list[Observation]:
    return [trial(material.features(clip, harm), material.features(clip)) for clip in clips]


def identity(material: Material) -> list[Check]:
    """The same person in another clip against other people; a re-encoded copy against the same person."""
    metric = IdentitySimilarity()
    clips = material.seen(material.clips)
    pairs = list(combinations(clips, 2))
    same, other = (
        _values(metric, [trial(material.features(a), material.features(b)) for a, b in pairs if own(a, b)])
        for own in (_same_speaker, lambda a, b: not _same_speaker(a, b))
    )
    twice = {a.id: a for a, b in pairs if _same_speaker(a, b)}
    copies = _values(metric, _copies(material, list(twice.values()), "jpeg-identity"))
    return [
        _check(metric, "same person, another clip / another person", same, other, 0.95),
        _check(metric, "re-encoded copy / same person, another clip", copies, same, 0.95),
    ]


def _same_speaker(first: Clip, second: Clip) -> bool:
    return first.speaker == second.speaker


def emotion(material: Material) -> list[Check]:
    """Happy clips against the rest, and the share of labelled clips read as a person reads them."""
    metric = EmotionAccuracy()
    clips = material.labelled
    happy, rest = (
        [_happiness(metric, material, c) for c in clips if (c.expression == "happy") is wanted]
        for wanted in (True, False)
    )
    named = [_hit(metric, material, clip) for clip in clips]
    chance = [1 / 7]
    return [
        _check(metric, "probability of happy, happy clips / other labelled clips", happy, rest, 0.9),
        _check(metric, "labelled clips named rightly / chance", [float(np.mean(named))], chance, 1.0),
    ]


def _happiness(metric: EmotionAccuracy, material: Material, clip: Clip) -> float:
    own = material.features(clip)
    reading = metric.observe(trial(own, own, "happy"))
    return reading.parts["probability"] if isinstance(reading, Reading) else 0.0


def _hit(metric: EmotionAccuracy, material: Material, clip: Clip) -> float:
    own = material.features(clip)
    return value(metric, trial(own, own, clip.expression or "")) or 0.0


def expression(material: Material) -> list[Check]:
    """The same emotion on different people against different emotions on different people."""
    metric = ExpressionSimilarity()
    pairs = [(a, b) for a, b in combinations(material.labelled, 2) if not _same_speaker(a, b)]
    same, other = (
        _values(
            metric, [_aimed(material, a, b) for a, b in pairs if (a.expression == b.expression) is wanted]
        )
        for wanted in (True, False)
    )
    return [_check(metric, "same emotion / another emotion, other people", same, other, 0.7)]


def _aimed(material: Material, output: Clip, reference: Clip) -> Observation:
    made, aim = material.features(output), material.features(reference)
    base = trial(made, made)
    return Observation(base.trial, {**base.sides, "reference": aim}, base.frame_map)


def speech(material: Material) -> list[Check]:
    """Copies against other clips and against shifted copies, for what the mouth does."""
    clips = material.talking
    others, late = _others(material, clips), [shifted(material.features(clip), SHIFT) for clip in clips]
    checks = []
    for metric in (MouthCorrelation(), MouthDistance()):
        copies = _values(metric, _copies(material, clips, "jpeg"))
        blurred = _values(metric, _copies(material, clips, "blur"))
        checks += [
            _check(metric, "re-encoded copy / another clip's mouth", copies, _values(metric, others), 1.0),
            _check(metric, "blurred copy / another clip's mouth", blurred, _values(metric, others), 0.98),
            _check(metric, f"re-encoded copy / shifted by {SHIFT} s", copies, _values(metric, late), 1.0),
        ]
    return [*checks, *_sentences(material), *_lags(material, clips, late)]


def _sentences(material: Material) -> list[Check]:
    """Another sentence of the same person, where there is one."""
    pairs = [(a, b) for a, b in combinations(material.talking, 2) if _same_speaker(a, b)]
    if not pairs:
        return []
    checks = []
    for metric in (MouthCorrelation(), MouthDistance()):
        copies = _values(metric, _copies(material, [a for a, _ in pairs], "jpeg"))
        other = _values(metric, [trial(material.features(a), material.features(b)) for a, b in pairs])
        checks.append(_check(metric, "same sentence / another one, same person", copies, other, 1.0))
    return checks


def _lags(material: Material, clips: Sequence[Clip], late: Sequence[Observation]) -> list[Check]:
    metric = MouthLag()
    copies, moved = _values(metric, _copies(material, clips, "jpeg")), _values(metric, late)
    error = [abs(lag - SHIFT) for lag in moved]
    return [
        _check(metric, f"re-encoded copy / shifted by {SHIFT} s", copies, moved, 1.0),
        _check(metric, f"error of the lag found at {SHIFT} s / 50 ms", error, [0.05], 1.0),
    ]


def steadiness(material: Material) -> list[Check]:
    """Brightness noise for flicker; copies against other clips for head and gaze."""
    clips = material.talking
    flicker, own = Flicker(), [material.features(clip) for clip in clips]
    little, much = (_values(flicker, _copies(material, clips[:3], f"flicker-{n}")) for n in (1, 4))
    none = _values(flicker, [trial(clip, clip) for clip in own[:3]])
    checks = [
        _check(flicker, "as it is / brightness noise of 1 level", none, little, 1.0),
        _check(flicker, "brightness noise of 1 level / of 4 levels", little, much, 1.0),
    ]
    others = _others(material, clips)
    for metric in (HeadPoseDrift(), GazeDrift()):
        copies = _values(metric, _copies(material, clips, "jpeg"))
        checks.append(_check(metric, "re-encoded copy / another clip", copies, _values(metric, others), 0.98))
    return checks


def sets(material: Material) -> list[Check]:
    """Two halves of one clip against clips of two people."""
    clips = material.talking
    halves = [_halves(material, clip) for clip in clips]
    checks = []
    for metric in (frechet_identity(), kid_identity()):
        same = [set_distance(metric, first, second) for first, second in halves]
        pairs = [(a, b) for a, b in combinations(clips, 2) if not _same_speaker(a, b)]
        other = [set_distance(metric, _halves(material, a)[0], _halves(material, b)[0]) for a, b in pairs]
        claim = "two halves of a clip / two people"
        checks.append(_check(metric, claim, _known(same), _known(other), 1.0))
    return checks


def _halves(material: Material, clip: Clip) -> tuple[ClipFeatures, ClipFeatures]:
    own = material.features(clip)
    middle = len(own.times) // 2
    return cut(own, 0, middle), cut(own, middle, len(own.times))


def _known(values: Iterable[float | None]) -> list[float]:
    return [number for number in values if number is not None]


def pictures(material: Material) -> list[Check]:
    """Stronger harm to the picture against weaker harm."""
    quality = image_quality()
    shots = [clip.shot for clip in material.clips[:3]]
    harms = {"fine": jpeg(90), "coarse": jpeg(20), "soft": blur(1.0), "softer": blur(3.0)}
    found = {
        name: [quality.compare(harmed(s, harm), s, _every(s.frame_count)) for s in shots]
        for name, harm in harms.items()
    }
    mean = {
        (name, key): [float(np.asarray(arrays[key], np.float64).mean()) for arrays in rows]
        for name, rows in found.items()
        for key in ("ssim", "psnr")
    }
    return [
        _check(metric, claim, mean[a, metric.info.name], mean[b, metric.info.name], 0.9)
        for metric in (SSIM(), PSNR())
        for claim, a, b in (("JPEG 90 / JPEG 20", "fine", "coarse"), ("blur 1 px / 3 px", "soft", "softer"))
    ]


def _every(count: int, step: int = 15) -> NDArray[np.int64]:
    frames = np.arange(0, count, step, dtype=np.int64)
    return np.stack([frames, frames], axis=1)


CHECKS: Sequence[Callable[[Material], list[Check]]] = (
    identity,
    emotion,
    expression,
    speech,
    steadiness,
    sets,
    pictures,
)
"""Every group of admission tests, in the order of the suite."""
