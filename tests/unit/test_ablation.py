"""The parts of an ablation: its run file, equal weights, the choice, the table over training seeds."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from spfem_baselines.supervision import BUILDERS, Supervised
from spfem_bench.ablation import helpers as ablation_helpers
from spfem_bench.ablation import keys, scaling
from spfem_bench.ablation.choosing import Distances, batches, nearest
from spfem_bench.ablation.helpers import KNOWN, METHODS, method_of, state_name
from spfem_bench.ablation.home import Home, Run, read_plain, write_plain
from spfem_bench.ablation.pictures import HEIGHT, labelled
from spfem_bench.ablation.run import preview
from spfem_bench.ablation.scaling import Scales, gradients
from spfem_bench.ablation.spec import is_ablation, load_ablation
from spfem_bench.ablation.training import Place, Pretrain, Tune, Warm, plan_of, pretraining, validation_plan
from spfem_bench.errors import (
    ConfigError,
    IntegrityError,
    MissingWeightsError,
    UsageError,
)
from spfem_bench.resources import config_path
from spfem_bench.synthetic.splits import POPULATIONS
from spfem_bench.training.backbone.batches import Sampler
from spfem_bench.training.backbone.recipe import parse_recipe
from spfem_bench.training.backbone.step import Helper, Rules, guides, players
from spfem_bench.training.supervision.learners import RECIPES
from tests.support.backbones import RECIPE, material

SHIPPED = config_path("runs", "ablation-synthetic")
SMOKE = config_path("runs", "ablation-smoke")


def changed(tmp_path: Path, **more: object) -> Path:
    """The smoke test's file with other values."""
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(SMOKE.read_text()), **more}))
    return path


def test_the_shipped_file_compares_all_five_on_equal_terms() -> None:
    spec = load_ablation(SHIPPED)
    five = {"asccl", "asccl-released", "stccl", "stccl-cm", "ccrl-true", "cerl", "pcmecl"}
    assert five <= set(spec.members)
    assert spec.variants["cdrl"] == ("ccrl-true", "cerl")
    assert spec.plain == "backbone"
    assert len(spec.seeds) >= 3
    assert spec.warm_recipe(2).seed == spec.tune_recipe(2).seed == 2
    assert spec.warm_recipe(0).networks() == spec.tune_recipe(0).networks()
    plan = preview(spec)
    assert plan["fine-tunings"] == 1 + 10 * len(spec.shares) + 11 * (len(spec.seeds) - 1) + 1
    assert plan["fine-tuning steps"] == plan["fine-tunings"] * spec.tune.steps


