"""Material from recorded datasets and from the renderer, and the command that trains from it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from spfem_bench.cli.train_backbone import backbone
from spfem_bench.datasets.load import load_dataset
from spfem_bench.errors import DatasetError, UsageError
from spfem_bench.progress import SilentProgress
from spfem_bench.testing.trees import make_mead_tree
from spfem_bench.training.backbone.material import RATE, SOUND, Plan, rendered
from spfem_bench.training.backbone.recipe import Source
from spfem_bench.training.backbone.recorded import chosen, recorded
from tests.support.backbones import RECIPE

SOURCE = Source("recorded", frames=8, dataset="mead", leave_out=("M009",))
FEW = ("neutral", "happy")


@pytest.fixture(scope="module")
def mead(tmp_path_factory):
    from spfem_bench.datasets.mead_numbers import SCHEME_A

    root = tmp_path_factory.mktemp("mead")
    make_mead_tree(root, {"M003": SCHEME_A, "M009": SCHEME_A}, FEW, levels=(1, 3), last={"other": 1})
    return load_dataset(f"mead:{root}")


def test_only_the_level_asked_for_and_nobody_left_out(mead):
    records = chosen(mead, SOURCE)
    assert {record.speaker for record in records} == {"M003"}
    assert {(record.emotion, record.intensity) for record in records} == {("neutral", 1), ("happy", 3)}
    with pytest.raises(DatasetError, match="two emotions"):
        chosen(mead, replace(SOURCE, leave_out=("M003", "M009")))


def test_recorded_clips_are_cut_at_25_frames_a_second_with_their_sound(mead, tmp_path):
    few = replace(mead, records=chosen(mead, SOURCE)[::3])
    made = recorded(few, SOURCE, 32, tmp_path, SilentProgress())
    assert len(made) == len(few.records)
    assert made.pictures.shape == (8 * len(made), 32, 32, 3)
    assert not made.is_paired
    assert not made.has_points
    assert {int(e) for e in made.emotions} <= {0, 4}
    assert all(len(made.heard(i)) == 8 * SOUND // RATE for i in range(len(made)))
    assert np.abs(made.heard(0)).max() > 0.01
    again = recorded(few, SOURCE, 32, tmp_path, SilentProgress())
    assert np.array_equal(again.pictures, made.pictures)
    assert len(list(tmp_path.iterdir())) == 1


def test_rendered_material_is_in_true_pairs(tmp_path):
    made = rendered(Plan(people=1, sentences=1, frames=3, side=32), tmp_path, SilentProgress())
    assert (len(made), made.side, made.is_paired, made.has_points) == (7, 32, True, True)
    assert made.emotions.tolist() == list(range(7))
    neutral, happy = made.cut(0, 0, 3).astype(int), made.cut(4, 0, 3).astype(int)
    changed = np.abs(neutral - happy).mean(axis=(0, 3))
    # An expression leaves the backdrop's corners alone and moves the lower face.
    assert changed[:3, :3].mean() < 1
    assert changed[18:28, 10:22].mean() > 3
    eyes = made.marks(0, 0, 1)[0]
    apart = np.linalg.norm(eyes[42:48].mean(0) - eyes[36:42].mean(0))
    # The crop's share of .34, its scale off by 3% (standard deviation); four of them.
    assert 0.34 * 32 * 0.88 < apart < 0.34 * 32 * 1.12
    # True pairs share their timing, not the prosody of their voices.
    assert len(made.heard(0)) == len(made.heard(4)) == 3 * SOUND // RATE


def run(*arguments):
    return CliRunner().invoke(backbone, [str(argument) for argument in arguments])


def test_the_command_trains_and_goes_on(mead, tmp_path):
    data = {**RECIPE, "material": {"kind": "recorded", "dataset": "mead", "frames": 6}}
    data["losses"] = {"adversarial": 0.1, "cycle": 1.0, "style": 0.1}
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(data))
    given = ["--recipe", path, "--data", f"mead:{mead.root}", "--work", tmp_path / "work", "--device", "cpu"]
    done = run(*given, "--out", tmp_path / "a", "--steps", 2, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    assert said["step"] == 2
    again = run(*given, "--out", tmp_path / "a", "--steps", 2, "--json")
    assert json.loads(again.output) == said
    seeded = run(*given, "--out", tmp_path / "b", "--steps", 2, "--seed", 5, "--json")
    assert json.loads(seeded.output)["sha256"] != said["sha256"]


def test_the_command_says_what_data_a_recipe_wants(tmp_path):
    missing = run("--recipe", "mead-128", "--out", tmp_path / "a", "--device", "cpu")
    assert isinstance(missing.exception, UsageError)
    assert "--data mead:FOLDER" in str(missing.exception)
    surplus = run("--recipe", "synthetic-64", "--data", "mead:x", "--out", tmp_path / "a", "--device", "cpu")
    assert isinstance(surplus.exception, UsageError)
    assert "renders its own people" in str(surplus.exception)
