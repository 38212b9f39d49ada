"""Observations with known answers: what a metric is tried on without any video."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_metrics import Arrays, ClipFeatures, Observation, Side, TrialFacts

Floats = NDArray[np.float32]

FPS = 25
_EMBEDDING = 128
_COEFFICIENTS = 52
_MOUTH_POINTS = 40
_NO_PAIRS = np.zeros((0, 2), np.int64)


@dataclass(frozen=True)
class Known:
    """What a fake output is like, beside its source; the defaults are a perfect output.

    Args:
        identity: cosine between every output embedding and its source embedding.
        shown: the emotion whose probability is 0.9 in every frame; None means the trial's own.
        lag: frames by which the output's mouth comes too late.
        mouth_noise: standard deviation added to the mouth's opening, width and points, in inter-ocular units.
        pose: degrees added to yaw, pitch and roll.
        gaze: added to both gaze components.
        flicker: the output's ``luma_change`` where the source's is 1.
        ssim: of every pair with the truth.
        psnr: of every pair with the truth, in dB.
        found: share of output frames in which a face is found, from the first frame on.
    """

    identity: float = 1.0
    shown: str | None = None
    lag: int = 0
    mouth_noise: float = 0.0
    pose: float = 0.0
    gaze: float = 0.0
    flicker: float = 1.0
    ssim: float = 1.0
    psnr: float = 60.0
    found: float = 1.0


def fake_observation(
    trial: str = "t0",
    *,
    speaker: str = "S1",
    emotion: str = "happy",
    frames: int = 50,
    known: Known | None = None,
    side: Literal["generated", "real"] = "generated",
) -> Observation:
    """One trial's features, drawn from its id, with the answers in ``known``.

    Every side (output, source, truth, reference) has the arrays that this project's extractors give:
    ``faces`` (``found`` ``box`` ``raw_box`` ``points5`` ``interocular`` ``mouth_opening`` ``mouth_width``
    ``mouth_points`` ``coefficients`` ``pose`` ``gaze``), ``identity`` (``embedding`` ``valid``), ``emotion``
    (``probabilities`` ``valid``) and ``stability`` (``luma_change`` ``valid``); the pair extractor
    ``image-quality`` has ``ssim``, ``psnr`` and ``identical``. Output frame k stands for source frame k.

    Args:
        trial: the id; another id gives other random numbers.
        speaker: whose embedding the source has.
        emotion: the target.
        frames: of every side.
        known: what the output is like.
        side: ``real`` for a reference entry, whose only clip is its output.
    """
    answers = known or Known()
    rng = seeded(trial)
    source = _source(rng, speaker, frames)
    output = _output(source, rng, emotion, answers)
    sides: dict[Side, ClipFeatures] = {"output": _features(output, frames)}
    if side == "generated":
        truth = _output(source, rng, emotion, Known())
        other = _output(_source(rng, f"{speaker}-other", frames), rng, emotion, Known())
        sides |= {"source": _features(source, frames), "truth": _features(truth, frames)}
        sides["reference"] = _features(other, frames)
    identity_map = np.arange(frames, dtype=np.int64)
    return Observation(
        trial=TrialFacts(trial, speaker, emotion, side),
        sides=sides,
        frame_map=identity_map,
        truth_map=np.stack([identity_map, identity_map], axis=1) if side == "generated" else _NO_PAIRS,
        pairs={("truth", "image-quality"): _quality(frames, answers)} if side == "generated" else {},
    )


def seeded(name: str) -> np.random.Generator:
    """A generator of random numbers that depends on the name only."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return np.random.Generator(np.random.PCG64(seed))


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / np.linalg.norm(vector, axis=-1, keepdims=True))


def _features(arrays: Mapping[str, Arrays], frames: int) -> ClipFeatures:
    return ClipFeatures(float(FPS), np.arange(frames) / FPS, (128, 128), arrays)


def _source(rng: np.random.Generator, speaker: str, frames: int) -> dict[str, dict[str, NDArray[np.generic]]]:
    """A neutral talking clip of a speaker: syllables at a few hertz, a slowly turning head."""
    t = np.arange(frames) / FPS
    phases = rng.uniform(0, 2 * np.pi, 3)
    opening = (
        0.25 + 0.1 * np.sin(2 * np.pi * 3.1 * t + phases[0]) + 0.05 * np.sin(2 * np.pi * 5.3 * t + phases[1])
    )
    width = 0.9 + 0.08 * np.sin(2 * np.pi * 2.3 * t + phases[2])
    pose = np.stack([5 * np.sin(t), 3 * np.cos(t), np.sin(2 * t)], axis=1)
    embedding = _unit(
        seeded(f"speaker {speaker}").normal(size=_EMBEDDING) + 0.02 * rng.normal(size=(frames, 1))
    )
    return {
        "faces": _faces(opening, width, pose, 0.3 * np.sin(t)[:, None] * np.ones(2), _neutral(rng, frames)),
        "identity": {"embedding": embedding.astype(np.float32), "valid": np.ones(frames, bool)},
        "emotion": _probabilities("neutral", frames),
        "stability": {"luma_change": np.ones(frames, np.float32), "valid": np.ones(frames, bool)},
    }


