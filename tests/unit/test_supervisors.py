"""The supervisors: shapes, gradients, independence of the batch, and how they are found."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from spfem_baselines.supervisors import files, supervisor
from spfem_bench.training.faces import build

NETS = {"landmarks": (64, 159), "identity": (64, 128), "expression": (64, 23), "perceptual": (128, 112)}


@pytest.mark.parametrize("name", NETS)
def test_each_picture_is_read_by_itself_in_training_too(name):
    side, width = NETS[name]
    net = build("supervisors", name).train()
    pictures = torch.rand(3, 3, side, side) * 2 - 1
    together = net(pictures)
    assert together.shape == (3, width)
    torch.testing.assert_close(net(pictures[:1]), together[:1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NETS)
def test_judges_and_supervisors_share_outputs_but_no_layout(name):
    side, width = NETS[name]
    judge, own = build("judges", name).eval(), build("supervisors", name)
    assert judge(torch.zeros(2, 3, side, side)).shape[0] == 2
    if name != "perceptual":
        assert judge(torch.zeros(2, 3, side, side)).shape == (2, width)
    kinds = [{type(part) for part in net.modules()} for net in (judge, own)]
    assert torch.nn.BatchNorm2d in kinds[0] - kinds[1]
    assert torch.nn.GroupNorm in kinds[1] - kinds[0]


def test_the_budget_of_parameters_holds():
    for which in ("judges", "supervisors"):
        count = sum(p.numel() for name in NETS for p in build(which, name).parameters())
        assert count <= 1_700_000, which


def test_a_supervisor_is_frozen_and_lets_gradients_through(tmp_path, monkeypatch):
    torch.manual_seed(0)
    net = build("supervisors", "expression")
    halves = {k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    save_file(halves, tmp_path / "x.safetensors")
    monkeypatch.setattr(files, "supervisor_file", lambda name: tmp_path / "x.safetensors")
    loaded = supervisor("expression")
    assert not loaded.training
    picture = torch.zeros(1, 3, 64, 64, requires_grad=True)
    loaded(picture).sum().backward()
    assert picture.grad is not None
    assert picture.grad.abs().sum() > 0
    assert all(not p.requires_grad and p.dtype == torch.float32 for p in loaded.parameters())


def test_a_perceptual_distance_teaches():
    net = build("supervisors", "perceptual").eval()
    target = torch.rand(2, 3, 128, 128) * 2 - 1
    picture = torch.zeros(2, 3, 128, 128, requires_grad=True)
    assert net.distance(target, target).tolist() == [0.0, 0.0]
    far = net.distance(picture, target)
    far.sum().backward()
    with torch.no_grad():
        step = picture - 0.05 * picture.grad / picture.grad.abs().mean()
        assert (net.distance(step, target) < far).all()


def test_names_and_missing_files_are_named(monkeypatch):
    with pytest.raises(KeyError, match="there are landmarks"):
        supervisor("pose")
    monkeypatch.setattr(files, "files", lambda _: Path("/nowhere"))
    with pytest.raises(FileNotFoundError, match="train metrics --set supervisors --only identity"):
        supervisor("identity")
