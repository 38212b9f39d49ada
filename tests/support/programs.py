"""Manifests of small foreign programs, for tests."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from spfem_baselines import Output, Request
from spfem_bench.adapters.command.adapter import CommandAdapter
from spfem_bench.adapters.command.manifest import read_manifest
from spfem_bench.adapters.command.places import find_place
from spfem_bench.testing import fake_clip
from spfem_bench.testing.fake_clips import written

PROGRAM = Path(__file__).parent / "foreign_program.py"
UNPINNED = {**dict.fromkeys(("url", "sha256", "bytes", "licence")), "note": "made by these tests"}
"""The facts of an asset that nobody publishes."""

LABELS = ("neutral", "angry", "disgusted", "fear", "happy", "sad", "surprised")


def make_manifest(folder: Path, fault: str = "none", victim: str = "", **changed: Any) -> Path:
    """A copy of the faulty program in ``folder`` with its manifest, whose keys are given as arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROGRAM, folder / "bridge.py")
    plain = {
        "format": "spfem-baseline@1",
        "name": "program",
        "mode": ["label"],
        "labels": {emotion: emotion[:3] for emotion in LABELS},
        "input": {"kind": "video", "as": "png"},
        "output": {"as": "frames"},
        "environment": {"python-path": sys.executable},
        "command": ["{python}", "-S", "{bridge}", "{job}"],
        "batch": 8,
        "timeout": {"start": 60, "trial": 10},
        "options": {"fault": fault, "victim": victim, "megabytes": 300},
        **{key.replace("_", "-"): value for key, value in changed.items()},
    }
    file = folder / "manifest.yaml"
    file.write_text(json.dumps(plain))
    return file


def make_adapter(folder: Path, fault: str = "none", victim: str = "", **changed: Any) -> CommandAdapter:
    """The same as an adapter."""
    manifest = read_manifest(make_manifest(folder, fault, victim, **changed))
    return CommandAdapter(manifest, find_place(manifest))


def requests(folder: Path, *trials: str, frames: int = 12, emotion: str = "happy") -> list[Request]:
    """Requests of drawn faces, 32 pixels a side at 25 per second, with their files in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = [written(fake_clip(trial, frames=frames, size=32), folder, trial) for trial in trials]
    return [
        Request(trial, clip, emotion, 7 + index)
        for index, (trial, clip) in enumerate(zip(trials, clips, strict=True))
    ]


def made(adapter: CommandAdapter, asked: list[Request]) -> dict[str, str]:
    """Trial id -> ``same`` where every frame is the source's, else what was said."""
    with adapter.generate_many(asked) as outcomes:
        assert set(outcomes) == {one.trial for one in asked}
        return {one.trial: said(outcomes[one.trial], one) for one in asked}


def said(outcome: Output | Exception, request: Request) -> str:
    """``same``, ``other frames``, or why there are none."""
    if isinstance(outcome, Exception):
        return str(outcome)
    frames, source = (np.concatenate([*clip]) for clip in (outcome.frames, request.source.frames()))
    return "same" if np.array_equal(frames, source) else "other frames"


def running_below(folder: Path) -> list[str]:
    """Command lines of living processes whose surroundings name the folder; this process is not counted."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environ = (process / "environ").read_bytes()
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"HOME={folder}".encode() in environ and words != [b""]:
            found.append(b" ".join(words).decode(errors="replace"))
    return found