def test_nobody_is_both_learnt_from_and_chosen_or_tested_by() -> None:
    spec = load_ablation(SHIPPED)
    learnt = {plan_of(spec.warm_recipe(0)).population, plan_of(spec.tune_recipe(0)).population}
    assert learnt == {POPULATIONS["train"].seed}
    assert validation_plan(spec).population == POPULATIONS["validation"].seed
    assert len({POPULATIONS[name].seed for name in ("train", "validation", "test", "judges")}) == 4


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"variants": {"a": [], "b": []}}, "exactly one"),
        ({"variants": {"a": ["asccl"]}}, "exactly one"),
        ({"variants": {"a": [], "b": ["ascl"]}}, "Did you mean 'asccl'"),
        ({"seeds": [0]}, "seeds"),
        ({"shares": [0]}, "shares"),
        ({"also_score": [0.7]}, "0.7 is none of the shares"),
        ({"share": [1]}, "Did you mean 'shares'"),
        ({"strips": {"people": 9}}, "at most the 3 test people"),
        ({"text": {"prompts": ["a", "b"], "variants": {"backbone": ["expclip"]}}}, "'backbone'"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, more: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_ablation(changed(tmp_path, **more))


def test_which_files_are_ablations() -> None:
    assert is_ablation(yaml.safe_load(SHIPPED.read_text()))
    assert not is_ablation(yaml.safe_load(config_path("runs", "demo").read_text()))


def test_supervisions_and_their_states(tmp_path: Path) -> None:
    assert set(METHODS) == set(RECIPES) == set(BUILDERS)
    assert state_name("asccl-released") == "asccl"
    assert method_of(state_name("asccl-true")) == "asccl"
    assert "expclip-true" not in KNOWN
    place = Place(Home(tmp_path / "out", tmp_path / "work"))
    job = pretraining("asccl-true", place)
    assert (job.method, job.how, job.path) == ("asccl", "true", place.home.states / "asccl-true.safetensors")
    with pytest.raises(MissingWeightsError, match=r"asccl\.safetensors"):
        ablation_helpers.build("asccl-released", tmp_path, "cpu")
    (tmp_path / "asccl.safetensors").write_bytes(b"no tensors")
    with pytest.raises(UsageError, match="is no state of asccl-released"):
        ablation_helpers.build("asccl-released", tmp_path, "cpu")


def test_runs_have_folders_of_their_own(tmp_path: Path) -> None:
    home = Home(tmp_path, tmp_path)
    runs = [Run(s, v, share) for s in (0, 1) for v in ("a", "a+b") for share in (None, 0.1, 1.0)]
    assert len({home.tuned(run) for run in runs}) == len(runs)
    assert home.tuned(Run(1, "a", 0.3)) == tmp_path / "tuned" / "seed-1" / "a" / "share-0.3"


def test_what_is_kept_is_made_again_where_it_is_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    assert read_plain(path, "k") is None
    write_plain(path, {"key": "k", "value": 1})
    assert read_plain(path, "k") == {"key": "k", "value": 1}
    assert read_plain(path, "other") is None
    path.write_text("{")
    with pytest.raises(IntegrityError, match="not JSON"):
        read_plain(path)


def other_code(patch: pytest.MonkeyPatch) -> None:
    """As though a line of a supervision had changed."""
    for module in (keys, scaling):
        patch.setattr(module, "supervision_code", lambda: "other")


def test_a_change_in_a_supervision_refuses_what_was_tuned_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The training's own record knows nothing of that code: tuned folders would be taken as finished."""
    spec = load_ablation(SHIPPED)
    place = Place(Home(tmp_path, tmp_path))
    tune = Tune(spec, Run(0, "cdrl", 0.3), {"ccrl": 1.0, "cerl": 2.0}, place)
    out = place.home.tuned(tune.run)
    with pytest.raises(MissingWeightsError):
        tune.perform()
    (out / "checkpoint.json").write_text("{}")
    with pytest.raises(MissingWeightsError):
        tune.perform()
    other_code(monkeypatch)
    with pytest.raises(
        UsageError, match=r"share-0\.3 holds a checkpoint made by other code.*ccrl, cerl.*delete"
    ):
        tune.perform()
    (out / "checkpoint.json").unlink()
    with pytest.raises(MissingWeightsError):
        tune.perform()
    (out / "checkpoint.json").write_text("{}")
    (out / keys.FILE).unlink()
    with pytest.raises(UsageError, match="delete it"):
        tune.perform()


def test_what_was_tuned_without_supervision_outlives_their_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.claim(tmp_path, ())
    assert not list(tmp_path.iterdir())
    (tmp_path / "checkpoint.json").write_text("{}")
    other_code(monkeypatch)
    keys.claim(tmp_path, ())


def test_the_code_of_supervisions_is_that_of_their_methods_and_networks(tmp_path: Path) -> None:
    """What the digest is taken over holds every module that a supervision's loss runs through."""
    import spfem_baselines.supervision.asccl as method
    import spfem_baselines.supervisors.clip as network

    seen: list[Path] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "digest_sources", lambda *paths: seen.extend(paths) or "digest")
        assert keys.supervision_code() == "digest"
    for module in (method, network, ablation_helpers):
        file = Path(str(module.__file__))
        assert any(file == path or path in file.parents for path in seen), file


def test_scales_are_measured_again_after_a_change_in_a_supervision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, place = load_ablation(SMOKE), Place(Home(tmp_path, tmp_path, smoke=True))
    place.home.states.mkdir()
    for name in spec.members:
        ablation_helpers.state_file(name, place.home.states).write_bytes(b"state")
    measured: list[float] = []

    def norms(*_: object) -> tuple[float, dict[str, float]]:
        measured.append(1.0)
        return float(len(measured)), dict.fromkeys(spec.members, 1.0)

    monkeypatch.setattr(scaling, "_norms", norms)
    monkeypatch.setattr(scaling.keeping, "opened", lambda _: SimpleNamespace(digest="start"))
    assert [scaling.measured(spec, place).rest for _ in range(2)] == [1.0, 1.0]
    other_code(monkeypatch)
    assert [scaling.measured(spec, place).rest for _ in range(2)] == [2.0, 2.0]


