"""Every wrapper over its stand-in: spfem/cross-id@1 on rendered people under MEAD's names, to a table.

One run with all of them: what a model drops, and at which rate it works, must stand in what is stored.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml

from spfem_bench.adapters.command import check
from spfem_bench.adapters.command.manifest import shipped
from spfem_bench.adapters.command.steps import openface
from spfem_bench.clips import open_clip
from spfem_bench.synthetic.mead_like import describe, rows, store
from spfem_bench.synthetic.recipe import Recipe
from tests.foreign import test_eat, test_edtalk, test_ned, test_sserd, test_wav2lip_emotion
from tests.foreign.installing import installed
from tests.foreign.workbench import stand_in
from tests.support.command import invoke, scores_of
from tests.support.worlds import TINY

SOURCE, REFERENCE = "M003", "W015"
FRAMES = 24
"""Of the source: 0.8 s at MEAD's 30 per second."""
AT_25 = [i * 30 // 25 for i in range(20)]
"""The source's frames on screen at 25 per second."""


@dataclass(frozen=True)
class Expected:
    """What must be stored of the happy trial, and what becomes of the neutral one.

    Args:
        fps: of the output.
        frames: the source frame that each output frame stands for.
        neutral: why the neutral trial has no output; empty where it has one.
    """

    fps: int
    frames: list[int]
    neutral: str = ""


EXPECTED: Mapping[str, Expected] = {
    "ned": Expected(30, list(range(2, FRAMES))),
    "sserd": Expected(30, list(range(FRAMES))),
    "icface": Expected(25, AT_25),
    "wav2lip-emotion": Expected(25, AT_25[:-3], "wav2lip-emotion has labels for"),
    "eat": Expected(25, AT_25),
    "liveportrait": Expected(25, AT_25[:15]),
    "edtalk": Expected(25, AT_25),
    "float": Expected(25, AT_25),
    "ganmut": Expected(30, list(range(FRAMES))),
}
"""LivePortrait ends with the reference, which lasts 0.6 s here.

Wav2Lip-Emotion needs 16 columns of 12.5 ms of sound for a frame, frame i from column int(3.2 i) on: 0.81 s of
sound, which AAC fills up to 13 packets of 1024 samples, have 67 columns, enough for 17 of the 20 frames.
"""


def _icface(folder: Path) -> Path:
    checkout = stand_in("icface", folder, inside="test_code_released_new")
    for name in ("latest_net_G.pth", "latest_net_GN.pth"):
        (checkout / "test_code_released_new" / "checkpoints" / "gpubatch_resnet" / name).touch()
    return checkout


def _ganmut(folder: Path) -> Path:
    checkout = stand_in("ganmut", folder)
    for path, state in (
        ("gaus_2d/1800000-G.ckpt", {"mu.weight": np.zeros((7, 2)).tolist()}),
        ("lin_2d/1000000-G.ckpt", {"axes.weight": np.ones((6, 2)).tolist()}),
    ):
        file = checkout / "learned_generators" / path
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(state))
    return checkout


INSTALL: Mapping[str, Callable[[Path], Path]] = {
    "ned": test_ned._installed,
    "sserd": test_sserd._installed,
    "icface": _icface,
    "wav2lip-emotion": test_wav2lip_emotion._installed,
    "eat": test_eat._installed,
    "liveportrait": partial(installed, "liveportrait"),
    "edtalk": test_edtalk._installed,
    "float": partial(installed, "float"),
    "ganmut": _ganmut,
}


def _people(root: Path) -> Path:
    """The first test actor and the one its references come from, neutral and happy, once each.

    Of a population whose first actor is found without a network: a finder for real faces may not be here.
    """
    recipe = Recipe(speakers=5, sentences=1, emotions=("neutral", "happy"), size=84, seconds=0.8, seed=2)
    kept = [
        (record, spec if record.speaker == SOURCE else replace(spec, seconds=0.6))
        for record, spec in rows(recipe)
        if record.speaker in {SOURCE, REFERENCE}
    ]
    for row in kept:
        store(root, row)
    describe(root, kept)
    return root


def _placed(root: Path, python: Path) -> Path:
    """The folder of installed models, as somebody would have it."""
    for name, install in INSTALL.items():
        folder = root / name
        folder.mkdir(parents=True)
        checkout = install(folder)
        for asset in shipped(name).assets:
            path = checkout / asset.path
            if path.is_dir() and not any(path.iterdir()):
                (path / "downloaded").touch()
        place = {"checkout": str(checkout), "python": str(python), "accepts-licence": True}
        (folder / "place.yaml").write_text(yaml.safe_dump(place))
    return root


