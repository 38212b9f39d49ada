"""ICface in its own environment: one picture of the person and a table of action units give one movie.

The command line and file names are those of ``test_code_released_new`` of ``Blade6570/icface`` at the commit
in the manifest. Each trial works in a tree of links to the checkout, because the script writes ``opt.txt``
beside the checkpoints, pictures into ``new_crop/results_video`` (nothing at all where that exists) and
``movie.mp4``.
"""
# ruff: noqa: UP031  (Python 3.5 has no f-strings)

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
    place,
    program,
    quoted,
    read_job,
    run,
)

CODE = "test_code_released_new"
NETWORKS = CODE + "/checkpoints/gpubatch_resnet"
PICTURES = "results_video"
"""Must be called so: the script's last commands name it whatever --results_dir says."""

ARGUMENTS = ["--dataroot", "./", "--model", "pix2pix", "--which_model_netG", "resnet_6blocks"]
ARGUMENTS += [
    "--which_direction",
    "AtoB",
    "--dataset_mode",
    "aligned",
    "--norm",
    "batch",
    "--display_id",
    "0",
]
ARGUMENTS += ["--batchSize", "1", "--loadSize", "128", "--fineSize", "128", "--no_flip", "--how_many", "1"]
ARGUMENTS += ["--name", "gpubatch_resnet", "--ndf", "256", "--ngf", "128"]


def main() -> None:
    """Make every trial of the job."""
    each_trial(read_job(), make)


def make(job: "dict[str, Any]", trial: "dict[str, Any]") -> None:
    """One trial from a picture and a table to a movie, or to pictures."""
    tree = Path(job["scratch"]) / Path(trial["output"]).name
    code = lay_out(job, trial, tree)
    env = environment(job["device"], programs=keep_pictures(tree) if job["options"]["frames"] else None)
    command = [sys.executable, "test.py", *ARGUMENTS, "--results_dir", PICTURES]
    command += ["--which_ref", "./new_crop/source.png", "--csv_path", "source.csv"]
    command += ["--gpu_ids", "-1" if job["device"] == "cpu" else "0"]
    try:
        said = run(command, code, env, name="test.py")
        deliver(job, trial, code, said)
    finally:
        shutil.rmtree(str(tree), ignore_errors=True)


def lay_out(job: "dict[str, Any]", trial: "dict[str, Any]", tree: Path) -> Path:
    """The tree of links with the trial's picture and table; the folder of the code in it."""
    own = (NETWORKS, CODE + "/new_crop")
    written = ["/movie.mp4", "/source.csv", "/new_crop/source.png", "/new_crop/" + PICTURES]
    without = (NETWORKS + "/opt.txt", *(CODE + name for name in written))
    link_tree(job["checkout"], tree, own, without)
    code = tree / CODE
    for network in sorted(Path(job["assets"]["checkpoints"]).glob("*.pth")):
        if not (tree / NETWORKS / network.name).exists():
            place(network, tree / NETWORKS / network.name)
    shutil.copyfile(trial["source"]["first-frame"], str(code / "new_crop" / "source.png"))
    shutil.copyfile(trial["condition"]["action-units"], str(code / "source.csv"))
    return code


def keep_pictures(tree: Path) -> Path:
    """A folder with an ``rm`` that leaves the pictures, which the script removes once the movie is made."""
    folder = tree.parent / (tree.name + "-bin")
    folder.mkdir()
    real = quoted(shutil.which("rm") or "/bin/rm")
    program(folder / "rm", 'case "$*" in *%s*) exit 0 ;; esac\nexec %s "$@"' % (PICTURES, real))
    return folder


def deliver(job: "dict[str, Any]", trial: "dict[str, Any]", code: Path, said: str) -> None:
    """The movie as released, or the pictures it was made of."""
    if job["options"]["frames"]:
        numbers = number_frames(code / "new_crop" / PICTURES, trial, r"(\d+)_re\.png")
        finish(trial, "frames", "25/1", frame_map=numbers)
        return
    movie = code / "movie.mp4"
    if not movie.is_file() or not movie.stat().st_size:
        raise Failed("test.py left no movie.mp4, though it ended well%s" % last_words(said))
    shutil.move(str(movie), str(Path(trial["output"]) / "movie.mp4"))
    finish(trial, "movie.mp4", "25/1", first_source_frame=0)


if __name__ == "__main__":
    main()
