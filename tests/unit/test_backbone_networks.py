"""The backbone's networks: shapes, where they start from, and what reaches what."""

from __future__ import annotations

import pytest
import torch

from spfem_baselines.backbone.discriminator import Discriminator
from spfem_baselines.backbone.generator import Edit, Generator, Shape, composed, in_context
from spfem_baselines.backbone.hearing import RATE, around
from spfem_baselines.backbone.model import Backbone
from spfem_baselines.supervisors.speech import SPAN, log_mel
from spfem_bench.training.loop import seeded

SMALL = Shape(side=32, widths=(16, 16), depth=1, style=16, sound=16)


def clip(*, batch: int = 2, frames: int = 5, side: int = 32, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(batch, frames, 3, side, side, generator=draw) * 2 - 1


def still(frames: torch.Tensor) -> Edit:
    batch, length, _, side, _ = frames.shape
    zeros = torch.zeros(batch, length, 3, side, side)
    return Edit(zeros[:, :, :2], zeros[:, :, :1], zeros)


def model(seed: int = 0) -> Backbone:
    return seeded(lambda: Backbone(SMALL), seed)


def test_an_edit_without_motion_and_paint_leaves_every_pixel():
    frames = clip()
    # grid_sample computes places in float32: at whole pixels a weight is off by some 32 * 2^-23.
    assert torch.allclose(composed(frames, still(frames)), frames, atol=1e-4)


def test_a_motion_takes_values_from_as_many_pixels_away_as_it_says():
    frames = clip()
    edit = still(frames)
    flow = edit.flow.clone()
    flow[:, :, 0], flow[:, :, 1] = 3.0, -2.0
    moved = composed(frames, edit._replace(flow=flow))
    assert torch.allclose(moved[..., 2:, :-3], frames[..., :-2, 3:], atol=1e-4)


def test_the_mask_says_how_much_is_painted():
    frames = clip()
    edit = still(frames)
    painted = composed(frames, edit._replace(mask=torch.full_like(edit.mask, 0.25), colour=edit.colour + 0.8))
    assert torch.allclose(painted, 0.75 * frames + 0.25 * 0.8, atol=1e-4)


def test_context_is_the_neighbours_and_ends_see_themselves():
    frames = clip(batch=1, frames=3)
    seen = in_context(frames)[0].unflatten(1, (3, 3))
    assert torch.equal(seen[0], frames[0, [0, 0, 1]])
    assert torch.equal(seen[1], frames[0, [0, 1, 2]])
    assert torch.equal(seen[2], frames[0, [1, 2, 2]])


def test_the_edit_fades_out_at_the_border_and_starts_near_the_source():
    network, frames = model(), clip()
    out, edit = network(
        frames, network.styles.of_label(torch.tensor([1, 4])), torch.full((2, 5, 40, 16), -6.0)
    )
    assert out.shape == frames.shape
    assert edit.flow.shape == (2, 5, 2, 32, 32)
    # The window at the outermost pixel is .5 - .5 cos(pi .5 / 3.2) = .059 a side.
    assert edit.mask[..., 0, :].max() < 0.06
    assert (edit.mask >= 0).all()
    assert (edit.mask <= 1).all()
    assert edit.mask.mean() < 0.2


def test_a_frame_s_edit_depends_on_its_neighbours_style_and_sound_and_on_nothing_further():
    network, frames = model(), clip(batch=1, frames=5)
    style, sound = network.styles.of_label(torch.tensor([2])), torch.full((1, 5, 40, 16), -6.0)

    def middle(x: torch.Tensor, s: torch.Tensor = style, a: torch.Tensor = sound) -> torch.Tensor:
        with torch.inference_mode():
            return network(x, s, a)[0][0, 2]

    far, near, base = frames.clone(), frames.clone(), middle(frames)
    far[:, 0] = -far[:, 0]
    near[:, 1] = -near[:, 1]
    louder = sound.clone()
    louder[:, 2] += 4
    # The batch is the same size, so that what does not enter changes no bit.
    assert torch.equal(middle(far), base)
    assert not torch.equal(middle(near), base)
    assert not torch.equal(middle(frames, s=style + 1), base)
    assert not torch.equal(middle(frames, a=louder), base)


def test_the_style_of_a_clip_is_the_mean_over_its_frames_in_any_order():
    network, frames = model(), clip(batch=1, frames=4)
    with torch.inference_mode():
        whole = network.styles.of_clip(frames)
        parts = torch.stack([network.styles.of_clip(frames[:, i : i + 1]) for i in (3, 1, 0, 2)]).mean(0)
    # A mean of four float32 numbers in another order, after convolutions in batches of other sizes.
    assert torch.allclose(whole, parts, rtol=1e-3, atol=1e-4)


def test_the_discriminator_reads_the_wanted_emotion_and_sees_flicker():
    judge, frames = seeded(lambda: Discriminator(SMALL), 3), clip(batch=1, frames=3)
    one, other = (judge(frames, torch.tensor([e])) for e in (0, 5))
    assert one.shape == (1, 2)
    assert not torch.equal(one, other)
    frozen = frames[:, :1].expand(-1, 3, -1, -1, -1)
    assert torch.allclose(
        judge(frozen, torch.tensor([0])), judge(frozen[:, :1], torch.tensor([0])), atol=1e-4
    )
    assert not torch.allclose(
        judge(frames, torch.tensor([0]))[:, :1], judge(frozen, torch.tensor([0]))[:, :1]
    )


def test_sound_is_heard_around_its_instant():
    samples = torch.randn(RATE, generator=torch.Generator().manual_seed(0)) * 0.1
    times = torch.tensor([0.0, 0.5], dtype=torch.float64)
    found = around(samples, times)
    assert found.shape == (2, 40, 16)
    begin = 0.5 - (SPAN // 2) / RATE
    assert torch.equal(found[1], log_mel(samples, torch.tensor([begin], dtype=torch.float64))[0])
    silent = around(torch.zeros(0), times)
    assert torch.isfinite(silent).all()


@pytest.mark.parametrize(
    "wrong", [{"side": 48}, {"side": 16}, {"side": 32, "widths": (16,) * 4}, {"widths": (20, 32)}]
)
def test_sizes_that_make_no_network_are_refused(wrong):
    with pytest.raises(ValueError, match=r"px|multiples"):
        Shape(**wrong)


def test_larger_crops_need_no_other_code():
    generator = Generator(Shape(side=128, widths=(8, 8, 8, 8), depth=1, style=8, sound=8))
    edit = generator(clip(batch=1, frames=1, side=128), torch.zeros(1, 8), torch.zeros(1, 1, 40, 16))
    assert edit.colour.shape == (1, 1, 3, 128, 128)
