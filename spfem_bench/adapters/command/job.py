"""The job file a program is given and the result file it leaves for each trial: the published seam.

``job.json`` (``spfem-job@1``) lies in the program's working directory; all paths in it are absolute. For
every trial the program writes its output below the trial's ``output`` folder and then, last and by a rename,
``result.json`` (``spfem-result@1``). Trials are done in order, so a crash costs the one at hand.

Frame numbers in a result count the frames of the *prepared* source, the one the job names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from spfem_bench.fsio import write_atomically
from spfem_bench.schemas import violation

JOB_FORMAT = "spfem-job@1"
RESULT_FORMAT = "spfem-result@1"
JOB_FILE = "job.json"
RESULT_FILE = "result.json"
LARGEST_RESULT = 16 << 20
"""Bytes of a result file; a frame map of an hour at 60 per second is below 2 MiB."""

Options = Mapping[str, str | int | float | bool]


class JobError(Exception):
    """A job or result file is not what its schema asks for; the message is one sentence."""


@dataclass(frozen=True)
class JobClip:
    """A clip as a program gets it.

    Args:
        first_frame: PNG of the first frame.
        fps: frames per second.
        frame_count: number of frames.
        size: (width, height) in pixels.
        video: a video file, where the manifest asks for one.
        frames: a folder of ``000000.png`` onwards, where the manifest asks for one.
        audio: 16-bit mono wav, where the manifest asks for one and the clip has sound.
    """

    first_frame: Path
    fps: Fraction
    frame_count: int
    size: tuple[int, int]
    video: Path | None = None
    frames: Path | None = None
    audio: Path | None = None


@dataclass(frozen=True)
class Condition:
    """What the output is to show.

    Args:
        emotion: the harness's word.
        label: the program's own word for it, in label mode.
        text: a prompt, in text mode.
        reference: a clip that shows the emotion, in the modes that take one.
        action_units: a CSV file, where the manifest names the step that makes it.
    """

    emotion: str
    label: str | None = None
    text: str | None = None
    reference: JobClip | None = None
    action_units: Path | None = None


@dataclass(frozen=True)
class JobTrial:
    """One thing to make.

    Args:
        trial: its id, to be repeated in the result.
        seed: 63 bits; programs that take fewer keep the low ones.
        output: an empty folder for what is made.
        source: the clip whose words stay on the lips.
        condition: what it is to show.
    """

    trial: str
    seed: int
    output: Path
    source: JobClip
    condition: Condition


@dataclass(frozen=True)
class Job:
    """All that one process is told.

    Args:
        baseline: the manifest's name.
        device: ``cpu`` or ``cuda:n``.
        checkout: the upstream's clone; None where the manifest has none.
        assets: name -> file or folder.
        scratch: an empty folder that is removed with the job.
        options: the manifest's own, passed through.
        trials: in the order they are to be made.
    """

    baseline: str
    device: str
    checkout: Path | None
    assets: Mapping[str, Path]
    scratch: Path
    options: Options
    trials: Sequence[JobTrial]


@dataclass(frozen=True)
class Result:
    """What a program says of one trial.

    Args:
        trial: its id.
        file: a video, a folder of PNG frames or a ``.npy`` array of (N, H, W, 3) uint8, relative to the
            trial's output folder; None with ``failed``.
        fps: frames per second, where the file does not say or says it wrongly.
        frame_map: the prepared-source frame of every output frame.
        first_source_frame: the prepared-source frame of the first output frame; the rest follow in time.
        failed: why there is no output.
    """

    trial: str
    file: str | None = None
    fps: Fraction | None = None
    frame_map: tuple[int, ...] | None = field(default=None, repr=False)
    first_source_frame: int | None = None
    failed: str | None = None


def write_job(job: Job, folder: Path) -> Path:
    """Write ``job.json`` into a folder; its path.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    path = folder / JOB_FILE
    write_atomically(path, json.dumps(job_to_json(job), indent=1, ensure_ascii=False) + "\n", durable=False)
    return path


