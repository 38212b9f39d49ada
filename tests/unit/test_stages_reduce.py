"""The average over emotions: its interval belongs to it, and the emotions' notes stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from spfem_bench.stages.reduce import AVERAGE, merged_notes, reduce_rows
from spfem_bench.stages.rows import REAL, MetricRow
from spfem_bench.testing import fake_observation
from spfem_metrics import Metric, Reading, Row, Score, Scored, TrialFacts, Unscored
from spfem_metrics.functional import cluster_interval
from spfem_metrics.metrics import IdentitySimilarity, frechet_identity

EMOTIONS = ("happy", "sad")


def rows(values: dict[str, dict[str, list[float]]]) -> list[MetricRow]:
    """emotion -> speaker -> values, as rows of one system."""
    return [
        MetricRow("m", "identity-similarity", Row(TrialFacts(f"{e}-{s}-{i}", s, e), Reading(v)))
        for e, speakers in values.items()
        for s, own in speakers.items()
        for i, v in enumerate(own)
    ]


def scores(made: Sequence[MetricRow], metric: Metric | None = None) -> dict[str, Score]:
    of = metric or IdentitySimilarity()
    return dict(reduce_rows(made, [of], EMOTIONS)["m"][of.info.name])


UNEVEN = {
    "happy": {"A": [0.1, 0.2], "B": [0.3, 0.4], "C": [0.5]},
    "sad": {"A": [0.7], "B": [0.9], "C": [0.8, 0.6]},
}


def test_the_interval_of_the_average_is_that_of_the_mean_over_emotions():
    found = scores(rows(UNEVEN))[AVERAGE]
    wanted = cluster_interval([[(s, v) for s, own in UNEVEN[e].items() for v in own] for e in EMOTIONS])
    assert found.outcome == Scored(wanted.estimate)
    assert wanted.estimate == pytest.approx((0.3 + 0.75) / 2)
    assert found.half_width == wanted.half_width is not None
    assert found.interval == "t over 3 speakers, cluster-linearised"
    # emotions of unequal size: pooling the trials would give another point
    pooled = IdentitySimilarity().reduce([row.row for row in rows(UNEVEN)])
    assert pooled.outcome.value != pytest.approx(found.outcome.value)
    assert pooled.half_width != pytest.approx(found.half_width)


def test_one_emotion_averages_to_itself():
    found = scores(rows({"happy": UNEVEN["happy"]}))
    assert found[AVERAGE] == found["happy"]


def test_an_emotion_without_a_score_is_left_out_of_point_and_interval_alike():
    made = rows({"happy": UNEVEN["happy"]})
    blind = MetricRow("m", "identity-similarity", Row(TrialFacts("x", "A", "sad"), Unscored("no face")))
    found = scores([*made, blind])
    assert found[AVERAGE].outcome == found["happy"].outcome
    assert found[AVERAGE].half_width == found["happy"].half_width
    assert found[AVERAGE].notes == ("mean over 1 of 2 emotions",)
    assert (found[AVERAGE].scored, found[AVERAGE].total) == (5, 6)


def test_one_speaker_with_most_trials_gets_no_interval_and_one_note():
    heavy = {e: {"A": [0.9] * 20 + [0.8], "B": [0.1], "C": [0.2], "D": [0.3]} for e in EMOTIONS}
    found = scores(rows(heavy))[AVERAGE]
    assert (found.half_width, found.interval) == (None, "")
    assert found.notes == ("no interval: few of the 4 speakers hold most trials (as if 1.3 of equal weight)",)


@dataclass(frozen=True)
class Median(IdentitySimilarity):
    """A metric whose score is no mean of its trials."""

    def reduce(self, rows: Sequence[Row]) -> Score:
        values = [row.outcome.value for row in rows if isinstance(row.outcome, Reading)]
        return replace(super().reduce(rows), outcome=Scored(float(np.median(values))), half_width=None)


def test_a_score_that_is_no_mean_of_its_trials_gets_no_interval_of_one():
    skewed = {e: {"A": [0.0, 0.1], "B": [0.1, 0.2], "C": [0.2, 2.0]} for e in EMOTIONS}
    found = scores(rows(skewed), Median())[AVERAGE]
    assert found.outcome.value == pytest.approx(0.15)
    assert found.half_width is None


def test_the_range_of_n_stays_with_the_average_of_a_set_metric():
    metric = frechet_identity(frames=5)
    counts = {"happy": (4, 3), "sad": (2, 6)}
    made = [
        MetricRow(system, metric.info.name, Row(replace(seen.trial, emotion=e), metric.observe(seen)))
        for e, sizes in counts.items()
        for system, side, size in zip(("m", REAL), ("generated", "real"), sizes, strict=True)
        for seen in (fake_observation(f"{e}{side}{i}", emotion=e, side=side) for i in range(size))
    ]
    found = scores(made, metric)[AVERAGE]
    assert found.half_width is None
    assert found.notes == (
        "n = 10..15 frames a side (10..20 from 2..4 of 2..4 generated clips, "
        "15..30 from 3..6 of 3..6 real clips); small n raises a Fréchet distance",
    )


def test_notes_are_merged_by_their_words():
    assert merged_notes([("n = 9 of 10",), ("n = 30 of 10",), ("n = 20 of 10",)]) == ("n = 9..30 of 10",)
    assert merged_notes([("a",), (), ("a", "b 0.5"), ()]) == ("2 of 4 emotions: a", "1 of 4 emotions: b 0.5")
    assert merged_notes([("no face (2x)",), ("no face (5x)",)]) == ("no face (2..5x)",)
    assert merged_notes([(), ()]) == ()
