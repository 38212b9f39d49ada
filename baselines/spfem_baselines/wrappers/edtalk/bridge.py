"""EDTalk's demos for one clip each: by label with a stored weight, by reference with a clip.

``bridge.py JOB`` makes a job's trials. ``bridge.py raw ARRAY SCRIPT ARGUMENTS`` runs a demo with its
``save_video`` replaced by one that writes the frames as they left the network, brightness not stretched.
"""
# ruff: noqa: UP031  (format strings came with Python 3.6)

import ast
import functools
import importlib
import shutil
import sys
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

from bridging import Failed, each_trial, environment, finish, last_words, read_job, run

BY_LABEL = "demo_EDTalk_V_using_predefined_exp_weights.py"
BY_REFERENCE = "demo_EDTalk_V.py"
WEIGHTS = "ckpts/predefined_exp_weights"
WRITER = "save_video"
STRETCHED = (
    "edtalk: %s stretches the brightness of the whole clip to 0..255, which moves FID, PSNR, SSIM and LPIPS "
    "and cannot be undone; raw-frames=true takes the network's own values"
)


def make(job: "dict[str, Any]", trial: "dict[str, Any]") -> None:
    """One trial: the source drives lips and pose, the label or the reference drives the expression."""
    checkout = Path(job["checkout"])
    folder = Path(job["scratch"]) / Path(trial["output"]).name
    folder.mkdir(parents=True, exist_ok=True)
    script, expression = _expression(checkout, trial["condition"])
    source = trial["source"]
    made = folder / "made.mp4"
    arguments = ["--source_path", source["first-frame"], "--lip_driving_path", source["video"]]
    arguments += ["--pose_driving_path", source["video"], "--audio_driving_path", _silence(source, folder)]
    arguments += [*expression, "--save_path", str(made), "--model_path", job["assets"]["model"]]
    if job["options"]["raw-frames"]:
        _make_raw(job, trial, script, arguments)
        return
    if _stretches(script):
        print(STRETCHED % script.name)
    words = [sys.executable, str(script), *arguments]
    said = run(words, checkout, environment(job["device"]), name=script.name)
    if not made.is_file():
        raise Failed("%s ended with status 0 and left no video%s" % (script.name, last_words(said)))
    shutil.move(str(made), str(Path(trial["output"]) / "video.mp4"))
    finish(trial, "video.mp4", source["fps"], first_source_frame=0)


def _make_raw(job: "dict[str, Any]", trial: "dict[str, Any]", script: Path, arguments: "list[str]") -> None:
    array = Path(trial["output"]) / "frames.npy"
    words = [sys.executable, str(Path(__file__)), "raw", str(array), str(script), *arguments]
    said = run(words, job["checkout"], environment(job["device"]), name=script.name)
    if not array.is_file():
        raise Failed("%s ended with status 0 and made no frames%s" % (script.name, last_words(said)))
    finish(trial, array.name, trial["source"]["fps"], first_source_frame=0)


def _expression(checkout: Path, condition: "dict[str, Any]") -> "tuple[Path, list[str]]":
    """The demo to run and its arguments for the expression."""
    label = condition["label"]
    if label is None:
        return checkout / BY_REFERENCE, ["--exp_driving_path", condition["reference"]["video"]]
    if not (checkout / WEIGHTS / (label + ".npy")).is_file():
        raise Failed("%s has no stored weight for '%s'" % (WEIGHTS, label))
    return checkout / BY_LABEL, ["--exp_type", label]


def _silence(source: "dict[str, Any]", folder: Path) -> str:
    """Silence as long as the clip: the demo only joins it to the file, and fails without it."""
    path = folder / "silence.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(bytes(2 * int(source["frame-count"] * 16000 / Fraction(source["fps"]))))
    return str(path)


def _writer(tree: ast.Module) -> "list[ast.stmt]":
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == WRITER]


def _stretches(script: Path) -> bool:
    """Whether the demo's writer asks for a clip's smallest or largest value."""
    asked = [node for function in _writer(_parsed(script)) for node in ast.walk(function)]
    return any(isinstance(node, ast.Attribute) and node.attr in ("min", "max") for node in asked)


def _parsed(script: Path) -> ast.Module:
    return ast.parse(script.read_text(encoding="utf-8"), str(script))


def run_raw(array: str, script: str, arguments: "list[str]") -> None:
    """Run a demo as a program, but with its writer replaced.

    Raises:
        SystemExit: it has no writer of that name.
    """
    tree = _parsed(Path(script))
    writers = _writer(tree)
    if not writers:
        raise SystemExit("%s has no function %s to replace" % (script, WRITER))
    tree.body = [node for node in tree.body if node not in writers]
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).resolve().parent)
    own = {"__name__": "__main__", "__file__": script, WRITER: functools.partial(save_raw, array)}
    exec(compile(tree, script, "exec"), own)


def save_raw(array: str, video: "Any", path: str, fps: "Any") -> None:  # noqa: ARG001  (called so)
    """Write a network's output (1, 3, T, H, W) in [-1, 1] as a uint8 array (T, H, W, 3).

    An empty file is left at ``path``, because the demo deletes it once ffmpeg has refused it.
    """
    numpy = importlib.import_module("numpy")
    values = numpy.asarray(video.detach().cpu() if hasattr(video, "detach") else video)[0]
    frames = (numpy.clip(values, -1, 1) + 1) / 2 * 255
    numpy.save(array, numpy.rint(frames).astype(numpy.uint8).transpose(1, 2, 3, 0))
    Path(path).touch()


if __name__ == "__main__":
    if sys.argv[1:2] == ["raw"]:
        run_raw(sys.argv[2], sys.argv[3], sys.argv[4:])
    else:
        each_trial(read_job(), make)
