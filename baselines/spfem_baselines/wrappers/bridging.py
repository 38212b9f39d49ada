"""What every bridge needs inside a foreign environment: Python 3.5's syntax and standard library, no more.

A bridge is started with the path of a job file (``spfem-job@1``), makes its trials in order and leaves a
``result.json`` (``spfem-result@1``) for each, written last. All paths in a job are absolute. The adapter puts
this file's folder on ``PYTHONPATH``; a bridge says ``from bridging import ...``.
"""
# ruff: noqa: UP031  (Python 3.5 has no f-strings)

import importlib
import json
import os
import random
import re
import runpy
import shutil
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

KEPT = 256 * 1024
"""Bytes of what a program printed last that are kept: of writes one traceback alone makes dozens."""
CHUNK = 4096
LAST_WORDS = 300


class Failed(Exception):  # noqa: N818  the word for this outcome everywhere here
    """A trial has no output; the message is the reason, one sentence.

    Args:
        reason: the sentence.
        said: the end of what the upstream's program printed.
    """

    def __init__(self, reason: str, said: str = "") -> None:
        super().__init__(reason)
        self.said = said


def read_job(path: "str | None" = None) -> "dict[str, Any]":
    """The job that a file, or the first argument, names.

    Raises:
        SystemExit: it is no job file of this version.
    """
    with Path(path or sys.argv[1]).open(encoding="utf-8") as file:
        job = json.load(file)  # type: dict[str, Any]
    if job.get("format") != "spfem-job@1":
        raise SystemExit("not a job file of version spfem-job@1: %s" % path)
    return job


def finish(
    trial: "dict[str, Any]",
    file: str,
    fps: "str | None" = None,
    frame_map: "list[int] | None" = None,
    first_source_frame: "int | None" = None,
) -> None:
    """Say that a trial's output is complete.

    Args:
        trial: as the job has it.
        file: a video, a folder of PNG frames or a ``.npy`` array, relative to the trial's output folder.
        fps: frames per second as a fraction, ``30000/1001``; needed for frames and arrays.
        frame_map: for every frame of the output, the frame of the prepared source it stands for.
        first_source_frame: that of the first output frame, where the others follow in time.
    """
    said = {"file": file, "fps": fps, "frame-map": frame_map, "first-source-frame": first_source_frame}
    _leave(trial, {key: value for key, value in said.items() if value is not None})


def fail(trial: "dict[str, Any]", reason: str) -> None:
    """Say why a trial has no output, in one line."""
    _leave(trial, {"failed": " ".join(reason.split()) or "no reason given"})


def _leave(trial: "dict[str, Any]", said: "dict[str, Any]") -> None:
    said.update({"format": "spfem-result@1", "trial": trial["trial"]})
    folder = Path(trial["output"])
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "result.json.part"
    temporary.write_text(json.dumps(said), encoding="utf-8")
    temporary.replace(folder / "result.json")


def each_trial(job: "dict[str, Any]", make: "Any") -> None:
    """Call ``make(job, trial)`` for every trial in order; what one raises is that trial's reason only."""
    for trial in job["trials"]:
        try:
            make(job, trial)
        except Failed as failed:
            fail(trial, str(failed))
        except Exception as error:  # noqa: BLE001  the next trial may well go
            traceback.print_exc()
            fail(trial, "%s: %s" % (type(error).__name__, error))


def run(
    argv: "list[Any]",
    cwd: "Path | str",
    env: "dict[str, str] | None" = None,
    timeout: "float | None" = None,
    name: "str | None" = None,
) -> str:
    """Run an upstream's program to its end, pass on what it prints, and return the end of that.

    Args:
        argv: program and arguments.
        cwd: its working directory.
        env: its whole environment; None for this process's own.
        timeout: seconds after which it is killed; None for no limit of its own.
        name: as named in errors; default the first argument that is not a program of the environment.

    Raises:
        Failed: it could not be started, did not end, or left with another status than 0.
    """
    words = [str(part) for part in argv]
    name = name or " ".join(words[:2])
    try:
        process = subprocess.Popen(
            words,
            cwd=str(cwd),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise Failed("%s cannot be started (%s)" % (name, error.strerror)) from error
    kept = bytearray()
    reader = threading.Thread(target=_pass_on, args=(process.stdout, kept), daemon=True)
    reader.start()
    status = _status(process, timeout)
    reader.join(10)
    said = kept.decode("utf-8", "replace")
    if status is None:
        raise Failed("%s had not ended after %g s%s" % (name, timeout or 0, last_words(said)), said)
    if status:
        ended = "was ended by signal %d" % -status if status < 0 else "left with exit status %d" % status
        raise Failed("%s %s%s" % (name, ended, last_words(said)), said)
    return said


def _status(process: "subprocess.Popen[bytes]", timeout: "float | None") -> "int | None":
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


def _pass_on(stream: "Any", kept: bytearray) -> None:
    for chunk in iter(lambda: stream.read1(CHUNK), b""):
        kept += chunk
        del kept[:-KEPT]
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def last_words(said: str) -> str:
    """The last line of what a program printed, in brackets; empty where it said nothing."""
    lines = [line.strip() for line in re.split("[\r\n]+", said) if line.strip()]
    return " (last words: %s)" % lines[-1][-LAST_WORDS:] if lines else ""


def environment(
    device: str, paths: "list[Path] | None" = None, programs: "Path | None" = None
) -> "dict[str, str]":
    """The environment of an upstream's program.

    Args:
        device: ``cuda:n`` shows it the n-th visible card alone, as its first; ``cpu`` changes nothing.
        paths: folders put in front of ``PYTHONPATH``: many upstreams import from their root unasked.
        programs: a folder put in front of ``PATH``, before that of this interpreter (ffmpeg lies there in an
            environment that was not activated).
    """
    env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONUNBUFFERED="1")
    first = [str(path) for path in paths or []]
    env["PYTHONPATH"] = os.pathsep.join(first + list(filter(None, [env.get("PYTHONPATH")])))
    own = [str(programs)] if programs is not None else []
    env["PATH"] = os.pathsep.join([*own, str(Path(sys.executable).parent), env.get("PATH", os.defpath)])
    if device.startswith("cuda"):
        cards = [card for card in env.get("CUDA_VISIBLE_DEVICES", "").split(",") if card]
        number = int(device.partition(":")[2] or 0)
        env["CUDA_VISIBLE_DEVICES"] = cards[number] if number < len(cards) else str(number)
    return env


