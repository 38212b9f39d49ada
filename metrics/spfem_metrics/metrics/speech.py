"""Are the words still on the lips? The output's mouth against the source's, whose words it must keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.extractor import Arrays
from spfem_metrics.functional.mouth import Form, mouth_distance, normalised_mouth
from spfem_metrics.functional.trajectories import (
    STEP,
    Paired,
    Trajectory,
    best_lag,
    channel_correlations,
    on_common_base,
)
from spfem_metrics.metric import MetricInfo, Observation, Reading, Row, Score
from spfem_metrics.metrics.reducing import mean_score
from spfem_metrics.metrics.sides import answered, faces_of, matched, sign_faces
from spfem_metrics.outcome import Unscored
from spfem_metrics.signature import Signature

SPAN_MIN = 1.0
"""Seconds in which both faces must be seen."""

STILL = 0.01
"""Standard deviation, in inter-ocular distances, under which a source's mouth does not move. 34 real
talkers reach .023 or more in opening and .015 in width; re-encoding as JPEG of quality 40 moves the readings
by .007."""

REACH = 0.5
"""Seconds of lag searched either way."""

MATCH_MIN = 0.6
"""Correlation from which a best lag is one. Other clips' mouths reach .75 at their best lag, 95% of them .50
(.62 between sentences of one grammar); copies of 34 real clips blurred by 2 px keep .71 or more over 150
frames; over 75 one of them falls to .53 and is not scored."""

_BASE = f"linear-{round(1000 * STEP)}ms"
_CHANNELS = ("opening", "width")
_REMOVED: Mapping[Form, str] = {
    "motion": ", and each clip's mean mouth too, so that a mouth held in another emotion costs nothing",
    "shape": "",
}


def _mouths(observation: Observation) -> tuple[Paired, Mapping[str, float]] | Unscored:
    """Opening and width of both mouths, on the time the viewer hears: the source's; with the frames' parts.

    The output plays from the source time of the frame its first frame stands for, as its audio does; from
    there on its own clock counts, so that an output that drifts is seen to drift.
    """
    answer = answered(observation)
    if isinstance(answer, Unscored):
        return answer
    output, source = observation.sides["output"], observation.sides["source"]
    source_seen = np.asarray(source["faces"]["found"], bool)
    start = source.times[observation.frame_map[0]]
    paired = on_common_base(
        Trajectory(output.times + start, _channels(output["faces"]), answer.output),
        Trajectory(source.times, _channels(source["faces"]), source_seen),
    )
    if paired.span < SPAN_MIN - 1e-9:
        return Unscored(f"both faces seen during {paired.span:.2f} s only, {SPAN_MIN:.1f} s needed")
    moving = _moving(paired)
    both = int((answer.output & answer.source).sum())
    return moving if isinstance(moving, Unscored) else (moving, answer.parts(both))


def _channels(faces: Arrays) -> NDArray[np.float64]:
    return np.stack([faces["mouth_opening"], faces["mouth_width"]], axis=1).astype(np.float64)


def _moving(paired: Paired) -> Paired | Unscored:
    """Only the channels in which the source's mouth moves; opening must be one of them."""
    moves = paired.source[paired.seen].std(axis=0) >= STILL
    if not moves[0]:
        return Unscored("the source's mouth does not move")
    output, source = paired.output[:, moves], paired.source[:, moves]
    return Paired(output, source, paired.output_seen, paired.source_seen, paired.step)


@dataclass(frozen=True)
class MouthCorrelation:
    """Correlation of mouth opening and width with the source's over time.

    Parts: ``opening`` and, where the source's width moves, ``width``; ``seconds``; ``frames``,
    ``frames_missed``.
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="mouth-correlation",
        label="Mouth corr.",
        version=2,
        direction="higher",
        unit="correlation",
        bounds=(-1.0, 1.0),
        needs=faces_of(),
        about=(
            "Pearson correlation over time of the output's mouth with the source's, mean of the opening "
            "and of the width of the mouth, on one uniform time base. It does not see how far the mouth "
            "opens, which emotion may change, only when. 0 for a mouth that stands still. On 34 real "
            "talking clips: .97 after JPEG of quality 40, .93 after a blur of 2 px, .07 when shifted by "
            "0.4 s, .02 against other clips, .23 between sentences of one grammar spoken to one beat."
        ),
        order=("copy-source", "copy-reference"),
    )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign_faces(
            self.info, definitions, channels="opening+width", base=_BASE, still=f"std{STILL}", span_min="1s"
        )

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's correlation."""
        mouths = _mouths(observation)
        if isinstance(mouths, Unscored):
            return mouths
        paired, frames = mouths
        values = channel_correlations(paired.output[paired.seen], paired.source[paired.seen])
        parts = dict(zip(_CHANNELS, values.tolist(), strict=False))
        return Reading(float(values.mean()), {**frames, **parts, "seconds": paired.span})

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)


