"""Measuring a scene's clips with a suite, all in memory: features once per clip, a row per metric."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from spfem_bench.certify.scenes import Sides
from spfem_bench.device import scoring_mode
from spfem_bench.stages.blame import blamed
from spfem_bench.suites import BuiltSuite, build_suite, load_suite
from spfem_metrics import (
    Arrays,
    ClipFeatures,
    Failed,
    InputError,
    Metric,
    Need,
    Observation,
    Row,
    Side,
    TrialFacts,
)
from spfem_metrics.extraction import extract, features
from spfem_metrics.media import ArrayMedia

_KEPT = 8
"""Clips whose features are remembered: a scene's own sides come back with every degradation."""


EYES = 0.27
"""Of the picture's width between the eyes, as rendered faces have it."""


@dataclass(frozen=True)
class _Seen:
    """A clip and what is known of it; holding the clip keeps its identity from being given to another."""

    clip: ArrayMedia
    arrays: dict[str, Arrays]


@dataclass
class Bench:
    """A suite at work.

    Args:
        built: its objects.
        device: where networks run.
        threads: of torch.
    """

    built: BuiltSuite
    device: str = "cpu"
    threads: int = 2
    _seen: OrderedDict[int, _Seen] = field(default_factory=OrderedDict)

    def rows(self, facts: TrialFacts, sides: Sides) -> dict[str, Row]:
        """Every metric's row for a trial whose clips are in step, by metric name.

        Raises:
            BenchError: the suite's code failed, or a network does not fit into memory.
        """
        return self._rows(self.built.metrics, facts, sides)

    def real_rows(self, facts: TrialFacts, clip: ArrayMedia) -> dict[str, Row]:
        """Every set metric's row for a real clip; raises as `rows` does."""
        metrics = [metric for metric in self.built.metrics if metric.info.of_sets]
        return self._rows(metrics, facts, {"output": clip})

    def _rows(self, metrics: Sequence[Metric], facts: TrialFacts, sides: Sides) -> dict[str, Row]:
        frames = np.arange(sides["output"].frame_count)
        in_step = np.stack([frames, frames], axis=1)
        compared = self._compared(metrics, sides, in_step)
        truth = in_step if "truth" in sides else np.zeros((0, 2), np.int64)
        rows = {}
        for metric in metrics:
            seen = {side: self._features(sides[side], metric, side) for side in sides_of(metric, sides)}
            pairs = {key: arrays for key, arrays in compared.items() if Need(*key) in metric.info.needs}
            rows[metric.info.name] = _observed(metric, Observation(facts, seen, frames, truth, pairs))
        return rows

    def eyes(self, clip: ArrayMedia) -> float | None:
        """Median distance between the eyes in pixels; None where the suite finds no face.

        A suite that looks for no faces takes them to be `EYES` of the picture's width apart.
        """
        if "faces" not in self.built.extractors:
            return EYES * clip.size[0]
        faces = self._arrays(clip)["faces"]
        found = np.asarray(faces["found"], bool)
        if not found.any():
            return None
        return float(np.median(np.asarray(faces["interocular"], np.float64)[found]))

    def _features(self, clip: ArrayMedia, metric: Metric, side: Side) -> ClipFeatures:
        """What a metric declared that it reads of a side, and nothing else."""
        wanted = {need.extractor for need in metric.info.needs if need.side == side}
        own = [name for name in self.built.extractors if name in wanted]
        arrays = self._arrays(clip) if own else {}
        return features(clip, {name: arrays[name] for name in own})

    def _compared(
        self, metrics: Sequence[Metric], sides: Sides, pairs: NDArray[np.int64]
    ) -> dict[tuple[Side, str], Arrays]:
        """What pair extractors find between the output and the other sides, each once."""
        needs = dict.fromkeys(need for metric in metrics for need in metric.info.needs)
        found: dict[tuple[Side, str], Arrays] = {}
        for need in needs:
            if need.extractor in self.built.pairs and need.side in sides:
                with (
                    blamed(f"{need.extractor} of two clips"),
                    scoring_mode(self.device, threads=self.threads),
                ):
                    pair = self.built.pairs[need.extractor]
                    found[need.side, need.extractor] = pair.compare(sides["output"], sides[need.side], pairs)
        return found

    def _arrays(self, clip: ArrayMedia) -> dict[str, Arrays]:
        """All extractors' arrays, in one pass over the frames the first time a clip is seen."""
        known = self._remembered(clip)
        missing = [name for name in self.built.extractors if name not in known]
        if missing:
            with blamed("measuring a clip"), scoring_mode(self.device, threads=self.threads):
                known.update(extract(clip, [self.built.extractors[name] for name in missing]))
        return known

    def _remembered(self, clip: ArrayMedia) -> dict[str, Arrays]:
        """What is known of a clip; the clips used longest ago are forgotten."""
        entry = self._seen.pop(id(clip), None) or _Seen(clip, {})
        self._seen[id(clip)] = entry
        while len(self._seen) > _KEPT:
            self._seen.popitem(last=False)
        return entry.arrays


def sides_of(metric: Metric, sides: Sides) -> list[Side]:
    """The sides a metric needs and the trial has."""
    return [side for side in dict.fromkeys(need.side for need in metric.info.needs) if side in sides]


def _observed(metric: Metric, observation: Observation) -> Row:
    facts = observation.trial
    try:
        with blamed(f"metric {metric.info.name} on {facts.id}", known=InputError):
            return Row(facts, metric.observe(observation))
    except InputError as error:
        return Row(facts, Failed(f"{metric.info.name}: {error}"))


@cache
def open_bench(suite: str, device: str, threads: int) -> Bench:
    """The suite's objects, built once per process.

    Raises:
        BenchError: whatever is wrong with the suite or its weights.
    """
    return Bench(build_suite(load_suite(suite), device), device, threads)