def test_members_share_a_weight_evenly() -> None:
    scales = Scales(rest=6.0, own={"a": 2.0, "b": 12.0}, start="", batches=1)
    assert scales.weights(("a",), 0.3) == {"a": 0.9}
    assert scales.weights(("a", "b"), 1.0) == {"a": 1.5, "b": 0.25}
    assert scales.weights((), None) == {}


class Slope(nn.Module):
    """A supervision whose gradient is ``size`` at every number of the output."""

    needs = frozenset({"source"})

    def __init__(self, size: float) -> None:
        super().__init__()
        self.name, self.size = f"slope-{size:g}", size

    def forward(self, generated, source, **_):  # type: ignore[no-untyped-def]
        return Supervised(self.size * generated.float().sum(), {})


class Deaf(Slope):
    """One that does not look at the output."""

    def forward(self, generated, source, **_):  # type: ignore[no-untyped-def]
        return Supervised(source.sum(), {})


def test_gradients_at_the_output_by_hand(tmp_path: Path) -> None:
    """A sum's gradient is 1 everywhere: its norm is the root of the number of values."""
    losses = {"cycle": 0.0, "style": 0.0, "paired": 1.0, "adversarial": 0.0, "smooth": 0.5, "sparse": 0.5}
    schedule = {**RECIPE["schedule"], "low_precision": False}
    recipe = parse_recipe({**RECIPE, "losses": losses, "schedule": schedule}, tmp_path / "tiny.yaml")
    now, clips = players(recipe, "cpu"), material(known=False)
    before = [value.clone() for value in now.backbone.parameters()]
    batch = Sampler(clips, recipe.schedule, recipe.conditions, np.arange(4))(np.random.default_rng(0))
    beside = tuple(Helper(loss.name, 7.0, loss) for loss in (Slope(1.0), Slope(3.0), Deaf(0.0)))
    rest, one, three, deaf = gradients(now, batch, Rules(recipe, guides(recipe, "cpu"), beside), 0)
    numbers = batch.source.numel()
    assert one == pytest.approx(numbers**0.5, rel=1e-5)
    assert three == pytest.approx(3 * numbers**0.5, rel=1e-5)
    assert deaf == 0.0
    # The mean absolute difference has the gradient +-1/N everywhere; terms of the field do not reach frames.
    assert rest == pytest.approx(numbers**-0.5, rel=1e-3)
    assert all(torch.equal(a, b) for a, b in zip(before, now.backbone.parameters(), strict=True))


def test_the_nearest_to_the_truth_is_taken_and_the_weaker_of_equals() -> None:
    found = {share: Distances(value, 0.0, 0.5, 6) for share, value in {1.0: 0.2, 0.1: 0.3, 0.3: 0.2}.items()}
    assert nearest(found) == 0.3


def test_validation_edits_every_neutral_clip_into_every_emotion_with_its_truth() -> None:
    clips = material()
    made = list(batches(clips))
    assert len(made) == 4
    for batch in made:
        assert batch.emotion.tolist() == [1, 2, 3, 4, 5, 6]
        assert batch.was.tolist() == [0] * 6
        lighter = 10 / 127.5 * batch.emotion.view(6, 1, 1, 1, 1)
        assert torch.allclose(batch.truth, batch.source + lighter, atol=1e-5)


def test_a_strip_shows_the_same_instants_of_every_clip() -> None:
    ramp = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, HEIGHT, 40, 3), np.uint8)
    image = labelled({"a": ramp, "b": 2 * ramp}, 3)
    seen = [image[HEIGHT // 2, -20 - 42 * k] for k in range(3)]
    assert [pixel.tolist() for pixel in seen] == [[8] * 3, [5] * 3, [1] * 3]
    assert image[HEIGHT + 2 + HEIGHT // 2, -20].tolist() == [16] * 3
    assert (image[:HEIGHT, :140] < 128).any()


def test_tasks_travel_to_other_processes(tmp_path: Path) -> None:
    spec = load_ablation(SHIPPED)
    assert spec.plain
    assert spec.members
    place = Place(Home(tmp_path, tmp_path))
    tasks = [
        Pretrain(("asccl",), place),
        Warm(spec, 1, place),
        Tune(spec, Run(0, "cdrl", 0.3), {"ccrl": 1.0, "cerl": 2.0}, place, validated=True),
    ]
    assert pickle.loads(pickle.dumps(tasks)) == tasks
    assert [task.name for task in tasks][1:] == ["warm start, seed 1", "seed 0, cdrl/share-0.3"]
