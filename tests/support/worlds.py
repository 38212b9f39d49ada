"""A small dataset on disk and a run specification over it, for tests of the stages."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from spfem_bench.clips import PcmSource, write_lossless
from spfem_bench.stages.spec import RunSpec

TINY = str(Path(__file__).with_name("tiny-suite.yaml"))
EMOTIONS = ("neutral", "happy", "sad")


def frames_of(seed: int, count: int, size: int = 32) -> np.ndarray:
    """(T, size, size, 3) smooth moving pattern, another one for each seed."""
    t = np.arange(count)[:, None, None, None]
    y, x = np.mgrid[:size, :size]
    wave = np.sin((x + y * (1 + seed % 3))[None, :, :, None] / 5 + t / 4 + seed)
    tint = 1 + np.arange(3)[None, None, None, :] * 0.2
    return np.clip(128 + 50 * wave * tint + 5 * (seed % 7), 0, 255).astype(np.uint8)


def write_clip(path: Path, seed: int, count: int = 12, fps: Fraction = Fraction(25)) -> None:
    """A lossless clip with a tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = np.sin(np.arange(int(16000 * count / fps)) * (0.05 + 0.01 * seed)) * 8000
    sound = PcmSource.from_array(tone.astype(np.int16)[:, None], 16000)
    write_lossless(path, [frames_of(seed, count)], fps=fps, audio=sound)


def make_folder(root: Path, speakers: int = 3) -> Path:
    """A ``folder`` dataset: every speaker in three emotions; returns its manifest."""
    rows = []
    for s in range(speakers):
        for e, emotion in enumerate(EMOTIONS):
            name = f"p{s}-{emotion}"
            write_clip(root / f"{name}.mkv", seed=10 * s + e, count=12 + s)
            rows.append({"id": name, "file": f"{name}.mkv", "speaker": f"p{s}", "emotion": emotion})
    manifest = root / "manifest.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return manifest


def tiny_spec(manifest: Path, cache: Path, *adapters: str, **more: Any) -> RunSpec:
    """A run of the tiny suite over such a dataset; adapters by their name in `tests.support.adapters`."""
    names = tuple(a if ":" in a or a.startswith("copy-") else f"tests.support.adapters:{a}" for a in adapters)
    given: dict[str, Any] = {"protocol": "open/cross-id@1", "suite": TINY, "bounds": False} | more
    return RunSpec(dataset=f"folder:{manifest}", adapters=names, cache=cache, **given)