@dataclass(frozen=True)
class MouthLag:
    """How late or early the output's mouth is; parts: signed ``lag`` (positive: late), ``correlation``."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="mouth-lag",
        label="Mouth lag",
        version=2,
        direction="lower",
        unit="s",
        bounds=(0.0, REACH),
        needs=faces_of(),
        about=(
            "Size of the shift, within half a second either way, at which opening and width of the "
            "output's mouth follow the source's best, in steps of 10 ms. Not scored where even the best "
            f"shift does not correlate by {MATCH_MIN}: such a mouth is not late, it says something else."
        ),
        order=("copy-source",),
    )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign_faces(
            self.info,
            definitions,
            channels="opening+width",
            base=_BASE,
            still=f"std{STILL}",
            reach=f"{REACH}s",
            match_min=str(MATCH_MIN),
            span_min="1s",
        )

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's absolute lag in seconds."""
        mouths = _mouths(observation)
        if isinstance(mouths, Unscored):
            return mouths
        paired, frames = mouths
        best = best_lag(paired, REACH, SPAN_MIN)
        assert best is not None, "no shift at all leaves the whole span, which was checked"
        lag, match = best
        if match < MATCH_MIN:
            return Unscored(f"the mouths match at no lag (best correlation under {MATCH_MIN})")
        return Reading(abs(lag), {**frames, "lag": lag, "correlation": match})

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)


@dataclass(frozen=True)
class MouthDistance:
    """Distance of mouth landmarks from the source's, in inter-ocular distances; parts: ``frames``.

    Args:
        form: ``motion`` removes each clip's mean mouth first, ``shape`` does not and is named
            ``mouth-shape-distance``.

    Raises:
        DefinitionError: another form.
    """

    form: Form = "motion"

    def __post_init__(self) -> None:
        if self.form not in ("motion", "shape"):
            raise DefinitionError(f"mouth distance has no form {self.form!r}: motion or shape")

    @property
    def info(self) -> MetricInfo:
        """Named after the form."""
        return _distance_info(self.form)

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign_faces(
            self.info, definitions, form=self.form, removed="translation+roll+scale", match="frame"
        )

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's mean distance."""
        frames = matched(observation, "faces", "found")
        if isinstance(frames, Unscored):
            return frames
        output = _normalised(observation, "output", frames.output)
        source = _normalised(observation, "source", frames.source)
        value = mouth_distance(output, source, self.form)
        return Reading(value, frames.parts)

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)


def _normalised(
    observation: Observation, side: Literal["output", "source"], frames: NDArray[np.int64]
) -> NDArray[np.float64]:
    faces = observation.sides[side]["faces"]
    eyes = faces["points5"][frames][:, :2]
    return normalised_mouth(faces["mouth_points"][frames], eyes, faces["interocular"][frames])


def _distance_info(form: Form) -> MetricInfo:
    motion = form == "motion"
    return MetricInfo(
        name="mouth-distance" if motion else "mouth-shape-distance",
        label="Mouth dist." if motion else "Mouth shape",
        version=2,
        direction="lower",
        unit="inter-ocular",
        bounds=(0.0, float("inf")),
        needs=faces_of(),
        about=(
            "Mean distance between mouth landmarks of each output frame and of the source frame it stands "
            f"for, in inter-ocular distances, head position, roll and size removed{_REMOVED[form]}. A mouth "
            "that stands still scores better than one that says something else (.024 against .034 on real "
            "clips; .004 after JPEG of quality 40), so read it beside the correlation."
        ),
        order=("copy-source", "copy-reference"),
    )
