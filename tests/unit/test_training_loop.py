"""The training loop: what it minimises, what it averages, and that it can be repeated."""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn

from spfem_bench.training.loop import Schedule, apply, fit, forever, seeded

SCHEDULE = Schedule(steps=60, lr=0.05, decay=0.0, low_precision=False)
TRUE = torch.tensor([[2.0], [-1.0]])


def points(draw: np.random.Generator):
    x = torch.from_numpy(draw.standard_normal((32, 2)).astype(np.float32))
    return {"x": x, "y": x @ TRUE}


def squared(net, batch):
    return {"off": ((net(batch["x"]) - batch["y"]) ** 2).mean()}


def line() -> nn.Module:
    return seeded(lambda: nn.Linear(2, 1), 5)


def test_it_finds_the_line_and_leaves_the_net_in_eval_mode():
    net = fit(line(), squared, forever(points, 1), replace(SCHEDULE, steps=400))
    assert not net.training
    assert torch.allclose(net.weight, TRUE.T, atol=0.02)


def test_the_same_seeds_give_the_same_weights_and_others_others():
    one, again = (fit(line(), squared, forever(points, 1), SCHEDULE) for _ in range(2))
    other = fit(line(), squared, forever(points, 2), SCHEDULE)
    assert torch.equal(one.weight, again.weight)
    assert not torch.equal(one.weight, other.weight)


def test_first_weights_depend_on_the_seed_alone():
    torch.manual_seed(99)
    one = seeded(lambda: nn.Linear(2, 1), 5)
    torch.manual_seed(1)
    kept = torch.random.get_rng_state()
    assert torch.equal(seeded(lambda: nn.Linear(2, 1), 5).weight, one.weight)
    assert torch.equal(torch.random.get_rng_state(), kept)


def test_the_rate_rises_falls_and_ends_near_nothing():
    schedule = Schedule(steps=100, lr=1.0, warmup=0.1)
    rates = [schedule.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(0.505, abs=0.01)
    assert rates[99] < 0.02


def test_the_average_lags_behind_the_last_weights():
    net = line()
    mean = fit(net, squared, forever(points, 1), replace(SCHEDULE, steps=30, average=0.9))
    gap = {
        name: (each - TRUE.T).abs().max().item()
        for name, each in (("net", net.weight), ("mean", mean.weight))
    }
    assert gap["mean"] > gap["net"]


def test_buffers_are_averaged_too():
    build = lambda: nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))  # noqa: E731
    net = fit(seeded(build, 3), squared, forever(points, 1), SCHEDULE)
    assert net[1].num_batches_tracked == SCHEDULE.steps
    assert (net[1].running_mean != 0).all()


def test_too_few_batches_are_an_error():
    with pytest.raises(ValueError, match="3 batches for 60 steps"):
        fit(line(), squared, islice(forever(points, 1), 3), SCHEDULE)


def test_a_loss_that_is_not_finite_names_its_terms():
    with pytest.raises(ValueError, match="off"):
        fit(line(), lambda net, batch: {"off": net(batch["x"]).sum() / 0}, forever(points, 1), SCHEDULE)


def test_the_log_has_every_20th_step_and_the_last(tmp_path):
    path = tmp_path / "logs" / "line.csv"
    fit(line(), squared, forever(points, 1), replace(SCHEDULE, steps=50), log=path)
    rows = list(csv.DictReader(path.open()))
    assert [row["step"] for row in rows] == ["0", "20", "40", "49"]
    assert float(rows[-1]["off"]) == float(rows[-1]["loss"]) < float(rows[0]["loss"])


def test_batches_do_not_depend_on_how_many_were_made_before():
    first = list(islice(forever(points, 4), 3))
    assert not torch.equal(first[0]["x"], first[1]["x"])
    assert torch.equal(first[2]["x"], points(np.random.default_rng((4, 2)))["x"])


def test_apply_joins_its_blocks():
    images = np.random.default_rng(0).integers(0, 256, (300, 2, 2, 3), np.uint8)
    means = apply(nn.Identity(), images, lambda net, x: net(x).float().mean(dim=(1, 2)))
    assert means.dtype == np.float32
    np.testing.assert_allclose(means, images.mean(axis=(1, 2)), rtol=1e-5)
