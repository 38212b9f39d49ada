"""Training of a backbone by a recipe: resumed where it stopped, and on a CPU the same bits again."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spfem_baselines.backbone.checkpoint import Checkpoint
from spfem_baselines.supervisors.files import supervisor_file
from spfem_bench.device import scoring_mode
from spfem_bench.digest import digest_bytes, digest_file, digest_of, digest_sources
from spfem_bench.errors import UsageError
from spfem_bench.fsio import folder_lock, storage_errors, write_atomically
from spfem_bench.prefetch import prefetch
from spfem_bench.progress import Progress
from spfem_bench.training.backbone import keeping
from spfem_bench.training.backbone.batches import Sampler, split_people
from spfem_bench.training.backbone.material import Material
from spfem_bench.training.backbone.recipe import NEEDS_PAIRS, NEEDS_POINTS, Recipe
from spfem_bench.training.backbone.sheets import sheet, write_sheet
from spfem_bench.training.backbone.step import Helper, Players, Rules, guide_names, guides, players, take_step

LOG = "log.csv"
HELD = 3
"""People kept out of training for the sheets of samples."""


@dataclass(frozen=True)
class Job:
    """One training.

    Args:
        recipe: what to train.
        material: what from.
        out: folder of checkpoint, log and sheets.
        device: a torch device.
        helpers: supervisions beside the recipe's own terms.
        start: folder of a checkpoint whose weights are the first ones.
    """

    recipe: Recipe
    material: Material
    out: Path
    device: str = "cpu"
    helpers: Sequence[Helper] = ()
    start: Path | None = None

    def facts(self) -> dict[str, Any]:
        """What decides the weights, as the checkpoint's record says it."""
        begun = None if self.start is None else keeping.opened(self.start).digest
        return {
            "recipe digest": self.recipe.digest,
            "supervision": {helper.name: [helper.weight, _state_digest(helper)] for helper in self.helpers},
            "supervisors": {name: digest_file(supervisor_file(name)) for name in guide_names(self.recipe)},
            "code": _code_digest(),
            "start": begun,
            "material": _material_digest(self.material),
            "seed": self.recipe.seed,
        }


def train(job: Job, progress: Progress) -> Checkpoint:
    """Train, going on from the folder's checkpoint where there is one.

    Raises:
        UsageError: the folder holds another recipe's checkpoint, or the material lacks what a term needs.
        StorageError: the folder cannot be written.
    """
    _check(job)
    with folder_lock(job.out), _same_bits(job.device):
        return _train(job, progress)


def _same_bits(device: str) -> AbstractContextManager[object]:
    """Deterministic kernels on a CPU; a GPU has none for the gradient of sampling a picture."""
    return scoring_mode(device) if device == "cpu" else nullcontext()


def _train(job: Job, progress: Progress) -> Checkpoint:
    recipe, facts = job.recipe, job.facts()
    now = players(recipe, job.device)
    done = keeping.resume(job.out, now, facts)
    if done is None and job.start is not None:
        keeping.start_from(job.start, now)
    record = {**facts, "recipe": recipe.as_json()}
    learners, shown = split_people(job.material, recipe.seed, HELD)
    rules = Rules(recipe, guides(recipe, job.device), tuple(job.helpers))
    batches = Sampler(job.material, recipe.schedule, recipe.conditions, learners).forever(
        recipe.seed, now.step
    )
    journal, stage = Journal(job.out / LOG, now.step), f"train {recipe.name}"
    progress.start(stage, recipe.schedule.steps - now.step)
    with closing(prefetch(islice(batches, max(0, recipe.schedule.steps - now.step)))) as ready:  # type: ignore[type-var]
        for batch in ready:
            said = take_step(now, batch.to(job.device), rules)
            journal.write(now, said)
            progress.advance(stage, f"loss {said['loss']:.4f}")
            if now.step % recipe.schedule.every == 0 or now.step == recipe.schedule.steps:
                done = _keep(job, now, record, shown)
    progress.finish(stage)
    return done or keeping.opened(job.out)


def _keep(job: Job, now: Players, record: Mapping[str, Any], shown: Any) -> Checkpoint:
    """Write the sheet of samples, then the checkpoint."""
    if len(shown):
        image = sheet(now.mean.eval(), job.material, shown, job.device)
        write_sheet(job.out / "samples" / f"{now.step:06d}.png", image)
    shape = {**job.recipe.shape, "widths": list(job.recipe.shape["widths"])}
    return keeping.save(job.out, now, shape, record)


def _check(job: Job) -> None:
    recipe, material = job.recipe, job.material
    if recipe.networks().side != material.side:
        raise UsageError(
            f"the material's crops are {material.side} px, the recipe's {recipe.networks().side}"
        )
    lacking = [term for term in NEEDS_PAIRS if term in recipe.wanted and not material.is_paired]
    lacking += [term for term in NEEDS_POINTS if term in recipe.wanted and not material.has_points]
    if lacking:
        raise UsageError(f"this material lacks what {', '.join(lacking)} needs: leave it out of the recipe")


def _material_digest(material: Material) -> str:
    """Of what is where; the pictures' own digest is in their folder's name."""
    rows = (material.frames, material.samples, material.people, material.groups, material.emotions)
    return digest_of([material.side, *(row.tolist() for row in rows), int(material.pictures[::97].sum())])[
        :16
    ]


def _state_digest(helper: Helper) -> str | None:
    """Of a supervision's weights, where it has any."""
    if not isinstance(helper.loss, nn.Module):
        return None
    state = helper.loss.state_dict()
    return digest_bytes(*(part for name in sorted(state) for part in (name.encode(), _bytes(state[name]))))[
        :16
    ]


def _bytes(value: torch.Tensor) -> bytes:
    plain = value.detach().cpu()
    return (plain.float() if plain.is_floating_point() else plain).numpy().tobytes()


def _code_digest() -> str:
    """Of the networks, the losses and this training: other code does not go on from a checkpoint."""
    import spfem_baselines.backbone as networks

    return digest_sources(Path(str(networks.__file__)).parent, Path(__file__).parent)[:16]


class Journal:
    """A CSV file with a row for each step; a resumed run takes its later rows away first.

    Args:
        path: of the file.
        step: how many rows are kept.

    Raises:
        StorageError: it cannot be written.
    """

    def __init__(self, path: Path, step: int) -> None:
        self._path, self._begun, self._names = path, time.monotonic(), list[str]()
        rows = path.read_text(encoding="utf-8").splitlines() if path.is_file() and step else []
        if rows:
            self._names = rows[0].split(",")
            write_atomically(path, "\n".join(rows[: step + 1]) + "\n")
        else:
            path.unlink(missing_ok=True)

    def write(self, now: Players, said: Mapping[str, float]) -> None:
        """A step's rate, seconds and terms."""
        row = {"step": now.step, "rate": f"{now.makers.param_groups[0]['lr']:.3g}"}
        row["seconds"] = f"{time.monotonic() - self._begun:.2f}"
        row.update({name: f"{value:.6g}" for name, value in said.items()})
        with storage_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8", newline="") as stream:
                if not self._names:
                    self._names = list(row)
                    stream.write(",".join(self._names) + "\n")
                csv.DictWriter(stream, self._names, lineterminator="\n").writerow(row)
