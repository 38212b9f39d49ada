"""What the face networks are taught, and how their cards are counted."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from spfem_bench.progress import SilentProgress
from spfem_bench.training import expression, identity, landmarks, perceptual
from spfem_bench.training.faces import build
from spfem_bench.training.samples import Plan, stills
from spfem_metrics.synthetic.nets.crops import RIGID, TEMPLATE


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    plan = Plan(3000, people=2, clips=3, frames=2)
    return stills(plan, tmp_path_factory.mktemp("work"), SilentProgress(), workers=1)


def test_targets_of_points_lie_where_the_crop_shows_them(data, monkeypatch):
    monkeypatch.setattr(landmarks, "ROUGH", 0.0)
    monkeypatch.setattr(landmarks, "MOUTH", 0.0)
    monkeypatch.setattr(landmarks, "ABSENT", 0.0)
    batch = landmarks.pictures(data, np.arange(12), np.random.default_rng(2))
    assert batch["image"].shape == (12, 64, 64, 3)
    inside = (batch["points"].numpy() + 1) * 32 - 0.5
    off = np.linalg.norm(inside[:, list(RIGID)] - TEMPLATE, axis=-1).mean(axis=1)
    assert 0.5 < off.mean() < 8
    turns = batch["angles"].numpy()[:, 2] - data.floats("angles")[:, 2]
    lines = inside[:, 45] - inside[:, 36]
    upright = data.floats("landmarks")[:, 45] - data.floats("landmarks")[:, 36]
    lean = [np.degrees(np.arctan2(v[:, 1], v[:, 0])) for v in (lines, upright)]
    np.testing.assert_allclose(lean[0] - lean[1], turns, atol=1e-2)


def test_pictures_without_a_face_teach_presence_only(data, monkeypatch):
    monkeypatch.setattr(landmarks, "ABSENT", 1.0)
    batch = landmarks.pictures(data, np.arange(6), np.random.default_rng(2))
    assert not batch["face"].any()
    terms = landmarks.losses(build("judges", "landmarks").eval(), batch)
    assert terms["presence"].item() > 0
    assert all(term.item() == 0 for name, term in terms.items() if name != "presence")


class Answers(torch.nn.Module):
    """Gives the same outputs whatever it sees."""

    def __init__(self, outputs):
        super().__init__()
        self.outputs = outputs

    def forward(self, x):
        del x
        return self.outputs


def test_the_truth_has_no_loss(data, monkeypatch):
    monkeypatch.setattr(landmarks, "ABSENT", 0.0)
    batch = landmarks.pictures(data, np.arange(6), np.random.default_rng(2))
    columns = [batch["points"].flatten(1), torch.full((6, 1), 30.0), batch["angles"] / 20, batch["gaze"]]
    outputs = torch.cat([*columns, batch["blink"][:, None], batch["units"]], dim=1)
    terms = landmarks.losses(Answers(outputs), batch)
    assert sum(float(term) for term in terms.values()) == pytest.approx(0, abs=1e-5)
    outputs[:, 0] += 0.1
    assert float(landmarks.losses(Answers(outputs), batch)["points"]) > 0.001


def test_an_error_is_counted_in_distances_of_the_outer_eye_corners(data):
    truth = data.floats("landmarks").astype(float)
    scale = np.linalg.norm(truth[:, 45] - truth[:, 36], axis=1)
    moved = truth + 0.03 * scale[:, None, None] * np.array([0.6, 0.8])
    np.testing.assert_allclose(landmarks.error_of(moved, truth), 0.03, rtol=1e-9)


def test_the_margin_makes_the_right_answer_harder():
    net = identity.Margined(torch.nn.Identity(), people=3, width=2)
    net.directions.data = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    net.cosines = lambda images: images @ net.directions.T  # type: ignore[method-assign]
    vectors = torch.tensor([[0.8, 0.6]])
    own = torch.tensor([0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity, "to_input", lambda images: images)
        loss = identity.losses(net, {"image": vectors, "person": own})["margin"].item()
    angle = np.arccos(0.8) + identity.MARGIN
    logits = identity.SCALE * np.array([np.cos(angle), 0.6, -0.8])
    assert loss == pytest.approx(float(np.log(np.exp(logits).sum()) - logits[0]), rel=1e-5)


def test_area_and_equal_error_count_pairs():
    draw = np.random.default_rng(0)
    positive = draw.random(500) < 0.3
    scores = draw.normal(size=500) + positive
    above = (scores[positive][:, None] > scores[~positive]).mean()
    assert identity.area(scores, positive) == pytest.approx(above)
    assert identity.equal_error(np.where(positive, 1.0, 0.0) + draw.random(500) / 9, positive) < 0.01
    assert identity.equal_error(draw.normal(size=500), positive) == pytest.approx(0.5, abs=0.08)


def test_clips_vote_by_their_mean():
    data = SimpleNamespace(plan=replace(Plan(0, 1, 2), frames=2), whole=lambda _: np.array([4, 4, 2, 2]))
    shares = np.full((4, 7), 0.1)
    shares[0, 4] = 0.9
    shares[1, 3] = 0.3
    shares[2, 2] = shares[3, 1] = 0.5
    shares[3, 2] = 0.2
    assert expression.frame_accuracy(shares, data) == 0.5
    assert expression.clip_accuracy(shares, data) == 1.0


def test_degraded_batches_say_what_was_done(data):
    batch = perceptual.harmed_batch(data, np.random.default_rng(1))
    none = batch["kind"] == 0
    assert 0 < none.sum() < len(none)
    assert (batch["strength"][none] == 0).all()
    assert (batch["strength"][~none] > 0).all()


@pytest.mark.parametrize("which", ["judges", "supervisors"])
def test_fitted_channel_weights_bring_the_distance_to_the_strength(which, data):
    torch.manual_seed(3)
    net = build(which, "perceptual").eval()
    apart = {}
    for name in ("even", "fitted"):
        if name == "fitted":
            perceptual.with_weights(net, data=data, pictures=24, seed=0)
        clean, bad, grade = perceptual.graded(data, 3, 0, "noise")
        apart[name] = np.corrcoef(perceptual._distances(net, clean, bad), grade)[0, 1]
        a, b = (torch.from_numpy(x).permute(0, 3, 1, 2).float() / 127.5 - 1 for x in (clean[:4], bad[:4]))
        with torch.inference_mode():
            np.testing.assert_allclose(
                net.distance(a, b), perceptual._distances(net, clean, bad)[:4], rtol=1e-3
            )
    assert min(p.min() for p in net.channel_weights) >= 0
    assert apart["fitted"] > 0.6
