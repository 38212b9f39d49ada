"""Training of the backbone: recipes, batches, steps, and that a resumed run is the uninterrupted one."""

from __future__ import annotations

import csv
import json
from copy import deepcopy
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from spfem_baselines.backbone.checkpoint import load_backbone, read_checkpoint, read_tensors
from spfem_baselines.backbone.losses import ALIGNED, RIGID, Guides
from spfem_baselines.supervision import Supervised
from spfem_bench.errors import ConfigError, IntegrityError, MissingWeightsError, PluginError, UsageError
from spfem_bench.progress import SilentProgress
from spfem_bench.resources import list_configs
from spfem_bench.training.backbone.batches import Sampler, split_people, wordings
from spfem_bench.training.backbone.recipe import TERMS, load_recipe, parse_recipe, smoke
from spfem_bench.training.backbone.step import (
    Helper,
    Rules,
    guide_names,
    players,
    rate_share,
    seen,
    take_step,
)
from spfem_bench.training.backbone.supervising import load_helper, split
from spfem_bench.training.backbone.train import Job, train
from tests.support.backbones import RECIPE, material


def recipe(tmp_path, **changes):
    data = deepcopy(RECIPE)
    for key, value in changes.items():
        data[key] = {**data[key], **value} if isinstance(value, dict) else value
    return parse_recipe(data, tmp_path / "tiny.yaml")


def run(out, made, **more):
    return train(Job(made, material(), out, **more), SilentProgress())


