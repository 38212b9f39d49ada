"""Shipped suites as a whole, on weights that are nobody's: their signatures, and what a run of them says."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from spfem_bench.clips import PcmSource, write_lossless
from spfem_bench.suites import build_suite, load_suite
from spfem_bench.weights import entry, write_random
from spfem_bench.weights.random import MAKERS, MARKER
from tests.support.command import done, rows_of, scores_of


def stand_ins(suite: str, folder: Path) -> None:
    """A file for each network of a suite, always of the same bytes: enough to tell signatures, not to run."""
    files = {}
    for name in load_suite(suite).weight_names:
        path = folder / entry(name).file
        path.write_bytes(_bundle() if path.suffix == ".task" else name.encode())
        files[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / MARKER).write_text(json.dumps({"files": files}))


def _bundle() -> bytes:
    """A zip, as MediaPipe's file is one; without the time of day."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo("model.tflite"), b"")
    return made.getvalue()


def signatures(suite: str) -> list[str]:
    """The signature's line of every metric, in the suite's order."""
    built = build_suite(load_suite(suite))
    return [built.signature(metric).line for metric in built.metrics]


def random_weights(suite: str, folder: Path) -> None:
    """Random weights for the networks of a suite that have a random form."""
    write_random([name for name in load_suite(suite).weight_names if name in MAKERS], folder)


@dataclass(frozen=True)
class Take:
    """A clip of a person.

    Args:
        speaker: who.
        emotion: as shown.
        frames: (T, H, W, 3) uint8 RGB.
        samples: (N,) float32 mono at 16 kHz.
        fps: frames per second.
    """

    speaker: str
    emotion: str
    frames: np.ndarray
    samples: np.ndarray
    fps: int = 25

    @property
    def name(self) -> str:
        """Its id."""
        return f"{self.speaker}-{self.emotion}"


def lay(folder: Path, takes: list[Take]) -> str:
    """A dataset of clips that all say the same words."""
    folder.mkdir()
    rows = []
    for take in takes:
        sound = np.rint(take.samples * 32767).astype(np.int16)[:, None]
        audio = PcmSource.from_array(sound, 16000)
        write_lossless(folder / f"{take.name}.mkv", [take.frames], fps=Fraction(take.fps), audio=audio)
        row = {"speaker": take.speaker, "emotion": take.emotion, "sentence": "the same"}
        rows.append({"id": take.name, "file": f"{take.name}.mkv", **row})
    (folder / "clips.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"folder:{folder}"


def scored(suite: str, takes: list[Take], folder: Path) -> tuple[Path, str]:
    """The bundle and the printed table of sources taken for outputs."""
    bundle = folder / "bundle"
    given = ["--dataset", lay(folder / "clips", takes), "--protocol", "paired@1", "--suite", suite]
    return bundle, done(
        "run", *given, "--adapter", "copy-source", "--no-bounds", "--device", "cpu", "-o", bundle
    )


def values(bundle: Path) -> dict[str, float]:
    """Metric -> score of the only system; a metric without one must say why, as must every row of it."""
    (system,) = scores_of(bundle)["systems"]
    found = {}
    for metric, emotions in system["scores"].items():
        score = emotions["average"]
        assert (score["value"] is None) == (score["state"] != "scored") == bool(score["reason"]), metric
        if score["value"] is not None:
            assert np.isfinite(score["value"]), metric
            found[metric] = score["value"]
    for row in rows_of(bundle):
        assert (row["state"] == "scored") != bool(row["reason"]), row
        assert row["state"] != "failed", row
    return found


def check_stamped(bundle: Path, printed: str) -> None:
    """Every form of the table says that its numbers rest on random weights."""
    stamp = "NOT A RESULT: weights: random ("
    tables = [done("table", bundle, "--format", form) for form in ("text", "markdown", "latex", "json")]
    for table in (printed, *tables, json.dumps(scores_of(bundle)["footer"])):
        assert stamp in table
