"""What the metrics share: which frames of which side can be used, and how signatures say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError, InputError
from spfem_metrics.metric import MetricInfo, Observation, Side
from spfem_metrics.outcome import Unscored
from spfem_metrics.signature import Signature

FACES_MIN = 0.5
"""Share of a clip's frames in which the face must be found for the clip to be measured."""

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
    """As `sign`, for a metric that asks for the face in at least `FACES_MIN` of the frames."""
    return sign(info, definitions, **choices, faces_min=str(FACES_MIN))


def usable(observation: Observation, side: Side, extractor: str, key: str) -> NDArray[np.bool_] | Unscored:
    """(T,) flags of one side's usable frames, or why the side cannot be measured.

    Args:
        observation: of the trial.
        side: which clip.
        extractor: whose array.
        key: name of a (T,) bool array, ``found`` or ``valid``.
    """
    clip = observation.sides.get(side)
    if clip is None:
        return Unscored(_ABSENT[side])
    flags = np.asarray(clip[extractor][key], bool)
    total, good = len(flags), int(flags.sum())
    if good == 0:
        return Unscored(f"no face in any of the {total} {side} frames")
    if good < FACES_MIN * total:
        share = f"{good} of {total} {side} frames ({100 * good / total:.0f}%)"
        return Unscored(f"face found in {share}, {100 * FACES_MIN:.0f}% needed")
    return flags


@dataclass(frozen=True)
class Matched:
    """Frames that can be compared: row i of ``output`` stands for row i of ``source``.

    Args:
        output: (N,) int64 output frames, N >= 1.
        source: (N,) int64 source frames.
    """

    output: NDArray[np.int64]
    source: NDArray[np.int64]


def matched(observation: Observation, extractor: str, key: str) -> Matched | Unscored:
    """Output frames and the source frames they stand for, where both are usable.

    Raises:
        InputError: the frame map does not fit the clips.
    """
    output = usable(observation, "output", extractor, key)
    source = usable(observation, "source", extractor, key)
    if isinstance(output, Unscored):
        return output
    if isinstance(source, Unscored):
        return source
    frame_map = checked_map(observation.frame_map, len(output), len(source))
    frames = np.flatnonzero(output & source[frame_map])
    if not len(frames):
        return Unscored("no frame in which both output and source show the face")
    return Matched(frames, frame_map[frames])


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