def _neutral(rng: np.random.Generator, frames: int) -> NDArray[np.float64]:
    return 0.1 + 0.01 * rng.random((frames, _COEFFICIENTS))


def _output(
    source: Mapping[str, Mapping[str, NDArray[np.generic]]],
    rng: np.random.Generator,
    emotion: str,
    known: Known,
) -> dict[str, Mapping[str, NDArray[np.generic]]]:
    embedding = np.asarray(source["identity"]["embedding"], np.float64)
    frames, shown = len(embedding), known.shown or emotion
    every = np.ones(frames, bool)
    flicker = np.full(frames, known.flicker, np.float32)
    made: dict[str, dict[str, NDArray[np.generic]]] = {
        "faces": _moved(source["faces"], rng, shown, known),
        "identity": {"embedding": _turned(embedding, rng, known.identity), "valid": every},
        "emotion": _probabilities(shown, frames),
        "stability": {"luma_change": flicker, "valid": every},
    }
    return {name: _lost(arrays, round(known.found * frames)) for name, arrays in made.items()}


def _moved(
    faces: Mapping[str, NDArray[np.generic]], rng: np.random.Generator, shown: str, known: Known
) -> dict[str, NDArray[np.generic]]:
    """The source's face with another expression, a later mouth, a turned head and another gaze."""
    frames = len(faces["found"])
    noise = known.mouth_noise * rng.normal(size=(2, frames))
    return _faces(
        _late(faces["mouth_opening"], known.lag) + noise[0],
        _late(faces["mouth_width"], known.lag) + noise[1],
        np.asarray(faces["pose"], np.float64) + known.pose,
        np.asarray(faces["gaze"], np.float64) + known.gaze,
        _neutral(rng, frames) + _expression(shown),
    )


def _late(series: NDArray[np.generic], lag: int) -> NDArray[np.float64]:
    """The series ``lag`` frames later, its first value held."""
    index = np.clip(np.arange(len(series)) - lag, 0, len(series) - 1)
    return np.asarray(series, np.float64)[index]


def _turned(embedding: NDArray[np.float64], rng: np.random.Generator, cosine: float) -> Floats:
    """Unit vectors at exactly this cosine to the given ones."""
    other = rng.normal(size=embedding.shape)
    aside = _unit(other - (other * embedding).sum(axis=1, keepdims=True) * embedding)
    return np.asarray(cosine * embedding + np.sqrt(1 - cosine**2) * aside, np.float32)


def _expression(emotion: str) -> NDArray[np.float64]:
    if emotion == "neutral":
        return np.zeros(_COEFFICIENTS)
    return 0.5 * seeded(f"expression {emotion}").random(_COEFFICIENTS)


def _probabilities(emotion: str, frames: int) -> dict[str, NDArray[np.generic]]:
    row = np.full(len(SPFEM_EMOTIONS), 0.1 / (len(SPFEM_EMOTIONS) - 1), np.float32)
    row[SPFEM_EMOTIONS.index(emotion)] = 0.9
    return {"probabilities": np.tile(row, (frames, 1)), "valid": np.ones(frames, bool)}


def _faces(
    opening: NDArray[np.float64],
    width: NDArray[np.float64],
    pose: NDArray[np.float64],
    gaze: NDArray[np.float64],
    coefficients: NDArray[np.float64],
) -> dict[str, NDArray[np.generic]]:
    """A face 40 px between the eyes in a 128 px frame, with a mouth of this opening and width."""
    frames, interocular = len(opening), 40.0
    angle = 2 * np.pi * np.arange(_MOUTH_POINTS) / _MOUTH_POINTS
    ring = np.stack([width[:, None] * np.cos(angle), opening[:, None] * np.sin(angle)], axis=-1)
    points5 = np.array([[44, 52], [84, 52], [64, 70], [46, 90], [82, 90]], np.float32)
    box = np.tile(np.array([24, 20, 104, 116], np.float32), (frames, 1))
    return {
        "found": np.ones(frames, bool),
        "box": box,
        "raw_box": box,
        "points5": np.tile(points5, (frames, 1, 1)),
        "interocular": np.full(frames, interocular, np.float32),
        "mouth_opening": opening.astype(np.float32),
        "mouth_width": width.astype(np.float32),
        "mouth_points": (np.array([64, 90]) + interocular / 2 * ring).astype(np.float32),
        "coefficients": coefficients.astype(np.float32),
        "pose": pose.astype(np.float32),
        "gaze": gaze.astype(np.float32),
    }


def _quality(frames: int, known: Known) -> Arrays:
    return {
        "ssim": np.full(frames, known.ssim, np.float32),
        "psnr": np.full(frames, known.psnr, np.float32),
        "identical": np.full(frames, known.ssim == 1.0),
    }


def _lost(arrays: Mapping[str, NDArray[np.generic]], kept: int) -> dict[str, NDArray[np.generic]]:
    """The arrays with zeros after the first ``kept`` frames, as where no face is found."""
    return {name: _cut(array, kept) for name, array in arrays.items()}


def _cut(array: NDArray[np.generic], kept: int) -> NDArray[np.generic]:
    cut = array.copy()
    cut[kept:] = 0
    return cut
