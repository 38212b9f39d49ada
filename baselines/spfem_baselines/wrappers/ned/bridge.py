"""NED and its plug-ins in its own environment: preprocess, translate, render, unalign, blend.

Command lines, folder names and file names are those of ``foivospar/NED`` at the commit in the manifest. Each
trial works in a tree of links to the checkout, with the clip's folders beside the links and named relative to
it, because the scripts find one folder from another by replacing text (``/images`` by ``/DECA``) in whole
paths, skip what already exists, and import from the root of the repository without adding it to their path.
"""
# ruff: noqa: UP031  (Python 3.5 has no f-strings)

import shutil
from pathlib import Path
from typing import Any

from bridging import (
    Failed,
    each_trial,
    environment,
    finish,
    last_words,
    link_tree,
    number_frames,
    own_python,
    pictures,
    read_job,
    run,
    seeded,
)

WINDOW = 10
"""Frames of the translator's window (``--seq_len``); a shorter clip has none, and the script crashes."""

NO_CARD = "GPU device not available"
CLIP = "clip"
REFERENCE = "reference"
EDIT = "edit"


class Trial:
    """One trial on its way through the scripts.

    Args:
        job: the job.
        trial: the trial as the job has it.
    """

    def __init__(self, job: "dict[str, Any]", trial: "dict[str, Any]") -> None:
        self.job = job
        self.trial = trial
        self.options = job["options"]
        self.tree = Path(job["scratch"]) / Path(trial["output"]).name
        self.env = environment(job["device"], [self.tree], own_python(Path(job["scratch"]) / "bin"))

    def script(self, name: str, *arguments: "Any") -> str:
        """Run a Python script of the checkout; the end of what it printed."""
        return str(run(["python", name, *list(arguments)], self.tree, self.env))

    def frames(self, folder: str) -> "list[Any]":
        """The numbered pictures in a folder of the tree."""
        return list(pictures(self.tree / folder))


def main() -> None:
    """Make every trial of the job."""
    each_trial(read_job(), make)


def make(job: "dict[str, Any]", trial: "dict[str, Any]") -> None:
    """One trial from video to frames."""
    reference = trial["condition"]["reference"]
    wanted = [("source", trial["source"])] + ([("reference", reference)] if reference else [])
    for name, clip in wanted:
        if clip["frame-count"] < WINDOW:
            raise Failed(
                "the %s has %d frames, the translator needs %d" % (name, clip["frame-count"], WINDOW)
            )
    made = Trial(job, trial)
    renderer = renderer_of(job, trial)
    link_tree(job["checkout"], made.tree, without=(CLIP, REFERENCE))
    try:
        preprocess(made, CLIP, trial["source"], "test")
        translate(made)
        render(made, renderer)
        deliver(made)
    finally:
        shutil.rmtree(str(made.tree), ignore_errors=True)


def renderer_of(job: "dict[str, Any]", trial: "dict[str, Any]") -> Path:
    """The folder of the renderer trained for the person of the source.

    A trial's id starts with the speaker (``M003__neutral-037__to__happy``).
    """
    named = job["options"].get("renderer") or trial["trial"].partition("__")[0]
    folder = Path(job["assets"]["renderers"], named)
    network = folder / ("%s_net_G.pth" % job["options"]["renderer-epoch"])
    if not network.is_file():
        raise Failed(
            "no renderer for %s: %s is missing (NED trains one per person with renderer/train.py)"
            % (named, network)
        )
    return folder


def preprocess(made: Trial, folder: str, clip: "dict[str, Any]", mode: str) -> None:
    """``preprocess.sh``: faces, masks, landmarks, 3DMM coefficients of every frame."""
    videos = made.tree / folder / "videos"
    videos.mkdir(parents=True)
    shutil.copyfile(clip["video"], str(videos / "clip.mp4"))
    try:
        said = run(["sh", "preprocess.sh", folder, mode], made.tree, made.env)
    except Failed as failed:
        if NO_CARD in failed.said:
            raise Failed("preprocess.sh found no CUDA device (%s)" % NO_CARD) from failed
        raise
    if NO_CARD in said:
        raise Failed("preprocess.sh found no CUDA device and left with exit status 0 (%s)" % NO_CARD)
    seen = len(made.frames(folder + "/full_frames"))
    if seen != clip["frame-count"]:
        raise Failed("preprocess.sh kept %d of %d frames%s" % (seen, clip["frame-count"], last_words(said)))


def translate(made: Trial) -> None:
    """``manipulator/test.py``: new expression coefficients, by label or by the style of a reference."""
    condition, options = made.trial["condition"], made.options
    arguments = ["--celeb", CLIP, "--exp_name", EDIT, "--which_epoch", options["manipulator-epoch"]]
    arguments += ["--checkpoints_dir", made.job["assets"]["manipulator"]]
    arguments += ["--selected_emotions", *options["emotions"].split()]
    if made.job["device"] == "cpu":
        arguments += ["--gpu_ids", "-1"]
    if condition["label"] is not None:
        arguments += ["--trg_emotions", condition["label"]]
    else:
        preprocess(made, REFERENCE, condition["reference"], "reference")
        arguments += ["--ref_dirs", REFERENCE + "/DECA"]
    command = seeded(made.trial["seed"], "manipulator/test.py", *arguments)
    said = run(command, made.tree, made.env, name="manipulator/test.py")
    if not (made.tree / CLIP / EDIT / "DECA").is_dir() or "Invalid target emotion" in said:
        raise Failed("manipulator/test.py left no coefficients%s" % last_words(said))


def render(made: Trial, renderer: Path) -> None:
    """The four commands of ``postprocess.sh``, which fixes epoch 20 and goes on after a failure."""
    which = ["--celeb", CLIP, "--exp_name", EDIT]
    made.script("renderer/create_inputs.py", *([*which, "--save_shapes"]))
    network = ["--checkpoints_dir", renderer, "--which_epoch", made.options["renderer-epoch"]]
    card = ["--gpu_ids", "-1"] if made.job["device"] == "cpu" else []
    made.script("renderer/test.py", *(which + network + card))
    made.script("postprocessing/unalign.py", *which)
    said = made.script("postprocessing/blend.py", *([*which, "--save_images"]))
    if not made.frames("%s/%s/full_frames" % (CLIP, EDIT)):
        raise Failed("postprocessing/blend.py left no frames%s" % last_words(said))


def deliver(made: Trial) -> None:
    """Full frames as they are, or the released mp4; either way the first ones of the source have none."""
    trial, fps = made.trial, made.trial["source"]["fps"]
    folder = "%s/%s/full_frames" % (CLIP, EDIT)
    if not made.options["released-video"]:
        numbers = number_frames(made.tree / folder, trial)
        finish(trial, "frames", fps, frame_map=numbers)
        return
    first = made.frames(folder)[0][0]
    video = Path(trial["output"]) / "video.mp4"
    top, _, bottom = fps.partition("/")
    rate = "%.6f" % (int(top) / int(bottom or 1))
    made.script("postprocessing/images2video.py", "--imgs_path", folder, "--out_path", video, "--fps", rate)
    finish(trial, "video.mp4", fps, first_source_frame=first)


if __name__ == "__main__":
    main()
