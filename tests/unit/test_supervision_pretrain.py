"""Pre-training: the same bits from the same seed, resumed or not; cards; and what a proof counts."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from spfem_baselines.supervision import Supervised, Supervision
from spfem_baselines.supervision.builders import BUILDERS
from spfem_bench.cli.train import METHODS, train
from spfem_bench.digest import digest_file
from spfem_bench.errors import IntegrityError, UsageError
from spfem_bench.progress import SilentProgress
from spfem_bench.synthetic.people.style import style_of
from spfem_bench.training.supervision import learners, measure, pretrain
from spfem_bench.training.supervision.described import Described, Plan, described
from spfem_bench.training.supervision.learners import RECIPES
from spfem_bench.training.supervision.material import Job
from spfem_bench.training.supervision.pairs import PROOF, Pairs
from spfem_bench.training.supervision.pairs import Plan as PairPlan


def noise_pairs(plan: PairPlan, *_: object) -> Pairs:
    """Pairs of pictures and sound that mean nothing: what is trained on them is trained all the same."""
    draw = np.random.default_rng(5)
    pictures = draw.integers(0, 256, (plan.groups, len(plan.roles), plan.frames, 64, 64, 3), dtype=np.uint8)
    sound = draw.standard_normal((plan.groups, 3, plan.frames, 40, 16)).astype(np.float32)
    number = np.arange(plan.groups)
    columns = {
        "person": number // 2,
        "emotion": number % 6 + 1,
        "wrong": (number + 1) % 6 + 1,
        "sentence": number,
    }
    return Pairs(pictures, sound, columns, plan)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No rendering, and three small steps with a checkpoint after each."""
    monkeypatch.setattr("spfem_bench.training.supervision.pairs.pairs", noise_pairs)
    monkeypatch.setattr(pretrain, "EVERY", 1)
    small = {name: replace(one, steps=3, size=min(one.size, 4)) for name, one in RECIPES.items()}
    monkeypatch.setattr(learners, "RECIPES", small)
    monkeypatch.setattr(pretrain, "RECIPES", small)


@pytest.fixture
def job(tmp_path) -> Job:
    return Job("asccl", tmp_path / "work", tmp_path / "out", steps=3, smoke=True)


class Stopping(SilentProgress):
    """Ends everything after the second step."""

    def advance(self, stage: str, item: str) -> None:
        if item == "step 1":
            raise KeyboardInterrupt


@pytest.mark.parametrize("method", METHODS)
def test_resumed_is_uninterrupted_bit_for_bit(method, job, tmp_path):
    own = replace(job, method=method)
    apart = replace(own, work=tmp_path / "other", out=tmp_path / "apart")
    whole = pretrain.pretrain(apart, SilentProgress())
    with pytest.raises(KeyboardInterrupt):
        pretrain.pretrain(own, Stopping())
    assert not own.path.exists()
    card = pretrain.pretrain(own, SilentProgress())
    assert card.sha256 == whole.sha256
    assert card.last == whole.last
    assert list(own.work.rglob("checkpoint.pt")) == []
    loss = BUILDERS[method](own.path, "cpu")
    assert isinstance(loss, Supervision)


class Noting(SilentProgress):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_the_command_lists_what_can_be_learnt():
    assert tuple(RECIPES) == METHODS == tuple(BUILDERS) == tuple(measure.CLAIMS)


def test_another_seed_gives_another_state_and_the_work_is_done_once(job):
    one = pretrain.pretrain(job, SilentProgress())
    told = Noting()
    assert pretrain.pretrain(job, told) == one
    assert "is there already" in told.notes[0]
    other = pretrain.pretrain(replace(job, seed=43), SilentProgress())
    assert other.sha256 != one.sha256
    assert other.recipe_digest != one.recipe_digest


def test_something_was_learnt_by_the_file_and_its_card(job):
    card = pretrain.pretrain(job, SilentProgress())
    state = load_file(job.path)
    assert card.parameters == sum(value.numel() for value in state.values())
    assert card.sha256 == digest_file(job.path)
    assert json.loads(job.path.with_suffix(".json").read_text())["command"] == (
        "spfem-bench train supervision --method asccl --pairs dtw --seed 42 --steps 3 --smoke"
    )
    rows = (job.work / "logs" / "supervision-asccl.csv").read_text().splitlines()
    assert rows[0].startswith("step,loss,spatial")
    assert [row.split(",")[0] for row in rows[1:]] == ["0", "2"]
    again = pretrain.pretrain(replace(job, steps=1, out=job.out / "short"), SilentProgress())
    before = load_file(job.out / "short" / "asccl.safetensors")
    assert again.steps == 1
    assert any(not torch.equal(state[name], before[name]) for name in state)


