"""The backbone's terms against numbers worked out by hand, and the guides on rendered faces' geometry."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from spfem_baselines.backbone import losses
from spfem_baselines.backbone.generator import Edit
from spfem_baselines.backbone.losses import Guides
from spfem_baselines.supervisors.identity import IdentityNet
from spfem_baselines.supervisors.landmarks import LandmarkNet
from spfem_baselines.supervisors.perceptual import PerceptualNet
from spfem_baselines.supervisors.sync import SyncNet
from spfem_bench.training.loop import seeded
from spfem_metrics.synthetic.nets import crops

FACE = torch.from_numpy(
    np.stack([np.linspace(8, 24, 68), np.linspace(4, 28, 68) ** 1.1 / 2], axis=-1)
).float()


def frozen(build: type[nn.Module]) -> nn.Module:
    return seeded(build, 1).eval().requires_grad_(False)


def clip(frames: int = 6, seed: int = 0) -> torch.Tensor:
    return torch.rand(1, frames, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def points(frames: int = 6) -> torch.Tensor:
    """A face whose rigid points lie where the supervisors' crop wants them, half as large."""
    face = FACE.clone()
    face[list(losses.RIGID)] = torch.tensor(losses.ALIGNED) / 2 - 0.25
    return face.expand(1, frames, -1, -1).clone()


def test_least_squares_by_hand():
    scores = torch.tensor([[1.0, 0.0, 0.5]])
    assert losses.adversarial(scores, real=True).item() == pytest.approx((0 + 1 + 0.25) / 3)
    assert losses.adversarial(scores, real=False).item() == pytest.approx((1 + 0 + 0.25) / 3)


def test_absolute_differences_by_hand():
    one, other = torch.tensor([0.0, 1.0]), torch.tensor([0.5, -1.0])
    for term in (losses.cycle, losses.style, losses.paired):
        assert term(one, other).item() == pytest.approx(1.25)
        assert term(one, one).item() == 0


def test_smoothness_is_the_mean_step_between_neighbours():
    flow = torch.zeros(1, 1, 2, 2, 2)
    flow[..., 0, 0, 0] = 1.0
    edit = Edit(flow, torch.full((1, 1, 1, 2, 2), 0.25), torch.zeros(1, 1, 3, 2, 2))
    # One of the four steps down and one of the four to the right is 1.
    assert losses.smooth(edit).item() == pytest.approx(0.25 + 0.25)
    assert losses.sparse(edit).item() == pytest.approx(0.25)


def test_motion_is_the_distance_from_what_brings_the_points_there():
    source, flow = points(1), torch.zeros(1, 1, 2, 32, 32)
    truth = source - torch.tensor([3.0, -4.0])
    edit = Edit(flow, flow[:, :, :1], torch.zeros(1, 1, 3, 32, 32))
    assert losses.motion(edit, source, truth).item() == pytest.approx(5.0, abs=1e-4)
    flow[:, :, 0], flow[:, :, 1] = 3.0, -4.0
    assert losses.motion(edit, source, truth).item() == pytest.approx(0.0, abs=1e-4)
    # A field that names its own place: what is read at a point is the point.
    steps = torch.arange(32.0)
    flow[:, :, 0], flow[:, :, 1] = steps[None, :], steps[:, None]
    inside = source.clamp(1, 30)
    assert losses.motion(edit, 2 * inside, inside).item() == pytest.approx(0.0, abs=1e-3)


def test_correlation_is_pearson_s():
    draw = np.random.default_rng(0)
    one, other = draw.standard_normal((2, 3, 12))
    found = losses.correlation(torch.from_numpy(one), torch.from_numpy(other)).numpy()
    wanted = [np.corrcoef(a, b)[0, 1] for a, b in zip(one, other, strict=True)]
    # float32 sums of twelve terms.
    assert found == pytest.approx(wanted, abs=1e-5)
    still = torch.zeros(5)
    assert losses.correlation(still, torch.arange(5.0)).item() == 0


def test_openings_by_hand():
    face = torch.zeros(68, 2)
    face[[61, 62, 63], 1] = 10.0
    face[[67, 66, 65], 1] = torch.tensor([14.0, 16.0, 15.0])
    face[8] = torch.tensor([3.0, 4.0])
    assert losses.opening(face).item() == pytest.approx(5.0)
    assert losses.jaw(face).item() == pytest.approx(5.0)


def test_faces_are_cut_where_the_supervisors_learnt_to_see_them():
    assert np.array(losses.ALIGNED) == pytest.approx(crops.TEMPLATE)
    assert losses.RIGID == crops.RIGID
    image = np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)
    face = FACE.double().numpy()
    face[list(crops.RIGID)] = crops.TEMPLATE * 1.1 + 7.0
    wanted = crops.cut(image, crops.matrix_of(face)).astype(np.float64)
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    found = losses.aligned(tensor, torch.from_numpy(face)[None])[0].permute(1, 2, 0).numpy()
    # OpenCV rounds places to 1/32 px and values to whole ones: on noise 1/64 px is up to 255/64 on each axis.
    assert np.abs(found - wanted).max() <= 2 * 255 / 64 + 1


@pytest.mark.parametrize(
    ("name", "network", "call"),
    [
        ("identity", IdentityNet, lambda g, x, y: g.identity(x, y, points())),
        ("landmarks", LandmarkNet, lambda g, x, y: g.mouth(x, y, points())),
        ("perceptual", PerceptualNet, lambda g, x, y: g.perceptual(x, y)),
    ],
)
def test_a_guide_is_content_with_the_source_itself_and_teaches_only_the_output(name, network, call):
    guide = Guides({name: frozen(network)})
    source, made = clip(seed=1), clip(seed=2).requires_grad_()
    # A cosine or correlation of equal float32 vectors is 1 to within a few units in the last place.
    assert abs(float(call(guide, source, source))) < 1e-5
    value = call(guide, made, source)
    assert value.item() > 1e-4
    value.backward()
    assert made.grad is not None
    assert made.grad.abs().sum() > 0
    assert all(p.grad is None for p in guide.networks[name].parameters())


def test_sync_reads_five_frames_at_a_time():
    guide = Guides({"sync": frozen(SyncNet)})
    made, sound = (
        clip().requires_grad_(),
        torch.randn(1, 2, 40, 16, generator=torch.Generator().manual_seed(0)),
    )
    value = guide.sync(made, points(), sound)
    assert 0 <= value.item() <= 2
    value.backward()
    assert made.grad is not None
    assert made.grad.abs().sum() > 0
    with pytest.raises(ValueError, match="5 frames"):
        guide.sync(clip(4), points(4), sound)
