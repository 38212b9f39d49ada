"""SSERD in its own environment: the released test script on a dataset of one source and one reference.

``scripts/test_cross.py`` of ``ZH-Xu410/SSERD`` (commit in the manifest) walks over six MEAD actors and the
checkpoint's emotions and reads ``test/EMOTION/ACTOR/images_aligned``. The trial takes the place of the first
pair, source M003 and reference W015; the others get one frame each, as an empty folder is a division by zero.
"""
# ruff: noqa: UP031  (Python 3.5 has no f-strings)

import inspect
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
    number_frames,
    own_python,
    pictures,
    place,
    read_job,
    run,
    run_script,
    start_from,
)

ACTORS = ("M003", "M009", "W029", "M012", "M030", "W015")
SOURCE = "M003"
REFERENCE = "W015"
"""The actor whose clips ``crossID_map`` gives M003."""

DATA = "data"
EDIT = "edit"
ALIGNED = (("images_aligned", "png"), ("eye_landmarks_aligned", "txt"))
UNALIGNED = (("images", "png"), ("masks", "png"), ("align_transforms", "txt"))
"""Kinds of files that the test script reads of every frame, and those that blending reads beside them."""

NO_CARD = "GPU device not available"


class Trial:
    """One trial on its way through the scripts.

    Args:
        job: the job.
        trial: the trial as the job has it.
    """

    def __init__(self, job: "dict[str, Any]", trial: "dict[str, Any]") -> None:
        self.job = job
        self.trial = trial
        self.emotion = str(trial["condition"]["emotion"])
        self.tree = Path(job["scratch"]) / Path(trial["output"]).name
        self.env = environment(job["device"], [self.tree], own_python(Path(job["scratch"]) / "bin"))

    def celeb(self, emotion: str, actor: str) -> Path:
        """A person's folder, relative to the tree: the scripts replace text in whole paths."""
        return Path(DATA) / "test" / emotion / actor


def main() -> None:
    """Make every trial of the job, or be the test script of one (second word ``narrowed``)."""
    if sys.argv[1:2] == ["narrowed"]:
        narrowed(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5:])
        return
    each_trial(read_job(), make)


def narrowed(emotion: str, seed: int, script: str, arguments: "list[str]") -> None:
    """Run the test script over one emotion instead of all that the checkpoint lists."""
    import torch

    load = torch.load
    takes = inspect.signature(load).parameters

    def load_narrowed(*args: "Any", **kwargs: "Any") -> "Any":
        if "weights_only" in takes:
            kwargs.setdefault("weights_only", False)  # the checkpoint holds options beside tensors
        found = load(*args, **kwargs)
        if isinstance(found, dict) and "opts" in found:
            found["opts"]["emotions"] = [emotion]
        return found

    torch.load = load_narrowed
    start_from(seed)
    run_script(script, arguments)


def make(job: "dict[str, Any]", trial: "dict[str, Any]") -> None:
    """One trial from two videos to frames."""
    made = Trial(job, trial)
    reference = trial["condition"]["reference"]
    if reference is None:
        raise Failed("SSERD needs a reference clip")
    link_tree(job["checkout"], made.tree, without=(DATA, EDIT))
    try:
        prepare(made, made.celeb("neutral", SOURCE), trial["source"])
        prepare(made, made.celeb(made.emotion, REFERENCE), reference)
        fill(made)
        deliver(made, generate(made))
    finally:
        shutil.rmtree(str(made.tree), ignore_errors=True)


def prepare(made: Trial, celeb: Path, clip: "dict[str, Any]") -> None:
    """``scripts/preprocess.sh``: faces, masks, landmarks, all aligned."""
    videos = made.tree / celeb / "videos"
    videos.mkdir(parents=True)
    shutil.copyfile(clip["video"], str(videos / "001.mp4"))
    try:
        said = run(["sh", "scripts/preprocess.sh", celeb], made.tree, made.env)
    except Failed as failed:
        if NO_CARD in failed.said:
            raise Failed("preprocess.sh found no CUDA device (%s)" % NO_CARD) from failed
        raise
    seen = len(pictures(made.tree / celeb / "images_aligned"))
    if seen != clip["frame-count"]:
        raise Failed("preprocess.sh kept %d of %d frames%s" % (seen, clip["frame-count"], last_words(said)))


def fill(made: Trial) -> None:
    """One frame for every actor and emotion that the script will look at and the trial does not fill."""
    for emotion in ("neutral", made.emotion):
        for actor in ACTORS:
            folder = made.tree / made.celeb(emotion, actor)
            if folder.exists():
                continue
            for kind, suffix in ALIGNED + UNALIGNED:
                name = "%s/000000.%s" % (kind, suffix)
                place((made.tree / made.celeb("neutral", SOURCE) / name).absolute(), folder / name)


def generate(made: Trial) -> Path:
    """``scripts/test_cross.py``, where asked ``postprocessing/postprocess.py``; the folder of pictures."""
    script = ["scripts/test_cross.py", "--exp_dir", EDIT, "--data_path", DATA]
    script += ["--checkpoint_path", made.job["assets"]["checkpoint"]]
    narrow = [sys.executable, Path(__file__).resolve(), "narrowed", made.emotion, made.trial["seed"]]
    said = run(narrow + script, made.tree, made.env, name="scripts/test_cross.py")
    folder = "gen_cross"
    if made.job["options"]["blend"]:
        blend = ["python", "postprocessing/postprocess.py", "--celeb_dir", DATA, "--exp_dir", EDIT]
        said = run(blend, made.tree, made.env)
        folder = "gen2_cross"
    found = made.tree / EDIT / folder / made.emotion / SOURCE
    if not pictures(found):
        raise Failed("no pictures in %s/%s%s" % (folder, made.emotion, last_words(said)))
    return found


def deliver(made: Trial, folder: Path) -> None:
    """One picture for every frame of the source."""
    numbers = number_frames(folder, made.trial)
    finish(made.trial, "frames", made.trial["source"]["fps"], frame_map=numbers)


if __name__ == "__main__":
    main()
