"""EAT's preprocessing and demo for one clip each, in a tree of links of its own."""
# ruff: noqa: UP031  (format strings came with Python 3.6)

import shutil
import sys
from pathlib import Path
from typing import Any

from bridging import (
    Failed,
    each_trial,
    environment,
    finish,
    last_words,
    link_tree,
    own_python,
    place,
    read_job,
    run,
    seeded,
)

MODEL = "deepprompt_eam3d_all_final_313"
DEEPSPEECH = ".tensorflow/models/deepspeech-0_1_0-b90017e8.pb"
"""Where the DeepSpeech network is looked for, in the home folder."""

OWN = ("demo", "preprocess", "preprocess/deepspeech_features", "preprocess/vid2vid")
"""Folders that are written in, or from which '..' has to lead back into the tree."""

RESULTS = ("cropped", "deepfeature32", "imgs", "latents", "lmk_fps25", "poseimg", "video", "video_fps25")
"""What the preprocessing makes beside its code, and takes for done where it finds it."""

WITHOUT = (
    *("preprocess/" + name for name in RESULTS),
    "demo/imgs",
    "demo/imgs_cropped",
    "demo/imgs_latent",
    "demo/output",
    "demo/video_processed",
    "preprocess/extract_lmks_fps25.txt",
    "preprocess/failed.txt",
    "preprocess/vid2vid/checkpoints",
)

PROCESSED = ("clip.wav", "deepfeature32/clip.npy", "latent_evp_25/clip.npy", "poseimg/clip.npy.gz")


def make(job: "dict[str, Any]", trial: "dict[str, Any]") -> None:
    """One trial: first frame, sound and pose of the source, emotion by label."""
    if trial["source"]["audio"] is None:
        raise Failed("the source has no sound, and EAT moves the lips by nothing else")
    folder = Path(job["scratch"]) / Path(trial["output"]).name
    tree = _tree(job, trial, folder)
    env = _environment(job, folder)
    said = run([sys.executable, "preprocess_video.py"], tree / "preprocess", env, name="preprocess_video.py")
    _check_processed(tree / "demo" / "video_processed" / "clip", said)
    emotion = trial["condition"]["label"]
    arguments = ["--root_wav", "./demo/video_processed/clip", "--emo", emotion]
    words = seeded(trial["seed"], tree / "demo.py", *arguments)
    said = run(words, tree, env, name="demo.py")
    made = tree / "demo" / "output" / MODEL / ("portrait_%s_clip.mp4" % emotion)
    if not made.is_file():
        raise Failed(_reason(tree, said))
    shutil.move(str(made), str(Path(trial["output"]) / "video.mp4"))
    finish(trial, "video.mp4", "25/1", first_source_frame=0)


def _tree(job: "dict[str, Any]", trial: "dict[str, Any]", folder: Path) -> Path:
    """The checkout by links, with this trial's portrait and video and nobody else's."""
    tree = folder / "tree"
    link_tree(job["checkout"], tree, OWN, WITHOUT)
    for name in ("demo/imgs", "demo/imgs_cropped", "preprocess/video"):
        (tree / name).mkdir(parents=True)
    # only *.jpg is looked for; the picture is read by OpenCV, which goes by the content
    shutil.copyfile(trial["source"]["first-frame"], str(tree / "demo" / "imgs" / "portrait.jpg"))
    place(trial["source"]["video"], tree / "preprocess" / "video" / "clip.mp4")
    return tree


def _environment(job: "dict[str, Any]", folder: Path) -> "dict[str, str]":
    home = folder / "home"
    place(job["assets"]["deepspeech"], home / DEEPSPEECH)
    env = environment(job["device"], programs=own_python(folder / "bin"))
    return dict(env, HOME=str(home))


def _check_processed(processed: Path, said: str) -> None:
    """Every step's status is dropped by the program, so what it should have left is looked for.

    Raises:
        Failed: something is missing.
    """
    missing = [name for name in PROCESSED if not (processed / name).is_file()]
    if not list((processed / "images_evp_25" / "cropped").glob("*.jpg")):
        missing.append("images_evp_25/cropped")
    if missing:
        words = last_words(said)
        raise Failed("preprocess_video.py ended with status 0 and left no %s%s" % (", ".join(missing), words))


def _reason(tree: Path, said: str) -> str:
    if not (tree / "demo" / "imgs_cropped" / "portrait.jpg").is_file():
        return "demo.py found no face, or more than one, in the first frame and skipped it in silence"
    return "demo.py ended with status 0 and left no video%s" % last_words(said)


if __name__ == "__main__":
    each_trial(read_job(), make)
