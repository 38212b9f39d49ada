"""Weights that mean the same for every supervision: shares of the other losses' pull on the output.

Supervisions speak in different units, so equal weights would be no equal search. At the warm start, over the
first batches of training, the gradient that reaches the generated frames is measured: that of the recipe's
own terms together, and that of each supervision alone. A supervision's weight at share s is

    w = s / k * |gradient of the recipe's terms| / |gradient of the supervision|

for each of the k supervisions of a variant, so that together they pull at most s times as hard as all else
does at the start. Terms on the field of displacements (smooth, sparse) reach the weights past the frames and
are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from spfem_bench.ablation.helpers import helpers, state_file
from spfem_bench.ablation.home import read_plain, write_plain
from spfem_bench.ablation.keys import supervision_code
from spfem_bench.ablation.spec import Ablation
from spfem_bench.ablation.training import Place, material, plan_of
from spfem_bench.digest import digest_file, digest_of, digest_sources
from spfem_bench.errors import UsageError
from spfem_bench.training.backbone import keeping
from spfem_bench.training.backbone.batches import Sampler, split_people
from spfem_bench.training.backbone.step import Players, Rules, guides, make, players, supervised, terms
from spfem_bench.training.backbone.train import HELD

if TYPE_CHECKING:
    from spfem_bench.training.backbone.batches import Batch

_DIGITS = 3
"""Significant digits of a weight: it is read by people, and low bits of a gradient move with the machine."""


@dataclass(frozen=True)
class Scales:
    """Norms of gradients at the generated frames, means over batches.

    Args:
        rest: of the recipe's terms together.
        own: of each supervision with the weight 1.
        start: digest of the warm start that they were measured at.
        batches: over how many.
    """

    rest: float
    own: Mapping[str, float]
    start: str
    batches: int

    def weights(self, members: Sequence[str], share: float | None) -> dict[str, float]:
        """Supervision -> weight at a share; empty without supervisions."""
        if share is None:
            return {}
        even = share / len(members)
        return {name: float(f"{even * self.rest / self.own[name]:.{_DIGITS}g}") for name in members}


def measured(spec: Ablation, place: Place) -> Scales:
    """The scales at the first seed's warm start, from the run's folder where they are there.

    They are where warm start, states, recipe, number of batches and the supervisions' code are the same.

    Raises:
        UsageError: a supervision has no gradient at the warm start, so no weight could be its share.
    """
    path, start = place.home.out / "scales.json", keeping.opened(place.home.warm(spec.seeds[0])).digest
    states = {name: digest_file(state_file(name, place.home.states)) for name in spec.members}
    recipe = spec.tune_recipe(spec.seeds[0])
    code = [supervision_code(), digest_sources(Path(__file__))]
    key = digest_of([start, states, recipe.digest, spec.scale_batches, code])
    known = read_plain(path, key)
    if known is None:
        rest, own = _norms(spec, place)
        known = {"key": key, "rest": rest, "own": own, "start": start, "batches": spec.scale_batches}
        write_plain(path, known)
    return Scales(known["rest"], known["own"], known["start"], known["batches"])


def _norms(spec: Ablation, place: Place) -> tuple[float, dict[str, float]]:
    """The recipe's norm and each supervision's, means over batches."""
    recipe, home = spec.tune_recipe(spec.seeds[0]), place.home
    place.begin()
    clips = material(plan_of(recipe), home.work)
    now = players(recipe, place.device)
    keeping.start_from(home.warm(recipe.seed), now)
    beside = helpers(dict.fromkeys(spec.members, 1.0), home.states, place.device)
    rules = Rules(recipe, guides(recipe, place.device), beside)
    learners, _ = split_people(clips, recipe.seed, HELD)
    stream = Sampler(clips, recipe.schedule, recipe.conditions, learners).forever(recipe.seed)
    rows = [
        gradients(now, batch.to(place.device), rules, index)
        for index, batch in enumerate(islice(stream, spec.scale_batches))
    ]
    rest, *own = np.mean(rows, axis=0).tolist()
    named = {helper.name: norm for helper, norm in zip(beside, own, strict=True)}
    silent = [name for name, norm in named.items() if not norm > 0]
    if silent:
        raise UsageError(f"{silent[0]} has no gradient at the warm start: leave it out of the variants")
    return rest, named


def gradients(now: Players, batch: Batch, rules: Rules, index: int) -> list[float]:
    """Norms of the gradients at one batch's generated frames: of the recipe's terms, of each supervision.

    Args:
        now: networks; nothing of them is changed.
        batch: what is edited.
        rules: recipe, guides and supervisions.
        index: of the batch; keys what supervisions draw.
    """
    recipe, norms = rules.recipe, list[float]()
    torch.manual_seed(index)
    with torch.autocast(batch.source.device.type, torch.bfloat16, enabled=recipe.schedule.low_precision):
        made = make(now.backbone, batch)
        ready = terms(now, made, rules.guides)
        total = torch.zeros((), device=made.frames.device)
        for name, weight in recipe.wanted.items():
            total = total + weight * ready[name]().float()
        norms.append(_norm(total, made.frames))
        norms += [_norm(supervised(helper.loss, made).total, made.frames) for helper in rules.helpers]
    return norms


def _norm(loss: torch.Tensor, frames: torch.Tensor) -> float:
    """Of the gradient at the frames; 0 where the loss does not look at them."""
    if not loss.requires_grad:
        return 0.0
    (found,) = torch.autograd.grad(loss, frames, retain_graph=True, allow_unused=True)
    return 0.0 if found is None else float(found.double().norm())
