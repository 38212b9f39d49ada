"""FLOAT's generate.py for one picture and one sound each, with a seed that it reads."""
# ruff: noqa: UP031  (format strings came with Python 3.6)

import shutil
import sys
from pathlib import Path
from typing import Any

from bridging import Failed, each_trial, environment, finish, last_words, read_job, run, seeded

NOISES = ("seeded", "fixed")
FPS = 25


def make(job: "dict[str, Any]", trial: "dict[str, Any]") -> None:
    """One trial; names are relative to its folder, because the last step puts them unquoted in a shell."""
    source = trial["source"]
    if source["audio"] is None:
        raise Failed("the source has no sound, and FLOAT moves the face by nothing else")
    folder = Path(job["scratch"]) / Path(trial["output"]).name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source["first-frame"], str(folder / "portrait.png"))
    shutil.copyfile(source["audio"], str(folder / "speech.wav"))
    words = _command(job, trial)
    said = run(words, folder, environment(job["device"]), name="generate.py")
    if not (folder / "made.mp4").is_file():
        raise Failed("generate.py ended with status 0 and left no video%s" % last_words(said))
    shutil.move(str(folder / "made.mp4"), str(Path(trial["output"]) / "video.mp4"))
    finish(trial, "video.mp4", "%d/1" % FPS, first_source_frame=0)


def _command(job: "dict[str, Any]", trial: "dict[str, Any]") -> "list[str]":
    options, assets = job["options"], job["assets"]
    if options["noise"] not in NOISES:
        raise Failed("noise=%s is not one of %s" % (options["noise"], ", ".join(NOISES)))
    words = ["--ref_path", "portrait.png", "--aud_path", "speech.wav", "--res_video_path", "made.mp4"]
    words += ["--emo", trial["condition"]["label"], "--ckpt_path", assets["model"]]
    words += ["--wav2vec_model_path", assets["wav2vec2"], "--audio2emotion_path", assets["speech-emotion"]]
    words += ["--nfe", str(options["nfe"]), "--a_cfg_scale", str(options["a-cfg-scale"])]
    words += ["--e_cfg_scale", str(options["e-cfg-scale"])]
    script = str(Path(job["checkout"]) / "generate.py")
    command = seeded(trial["seed"], script, *words)  # type: list[str]
    if options["noise"] == "fixed":
        command = [sys.executable, script, *words, "--fix_noise_seed", "--seed", str(trial["seed"])]
    return command


if __name__ == "__main__":
    each_trial(read_job(), make)