def test_content_is_learnt_from_triplets_anchored_at_either_frame(job):
    card = pretrain.pretrain(replace(job, method="ccrl", steps=1), SilentProgress())
    assert set(card.last) == {"loss", "same", "other", "same/emotional", "other/emotional"}
    there = 1 - card.last["same"] + card.last["other"]
    back = 1 - card.last["same/emotional"] + card.last["other/emotional"]
    assert card.last["loss"] == pytest.approx((there + back) / 2, abs=1e-6)


def test_a_changed_file_is_refused(job):
    pretrain.pretrain(job, SilentProgress())
    job.path.write_bytes(job.path.read_bytes()[:-1] + b"x")
    with pytest.raises(IntegrityError, match="not what its card says"):
        pretrain.finished(job.path)


def test_true_pairs_have_a_name_of_their_own_and_words_need_no_pairs(job):
    assert replace(job, how="true").path.name == "asccl-true.safetensors"
    assert replace(job, method="expclip", how="true").path.name == "expclip.safetensors"
    assert measure.method_of("asccl-true") == "asccl"


def test_an_unknown_method_is_named_with_the_likeliest(job):
    with pytest.raises(UsageError, match=r"no supervision 'ascl'.*asccl"):
        pretrain.pretrain(replace(job, method="ascl"), SilentProgress())


def test_the_rate_falls_where_the_recipe_says(job, monkeypatch):
    seen = []

    class Watched(torch.optim.SGD):
        def step(self, closure=None):
            seen.append(self.param_groups[0]["lr"])
            return super().step(closure)

    monkeypatch.setattr(torch.optim, "SGD", Watched)
    recipe = replace(RECIPES["cerl"], steps=8, size=2)
    monkeypatch.setattr(pretrain, "RECIPES", {"cerl": recipe})
    pretrain.pretrain(replace(job, method="cerl", steps=None, smoke=True), SilentProgress())
    # A smoke test takes four steps: the rate falls at 0.5, 1 and 2 of them, so from the second step on.
    assert seen == pytest.approx([0.1, 0.1 * 0.1**2, 0.1 * 0.1**3, 0.1 * 0.1**3])


def test_the_command_runs(tmp_path):
    given = ["--method", "expclip", "--method", "asccl", "--smoke", "--json"]
    places = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    ran = CliRunner().invoke(train, ["supervision", *given, *places], catch_exceptions=False)
    assert ran.exit_code == 0
    assert [card["method"] for card in json.loads(ran.stdout)] == ["expclip", "asccl"]
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"asccl.safetensors", "expclip.json"}


def test_a_smoke_test_overwrites_nothing(tmp_path):
    with pytest.raises(UsageError, match="--smoke makes supervisions that know nothing"):
        CliRunner().invoke(train, ["supervision", "--method", "asccl", "--smoke"], catch_exceptions=False)


