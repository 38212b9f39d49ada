"""A metric: the share of output frames in which a face is found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spfem_metrics import MetricInfo, Need, Observation, Reading, Row, Score, Scored, Signature, Unscored


@dataclass(frozen=True)
class MyMetric:
    """Share of output frames with a face, averaged over trials."""

    @property
    def info(self) -> MetricInfo:
        """What the harness and the table need to know."""
        return MetricInfo(
            name="my-metric",
            label="Found",
            version=1,
            direction="higher",
            unit="share",
            bounds=(0.0, 1.0),
            needs=(Need("output", "faces"),),
            about="Share of output frames with a face; says nothing of what the face looks like.",
        )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """Every choice that moves the number."""
        choices = {"faces": definitions["faces"], "mean": "trials", "miss": "exclude"}
        return Signature(self.info.name, self.info.version, choices)

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's share, in [0, 1]."""
        found = observation.sides["output"].arrays["faces"]["found"]
        if not found.any():
            return Unscored(f"no face in any of the {len(found)} output frames")
        return Reading(float(found.mean(dtype=np.float64)))

    def reduce(self, rows: Sequence[Row]) -> Score:
        """The plain mean over trials that have a reading."""
        readings = [row.outcome for row in rows if isinstance(row.outcome, Reading)]
        values = [reading.value for reading in readings if reading.value is not None]
        if not values:
            return Score(Unscored("no trial has a face"), scored=0, total=len(rows))
        return Score(Scored(sum(values) / len(values)), scored=len(values), total=len(rows))


def my_metric() -> MyMetric:
    """What a suite file names."""
    return MyMetric()
