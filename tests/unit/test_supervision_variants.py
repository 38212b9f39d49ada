"""Every variant of the ablation in training: the same bits twice, and on a backbone that is not ours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from spfem_baselines.backbone.losses import Guides
from spfem_baselines.supervision import Supervision
from spfem_bench.ablation.spec import load_ablation
from spfem_bench.resources import config_path
from spfem_bench.training.backbone.batches import Batch, Sampler
from spfem_bench.training.backbone.recipe import Recipe, parse_recipe
from spfem_bench.training.backbone.step import Helper, Rules, players, take_step
from tests.support.backbones import RECIPE, material
from tests.support.supervisions import CASES, PLAIN

SIDE = 64
"""Of the supervisors' faces."""
STEPS = 2

every = pytest.mark.parametrize("case", [case for case in CASES if case != PLAIN])


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    data = {**RECIPE, "shape": {**RECIPE["shape"], "side": SIDE}}
    return parse_recipe(data, tmp_path_factory.mktemp("recipe") / "tiny.yaml")


def batches(recipe: Recipe) -> list[Batch]:
    clips = material(side=SIDE, known=False)
    stream = Sampler(clips, recipe.schedule, recipe.conditions, np.arange(4)).forever(0)
    return [next(stream) for _ in range(STEPS)]


def test_every_variant_of_the_shipped_ablation_is_among_the_cases() -> None:
    spec = load_ablation(config_path("runs", "ablation-synthetic"))
    wanted = {*spec.variants, *spec.control.variants} - {spec.plain}
    assert wanted <= set(CASES)


def trained(case: str, recipe: Recipe) -> tuple[dict[str, torch.Tensor], list[dict[str, float]]]:
    """Weights after a few steps, and what each said."""
    now = players(recipe, "cpu")
    rules = Rules(recipe, Guides({}), tuple(Helper(loss.name, 0.1, loss) for loss in CASES[case]()))
    said = [take_step(now, batch, rules) for batch in batches(recipe)]
    return now.backbone.state_dict(), said


@pytest.fixture(scope="module")
def plain(recipe: Recipe) -> dict[str, torch.Tensor]:
    """Weights after the same steps without supervision."""
    return trained(PLAIN, recipe)[0]


@every
def test_a_few_steps_end_in_the_same_bits(case: str, recipe: Recipe, plain: dict[str, torch.Tensor]) -> None:
    (first, said), (second, again) = trained(case, recipe), trained(case, recipe)
    assert said == again
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], plain[name]) for name in first), "it taught nothing"


class Other(nn.Module):
    """A backbone that has nothing of ours: what it paints is added to each frame."""

    def __init__(self) -> None:
        super().__init__()
        self.paint = nn.Sequential(nn.Conv2d(3, 12, 5, padding=2), nn.Tanh(), nn.Conv2d(12, 3, 5, padding=2))

    def forward(self, clip: torch.Tensor) -> torch.Tensor:
        """(B, T, 3, H, W) in [-1, 1], and so out."""
        return (clip + 0.3 * self.paint(clip.flatten(0, 1)).view_as(clip)).clamp(-1, 1)


def total(losses: list[Supervision], generated: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Of all supervisions of a case."""
    said = [
        loss(
            generated,
            batch.source,
            reference=batch.reference,
            audio=batch.sound,
            emotion=batch.emotion,
            text=batch.captions,
        )
        for loss in losses
    ]
    return torch.stack([one.total for one in said]).sum()


@every
def test_another_backbone_learns_from_it(case: str, recipe: Recipe) -> None:
    """Fresh losses before and after draw alike, so that only the backbone has moved."""
    torch.manual_seed(0)
    other, batch = Other(), batches(recipe)[0]
    with torch.no_grad():
        before = total(CASES[case](), other(batch.source), batch)
    losses, optimiser = CASES[case](), torch.optim.Adam(other.parameters(), lr=1e-3)
    for _ in range(8):
        optimiser.zero_grad()
        total(losses, other(batch.source), batch).backward()
        assert all(part.grad is not None and part.grad.abs().sum() > 0 for part in other.parameters())
        optimiser.step()
    with torch.no_grad():
        after = total(CASES[case](), other(batch.source), batch)
    assert after < before
    assert all(
        part.grad is None for loss in losses if isinstance(loss, nn.Module) for part in loss.parameters()
    )
