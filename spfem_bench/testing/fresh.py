"""A request answered in a process of its own: what a model keeps in memory cannot leak into it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from spfem_baselines import Request, SourceClip

_START = "from spfem_bench.testing.fresh import main; main()"
_CLIPS = ("source", "reference", "truth", "stranger")


def digest_in_fresh_process(text: str, request: Request) -> str:
    """The digest of an adapter's output, made by another process.

    Args:
        text: the adapter, as `load_system` takes it.
        request: its clips are read again, from their files.

    Raises:
        AssertionError: the process found no adapter, or the adapter made no output.
    """
    told = json.dumps({"text": text, **_plain(request)})
    paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ended = subprocess.run(
        [sys.executable, "-c", _START],
        input=told,
        env={**os.environ, **paths},
        capture_output=True,
        text=True,
        check=False,
    )
    last = (ended.stdout.strip().splitlines() or [""])[-1]
    if ended.returncode or not last.startswith("digest "):
        words = (ended.stderr.strip().splitlines() or ["no word"])[-1]
        raise AssertionError(f"{text} makes no output in a fresh process: {words}")
    return last.removeprefix("digest ")


def main() -> None:
    """Answer the request on standard input; the digest of the output is the last line of standard output."""
    from spfem_bench.adapters import load_system
    from spfem_bench.testing.trying import read

    told = json.load(sys.stdin)
    adapter = load_system(told["text"]).adapter
    digest = read(adapter.generate(_request(told))).digest
    sys.stdout.write(f"\ndigest {digest}\n")


def _plain(request: Request) -> dict[str, Any]:
    clips = {name: getattr(request, name) for name in _CLIPS}
    pairs = request.truth_pairs
    return {
        **{name: None if clip is None else str(clip.path.resolve()) for name, clip in clips.items()},
        "rate": str(request.source.fps),
        "trial": request.trial,
        "emotion": request.emotion,
        "seed": request.seed,
        "device": request.device,
        "words": request.text,
        "truth_pairs": None if pairs is None else pairs.tolist(),
    }


def _request(told: dict[str, Any]) -> Request:
    clips = {name: _opened(told[name]) for name in _CLIPS}
    source, pairs = clips["source"], told["truth_pairs"]
    if source is None or source.fps != Fraction(told["rate"]):
        raise AssertionError("the source's file is not the source")
    return Request(
        trial=told["trial"],
        source=source,
        emotion=told["emotion"],
        seed=told["seed"],
        device=told["device"],
        reference=clips["reference"],
        text=told["words"],
        truth=clips["truth"],
        stranger=clips["stranger"],
        truth_pairs=None if pairs is None else np.array(pairs, np.int64),
    )


def _opened(path: str | None) -> SourceClip | None:
    from spfem_bench.clips import open_clip

    return None if path is None else open_clip(Path(path))