def _ffmpeg(folder: Path, python: Path, icface: Path) -> Path:
    """ICface calls ffmpeg by its name."""
    folder.mkdir()
    (folder / "ffmpeg").write_text(f'#!/bin/sh\nexec "{python}" "{icface}/tools/ffmpeg.py" "$@"\n')
    (folder / "ffmpeg").chmod(0o755)
    return folder


@contextmanager
def all_installed(root: Path, python: Path) -> Iterator[tuple[Path, pytest.MonkeyPatch]]:
    """Their folder, with all stand-ins, which the harness finds in the context; and its patch."""
    placed = _placed(root / "baselines", python)
    tools = _ffmpeg(root / "bin", python, placed / "icface" / "icface-checkout")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPFEM_BENCH_BASELINES", str(placed))
        patch.setenv("SPFEM_BENCH_CACHE_DIR", str(root / "cache"))
        patch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
        patch.setattr(check, "_steps", lambda manifest: iter(()))  # MediaPipe's file may not be here
        patch.setattr(openface, "measure", _still)
        yield placed, patch


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, foreign_python: Path) -> Iterator[Path]:
    """One run of all stand-ins; its table is printed where a test fails."""
    root = tmp_path_factory.mktemp("cross-id")
    people = _people(root / "mead")
    adapters = [word for name in EXPECTED for word in ("--adapter", f"baseline:{name}")]
    with all_installed(root, foreign_python):
        said = invoke(
            *("run", *adapters, "--dataset", f"mead:{people}", "--protocol", "spfem/cross-id@1"),
            *("--suite", TINY, "--no-bounds", "--max-missing", "1", "-o", root / "run"),
        )
        assert said.exit_code == 0, said.stderr
        print(said.stdout)
        yield root / "run"


def _still(clip: openface.SourceClip) -> openface.Measured:
    return openface.Measured(np.zeros((clip.frame_count, 17)), np.zeros((clip.frame_count, 3)))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_dropped_frames_and_rate_are_those_of_the_model(name: str, bundle: Path) -> None:
    wanted = EXPECTED[name]
    (system,) = (one for one in scores_of(bundle)["systems"] if one["name"] == name)
    score = system["scores"]["luma-drift"]
    assert system["trials"] == 2
    assert system["generated"] == (1 if wanted.neutral else 2), system["failures"]
    assert (score["happy"]["scored"], score["happy"]["total"]) == (1, 1)
    assert score["neutral"]["scored"] == (0 if wanted.neutral else 1)
    if wanted.neutral:
        (reason,) = system["failures"]
        assert wanted.neutral in reason
    (file,) = (bundle / "outputs" / name).glob("*__to__happy__*.mkv")
    stored = open_clip(file).stored
    assert stored is not None
    assert stored.fps == Fraction(wanted.fps)
    assert stored.source_frames.tolist() == wanted.frames


def test_the_table_has_all_of_them(bundle: Path) -> None:
    said = invoke("table", bundle)
    assert said.exit_code == 0
    assert set(EXPECTED) <= {line.split()[0] for line in said.stdout.splitlines() if line.split()}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_crop_is_not_compared_with_whole_frames(name: str, bundle: Path) -> None:
    space, table = shipped(name).output.space, " ".join(invoke("table", bundle).stdout.split())
    outputs = 1 if EXPECTED[name].neutral else 2
    (system,) = (one for one in scores_of(bundle)["systems"] if one["name"] == name)
    assert system["scores"]["luma-drift"]["average"]["scored"] == outputs
    of_set = system["scores"]["luma-set"]["average"]
    assert of_set["scored"] == (outputs if space == "frame" else 0)
    shown = {"crop": "a crop", "aligned-crop": "an aligned crop"}
    line = f"{name}: its outputs show {shown.get(space, '')} of the source's frame ({outputs})"
    assert (line in table) == (space != "frame")


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_table_tells_missing_frames_and_another_rate(name: str, bundle: Path) -> None:
    wanted, table = EXPECTED[name], " ".join(invoke("table", bundle).stdout.split())
    outputs = 1 if wanted.neutral else 2
    frames = f"{outputs * len(set(wanted.frames))} of {outputs * FRAMES} source frames"
    line = f"{name}: its outputs stand for {frames}, at {wanted.fps} frames per second ({outputs})"
    departs = wanted.fps != 30 or len(wanted.frames) != FRAMES
    assert (line in table) == departs
    assert (f"{name}: its outputs stand for" in table) == departs
