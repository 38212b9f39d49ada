"""What the metrics share: which frames of which side can be used, and how signatures say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError, InputError
from spfem_metrics.metric import MetricInfo, Need, Observation, Side
from spfem_metrics.outcome import Unscored
from spfem_metrics.signature import Signature

FACES_MIN = 0.5
"""Share of a clip's frames in which the face must be found, where the clip is not the one under test."""

ANSWERED_MIN = 0.9
"""Share of the output's frames with a face, among those whose source frame shows one: an output must not
gain by frames that are ruined beyond detection. MediaPipe finds the face in every frame of 41 of 42 real
clips (first 50 frames), and still does after JPEG of quality 40 or a blur of 2 px; in the 42nd, where it
finds the face in 88% of the frames, these harms lose 14% and 5% of those."""

Flags = NDArray[np.bool_]

_ABSENT: Mapping[Side, str] = {
    "output": "no output clip",
    "source": "no source clip",
    "truth": "no true pair",
    "reference": "no reference clip",
}


def sign(info: MetricInfo, definitions: Mapping[str, str], **choices: str) -> Signature:
    """The signature: extractor definitions first, then the metric's choices, then what is done on a miss.

    Args:
        info: of the metric.
        definitions: extractor name -> its definition.
        **choices: the metric's own (an underscore in a key is written as a hyphen).

    Raises:
        DefinitionError: an extractor in ``info.needs`` has no definition.
    """
    names = list(dict.fromkeys(need.extractor for need in info.needs))
    missing = [name for name in names if name not in definitions]
    if missing:
        raise DefinitionError(f"{info.name} needs the definition of {', '.join(missing)}")
    own = Signature(info.name, info.version, {name: definitions[name] for name in names})
    return own.with_choices(**choices, miss="exclude")


def sign_faces(info: MetricInfo, definitions: Mapping[str, str], **choices: str) -> Signature:
    """As `sign`, for a metric that asks for faces as `usable` and `answered` do."""
    rule = f"output{ANSWERED_MIN}-of-source,other{FACES_MIN}"
    return sign(info, definitions, **choices, faces_min=rule)


def faces_of(*sides: Side) -> tuple[Need, ...]:
    """The needs of `answered` (faces of output and source), and the faces of further sides."""
    return tuple(Need(side, "faces") for side in ("output", "source", *sides))


def usable(observation: Observation, side: Side) -> Flags | Unscored:
    """(T,) flags of one side's frames in which the face was found, or why the side cannot be measured."""
    flags = _found(observation, side)
    if isinstance(flags, Unscored):
        return flags
    total, good = len(flags), int(flags.sum())
    if good == 0:
        return Unscored(f"no face in any of the {total} {side} frames")
    if good < FACES_MIN * total:
        return _too_few(good, f"{total} {side} frames", total, FACES_MIN)
    return flags


def _found(observation: Observation, side: Side) -> Flags | Unscored:
    clip = observation.sides.get(side)
    return Unscored(_ABSENT[side]) if clip is None else np.asarray(clip["faces"]["found"], bool)


def _too_few(good: int, frames: str, total: int, needed: float) -> Unscored:
    return Unscored(
        f"face found in {good} of {frames} ({100 * good / total:.0f}%), {100 * needed:.0f}% needed"
    )


@dataclass(frozen=True)
class Answered:
    """The output's faces beside what their source frames promise.

    Args:
        output: (T,) bool, output frames that show the face; at least one of the clip.
        source: (T,) bool, output frames whose source frame shows the face. The same as ``output`` for a real
            clip, which has no source.
    """

    output: Flags
    source: Flags

    def at(self, frames: NDArray[np.int64]) -> Answered:
        """The same of some output frames only, given by their numbers; perhaps none shows the face."""
        return Answered(self.output[frames], self.source[frames])

    def parts(self, frames: int) -> dict[str, float]:
        """For `Reading.parts`: ``frames`` used; ``frames_missed``, where only the source shows the face."""
        return {"frames": float(frames), "frames_missed": float((self.source & ~self.output).sum())}


def answered(observation: Observation) -> Answered | Unscored:
    """Which output frames show the face, if they are enough of those whose source frame does.

    The source must show it in `FACES_MIN` of its frames, the output in `ANSWERED_MIN` of those that stand for
    such a frame. A real clip (``trial.side`` is ``real``) is judged by itself, as `usable` does.

    Raises:
        InputError: the frame map does not fit the clips.
    """
    if observation.trial.side == "real":
        own = usable(observation, "output")
        return own if isinstance(own, Unscored) else Answered(own, own)
    output, source = _found(observation, "output"), usable(observation, "source")
    if isinstance(output, Unscored):
        return output
    if isinstance(source, Unscored):
        return source
    frame_map = checked_map(observation.frame_map, len(output), len(source))
    return _enough(Answered(output, source[frame_map]))


def _enough(answer: Answered) -> Answered | Unscored:
    total, wanted = len(answer.output), int(answer.source.sum())
    if not answer.output.any():
        return Unscored(f"no face in any of the {total} output frames")
    if not wanted:
        return Unscored(f"none of the {total} output frames stands for a source frame with a face")
    good = int((answer.output & answer.source).sum())
    if good < ANSWERED_MIN * wanted:
        return _too_few(good, f"{wanted} output frames whose source shows it", wanted, ANSWERED_MIN)
    return answer


@dataclass(frozen=True)
class Matched:
    """Frames that can be compared: row i of ``output`` stands for row i of ``source``.

    Args:
        output: (N,) int64 output frames, N >= 1.
        source: (N,) int64 source frames.
        parts: ``frames`` compared and ``frames_missed``, for `Reading.parts`.
    """

    output: NDArray[np.int64]
    source: NDArray[np.int64]
    parts: Mapping[str, float]


def matched(observation: Observation, extractor: str, key: str) -> Matched | Unscored:
    """Output frames and the source frames they stand for, where both are usable and `answered`.

    Args:
        observation: of the trial.
        extractor: whose array says which frames are usable.
        key: name of that (T,) bool array, ``found`` or ``valid``.

    Raises:
        InputError: the frame map does not fit the clips.
    """
    answer = answered(observation)
    if isinstance(answer, Unscored):
        return answer
    output, source = (
        np.asarray(observation.sides[side][extractor][key], bool) for side in ("output", "source")
    )
    frames = np.flatnonzero(output & source[observation.frame_map])
    if not len(frames):
        return Unscored("no frame that can be compared in both output and source")
    return Matched(frames, observation.frame_map[frames], answer.parts(len(frames)))


def checked_map(frame_map: NDArray[np.int64], outputs: int, sources: int) -> NDArray[np.int64]:
    """The frame map, if it names one source frame for every output frame.

    Raises:
        InputError: it does not.
    """
    if len(frame_map) != outputs:
        raise InputError(f"a frame map of {len(frame_map)} entries for {outputs} output frames")
    if frame_map.min() < 0 or frame_map.max() >= sources:
        raise InputError(f"the frame map names source frames outside 0..{sources - 1}")
    return frame_map
