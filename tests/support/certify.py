"""A small certification: the tiny suite on striped clips, and claims about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from spfem_bench.certify.claims import Claims, parse_claims
from spfem_bench.certify.spec import CertifySpec
from tests.support.clips import make_clip
from tests.support.worlds import TINY

COUNT = 40
"""Frames of a clip."""


def claims_plain(**changes: Any) -> dict[str, Any]:
    """Claims of the tiny suite, which reads nothing but mean brightness."""
    plain: dict[str, Any] = {
        "suite": "tiny",
        "kind": "real",
        "about": "For tests.",
        "degradations": {
            "colour": [0.05, 0.1, 0.2],
            "blur": [0.01, 0.02],
            "audio-late": [2.0],
            "identity-blend": [1.0],
        },
        "metrics": {
            "luma-drift": {
                "sees": {"colour": "worse", "identity-blend": "worse"},
                "ignores": {"blur": {"within": 0.2, "of": "colour"}},
            },
            "luma-set": {"sees": {"colour": "worse"}},
        },
    }
    return plain | changes


def claims(**changes: Any) -> Claims:
    """The same, checked."""
    return parse_claims(claims_plain(**changes), "a test")


def write_claims(path: Path, **changes: Any) -> Path:
    """A claims file (JSON is YAML)."""
    path.write_text(json.dumps(claims_plain(**changes)))
    return path


def write_faces(folder: Path, speakers: int = 12, short: bool = False) -> str:
    """A ``folder`` dataset of one clip a speaker, each of its own brightness; perhaps one too short."""
    folder.mkdir()
    rows = [_write(folder, i, COUNT) for i in range(speakers)]
    if short:
        rows.append(_write(folder, speakers, 12))
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"folder:{folder}"


def _write(folder: Path, index: int, count: int) -> dict[str, str]:
    y, x, t = np.mgrid[:32, :48, :count].astype(float)
    wave = 100 + 2 * index + 10 * np.sin(x / 5 + t / 4 + index) + 8 * np.cos(y / 4)
    frames = np.repeat(wave.transpose(2, 0, 1)[..., None], 3, axis=3).astype(np.uint8)
    make_clip(folder / f"c{index}.mkv", frames, codec="ffv1", pix_fmt="bgr0")
    return {"id": f"c{index}", "file": f"c{index}.mkv", "speaker": f"s{index:02}"}


def spec(dataset: str, cache: Path, made: Claims | None = None, **changes: Any) -> CertifySpec:
    """A certification of the tiny suite."""
    given: dict[str, Any] = {"trials": 12, "speakers": 12, "seconds": 1.4, "size": 48, "threads": 1} | changes
    return CertifySpec(TINY, made or claims(), cache, dataset=dataset, **given)
