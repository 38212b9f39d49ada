"""How each supervision learns: what is trained, by which optimiser, on what a step draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from spfem_baselines.supervision import asccl, ccrl, cerl, expressions, pcmecl, stccl
from spfem_baselines.supervision.coherence import PRETRAIN_RATE as COHERENCE_RATE
from spfem_baselines.supervision.coherence import Coherence
from spfem_baselines.supervision.differencing import Choices
from spfem_baselines.supervision.interface import Supervised
from spfem_bench.training.supervision.material import Material

State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Recipe:
    """Of one method.

    Args:
        steps: of the optimiser.
        size: pairs in a batch; expressions or tuples where the method learns from these.
        length: frames of each clip.
        rate: learning rate at first.
        falls: shares of the steps after which it is a tenth of what it was.
    """

    steps: int
    size: int
    length: int
    rate: float
    falls: tuple[float, ...] = ()


@dataclass(frozen=True)
class Learner:
    """Something that learns.

    Args:
        network: what a checkpoint holds; what wants a gradient is trained.
        optimiser: of its parameters.
        loss: step number -> the loss of that step's batch.
        state: what the method calls its state.
        generators: that the loss draws from, besides torch's own; set anew before each step.
    """

    network: nn.Module
    optimiser: torch.optim.Optimizer
    loss: Callable[[int], Supervised]
    state: Callable[[], State]
    generators: Sequence[torch.Generator] = ()


_CERL = cerl.RELEASED_SCHEDULE

RECIPES: Mapping[str, Recipe] = {
    "asccl": Recipe(2000, 8, 1, COHERENCE_RATE),
    "stccl": Recipe(2000, 4, 9, COHERENCE_RATE),
    "stccl-cm": Recipe(2000, 4, 9, COHERENCE_RATE),
    "ccrl": Recipe(600, 16, 1, 1e-3, (2 / 3,)),
    "cerl": Recipe(4000, _CERL.tuples, 1, _CERL.rate, (1 / 8, 1 / 4, 1 / 2)),
    "pcmecl": Recipe(2000, 24, 1, pcmecl.PRETRAIN_RATE),
    "pcmecl-generic": Recipe(2000, 24, 1, pcmecl.PRETRAIN_RATE),
    "expclip": Recipe(3000, 256, 1, expressions.PRETRAIN_RATE),
}
"""Batches, windows, rates and where CERL's falls are the authors' where these are known (repositories
jianmanlincjx/ASCCL, STCCL and CDRL), but for CCRL's rate: their 1e-5 is for a hundred epochs of MEAD. Steps
are ours, for two processors. CCRL's frames of other words are asked by the anchor's sound, which is ours too
(`spfem_baselines.supervision.ccrl.SEEN`): as released, the sounds alone fulfil its contrast."""


def learner(method: str, recipe: Recipe, material: Material) -> Learner:
    """What learns a method by a recipe.

    Args:
        method: one of `RECIPES`.
        recipe: its own, or a shorter one.
        material: what it learns from.
    """
    return _LEARNERS[method](recipe, material)


def _coherent(network: Coherence, recipe: Recipe, material: Material) -> Learner:
    network.to(material.job.device)

    def loss(step: int) -> Supervised:
        batch = material.batch(step, recipe.size, recipe.length)
        said: Supervised = network(batch.neutral, batch.emotional)
        return said

    return Learner(network, _adam(network, recipe), loss, network.learnt, (network.generator,))


def _asccl(recipe: Recipe, material: Material) -> Learner:
    network = asccl.learner(material.pyramid, seed=material.job.seed)
    return _coherent(network, recipe, material)


def _stccl(form: stccl.Form, recipe: Recipe, material: Material) -> Learner:
    options = stccl.Options(form=form)
    network = stccl.learner(material.pyramid, options, seed=material.job.seed)
    return _coherent(network, recipe, material)


def _ccrl(recipe: Recipe, material: Material) -> Learner:
    first = material.batch(0, recipe.size, recipe.length)
    network = ccrl.learner(material.pyramid, first, seed=material.job.seed)

    def loss(step: int) -> Supervised:
        batch = material.batch(step, recipe.size, recipe.length)
        return ccrl.pretraining_loss(network, material.pyramid, batch, ccrl.SEEN)

    return Learner(network, _adam(network, recipe), loss, network.state_dict)


def _cerl(recipe: Recipe, material: Material) -> Learner:
    network = cerl.learner(material.encoders, seed=material.job.seed)
    generator, features = torch.Generator(), [row for _, row in sorted(material.features.items())]

    def loss(_: int) -> Supervised:
        rows = [row[torch.randint(len(row), (recipe.size,), generator=generator)] for row in features]
        said: Supervised = network(material.encoders, torch.stack(rows, dim=1).to(material.job.device))
        return said

    optimiser = torch.optim.SGD(network.parameters(), lr=recipe.rate)
    return Learner(network, optimiser, loss, lambda: network.learnt(material.encoders), (generator,))


def _pcmecl(personal: bool, recipe: Recipe, material: Material) -> Learner:
    choices = Choices(personal=personal)
    network = pcmecl.learner(material.encoders, choices, seed=material.job.seed)

    def loss(step: int) -> Supervised:
        batch = material.batch(step, recipe.size, recipe.length)
        return pcmecl.pretraining_loss(network, material.encoders, batch, choices)

    return Learner(network, _adam(network, recipe), loss, network.state_dict)


def _expclip(recipe: Recipe, material: Material) -> Learner:
    device, told = material.job.device, material.told
    whole = expressions.Expressions(torch.from_numpy(told.coefficients), torch.from_numpy(told.features))
    network = expressions.learner(whole, seed=material.job.seed).to(device)
    generator = torch.Generator()

    def loss(step: int) -> Supervised:
        drawn = told.batch(material.drawn(step), recipe.size)
        batch = expressions.Expressions(drawn.coefficients.to(device), drawn.texts.to(device))
        return expressions.pretraining_loss(network, expressions.augmented(batch, network.spread, generator))

    return Learner(network, _adam(network, recipe), loss, network.state_dict, (generator,))


def _adam(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=recipe.rate)


_LEARNERS: Mapping[str, Callable[[Recipe, Material], Learner]] = {
    "asccl": _asccl,
    "stccl": partial(_stccl, "vd"),
    "stccl-cm": partial(_stccl, "cm"),
    "ccrl": _ccrl,
    "cerl": _cerl,
    "pcmecl": partial(_pcmecl, True),
    "pcmecl-generic": partial(_pcmecl, False),
    "expclip": _expclip,
}
