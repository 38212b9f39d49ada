"""LivePortrait's inference.py, once per trial: expression from the reference, the rest from the source.

``bridge.py JOB`` makes a job's trials. ``bridge.py keep-lips SCRIPT ARGUMENTS`` runs the released program
around a pipeline in which the lips' keypoints keep the source's motion.
"""
# ruff: noqa: UP031  (format strings came with Python 3.6)

import functools
import importlib
import shutil
import sys
from pathlib import Path
from typing import Any

from bridging import Failed, each_trial, environment, finish, last_words, place, read_job, run, run_script

LIPS = [6, 12, 14, 17, 19, 20]
"""The keypoints that the upstream itself moves for animation_region=lip."""

LIP_MOTIONS = ("released", "source")
UNSEEN = "No face detected in the frame #"


def make(job: "dict[str, Any]", trial: "dict[str, Any]") -> None:
    """One trial; both clips are linked into its own folder, for a template is written beside the second."""
    script = Path(job["checkout"]) / "inference.py"
    folder = Path(job["scratch"]) / Path(trial["output"]).name
    place(trial["source"]["video"], folder / "source.mp4")
    place(trial["condition"]["reference"]["video"], folder / "reference.mp4")
    said = run(_command(job, script, folder), folder, environment(job["device"]), name=script.name)
    if UNSEEN in said:
        raise Failed(
            "no face in the first frame of the source or of its reference: LivePortrait leaves such frames "
            "out of the crops but not of the frames it pastes them into, which shifts all that follows"
        )
    made = folder / "made" / "source--reference.mp4"
    if not made.is_file():
        raise Failed("inference.py ended with status 0 and left no video%s" % last_words(said))
    shutil.move(str(made), str(Path(trial["output"]) / "video.mp4"))
    finish(trial, "video.mp4", trial["source"]["fps"], first_source_frame=0)


def _command(job: "dict[str, Any]", script: Path, folder: Path) -> "list[str]":
    lips = job["options"]["lips"]
    if lips not in LIP_MOTIONS:
        raise Failed("lips=%s is not one of %s" % (lips, ", ".join(LIP_MOTIONS)))
    runner = [str(Path(__file__)), "keep-lips"] if lips == "source" else []
    words = [sys.executable, *runner, str(script), "-s", str(folder / "source.mp4")]
    words += ["-d", str(folder / "reference.mp4"), "-o", str(folder / "made"), "--flag_crop_driving_video"]
    words += ["--animation_region", "exp", "--audio_priority", "source"]
    words += ["--source_max_dim", str(job["options"]["max-dim"])]
    if not job["device"].startswith("cuda"):
        words += ["--flag_force_cpu", "--no_flag_use_half_precision"]
    return words


def keep_lips(script: str, arguments: "list[str]") -> None:
    """Run the released program with the source's own lips.

    The reference's lips are stilled before they are added to the source's, and the sum is taken back out of
    the smoothing that follows, so that the lips' keypoints are the source's to float32 rounding.
    """
    sys.path.insert(0, str(Path(script).resolve().parent))
    module = importlib.import_module("src.live_portrait_pipeline")
    pipeline = module.LivePortraitPipeline  # type: Any
    pipeline.make_motion_template = _stilling(pipeline.make_motion_template)
    module.smooth = _unsmoothed(module.smooth)  # type: ignore[attr-defined]
    run_script(script, arguments)


def _stilling(make_template: "Any") -> "Any":
    """The first template a process makes is the reference's: its lips stay as in its first frame."""
    made = []  # type: list[Any]

    @functools.wraps(make_template)
    def stilled(*arguments: "Any", **named: "Any") -> "Any":
        template = make_template(*arguments, **named)
        if not made:
            first = template["motion"][0]["exp"][:, LIPS, :].copy()
            for item in template["motion"]:
                item["exp"][:, LIPS, :] = first
        made.append(True)
        return template

    return stilled


def _unsmoothed(smooth: "Any") -> "Any":
    """Smoothing of expressions (keypoints, 3) that leaves the lips alone, and of all else as it was."""

    @functools.wraps(smooth)
    def spared(motions: "Any", shape: "Any", *arguments: "Any", **named: "Any") -> "Any":
        smoothed = smooth(motions, shape, *arguments, **named)
        if tuple(shape[-2:]) == (21, 3):
            for before, after in zip(motions, smoothed):  # noqa: B905  (strict= came with Python 3.10)
                lips = before.reshape(21, 3)[LIPS]
                after[LIPS] = after.new_tensor(lips) if hasattr(after, "new_tensor") else lips
        return smoothed

    return spared


if __name__ == "__main__":
    if sys.argv[1:2] == ["keep-lips"]:
        keep_lips(sys.argv[2], sys.argv[3:])
    else:
        each_trial(read_job(), make)