class Numbered:
    """Features of captions: how many there were before."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def text_features(self, texts):
        rows = torch.arange(len(self.seen), len(self.seen) + len(texts)).float()
        self.seen += texts
        return rows[:, None]


@pytest.fixture(scope="module")
def told() -> tuple[Described, Numbered]:
    texts = Numbered()
    return described(Plan(12, people=3), texts), texts


def test_expressions_are_acted_and_free_in_turn(told):
    data, texts = told
    assert [len(some) for some in data.captions] == [5, 1] * 6
    assert (data.emotion[1::2] == -1).all()
    assert (data.emotion[::2] >= 0).all()
    free = data.coefficients[1::2]
    assert ((free > 0).sum(axis=1) <= 3).all()
    assert ((free == 0) | ((free >= 0.25) & (free <= 1.1))).all()
    assert texts.seen == [caption for some in data.captions for caption in some]


def test_a_batch_gives_each_expression_a_caption_of_its_own(told):
    data, _ = told
    batch = data.batch(np.random.default_rng(0), 40)
    owner = np.searchsorted(data.begins, batch.texts[:, 0].numpy(), side="right") - 1
    assert np.array_equal(batch.coefficients.numpy(), data.coefficients[owner])
    assert len(set(owner)) > 6
    third = next(data.batches(3, 5, first=2))
    ahead = data.batches(3, 5)
    assert torch.equal([next(ahead) for _ in range(3)][2].texts, third.texts)


class Brightness:
    """A supervision that wants dark pictures, and draws from its generator."""

    name, needs = "asccl", frozenset()

    def __init__(self) -> None:
        self.generator = torch.Generator()

    def __call__(self, generated, source, **_: object):
        drawn = torch.rand((), generator=self.generator)
        return Supervised(generated.mean() + drawn)


def graded() -> Pairs:
    """Each role of one grey of its own, in the order of the roles."""
    plan = PairPlan(2, 4, frames=1, proof=True)
    grey = np.arange(len(PROOF), dtype=np.uint8) * 10
    pictures = np.broadcast_to(grey[None, :, None, None, None, None], (4, len(PROOF), 1, 64, 64, 3))
    return replace(noise_pairs(plan), pictures=pictures)


def test_a_margin_is_the_worse_less_the_better_at_the_same_draws():
    """Emotional has the grey 10, other words 20: 10 steps of 2 / 255 apart, whatever was drawn."""
    claim = measure.Claim("", "emotional", "other")
    found = [measure.margin(Brightness(), claim, graded(), index) for index in range(4)]
    # Float32 sums near 1 are exact to 6e-8; two of them and a mean of 12288 pixels stay within 1e-5.
    assert found == pytest.approx([20 / 255] * 4, abs=1e-5)
    wrong_way = measure.Claim("", "other", "emotional")
    assert measure.margin(Brightness(), wrong_way, graded(), 0) < 0


def test_proofs_count_what_goes_right_and_ties_as_half():
    found = measure.proofs("asccl", Brightness(), graded(), SilentProgress())
    assert [one.share for one in found] == [1.0, 1.0]
    tied = measure.Proof("x", "y", np.array([1.0, 0.0, -1.0, 2.0]), list("aabb"))
    assert tied.share == pytest.approx(0.625)
    assert tied.mean.point == pytest.approx(0.5)
    assert "| x | y | 4 | 0.625 | +0.5000 |" in tied.line()


def test_unusual_people_are_the_quarter_with_the_most_uneven_gains():
    people = [str(index) for index in range(40)]
    margins = np.arange(40.0)
    pair = [
        measure.Proof(name, claim.says, margins * i, people)
        for i, name in ((2, "pcmecl"), (1, "pcmecl-generic"))
        for claim in measure.CLAIMS[name]
    ]
    own, generic, more = measure.unusual(pair, 3000)
    uneven = {who: np.log(style_of(int(who), 3000).gain).std() for who in people}
    most = sorted(people, key=lambda who: uneven[who])[-10:]
    assert sorted(own.people) == sorted(most)
    assert np.array_equal(more.margins, own.margins - generic.margins)


def test_states_are_found_by_name_and_missed_in_a_sentence(tmp_path):
    with pytest.raises(UsageError, match="holds no pre-trained state"):
        list(measure.states(tmp_path))
    for name in ("cerl", "asccl-true"):
        (tmp_path / f"{name}.safetensors").touch()
    assert [name for name, _ in measure.states(tmp_path)] == ["asccl-true", "cerl"]


def test_likeness_is_higher_where_pictures_are_the_same(job):
    pretrain.pretrain(job, SilentProgress())
    loss = BUILDERS["asccl"](job.path, "cpu")
    data = noise_pairs(PairPlan(2, 2, frames=1, proof=True))
    same = replace(data, pictures=np.repeat(data.pictures[:, :1], len(PROOF), axis=1))
    (one,), (other,) = measure.likeness("x", loss, same), measure.likeness("x", loss, data)
    # Equal pictures have equal relations: cosines of 1 to within float32.
    assert one.before[0] == pytest.approx(1, abs=1e-4)
    assert one.after[0] == pytest.approx(1, abs=1e-4)
    assert other.before[0] < 0.9
    assert one.line().startswith("| x | spatial | 1.000 |")
