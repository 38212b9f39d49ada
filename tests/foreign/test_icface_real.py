"""ICface's action units measured on real faces, from the clips through the stand-in to a table."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from spfem_bench.adapters.command.steps.openface import UNITS, columns
from spfem_bench.clips import open_clip
from tests.foreign.test_cross_id import _ffmpeg, _icface
from tests.support.clips import make_clip
from tests.support.command import invoke, scores_of
from tests.support.real import rows_of
from tests.support.worlds import TINY

pytestmark = pytest.mark.real

SHOWN = {"happy": "edge-single_face", "sad": "expressive-sadgirl_clip1"}
"""A smiling and a sad speaking person, both at 30 frames per second."""
FRAMES = 24
"""Of each clip's end: 20 at ICface's 25 per second."""
FULL, TINT = 5.0, 100.0
"""The stand-in adds TINT to red where the lip corners are pulled in FULL."""


@dataclass(frozen=True)
class Seen:
    """One run.

    Args:
        bundle: what it left.
        tables: emotion of the source -> (T, 714) as the program was given it.
        firsts: emotion of the source -> the picture it was given.
    """

    bundle: Path
    tables: dict[str, NDArray[np.float64]]
    firsts: dict[str, NDArray[np.uint8]]


def _dataset(root: Path, fixtures: Path) -> Path:
    """The end of both clips, where she smiles, under their speakers."""
    root.mkdir()
    with (root / "clips.jsonl").open("w") as manifest:
        for emotion, name in SHOWN.items():
            row = rows_of(fixtures)[name]
            frames = np.concatenate([*open_clip(fixtures / row["file"]).frames(row["frames"] - FRAMES)])
            make_clip(root / f"{emotion}.mp4", frames, Fraction(30), options={"crf": "10"})
            told = {"id": name, "file": f"{emotion}.mp4", "speaker": row["speaker"], "emotion": emotion}
            manifest.write(json.dumps(told) + "\n")
    return root


def _installed(root: Path, python: Path) -> Path:
    folder = root / "icface"
    folder.mkdir(parents=True)
    checkout = _icface(folder)
    place = {"checkout": str(checkout), "python": str(python), "accepts-licence": True}
    (folder / "place.yaml").write_text(yaml.safe_dump(place))
    return checkout


def _given(kept: Path) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.uint8]]]:
    """The emotion of the source, its table and its picture, of every job that was kept."""
    for file in kept.glob("icface-*/job/01/job.json"):
        (trial,) = json.loads(file.read_text())["trials"]
        # The job's folder moved when it was kept; what lies in it is named as it was.
        units, first = (
            file.parents[1] / Path(*Path(text).parts[Path(text).parts.index("inputs") :])
            for text in (trial["condition"]["action-units"], trial["source"]["first-frame"])
        )
        with units.open(newline="") as lines:
            names, *rows = csv.reader(lines)
        assert names == columns()
        picture = cv2.cvtColor(cv2.imread(str(first)), cv2.COLOR_BGR2RGB)
        other = trial["condition"]["emotion"]
        yield next(one for one in SHOWN if one != other), np.array(rows, np.float64), np.asarray(picture)


@pytest.fixture(scope="module")
def seen(
    tmp_path_factory: pytest.TempPathFactory, foreign_python: Path, fixtures_dir: Path, weights_dir: Path
) -> Seen:
    """Both people, each to become what the other one shows."""
    root = tmp_path_factory.mktemp("icface-real")
    checkout = _installed(root / "baselines", foreign_python)
    tools = _ffmpeg(root / "bin", foreign_python, checkout)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPFEM_BENCH_BASELINES", str(root / "baselines"))
        patch.setenv("SPFEM_BENCH_CACHE_DIR", str(root / "cache"))
        patch.setenv("SPFEM_BENCH_KEEP_JOBS", str(root / "kept"))
        patch.setenv("SPFEM_BENCH_WEIGHTS", str(weights_dir))
        patch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
        said = invoke(
            *(
                "run",
                "--adapter",
                "baseline:icface",
                "--dataset",
                f"folder:{_dataset(root / 'set', fixtures_dir)}",
            ),
            *("--protocol", "open/cross-id@1", "--suite", TINY, "--no-bounds", "-o", root / "run"),
        )
    assert said.exit_code == 0, said.stderr
    given = list(_given(root / "kept"))
    assert sorted(emotion for emotion, *_ in given) == sorted(SHOWN)
    tables = {emotion: table for emotion, table, _ in given}
    return Seen(root / "run", tables, {emotion: first for emotion, _, first in given})


def _column(table: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    return np.asarray(table[:, columns().index(name)])


def test_the_units_are_those_of_the_faces(seen: Seen) -> None:
    """Of 5, she smiles with 2.1 to 2.2 in the first third, and the sad one with less than 0.3."""
    smiling, sad = seen.tables["happy"], seen.tables["sad"]
    assert len(smiling) == len(sad) == FRAMES * 25 // 30
    third = slice(0, len(smiling) // 3)
    assert _column(smiling, "AU12_r")[third].min() > _column(sad, "AU12_r")[third].max() + 1.0
    for table in (smiling, sad):
        assert (_column(table, "success") == 1).all()
        assert np.ptp(_column(table, "AU25_r")) > 0.05  # they speak
        assert 0 < np.abs(table[:, [columns().index(f"pose_R{axis}") for axis in "xyz"]]).max() < 1


def test_the_upper_face_is_the_other_one_s(seen: Seen) -> None:
    """Cheeks rest on the smile (AU06 on AU12's shapes), and they are the reference's."""
    cheeks, lips = UNITS["AU06_r"], UNITS["AU12_r"]
    assert (cheeks.shapes, cheeks.side, lips.side) == (lips.shapes, "reference", "source")
    for emotion, other in (("happy", "sad"), ("sad", "happy")):
        own = _column(seen.tables[emotion], "AU06_r") / cheeks.gain
        theirs = _column(seen.tables[other], "AU12_r") / lips.gain
        assert own == pytest.approx(theirs, abs=1e-4)  # written with six digits


def test_the_output_shows_them(seen: Seen) -> None:
    """Red rises with AU12 above the picture's own. MPEG-4 moves the mean of a plane by 2 or 3."""
    for emotion, table in seen.tables.items():
        (file,) = (seen.bundle / "outputs" / "icface").glob(f"*{SHOWN[emotion]}__to__*.mkv")
        frames = np.concatenate([*open_clip(file).frames()]).astype(np.float64)
        first = seen.firsts[emotion].astype(np.float64)
        tint = _column(table, "AU12_r") / FULL * TINT
        wanted = [np.clip(first[..., 0] + one, 0, 255).astype(np.uint8).mean() for one in tint]
        assert frames[..., 0].mean(axis=(1, 2)) == pytest.approx(wanted, abs=4)


def test_they_end_in_a_table(seen: Seen) -> None:
    (icface,) = scores_of(seen.bundle)["systems"]
    assert (icface["trials"], icface["generated"]) == (2, 2), icface["failures"]
    assert {one["scored"] for one in icface["scores"]["luma-drift"].values()} <= {1, 2}
    table = invoke("table", seen.bundle)
    assert table.exit_code == 0
    assert any(line.split()[:1] == ["icface"] for line in table.stdout.splitlines())