class Draws(nn.Module):
    """A part with a generator of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(3)


class Lighter(nn.Module):
    """A supervision that wants brighter pictures, and of which a part draws."""

    name = "lighter"
    needs = frozenset({"source", "reference", "audio", "emotion", "text"})

    def __init__(self) -> None:
        super().__init__()
        self.part = Draws()
        self.seen: list[object] = []

    def forward(self, generated, source, *, reference=None, audio=None, emotion=None, text=None):
        noise = torch.rand((), generator=self.part.generator)
        self.seen.append(
            (generated.shape, source.shape, reference.shape, audio.shape, emotion.shape, len(text))
        )
        total = (1 + noise) * (1 - generated).mean()
        return Supervised(total, {"noise": noise})


@pytest.mark.parametrize("name", list_configs("train"))
def test_the_shipped_recipes_are_whole(name):
    found = load_recipe(name)
    assert found.name == name
    assert found.networks().side == int(name.rpartition("-")[2])
    assert set(found.wanted) <= set(TERMS)
    assert smoke(found).schedule.steps < 10


def test_all_four_recipes_ship():
    assert {"synthetic-64", "ravdess-128", "mead-128", "mead-256"} <= set(list_configs("train"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"losses": {"pared": 1.0}}, "Did you mean 'paired'"),
        ({"schedule": {"batch": 0}}, "schedule.batch"),
        ({"shape": {"side": 48}}, "shape.side"),
        ({"shape": {"widths": [20]}}, "multiples"),
        ({"material": {"kind": "recorded", "dataset": "mead", "frames": 8}}, "paired"),
        ({"material": {"frames": 5}}, "cannot give 6"),
        ({"conditions": {"label": 0.0, "reference": 0.0}}, "no condition"),
        ({"schedule": {"frames": 4}, "losses": {"sync": 0.1}}, "5 frames"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(tmp_path, change, says):
    with pytest.raises(ConfigError, match=says):
        recipe(tmp_path, **change)


def test_the_digest_is_of_what_decides_the_weights(tmp_path):
    one = recipe(tmp_path)
    assert recipe(tmp_path, schedule={"every": 3}).digest == one.digest
    assert recipe(tmp_path, schedule={"lr": 1e-3}).digest != one.digest
    assert replace(one, seed=1).digest != one.digest
    assert replace(one, about="other words").digest == one.digest


def test_batches_pair_frames_and_depend_on_seed_and_step_alone(tmp_path):
    made, clips = recipe(tmp_path), material()
    sampler = Sampler(clips, made.schedule, made.conditions, np.arange(4))
    batch = next(sampler.forever(7, 3))
    later = sampler.forever(7)
    again = [next(later) for _ in range(4)][3]
    assert torch.equal(batch.source, again.source)
    assert torch.equal(batch.emotion, again.emotion)
    assert batch.source.shape == (2, 6, 3, 32, 32)
    assert batch.sound.shape == (2, 6, 40, 16)
    assert batch.speech.shape == (2, 2, 40, 16)
    assert batch.reference.shape == (2, 2, 3, 32, 32)
    # The made-up emotions differ by 10 grey levels each, so a true pair is the source made lighter.
    lighter = 10 / 127.5 * (batch.emotion - batch.was).view(2, 1, 1, 1, 1)
    assert batch.truth is not None
    assert torch.allclose(batch.truth, batch.source + lighter, atol=1e-5)


def test_sources_are_neutral_in_more_than_half(tmp_path):
    made = recipe(tmp_path)
    sampler = Sampler(material(), made.schedule, made.conditions, np.arange(4))
    was = torch.cat([sampler(np.random.default_rng(i)).was for i in range(40)])
    # Half, and a seventh of the rest: .571 of 80 draws, whose standard deviation is .055; 4 of them.
    assert 0.35 < (was == 0).float().mean() < 0.79
    assert len(was.unique()) > 3


def test_people_on_the_sheets_are_not_learnt_from():
    clips = material(people=8)
    learn, show = split_people(clips, 0, 3)
    assert len(show) == 2
    assert sorted([*learn, *show]) == list(range(8))
    sampler = Sampler(clips, parse_recipe(RECIPE, None).schedule, {"label": 1.0}, learn)
    pictures = clips.pictures.reshape(8, 7, 8, 32, 32, 3)
    held = {pictures[person, e, f].tobytes() for person in show for e in range(7) for f in range(8)}
    for seed in range(10):
        batch = sampler(np.random.default_rng(seed))
        for clip in torch.cat([batch.source, batch.reference], dim=1):
            for frame in clip:
                rows = ((frame.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
                assert rows.tobytes() not in held


def test_captions_name_an_emotion_and_no_person():
    texts = wordings(4)
    assert len(texts) > 10
    assert all("hair" not in text and "beard" not in text for text in texts)
    assert set(texts) != set(wordings(5))


def test_the_rate_rises_then_falls_to_a_tenth():
    shares = [rate_share(step, 100) for step in range(100)]
    assert shares[:3] == pytest.approx([0.5, 1.0, 1.0], abs=1e-3)
    assert shares[2:] == sorted(shares[2:], reverse=True)
    assert shares[-1] == pytest.approx(0.1, abs=0.01)


def test_it_learns_what_the_true_pairs_show(tmp_path):
    """Emotions of the made-up people are grey levels: forty steps of the paired term must halve its error."""
    losses = {**dict.fromkeys(RECIPE["losses"], 0), "paired": 1.0}
    made = recipe(
        tmp_path,
        schedule={"steps": 40, "lr": 5e-3, "low_precision": False, "frames": 2, "batch": 8},
        losses=losses,
        conditions={"label": 1.0, "reference": 0.0},
    )
    now, rules = players(made, "cpu"), Rules(made, Guides({}))
    batches = Sampler(material(), made.schedule, made.conditions, np.arange(4)).forever(0)
    errors = [take_step(now, next(batches), rules)["paired"] for _ in range(40)]
    assert np.mean(errors[-8:]) < 0.5 * np.mean(errors[:8])


def test_resumed_training_is_the_uninterrupted_one_bit_for_bit(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    made = recipe(tmp_path)
    helpers = [Helper("lighter", 0.1, Lighter()) for _ in range(3)]
    one = run(whole, made, helpers=helpers[:1])
    _interrupted(made, parts, helpers[1:2])
    assert read_checkpoint(parts).step == 2
    other = run(parts, made, helpers=helpers[2:])
    assert (one.step, other.step) == (4, 4)
    for which in ("weights", "training"):
        first, second = (read_tensors(found, getattr(found, which)) for found in (one, other))
        assert first.keys() == second.keys()
        assert all(torch.equal(first[name], second[name]) for name in first)
    rows = [list(csv.DictReader((folder / "log.csv").open())) for folder in (whole, parts)]
    for row in (*rows[0], *rows[1]):
        del row["seconds"]
    assert rows[0] == rows[1]
    assert [int(row["step"]) for row in rows[0]] == [1, 2, 3, 4]
    assert {"loss", "discriminator", "paired", "cycle", "lighter", "lighter.noise"} <= rows[0][0].keys()


class CutError(Exception):
    """Stands for a killed process."""


class CutShort(SilentProgress):
    """Dies after the third step, one after a checkpoint."""

    def __init__(self) -> None:
        self.left = 3

    def advance(self, stage: str, item: str) -> None:
        self.left -= 1
        if not self.left:
            raise CutError


def _interrupted(made, out, helpers):
    with pytest.raises(CutError):
        train(Job(made, material(), out, helpers=helpers), CutShort())


def test_a_finished_training_is_not_done_again(tmp_path):
    made = recipe(tmp_path)
    one = run(tmp_path / "a", made)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "a").glob("*.safetensors")}
    assert run(tmp_path / "a", made).digest == one.digest
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "a").glob("*.safetensors")}


def test_a_checkpoint_holds_two_files_sheets_and_its_recipe(tmp_path):
    run(tmp_path / "a", recipe(tmp_path))
    names = {path.name for path in (tmp_path / "a").glob("*.safetensors")}
    assert names == {"weights-000004.safetensors", "training-000004.safetensors"}
    record = json.loads((tmp_path / "a" / "checkpoint.json").read_text())
    assert record["facts"]["recipe"]["losses"] == RECIPE["losses"]
    sheet = cv2.imread(str(tmp_path / "a" / "samples" / "000004.png"))
    # One person of four is kept out: a source with seven edits above seven true pairs, twice as large.
    assert sheet.shape == (2 * 2 * 32, 2 * 8 * 32, 3)
    source = cv2.cvtColor(sheet[:64, :64], cv2.COLOR_BGR2RGB)[::2, ::2]
    assert any(np.array_equal(source, frame) for frame in material().pictures)


def test_another_recipe_does_not_go_on_from_it(tmp_path):
    run(tmp_path / "a", recipe(tmp_path))
    with pytest.raises(UsageError, match="another recipe digest"):
        run(tmp_path / "a", replace(recipe(tmp_path), seed=1))
    with pytest.raises(UsageError, match="another supervision"):
        run(tmp_path / "a", recipe(tmp_path), helpers=[Helper("lighter", 0.1, Lighter())])


def test_a_warm_start_begins_with_the_weights_and_counts_anew(tmp_path):
    first = run(tmp_path / "a", recipe(tmp_path))
    still = recipe(tmp_path, schedule={"steps": 1, "lr": 1e-12, "discriminator_lr": 1e-12})
    second = run(tmp_path / "b", still, start=tmp_path / "a")
    assert second.step == 1
    assert second.facts["start"] == first.digest
    before, after = (read_tensors(found, found.training) for found in (first, second))
    for name, value in before.items():
        if name.startswith("backbone."):
            assert torch.allclose(after[name], value, atol=1e-9)


def test_damaged_files_are_not_gone_on_from(tmp_path):
    made = recipe(tmp_path)
    run(tmp_path / "a", replace(made, schedule=replace(made.schedule, every=2)))
    path = tmp_path / "a" / "training-000004.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(IntegrityError, match="sha256"):
        run(tmp_path / "a", made)


def test_a_supervision_gets_all_it_may_need(tmp_path):
    loss = Lighter()
    run(tmp_path / "a", recipe(tmp_path, schedule={"steps": 1}), helpers=[Helper("lighter", 0.5, loss)])
    clip, reference = (2, 6, 3, 64, 64), (2, 2, 3, 64, 64)
    assert loss.seen == [(clip, clip, reference, (2, 6, 40, 16), (2,), 2)]


def test_supervisions_see_the_supervisors_crop_or_the_backbone_s_own():
    frames, unknown = torch.rand(1, 2, 3, 32, 32), torch.full((1, 2, 68, 2), torch.nan)
    assert seen(frames, unknown) is frames
    points = torch.zeros(1, 2, 68, 2)
    points[:, :, list(RIGID)] = torch.tensor(ALIGNED) / 2 - 0.25
    # Points at half the places of the crop: it shows the frame twice as large.
    whole = torch.nn.functional.interpolate(frames[0], scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(seen(frames, points)[0], whole, atol=1e-4)


def test_material_must_have_what_the_terms_need(tmp_path):
    made = recipe(tmp_path)
    with pytest.raises(UsageError, match="lacks what paired needs"):
        train(Job(made, material(paired=False), tmp_path / "a"), SilentProgress())
    known = recipe(tmp_path, losses={"identity": 0.1})
    with pytest.raises(UsageError, match="lacks what identity needs"):
        train(Job(known, material(known=False), tmp_path / "b"), SilentProgress())
    with pytest.raises(UsageError, match="64 px, the recipe's 32"):
        train(Job(made, material(side=64), tmp_path / "c"), SilentProgress())


def test_averaged_weights_are_what_generates(tmp_path):
    found = run(tmp_path / "a", recipe(tmp_path))
    network = load_backbone(found)
    raw = read_tensors(found, found.training)
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())
    assert not torch.equal(network.generator.enter.weight, raw["backbone.generator.enter.weight"])


def test_supervisions_are_named_with_their_weights(tmp_path):
    assert split("asccl:0.3") == ("asccl", 0.3)
    assert split("my.module:factory:2") == ("my.module:factory", 2.0)
    for wrong in ("asccl", "asccl:", ":0.5", "asccl:-1", "asccl:nan", "asccl:inf"):
        with pytest.raises(UsageError, match="NAME:WEIGHT"):
            split(wrong)
    found = load_helper(f"{__name__}:Lighter:0.5", tmp_path, "cpu")
    assert (found.name, found.weight) == ("lighter", 0.5)
    with pytest.raises(PluginError, match="no supervision named 'nothing'"):
        load_helper("nothing:1", tmp_path, "cpu")
    with pytest.raises(PluginError, match="no name and needs"):
        load_helper(f"{__name__}:CutError:1", tmp_path, "cpu")


def test_a_known_supervision_without_its_state_names_the_command(tmp_path, monkeypatch):
    from spfem_baselines.supervision import builders

    def opened(path, device):
        if path.name == "broken":
            raise ValueError("it lacks the key one")
        return Lighter()

    monkeypatch.setattr(builders, "BUILDERS", {"lighter": opened})
    with pytest.raises(MissingWeightsError, match="train supervision --method lighter"):
        load_helper("lighter:1", tmp_path, "cpu")
    (tmp_path / "lighter.safetensors").write_bytes(b"")
    assert load_helper("lighter:1", tmp_path, "cpu").name == "lighter"
    assert load_helper(f"lighter={tmp_path / 'lighter.safetensors'}:1", tmp_path / "no", "cpu").weight == 1.0
    (tmp_path / "broken").write_bytes(b"")
    with pytest.raises(UsageError, match="no state of lighter: it lacks the key one"):
        load_helper(f"lighter={tmp_path / 'broken'}:1", tmp_path, "cpu")


def test_other_states_of_a_supervision_are_other_supervisions(tmp_path):
    def weighted(value: float) -> Helper:
        loss = Lighter()
        loss.register_buffer("state", torch.tensor(value))
        return Helper("lighter", 0.5, loss)

    facts = [
        Job(recipe(tmp_path), material(), tmp_path, helpers=[weighted(v)]).facts() for v in (1.0, 1.0, 2.0)
    ]
    assert facts[0] == facts[1]
    assert facts[0]["supervision"] != facts[2]["supervision"]


def test_the_record_names_the_supervisors_behind_terms_and_captions(tmp_path):
    made = recipe(tmp_path, losses={"mouth": 0.1, "sync": 0.1}, conditions={"text": 1.0})
    assert guide_names(made) == ["clip", "landmarks", "sync"]
    assert guide_names(recipe(tmp_path)) == []