def own_python(folder: Path) -> Path:
    """A folder whose ``python`` and ``python3`` are this interpreter, for scripts that say ``python``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("python", "python3"):
        program(folder / name, 'exec %s "$@"' % quoted(sys.executable))
    return folder


def program(path: Path, script: str) -> None:
    """Write an executable shell script."""
    path.write_text("#!/bin/sh\n%s\n" % script, encoding="utf-8")
    path.chmod(0o755)


def quoted(text: "Path | str") -> str:
    """An argument as a shell takes it."""
    return "'%s'" % str(text).replace("'", "'\"'\"'")


def place(source: "Path | str", target: Path) -> None:
    """Put a file or folder where an upstream looks for it: a link, or a copy where there are no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.symlink_to(source)
    except OSError:
        copy = shutil.copytree if Path(source).is_dir() else shutil.copyfile
        copy(str(source), str(target))


def link_tree(
    source: "Path | str", target: Path, own: "tuple[str, ...]" = (), without: "tuple[str, ...]" = ()
) -> None:
    """A working tree of links, so that what an upstream writes beside its code stays in the job.

    Args:
        source: the upstream's checkout.
        target: a folder that is made.
        own: folders, relative, that become real ones with links in them: the upstream writes there.
        without: files or folders, relative, that are left out: the upstream writes them or asks for them.
    """
    parents = {"/".join(name.split("/")[:depth]) for name in own for depth in range(1, name.count("/") + 2)}
    _link_level(Path(source), target, "", (parents, set(without)))
    for name in own:
        (target / name).mkdir(parents=True, exist_ok=True)


def _link_level(source: Path, target: Path, inside: str, rules: "tuple[set[str], set[str]]") -> None:
    target.mkdir(parents=True, exist_ok=True)
    for entry in sorted(source.iterdir()):
        name = inside + entry.name
        if name in rules[0] and entry.is_dir():
            _link_level(entry, target / entry.name, name + "/", rules)
        elif name not in rules[1]:
            place(entry, target / entry.name)


def pictures(folder: "Path | str", pattern: str = r"(\d+)\.png") -> "list[tuple[int, Path]]":
    """The numbered pictures of a folder, (number, file) in order; empty where it is missing."""
    found = Path(folder)
    matched = (
        [(re.match(pattern + "$", entry.name), entry) for entry in found.iterdir()] if found.is_dir() else []
    )
    return sorted((int(match.group(1)), entry) for match, entry in matched if match)


def number_frames(folder: "Path | str", trial: "dict[str, Any]", pattern: str = r"(\d+)\.png") -> "list[int]":
    """Move numbered pictures to the trial's ``frames``, from ``000000.png`` on; their old numbers.

    Raises:
        Failed: there are none, or numbers are missing between the first and the last.
    """
    found = pictures(folder, pattern)
    if not found:
        raise Failed("no frames in %s" % Path(folder).name)
    numbers = [number for number, _ in found]
    gaps = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
    if gaps:
        raise Failed("%d frames are missing in %s, the first is %d" % (len(gaps), Path(folder).name, gaps[0]))
    frames = Path(trial["output"]) / "frames"
    frames.mkdir(parents=True, exist_ok=True)
    for position, (_, path) in enumerate(found):
        shutil.move(str(path), str(frames / ("%06d.png" % position)))
    return numbers


def video_rate(path: "Path | str") -> "str | None":
    """A video's frames per second as a fraction, asked of ``ffprobe``; None where there is none to ask."""
    asked = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=r_frame_rate"]
    try:
        said = subprocess.check_output([*asked, "-of", "csv=p=0", str(path)], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return None
    rate = said.decode().strip().rstrip(",")
    return rate if re.match(r"\d+/[1-9]\d*$", rate) else None


def seeded(seed: int, script: "Path | str", *arguments: "Any") -> "list[str]":
    """The command that runs a script with every random generator it may use started from a seed."""
    words = [sys.executable, str(Path(__file__)), "seeded", str(seed), str(script)]
    return words + [str(argument) for argument in arguments]


def start_from(seed: int) -> None:
    """Seed ``random`` and, where they are installed, numpy and torch."""
    random.seed(seed)
    for name, function, limit in (("numpy.random", "seed", 2**32), ("torch", "manual_seed", 2**63)):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        getattr(module, function)(seed % limit)


def run_script(script: str, arguments: "list[str]") -> None:
    """Run a script in this process as ``python SCRIPT ARGUMENTS`` would."""
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).resolve().parent)
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__" and sys.argv[1:2] == ["seeded"]:
    start_from(int(sys.argv[2]))
    run_script(sys.argv[3], sys.argv[4:])
