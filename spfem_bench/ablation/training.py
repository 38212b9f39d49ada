"""The trainings of an ablation, each a task that any process can do, resumed where it was stopped.

What is finished is recognised by the training itself, which holds a folder's checkpoint against recipe, seed,
material, supervisions' states and its own code, and refuses one of others; and by the supervisions' code
(`spfem_bench.ablation.keys`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from spfem_bench.ablation.helpers import TRUE, helpers, method_of
from spfem_bench.ablation.home import Home, Run
from spfem_bench.ablation.keys import claim
from spfem_bench.ablation.spec import Ablation
from spfem_bench.progress import PlainProgress, Progress, SilentProgress
from spfem_bench.synthetic.splits import population

if TYPE_CHECKING:
    from spfem_bench.training.backbone.material import Material, Plan
    from spfem_bench.training.backbone.recipe import Recipe
    from spfem_bench.training.supervision.material import Job as Pretraining


@dataclass(frozen=True)
class Place:
    """Where and on what a task is done; none of it is part of the ablation.

    Args:
        home: folders.
        device: a torch device.
        threads: of torch.
        quiet: say nothing of single steps.
    """

    home: Home
    device: str = "cpu"
    threads: int = 1
    quiet: bool = True

    def begin(self) -> Progress:
        """Set this process up, and give what its steps are told to."""
        import torch

        torch.set_num_threads(self.threads)
        return SilentProgress() if self.quiet else PlainProgress(sys.stderr)


class Task(Protocol):
    """Something that takes long and leaves its result in a folder."""

    @property
    def name(self) -> str:
        """For progress."""
        ...

    def perform(self) -> None:
        """Do it, or find that it is done.

        Raises:
            BenchError: whatever stops it; what was finished is kept.
        """
        ...


def perform(task: Task) -> str:
    """Do a task; what engines map over tasks."""
    task.perform()
    return task.name


def plan_of(recipe: Recipe) -> Plan:
    """The rendered clips that a recipe learns from, as `spfem-bench train backbone` renders them."""
    from spfem_bench.training.backbone.material import Plan

    source = recipe.source
    people = (source.people, source.sentences, source.frames)
    return Plan(*people, recipe.networks().side, source.population, source.level)


def validation_plan(spec: Ablation) -> Plan:
    """The rendered clips that weights are chosen by: people whom nothing was trained or is tested on."""
    from spfem_bench.training.backbone.material import Plan

    recipe, asked = spec.tune_recipe(spec.seeds[0]), spec.validation
    frames = min(asked.frames, recipe.source.frames) if spec.smoke else asked.frames
    side, seed = recipe.networks().side, population("validation").seed
    return Plan(asked.people, asked.sentences, frames, side, seed, recipe.source.level)


@cache
def material(plan: Plan, work: Path) -> Material:
    """Clips that were rendered before; without a lock, since many processes read them at a time."""
    from spfem_bench.training.backbone.material import opened

    return opened(work / plan.key)


def pretraining(state: str, place: Place) -> Pretraining:
    """The job that makes a state."""
    from spfem_bench.training.supervision.material import Job

    home = place.home
    return Job(
        method_of(state),
        home.work,
        home.states,
        how="true" if state.endswith(TRUE) else "dtw",
        device=place.device,
        smoke=home.smoke,
    )


@dataclass(frozen=True)
class Pretrain:
    """Pre-train supervisions one after another: they share rendered pairs, which one process may write."""

    states: tuple[str, ...]
    place: Place

    @property
    def name(self) -> str:
        """For progress."""
        return "supervisions"

    def perform(self) -> None:
        """Make what is missing."""
        from spfem_bench.training.supervision.pretrain import pretrain

        progress = self.place.begin()
        for state in self.states:
            pretrain(pretraining(state, self.place), progress)


@dataclass(frozen=True)
class Warm:
    """Train the warm start of a seed."""

    spec: Ablation
    seed: int
    place: Place

    @property
    def name(self) -> str:
        """For progress."""
        return f"warm start, seed {self.seed}"

    def perform(self) -> None:
        """Train it to its last step."""
        from spfem_bench.training.backbone.train import Job, train

        progress, home = self.place.begin(), self.place.home
        recipe = self.spec.warm_recipe(self.seed)
        clips = material(plan_of(recipe), home.work)
        train(Job(recipe, clips, home.warm(self.seed), self.place.device), progress)


@dataclass(frozen=True)
class Tune:
    """Fine-tune a variant from the warm start of its seed.

    Args:
        spec: of the ablation.
        run: which variant, share and seed.
        weights: supervision -> weight.
        place: where.
        validated: also measure it on the validation people.
    """

    spec: Ablation
    run: Run
    weights: Mapping[str, float]
    place: Place
    validated: bool = field(default=False, kw_only=True)

    @property
    def name(self) -> str:
        """For progress."""
        return f"seed {self.run.seed}, {self.run.name}"

    def perform(self) -> None:
        """Train it to its last step, and measure it where that is asked for.

        Raises:
            UsageError: its folder holds what another recipe, seed, material or code made.
        """
        from spfem_bench.ablation.choosing import validate
        from spfem_bench.training.backbone.train import Job, train

        home = self.place.home
        out = home.tuned(self.run)
        claim(out, self.weights)
        progress, recipe = self.place.begin(), self.spec.tune_recipe(self.run.seed)
        beside = helpers(self.weights, home.states, self.place.device)
        clips, start = material(plan_of(recipe), home.work), home.warm(self.run.seed)
        train(Job(recipe, clips, out, self.place.device, beside, start), progress)
        if self.validated:
            validate(out, material(validation_plan(self.spec), home.work), self.place.device)
