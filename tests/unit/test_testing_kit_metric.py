"""The metric kit passes a sound metric and names each defect of a broken one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from spfem_bench.testing import Known, check_metric, fake_observation
from spfem_metrics import (
    MetricInfo,
    Need,
    Observation,
    Reading,
    Row,
    Score,
    Scored,
    Signature,
    Unscored,
)

TRIALS = [fake_observation(f"t{i}", known=Known(identity=0.9 - 0.03 * i, found=0.9)) for i in range(9)]
INFO = MetricInfo(
    name="identity",
    label="Identity",
    version=1,
    direction="higher",
    unit="cosine",
    bounds=(-1.0, 1.0),
    needs=(Need("output", "identity"), Need("source", "identity")),
    about="Cosine between output and source embeddings.",
)


@dataclass(frozen=True)
class Sound:
    """Mean cosine over frames with a face, mean over trials."""

    info: MetricInfo = INFO

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        return Signature(
            self.info.name, self.info.version, {"net": definitions["identity"], "miss": "exclude"}
        )

    def observe(self, observation: Observation) -> Reading | Unscored:
        output, source = (observation.sides[side].arrays["identity"] for side in ("output", "source"))
        valid = output["valid"].astype(bool)
        if not valid.any():
            return Unscored("no face in any output frame")
        cosines = (output["embedding"] * source["embedding"]).sum(axis=1, dtype=np.float64)
        return Reading(float(cosines[valid].mean()), {"frames": float(valid.sum())})

    def reduce(self, rows: Sequence[Row]) -> Score:
        values = [row.outcome.value for row in rows if isinstance(row.outcome, Reading)]
        if not values:
            return Score(Unscored("no readings"), 0, len(rows))
        return Score(Scored(float(np.mean(values))), len(values), len(rows))


def other_person(observation: Observation) -> Observation:
    """The same trial with an output of lower identity."""
    return fake_observation(observation.trial.id, known=Known(identity=0.2, found=0.9))


def test_a_sound_metric_passes_and_its_score_comes_back() -> None:
    score = check_metric(Sound(), TRIALS, degrade=other_person)
    assert isinstance(score.outcome, Scored)
    assert score.outcome.value == pytest.approx(np.mean([0.9 - 0.03 * i for i in range(9)]), abs=1e-6)


class Unsigned(Sound):
    def signature(self, definitions: Mapping[str, str]) -> Signature:
        return Signature("identity", 1, {"net": definitions["identity"]})


class DeafSignature(Sound):
    def signature(self, definitions: Mapping[str, str]) -> Signature:
        return Signature("identity", 1, {"net": "some", "miss": "exclude"})


class OtherVersion(Sound):
    def signature(self, definitions: Mapping[str, str]) -> Signature:
        return Signature("identity", 2, {"net": definitions["identity"], "miss": "exclude"})


class Clock(Sound):
    calls: ClassVar[list[int]] = [0]

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        self.calls[0] += 1
        return super().signature(definitions).with_choices(call=str(self.calls[0]))


class Random(Sound):
    rng = np.random.default_rng(0)

    def observe(self, observation: Observation) -> Reading | Unscored:
        return Reading(float(self.rng.random()))


class Writer(Sound):
    def observe(self, observation: Observation) -> Reading | Unscored:
        observation.sides["output"].arrays["stability"]["luma_change"][:] += 1  # type: ignore[index]
        return super().observe(observation)


class Bare(Sound):
    def observe(self, observation: Observation) -> Any:
        return 0.5


class Unbounded(Sound):
    def observe(self, observation: Observation) -> Reading | Unscored:
        return Reading(1.5)


class NotANumber(Sound):
    def observe(self, observation: Observation) -> Reading | Unscored:
        return Reading(0.5, {"spread": float("nan")})


class WideMatrix(Sound):
    def observe(self, observation: Observation) -> Reading | Unscored:
        return Reading(0.5, matrix=np.zeros((2, 3)))  # type: ignore[arg-type]


class Stateful(Sound):
    """Measures each trial against the one before it, like a running mean that is never reset."""

    seen: ClassVar[list[str]] = ["", ""]

    def observe(self, observation: Observation) -> Reading | Unscored:
        if self.seen[-1] != observation.trial.id:
            self.seen.append(observation.trial.id)
        return Reading(0.5 if self.seen[-2] < observation.trial.id else 0.4)


class LastRowWins(Sound):
    def reduce(self, rows: Sequence[Row]) -> Score:
        score = super().reduce(rows)
        last = [row.outcome.value for row in rows if isinstance(row.outcome, Reading)][-1:]
        return replace(score, outcome=Scored(last[0] or 0.0)) if last else score


class Counting(Sound):
    """A reduction that depends on how often it was called."""

    calls: ClassVar[list[int]] = [0]

    def reduce(self, rows: Sequence[Row]) -> Score:
        self.calls[0] += 1
        return replace(super().reduce(rows), notes=(f"call {self.calls[0]}",))


class Dropper(Sound):
    def reduce(self, rows: Sequence[Row]) -> Score:
        return super().reduce([row for row in rows if isinstance(row.outcome, Reading)])


class ZeroForMissing(Sound):
    def reduce(self, rows: Sequence[Row]) -> Score:
        score = super().reduce(rows)
        return score if isinstance(score.outcome, Scored) else Score(Scored(0.0), 0, len(rows))


class Crasher(Sound):
    def reduce(self, rows: Sequence[Row]) -> Score:
        values = [row.outcome.value for row in rows if isinstance(row.outcome, Reading)]
        return Score(Scored(sum(v or 0.0 for v in values) / len(values)), len(values), len(rows))


class ZeroWithoutFace(Sound):
    def observe(self, observation: Observation) -> Reading | Unscored:
        outcome = super().observe(observation)
        return outcome if isinstance(outcome, Reading) else Reading(0.0)


class CrashWithoutFace(Sound):
    def observe(self, observation: Observation) -> Reading | Unscored:
        outcome = super().observe(observation)
        if isinstance(outcome, Unscored):
            raise ZeroDivisionError("mean of nothing")
        return outcome


class NeedsReference(Sound):
    info = replace(INFO, needs=(*INFO.needs, Need("reference", "identity")))

    def observe(self, observation: Observation) -> Reading | Unscored:
        _ = observation.sides["reference"]
        return super().observe(observation)


class Backwards(Sound):
    info = replace(INFO, direction="lower")


DEFECTS: list[tuple[type[Sound], str]] = [
    (Unsigned, "no miss policy"),
    (DeafSignature, "ignores the definition of identity"),
    (OtherVersion, "signs as version 2"),
    (Clock, "changes from call to call"),
    (Random, "not deterministic"),
    (Writer, "writes into the arrays"),
    (Bare, "returns float"),
    (Unbounded, "outside its bounds"),
    (NotANumber, "not finite"),
    (WideMatrix, "not a finite float32 array"),
    (Stateful, "keeps state"),
    (LastRowWins, "depends on the order of rows"),
    (Counting, "shards"),
    (Dropper, "does not count rows"),
    (ZeroForMissing, "rows that have no reading"),
    (Crasher, "raises ZeroDivisionError in reduce"),
    (ZeroWithoutFace, "from an output without a face"),
    (CrashWithoutFace, "raises ZeroDivisionError on t0"),
    (NeedsReference, "raises KeyError"),
    (Backwards, "when the output is degraded, though lower is better"),
]


@pytest.mark.parametrize(("broken", "fault"), DEFECTS, ids=[broken.__name__ for broken, _ in DEFECTS])
def test_each_defect_is_named(broken: type[Sound], fault: str) -> None:
    fresh = [
        fake_observation(o.trial.id, known=Known(identity=0.9 - 0.03 * i, found=0.9))
        for i, o in enumerate(TRIALS)
    ]
    metric = broken(broken.info) if "info" in vars(broken) else broken()
    with pytest.raises(AssertionError, match=fault) as caught:
        check_metric(metric, fresh, degrade=other_person)
    assert str(caught.value).startswith("identity ")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": "Not Kebab"}, "kebab-case"),
        ({"bounds": (1.0, -1.0)}, "bounds"),
        ({"about": ""}, "about text"),
        ({"needs": ()}, "names nothing"),
    ],
)
def test_an_incomplete_description_is_named(change: Mapping[str, Any], fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        check_metric(Sound(replace(INFO, **change)), TRIALS)


def test_a_vacuous_trial_is_refused() -> None:
    with pytest.raises(AssertionError, match="fewer than two observations"):
        check_metric(Sound(), TRIALS[:1])
    with pytest.raises(AssertionError, match="share an id"):
        check_metric(Sound(), [TRIALS[0], TRIALS[0]])
    faceless = [fake_observation(f"t{i}", known=Known(found=0.0)) for i in range(3)]
    with pytest.raises(AssertionError, match="reading on fewer than two"):
        check_metric(Sound(), faceless)


def test_fake_observations_have_the_answers_they_name() -> None:
    known = Known(identity=0.6, shown="sad", lag=3, pose=2.0, flicker=4.0, ssim=0.8, psnr=30.0, found=0.5)
    seen = fake_observation("x", known=known)
    out, src = seen.sides["output"].arrays, seen.sides["source"].arrays
    cosine = (out["identity"]["embedding"][:25] * src["identity"]["embedding"][:25]).sum(axis=1)
    np.testing.assert_allclose(cosine, 0.6, atol=1e-6)
    assert out["faces"]["found"].sum() == 25
    assert out["emotion"]["probabilities"][0].argmax() == 5
    np.testing.assert_array_equal(out["faces"]["mouth_opening"][3:25], src["faces"]["mouth_opening"][:22])
    np.testing.assert_allclose(out["faces"]["pose"][:25] - src["faces"]["pose"][:25], 2.0, atol=1e-5)
    assert set(out["stability"]["luma_change"][:25]) == {4.0}
    assert seen.pairs["truth", "image-quality"]["psnr"][0] == 30.0
    again = fake_observation("x", known=known)
    np.testing.assert_array_equal(
        out["faces"]["coefficients"], again.sides["output"].arrays["faces"]["coefficients"]
    )
