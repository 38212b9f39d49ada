"""Observations with known answers: what a metric is tried on without any video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.testing import fake_networks
from spfem_bench.testing.fake_networks import late, seeded, turned, unit
from spfem_metrics import Arrays, ClipFeatures, Observation, Side, TrialFacts

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
        lipsync: cosine between the mouth's embeddings and those of their own sound; ``lag`` moves the mouth.
        landmarks: standard deviation in px added to every landmark.
        perceptual: the perceptual distance of every pair with the truth; it also moves the features.
        shows: cosine between every frame's image embedding and that of the caption of the emotion shown.
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
    lipsync: float = 0.9
    landmarks: float = 0.0
    perceptual: float = 0.0
    shows: float = 0.8


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
    ``mouth_points`` ``coefficients`` ``pose`` ``gaze`` ``landmarks``), ``identity`` (``embedding``
    ``valid``), ``emotion`` (``probabilities`` ``units`` ``valid``), ``stability`` (``luma_change``
    ``valid``), ``sync`` (``video`` ``audio`` ``video_valid`` ``audio_valid``), ``text`` (``embedding``
    ``valid``) and ``perceptual`` (``features``). Of the pair extractors, ``image-quality`` has ``ssim``,
    ``psnr`` and ``identical``, ``perceptual-distance`` has ``distance``. Output frame k stands for source
    frame k.

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
        pairs=_pairs(frames, answers) if side == "generated" else {},
    )


def _features(arrays: Mapping[str, Arrays], frames: int) -> ClipFeatures:
    return ClipFeatures(float(FPS), np.arange(frames) / FPS, (128, 128), arrays)


_CLASSIFIERS = ("emotion", "emotion-clip", "emotion-hsemotion")


def _source(rng: np.random.Generator, speaker: str, frames: int) -> dict[str, dict[str, NDArray[np.generic]]]:
    """A neutral talking clip of a speaker: syllables at a few hertz, a slowly turning head."""
    t = np.arange(frames) / FPS
    phases = rng.uniform(0, 2 * np.pi, 3)
    opening = (
        0.25 + 0.1 * np.sin(2 * np.pi * 3.1 * t + phases[0]) + 0.05 * np.sin(2 * np.pi * 5.3 * t + phases[1])
    )
    width = 0.9 + 0.08 * np.sin(2 * np.pi * 2.3 * t + phases[2])
    pose = np.stack([5 * np.sin(t), 3 * np.cos(t), np.sin(2 * t)], axis=1)
    embedding = unit(
        seeded(f"speaker {speaker}").normal(size=_EMBEDDING) + 0.02 * rng.normal(size=(frames, 1))
    )
    return {
        "faces": _faces(opening, width, pose, 0.3 * np.sin(t)[:, None] * np.ones(2), _neutral(rng, frames)),
        "identity": {"embedding": embedding.astype(np.float32), "valid": np.ones(frames, bool)},
        **{name: _probabilities("neutral", frames) for name in _CLASSIFIERS},
        "stability": {"luma_change": np.ones(frames, np.float32), "valid": np.ones(frames, bool)},
        **_networks(rng, fake_networks.sound(rng.spawn(1)[0], frames), "neutral", Known()),
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
        "identity": {"embedding": turned(embedding, rng, known.identity), "valid": every},
        **{name: _probabilities(shown, frames) for name in _CLASSIFIERS},
        "stability": {"luma_change": flicker, "valid": every},
    }
    made |= _networks(rng, source["sync"]["audio"], shown, known)
    kept = round(known.found * frames)
    return {name: arrays if name == "perceptual" else _lost(arrays, kept) for name, arrays in made.items()}


def _networks(
    rng: np.random.Generator, audio: NDArray[np.generic], shown: str, known: Known
) -> dict[str, dict[str, NDArray[np.generic]]]:
    """What only networks of rendered faces say; drawn apart, so that the other numbers stay as they are."""
    own, frames = rng.spawn(1)[0], len(audio)
    return {
        "sync": dict(fake_networks.spoken(own, audio, known.lag, known.lipsync)),
        "text": dict(fake_networks.shown(own, shown, frames, known.shows)),
        "perceptual": dict(fake_networks.pictured(own, frames, known.perceptual)),
    }


def _moved(
    faces: Mapping[str, NDArray[np.generic]], rng: np.random.Generator, shown: str, known: Known
) -> dict[str, NDArray[np.generic]]:
    """The source's face with another expression, a later mouth, a turned head and another gaze."""
    frames = len(faces["found"])
    noise = known.mouth_noise * rng.normal(size=(2, frames))
    return _faces(
        late(faces["mouth_opening"], known.lag) + noise[0],
        late(faces["mouth_width"], known.lag) + noise[1],
        np.asarray(faces["pose"], np.float64) + known.pose,
        np.asarray(faces["gaze"], np.float64) + known.gaze,
        _neutral(rng, frames) + _expression(shown),
    ) | {"landmarks": fake_networks.landmarks(rng.spawn(1)[0], frames, known.landmarks)}


def _expression(emotion: str) -> NDArray[np.float64]:
    if emotion == "neutral":
        return np.zeros(_COEFFICIENTS)
    return 0.5 * seeded(f"expression {emotion}").random(_COEFFICIENTS)


def _probabilities(emotion: str, frames: int) -> dict[str, NDArray[np.generic]]:
    row = np.full(len(SPFEM_EMOTIONS), 0.1 / (len(SPFEM_EMOTIONS) - 1), np.float32)
    row[SPFEM_EMOTIONS.index(emotion)] = 0.9
    units = fake_networks.units(emotion, frames)
    return {"probabilities": np.tile(row, (frames, 1)), "units": units, "valid": np.ones(frames, bool)}


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
        "landmarks": fake_networks.landmarks(fake_networks.seeded("steady"), frames, 0.0),
    }


def _pairs(frames: int, known: Known) -> dict[tuple[Side, str], Arrays]:
    distance = np.full(frames, known.perceptual, np.float32)
    return {
        ("truth", "image-quality"): _quality(frames, known),
        ("truth", "perceptual-distance"): {"distance": distance},
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
