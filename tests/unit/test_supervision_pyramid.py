"""The pyramids: ArcFace's published names and shapes, and the shipped supervisor's trunk."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from spfem_baselines.supervision import ASCCL
from spfem_baselines.supervision.iresnet import IBasicBlock, IResNet50, load_iresnet50, random_file
from spfem_baselines.supervision.pyramid import Pyramid, SupervisorPyramid, map_shapes
from spfem_baselines.supervisors import supervisor
from spfem_baselines.supervisors.blocks import Trunk
from tests.support.pyramids import TinyPyramid


def on_meta(**options: object) -> IResNet50:
    with torch.device("meta"):
        return IResNet50(**options).eval()


def test_iresnet50_has_four_maps_of_the_papers_sizes() -> None:
    """Of 224 px 64x112x112, 128x56x56, 256x28x28 and 512x14x14 (ASCCL's repository); others are resized."""
    net = on_meta()
    with torch.device("meta"):
        expected = [(2, 64, 112, 112), (2, 128, 56, 56), (2, 256, 28, 28), (2, 512, 14, 14)]
        assert [tuple(m.shape) for m in net(torch.zeros(2, 3, 224, 224))] == expected
        assert [tuple(m.shape) for m in net(torch.zeros(2, 3, 256, 256))] == expected
    assert net.channels == (64, 128, 256, 512)


def test_iresnet50_can_leave_pictures_at_their_size() -> None:
    net = on_meta(size=None)
    with torch.device("meta"):
        assert [m.shape[-1] for m in net(torch.zeros(1, 3, 256, 256))] == [128, 64, 32, 16]


def test_iresnet50_embeds_arcfaces_crops() -> None:
    with torch.device("meta"):
        assert on_meta(size=112).embed(torch.zeros(2, 3, 112, 112)).shape == (2, 512)


def test_iresnet50_has_the_names_and_the_count_of_the_published_file() -> None:
    """InsightFace's table gives 43.59 million parameters for r50; names as ``arcface_torch`` writes them."""
    state = on_meta().state_dict()
    assert round(sum(p.numel() for p in on_meta().parameters()) / 1e6, 2) == 43.59
    blocks = {1: 3, 2: 4, 3: 14, 4: 3}
    inside = ["bn1", "conv1", "bn2", "prelu", "conv2", "bn3"]
    layers = ["conv1", "bn1", "prelu", "bn2", "fc", "features"]
    layers += [f"layer{s}.{b}.{name}" for s, n in blocks.items() for b in range(n) for name in inside]
    layers += [f"layer{s}.0.downsample.{i}" for s in blocks for i in (0, 1)]
    assert {name.rpartition(".")[0] for name in state} == set(layers)
    assert state["fc.weight"].shape == (512, 512 * 7 * 7)
    assert state["layer3.0.downsample.0.weight"].shape == (256, 128, 1, 1)
    assert "layer1.0.conv1.bias" not in state


def test_a_block_normalises_before_each_convolution_and_strides_in_the_second() -> None:
    torch.manual_seed(0)
    block = IBasicBlock(2, 3, 2).eval()
    x = torch.randn(1, 2, 6, 6)
    f = nn.functional
    scale = 1 / (1 + 1e-5) ** 0.5  # fresh statistics: mean 0, variance 1
    inner = f.conv2d(x * scale, block.conv1.weight, padding=1) * scale
    inner = torch.where(inner > 0, inner, 0.25 * inner)
    inner = f.conv2d(inner, block.conv2.weight, stride=2, padding=1) * scale
    kept = f.conv2d(x, block.downsample[0].weight, stride=2) * scale
    assert torch.allclose(block(x), inner + kept, atol=1e-5)


def test_files_of_the_published_format_are_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "backbone.pth"
    random_file(path, seed=3)
    net = load_iresnet50(path, size=None)
    assert not net.training
    assert not any(p.requires_grad for p in net.parameters())
    state = torch.load(path, weights_only=True)
    assert torch.equal(net.layer4[2].conv2.weight, state["layer4.2.conv2.weight"])
    torch.save({"fc.bias": state["fc.bias"], "fc.scale": torch.ones(1)}, path)
    with pytest.raises(RuntimeError, match=r'(?s)Missing key.*"conv1\.weight".*Unexpected key.*"fc\.scale"'):
        load_iresnet50(path)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "backbone.pth"
    torch.save({"net": TinyPyramid()}, path)
    with pytest.raises(pickle.UnpicklingError):
        load_iresnet50(path)


def test_blue_comes_first_as_in_the_papers_code() -> None:
    """A stem that looks at its first channel alone sees the blue of an RGB picture."""

    class Stem(IResNet50):
        def __init__(self, *, bgr: bool) -> None:
            nn.Module.__init__(self)
            self.size, self.bgr = None, bgr
            self.conv1 = nn.Conv2d(3, 1, 1, bias=False)
            with torch.no_grad():
                self.conv1.weight.copy_(torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1))
            self.bn1 = self.prelu = self.layer1 = self.layer2 = self.layer3 = self.layer4 = nn.Identity()

    picture = torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1)
    assert Stem(bgr=True)(picture)[0].item() == pytest.approx(0.3)
    assert Stem(bgr=False)(picture)[0].item() == pytest.approx(0.1)


def test_supervisor_pyramid_has_four_maps_of_any_square_picture() -> None:
    pyramid = SupervisorPyramid(Trunk())
    expected = ((40, 16, 16), (40, 16, 16), (80, 8, 8), (112, 4, 4))
    assert map_shapes(pyramid, 64) == map_shapes(pyramid, 96) == expected
    assert pyramid.channels == tuple(shape[0] for shape in expected)
    assert isinstance(pyramid, Pyramid)


def test_supervisor_pyramid_is_the_trunk_of_the_shipped_identity_network() -> None:
    pyramid = SupervisorPyramid()
    crops = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    fine, middle, coarse = supervisor("identity").get_submodule("trunk")(crops)
    _, *found = pyramid(crops)
    assert all(torch.equal(a, b) for a, b in zip(found, (fine, middle, coarse), strict=True))
    assert not any(p.requires_grad for p in pyramid.parameters())


def test_the_default_centres_fit_the_supervisors_maps() -> None:
    """(32, 16, 8, 4) of maps of 16, 16, 8 and 4 px, of which the last has four places with all neighbours."""
    pictures = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    said = ASCCL(SupervisorPyramid(Trunk()))(pictures, pictures)
    assert torch.isfinite(said.total)
