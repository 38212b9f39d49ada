"""An ablation from its run file to its table, stage by stage; what is there is not done again.

Killed at any instant, the same command goes on: trainings from their last checkpoint, scoring from its cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spfem_bench.ablation import scaling
from spfem_bench.ablation.choosing import Distances, nearest, read_distances, validate
from spfem_bench.ablation.helpers import state_name
from spfem_bench.ablation.home import RESULT, Home, Run, write_plain
from spfem_bench.ablation.report import write_report
from spfem_bench.ablation.scaling import Scales
from spfem_bench.ablation.scoring import Means, render_people, run_spec, score
from spfem_bench.ablation.spec import Ablation
from spfem_bench.ablation.strips import write_recorded, write_strips
from spfem_bench.ablation.text import control
from spfem_bench.ablation.training import (
    Place,
    Pretrain,
    Task,
    Tune,
    Warm,
    material,
    perform,
    plan_of,
    pretraining,
    validation_plan,
)
from spfem_bench.engine import LocalEngine
from spfem_bench.fsio import folder_lock
from spfem_bench.progress import Progress
from spfem_bench.stages.spec import RunSpec

TABLE = "ablation-synthetic"
"""Name of the table's files in the run's folder, and of the folder of rows where they are committed."""


@dataclass(frozen=True)
class Stages:
    """The stages of one ablation, in the order in which `run_ablation` does them.

    Args:
        spec: what.
        place: where, and on what device.
        workers: processes.
        progress: told of everything.
    """

    spec: Ablation
    place: Place
    workers: int
    progress: Progress

    @property
    def home(self) -> Home:
        """The folders."""
        return self.place.home

    @property
    def first(self) -> int:
        """The seed that weights are searched under."""
        return self.spec.seeds[0]

    @property
    def states(self) -> tuple[str, ...]:
        """The pre-trained states that are needed or asked for, once each."""
        return tuple(dict.fromkeys([*map(state_name, self.spec.members), *self.spec.also_pretrain]))

    def render(self) -> None:
        """Everything that trainings look at, before several of them do so at a time."""
        from spfem_bench.training.backbone.material import rendered

        recipes = [self.spec.warm_recipe(self.first), self.spec.tune_recipe(self.first)]
        for plan in dict.fromkeys([*map(plan_of, recipes), validation_plan(self.spec)]):
            rendered(plan, self.home.work, self.progress, self.workers)
        self._render_pairs()

    def _render_pairs(self) -> None:
        from spfem_bench.training.supervision.pairs import pairs
        from spfem_bench.training.supervision.pretrain import finished, recipe_digest, recipe_of

        jobs = [pretraining(state, self.place) for state in self.states]
        missing = [job for job in jobs if finished(job.path, recipe_digest(job, recipe_of(job))) is None]
        for plan in dict.fromkeys(job.pairs for job in missing if job.method != "expclip"):
            pairs(plan, self.home.work, self.progress, workers=self.workers)

    def prepare(self) -> None:
        """Supervisions, and the warm start of every seed."""
        warm = [Warm(self.spec, seed, self.place) for seed in self.spec.seeds]
        self._perform("pre-training and warm starts", [Pretrain(self.states, self.place), *warm])

    def search(self, scales: Scales) -> None:
        """Every share of every variant under the first seed; the variant without any under all seeds."""
        spec, alone = self.spec, [Run(seed, self.spec.plain) for seed in self.spec.seeds]
        tried = [run for name in spec.variants for run in self.tries(name)]
        extra = [Run(self.first, name, spec.control.share) for name in spec.control.variants]
        self._perform("search", [self._tune(run, scales) for run in dict.fromkeys([*tried, *alone, *extra])])

    def tries(self, variant: str) -> list[Run]:
        """The runs that are compared for a variant under the first seed."""
        shares = self.spec.shares if self.spec.variants[variant] else (None,)
        return [Run(self.first, variant, share) for share in shares]

    def chosen(self) -> dict[str, float | None]:
        """Variant -> the share whose outputs are nearest to the truth."""
        found: dict[str, float | None] = {}
        for variant in self.spec.variants:
            tried = {run.share: read_distances(self.home.tuned(run)) for run in self.tries(variant)}
            known = {share: distance for share, distance in tried.items() if share is not None}
            found[variant] = nearest(known) if known else None
        return found

    def tune(self, scales: Scales, shares: Mapping[str, float | None]) -> None:
        """Every variant at its share under the other seeds."""
        runs = [Run(seed, name, share) for seed in self.spec.seeds[1:] for name, share in shares.items()]
        self._perform("other seeds", [self._tune(run, scales) for run in runs])

    def folders(self, seed: int, shares: Mapping[str, float | None]) -> dict[str, Path]:
        """Variant -> its checkpoint under a seed."""
        return {name: self.home.tuned(Run(seed, name, share)) for name, share in shares.items()}

    def score(self, shares: Mapping[str, float | None]) -> None:
        """Render the test people and score every variant of every seed on them, the bounds with the first."""
        render_people(self.spec.test, self.home, self.progress, self.workers)
        for seed in self.spec.seeds:
            asked = self._asked(seed, shares, bounds=seed == self.first)
            score(asked, self.home.bundle(seed), self._means, self.progress)
        for share in self.spec.also_score:
            score(self._asked_at(share), self.home.bundle_at(share), self._means, self.progress)

    @property
    def _means(self) -> Means:
        return Means(self.place.device, self.place.threads, self.workers)

    def _asked(self, seed: int, shares: Mapping[str, float | None], *, bounds: bool) -> RunSpec:
        folders = self.folders(seed, shares)
        return run_spec(self.spec, self.home, seed, folders, self._means, bounds=bounds)

    def _asked_at(self, share: float) -> RunSpec:
        """The same of the first seed with every supervision at one share, whatever was chosen."""
        shares = {name: share if members else None for name, members in self.spec.variants.items()}
        return self._asked(self.first, shares, bounds=False)

    def show(self, shares: Mapping[str, float | None]) -> dict[str, Any] | None:
        """Strips of the first seed, and the control by texts."""
        folders = self.folders(self.first, shares)
        write_strips(self.spec, self.home, self._asked(self.first, shares, bounds=True), self.progress)
        for share in self.spec.also_score:
            write_strips(self.spec, self.home, self._asked_at(share), self.progress, f"-share-{share:g}")
        plain = folders[self.spec.plain]
        write_recorded(self.spec, self.home, plain, self.place.device, self.progress)
        extra = [Run(self.first, name, self.spec.control.share) for name in self.spec.control.variants]
        shown = {self.spec.plain: plain, **{run.variant: self.home.tuned(run) for run in extra}}
        return control(self.spec, self.home, shown, self.place.device, self.progress)

    def result(
        self, scales: Scales, shares: Mapping[str, float | None], text: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """What the table says beside its numbers, as plain values."""
        return {
            "schema": "spfem-bench/ablation@1",
            "title": self.spec.title,
            "seeds": list(self.spec.seeds),
            "plain": self.spec.plain,
            "order": list(self.spec.variants),
            "shares": list(self.spec.shares),
            "also_scored": list(self.spec.also_score),
            "warm": self._recipe(self.spec.warm_recipe(self.first), self.home.warm),
            "tune": self._recipe(self.spec.tune_recipe(self.first), None),
            "scales": {**vars(scales), "own": dict(scales.own)},
            "validation": self._validated(),
            "variants": {name: self._variant(name, share, scales) for name, share in shares.items()},
            "pretraining": {state: self._card(state) for state in self.states},
            "text": text,
        }

    def _recipe(self, recipe: Any, folder: Any) -> dict[str, Any]:
        from spfem_baselines.backbone.checkpoint import read_checkpoint

        said = {"recipe": recipe.name, "digest": recipe.digest, "steps": recipe.schedule.steps}
        if folder is None:
            return said
        starts = {str(seed): read_checkpoint(folder(seed)).digest for seed in self.spec.seeds}
        return {**said, "checkpoints": starts}

    def _validated(self) -> dict[str, Any]:
        clips = material(validation_plan(self.spec), self.home.work)
        warm = validate(self.home.warm(self.first), clips, self.place.device)
        people = {"people": self.spec.validation.people, "clips": warm.clips}
        return {**people, "warm": warm.perceptual, "unedited": warm.unedited}

    def _variant(self, name: str, share: float | None, scales: Scales) -> dict[str, Any]:
        from spfem_baselines.backbone.checkpoint import read_checkpoint

        tried = self.tries(name)
        found = {run.share: read_distances(self.home.tuned(run)) for run in tried}
        runs = len(tried) + len(self.spec.seeds) - 1
        seeds = {seed: self.home.tuned(Run(seed, name, share)) for seed in self.spec.seeds}
        return {
            "members": list(self.spec.variants[name]),
            "share": share,
            "weights": scales.weights(self.spec.variants[name], share),
            "searched": {f"{s:g}": _plain(d) for s, d in found.items() if s is not None},
            "chosen": _plain(found[share]),
            "runs": runs,
            "steps": runs * self.spec.tune_recipe(self.first).schedule.steps,
            "checkpoints": {str(seed): read_checkpoint(folder).digest for seed, folder in seeds.items()},
        }

    def _card(self, state: str) -> dict[str, Any]:
        from spfem_bench.training.supervision.pretrain import finished

        card = finished(pretraining(state, self.place).path)
        assert card is not None
        return dict(vars(card))

    def _tune(self, run: Run, scales: Scales) -> Tune:
        members = {**self.spec.variants, **self.spec.control.variants}[run.variant]
        validated = run.seed == self.first and run.variant in self.spec.variants
        return Tune(self.spec, run, scales.weights(members, run.share), self.place, validated=validated)

    def _perform(self, stage: str, tasks: Sequence[Task]) -> None:
        self.progress.start(stage, len(tasks))
        for name in LocalEngine(self.workers).map(perform, tasks):
            self.progress.advance(stage, name)
        self.progress.finish(stage)


def _plain(found: Distances) -> dict[str, float]:
    return {"perceptual": found.perceptual, "absolute": found.absolute}


def run_ablation(spec: Ablation, place: Place, progress: Progress, workers: int = 1) -> Path:
    """Do what is missing of an ablation, and render its table.

    Args:
        spec: what.
        place: where, and on what device.
        progress: told of everything.
        workers: processes.

    Returns:
        The table in Markdown, with CSV and LaTeX beside it; ``rows`` in its folder is what it is made of.

    Raises:
        BenchError: whatever stops it; what was finished is kept.
    """
    stages, home = Stages(spec, place, workers, progress), place.home
    with folder_lock(home.out):
        stages.render()
        stages.prepare()
        scales = scaling.measured(spec, place)
        stages.search(scales)
        shares = stages.chosen()
        stages.tune(scales, shares)
        stages.score(shares)
        text = stages.show(shares)
        write_plain(home.kept / RESULT, stages.result(scales, shares, text))
        table, *_ = write_report(home.kept, home.out / TABLE)
    return table


def preview(spec: Ablation) -> dict[str, Any]:
    """What would be trained and scored: numbers of runs, steps and outputs."""
    recipe = spec.tune_recipe(spec.seeds[0])
    searched = sum(len(spec.shares) for members in spec.variants.values() if members) + 1
    others = (len(spec.seeds) - 1) * len(spec.variants)
    runs = searched + others + len(spec.control.variants)
    emotions = len([e for e in spec.test.emotions if e != "neutral"])
    trials = spec.test.speakers * spec.test.sentences * emotions
    return {
        "title": spec.title,
        "seeds": list(spec.seeds),
        "variants": {name: list(members) for name, members in spec.variants.items()},
        "shares": list(spec.shares),
        "warm starts": len(spec.seeds),
        "warm steps": len(spec.seeds) * spec.warm_recipe(spec.seeds[0]).schedule.steps,
        "fine-tunings": runs,
        "fine-tuning steps": runs * recipe.schedule.steps,
        "outputs": trials * len(spec.variants) * (len(spec.seeds) + len(spec.also_score)),
    }
