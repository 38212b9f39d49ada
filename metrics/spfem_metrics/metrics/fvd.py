"""FVD: the Fréchet distance between the sets of generated and of real clips, in the logits of I3D."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from spfem_metrics.errors import DefinitionError
from spfem_metrics.functional.frechet import frechet_distance
from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score
from spfem_metrics.metrics.pools import Pools, compared, pools
from spfem_metrics.metrics.sides import sign
from spfem_metrics.outcome import Scored, Unscored
from spfem_metrics.sampling import Frames, check_frames, check_read, taken, words
from spfem_metrics.signature import Signature

WINDOWS = 4
"""Windows taken of each clip, evenly spaced; all where there are fewer."""
WIDTH = 400

_INFO = MetricInfo(
    name="fvd",
    label="FVD",
    version=1,
    direction="lower",
    unit="squared distance",
    bounds=(0.0, float("inf")),
    needs=(Need("output", "i3d"),),
    about=(
        "Fréchet distance (FVD, Unterthiner et al. 2018) between the 400 logits that I3D gives for "
        "windows of 16 frames of the generated clips and of the protocol's real clips of the same "
        "emotion. It sees motion and pictures, but the pictures more (Ge et al. 2024), people and "
        "background included; windows of one clip are not independent, and a window lasts as long as 16 "
        "frames do at the clip's own rate. Biased upwards by small n: only values of equal n compare. "
        "Clips of fewer than 16 frames have none."
    ),
    order=("copy-source", "noise"),
    of_sets=True,
    whole_frames=True,
)


@dataclass(frozen=True)
class FVD:
    """Fréchet video distance; its rows hold the logits of windows of 16 frames and no value of their own.

    Args:
        windows: taken of each clip at most, or ``all``.
        ddof: 1 divides covariances by n - 1 (the first implementation, common_metrics_on_video_quality), 0 by
            n (StyleGAN-V).

    Raises:
        DefinitionError: fewer than one window, or another ddof.
    """

    windows: Frames = WINDOWS
    ddof: Literal[0, 1] = 1

    def __post_init__(self) -> None:
        check_frames(self.windows)
        if self.ddof not in (0, 1):
            raise DefinitionError(f"ddof must be 0 or 1, not {self.ddof!r}")

    @property
    def info(self) -> MetricInfo:
        """What it says of itself, with the windows that are compared."""
        return replace(_INFO, about=f"{_INFO.about} {compared('windows', self.windows)}")

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        check_read(definitions.get("i3d", ""), "windows", self.windows)
        return sign(
            self.info, definitions, windows=words(self.windows), n="equal-by-hash", ddof=str(self.ddof)
        )

    def observe(self, observation: Observation) -> Reading | Unscored:
        """The logits of the clip's windows."""
        clip = observation.sides["output"]
        features = np.asarray(clip["i3d"]["features"], np.float32)
        chosen = taken(np.arange(len(features)), self.windows)
        if not len(chosen):
            return Unscored(f"{len(clip.times)} frames make no window of 16")
        return Reading(None, {"windows": float(len(chosen))}, features[chosen])

    def reduce(self, rows: Sequence[Row]) -> Score:
        """The distance between the generated and the real windows, equally many of either."""
        both = pools(rows, self.windows)
        missing = _missing(both)
        outcome = Unscored(missing) if missing else Scored(frechet_distance(*both.sets, ddof=self.ddof))
        return Score(outcome, both.made.readable, len(both.made.rows), notes=_notes(both))


def _missing(both: Pools) -> str:
    """Why there is no distance; empty where there is."""
    if both.made.readable and both.real.readable and min(both.sizes) < 2:
        return "fewer than two windows of 16 frames a side"
    return both.missing()


def _notes(both: Pools) -> tuple[str, ...]:
    """How many windows are compared and what that does; what reduced their number."""
    count = min(both.sizes)
    bias = "small n raises a Fréchet distance"
    first = f"n = {count} windows a side ({both.made.words}, {both.real.words}); {bias}"
    rank = (
        f"n = {count} does not exceed the {WIDTH} logits: covariances lack rank, and the bias of small n is "
        "most of the distance",
    )
    return (first, *both.notes(bias)[1:], *(rank if count <= WIDTH else ()))
