"""Wav2Lip-Emotion's inference over a file list of one, in a tree of links of its own."""
# ruff: noqa: UP031  (format strings came with Python 3.6)

import shutil
import sys
from pathlib import Path
from typing import Any

from bridging import Failed, each_trial, environment, finish, last_words, link_tree, place, read_job, run

SCRIPT = "real_videos_inference.py"
FACE = ["--face_res", "96", "--min_frame_res", "160"]
"""As evaluation/README.md has it."""


def make(job: "dict[str, Any]", trial: "dict[str, Any]") -> None:
    """One trial: the label names the pair of emotions, and so the checkpoint."""
    if trial["source"]["audio"] is None:
        raise Failed("the source has no sound, and Wav2Lip-Emotion moves the lips by nothing else")
    tree = Path(job["scratch"]) / Path(trial["output"]).name
    link_tree(job["checkout"], tree, ("evaluation", "temp"))
    place(trial["source"]["video"], tree / "data" / "clip.mp4")
    (tree / "list.txt").write_text("clip.mp4\n", encoding="utf-8")
    said = run(_command(job, trial), tree / "evaluation", _environment(job["device"]), name=SCRIPT)
    made = tree / "made" / "vidclip.mp4_audioclip.mp4.mp4"
    if not made.is_file():
        raise Failed(_reason(tree / "made" / "failed_videos0.txt", said))
    shutil.move(str(made), str(Path(trial["output"]) / "video.mp4"))
    finish(trial, "video.mp4", trial["source"]["fps"], first_source_frame=0)


def _command(job: "dict[str, Any]", trial: "dict[str, Any]") -> "list[str]":
    pair = trial["condition"]["label"]
    if pair not in job["assets"]:
        raise Failed("no asset of the manifest is named '%s', which is the label's checkpoint" % pair)
    # relative to the working folder: the program puts them unquoted in a shell
    words = ["--mode", "affect", "--filelist", "../list.txt", "--data_root", "../data"]
    words += ["--results_dir", "../made", "--checkpoint_path", str(_checkpoint(Path(job["assets"][pair])))]
    return [sys.executable, SCRIPT, *words, *FACE, "--gpu_id", "0"]


def _checkpoint(asset: Path) -> Path:
    """The file itself, or the one ``checkpoint_canonical_*`` of a run's folder.

    Raises:
        Failed: there are none, or several.
    """
    if asset.is_file():
        return asset
    found = sorted(asset.glob("checkpoint_canonical_*"))
    if len(found) != 1:
        raise Failed("%s holds %d files checkpoint_canonical_*; one is due" % (asset.name, len(found)))
    return found[0]


def _environment(device: str) -> "dict[str, str]":
    """The program takes a card wherever it sees one, so that without ``cuda`` it is shown none."""
    env = environment(device)
    return env if device.startswith("cuda") else dict(env, CUDA_VISIBLE_DEVICES="-1")


def _reason(failed: Path, said: str) -> str:
    if "audio length mismatch" in said:
        return "the sound outlasts the picture, and real_videos_inference.py refuses such a file"
    if failed.is_file():
        return "real_videos_inference.py found no face in one of the frames and refused the file"
    return "real_videos_inference.py ended with status 0 and left no video%s" % last_words(said)


if __name__ == "__main__":
    each_trial(read_job(), make)