def job_to_json(job: Job) -> dict[str, Any]:
    """The job as its file has it."""
    return {
        "format": JOB_FORMAT,
        "baseline": job.baseline,
        "device": job.device,
        "checkout": _text(job.checkout),
        "assets": {name: str(path) for name, path in job.assets.items()},
        "scratch": str(job.scratch),
        "options": dict(job.options),
        "trials": [_trial_to_json(trial) for trial in job.trials],
    }


def _trial_to_json(trial: JobTrial) -> dict[str, Any]:
    condition = trial.condition
    reference = condition.reference
    return {
        "trial": trial.trial,
        "seed": trial.seed,
        "output": str(trial.output),
        "source": _clip_to_json(trial.source),
        "condition": {
            "emotion": condition.emotion,
            "label": condition.label,
            "text": condition.text,
            "reference": None if reference is None else _clip_to_json(reference),
            "action-units": _text(condition.action_units),
        },
    }


def _clip_to_json(clip: JobClip) -> dict[str, Any]:
    return {
        "video": _text(clip.video),
        "frames": _text(clip.frames),
        "first-frame": str(clip.first_frame),
        "audio": _text(clip.audio),
        "fps": _rate(clip.fps),
        "frame-count": clip.frame_count,
        "size": list(clip.size),
    }


def read_job(path: Path) -> Job:
    """A job file as the program would read it.

    Raises:
        JobError: it cannot be read or is not a job file.
    """
    plain = _read(path, "job@1", None)
    return Job(
        plain["baseline"],
        plain["device"],
        _path(plain["checkout"]),
        {name: Path(asset) for name, asset in plain["assets"].items()},
        Path(plain["scratch"]),
        plain["options"],
        tuple(_trial(trial) for trial in plain["trials"]),
    )


def _trial(plain: Mapping[str, Any]) -> JobTrial:
    condition = plain["condition"]
    reference = condition["reference"]
    return JobTrial(
        plain["trial"],
        plain["seed"],
        Path(plain["output"]),
        _clip(plain["source"]),
        Condition(
            condition["emotion"],
            condition["label"],
            condition["text"],
            None if reference is None else _clip(reference),
            _path(condition["action-units"]),
        ),
    )


def _clip(plain: Mapping[str, Any]) -> JobClip:
    width, height = plain["size"]
    return JobClip(
        Path(plain["first-frame"]),
        Fraction(plain["fps"]),
        plain["frame-count"],
        (width, height),
        _path(plain["video"]),
        _path(plain["frames"]),
        _path(plain["audio"]),
    )


def read_result(path: Path) -> Result:
    """What a program left for one trial.

    Raises:
        JobError: the file cannot be read, is too large, or is not a result file.
    """
    plain = _read(path, "result@1", LARGEST_RESULT)
    if (plain.get("file") is None) == (plain.get("failed") is None):
        raise JobError(f"{path.name} must have either 'file' or 'failed'")
    frame_map = plain.get("frame-map")
    return Result(
        plain["trial"],
        plain.get("file"),
        _given_rate(plain.get("fps"), path.name),
        None if frame_map is None else tuple(frame_map),
        plain.get("first-source-frame"),
        plain.get("failed"),
    )


def _given_rate(text: str | None, where: str) -> Fraction | None:
    try:
        return None if text is None else Fraction(text)
    except ZeroDivisionError as error:
        raise JobError(f"{where}: 'fps' divides by zero") from error


def _read(path: Path, schema: str, largest: int | None) -> dict[str, Any]:
    try:
        if largest is not None and path.stat().st_size > largest:
            raise JobError(f"{path.name} is larger than {largest >> 20} MiB")
        plain = json.loads(path.read_bytes())
    except OSError as error:
        raise JobError(f"{path.name} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise JobError(f"{path.name} is not JSON") from error
    wrong = violation(schema, plain, path.name)
    if wrong is not None:
        raise JobError(f"{path.name}: {wrong.rstrip('.')}")
    return dict(plain)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _rate(fps: Fraction) -> str:
    return f"{fps.numerator}/{fps.denominator}"
