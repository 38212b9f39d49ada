"""Pre-training of a supervision: its state and a card, resumable, the same bits from the same seed."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from spfem_baselines.supervisors.files import supervisor_file
from spfem_bench.config import near_miss
from spfem_bench.digest import canonical_json, digest_file, digest_of, digest_sources
from spfem_bench.errors import IntegrityError, UsageError
from spfem_bench.fsio import folder_lock, write_atomically
from spfem_bench.training.samples import renderer_digest
from spfem_bench.training.supervision.learners import RECIPES, Learner, Recipe, learner
from spfem_bench.training.supervision.material import Job, Material

if TYPE_CHECKING:
    from spfem_bench.progress import Progress

EVERY = 200
"""Steps between checkpoints."""
_LOGGED = 20
_SMOKE = 4
_NETWORKS = ("identity", "clip")
"""Supervisors that pre-training looks through."""
_AFTERWARDS = {"measure.py", "distances.py"}
"""Code that looks at states and makes none."""

Row = Mapping[str, float]


@dataclass(frozen=True)
class Card:
    """What is known of a pre-trained state; the file beside it, as JSON.

    Args:
        method: its name.
        pairs: ``dtw`` or ``true``; of ExpCLIP, which learns from no pairs, ``none``.
        seed: of everything drawn.
        steps: of the optimiser.
        recipe: batch, window, rate.
        recipe_digest: of recipe, seed, material, code and the networks looked through.
        learnt_from: the material: its plan's key, or how many expressions.
        renderer_digest: of the code that made the material.
        parameters: numbers in the state.
        sha256: of the state's file.
        last: mean of the loss and its parts over the last logged steps.
        command: makes it again.
    """

    method: str
    pairs: str
    seed: int
    steps: int
    recipe: Mapping[str, Any]
    recipe_digest: str
    learnt_from: str
    renderer_digest: str
    parameters: int
    sha256: str
    last: Row
    command: str


def pretrain(job: Job, progress: Progress) -> Card:
    """Pre-train a supervision, or go on where the same job was stopped; what is finished is not done again.

    Args:
        job: what, and where to.
        progress: told of rendered material and of each step.

    Raises:
        UsageError: there is no such method.
        StorageError: a folder cannot be written, or another process pre-trains the same.
    """
    recipe = recipe_of(job)
    digest = recipe_digest(job, recipe)
    done = finished(job.path, digest)
    if done is not None:
        progress.note(f"{job.path} is there already, of the same recipe")
        return done
    place = job.work / "supervision-checkpoints" / f"{job.name}-{digest[:12]}"
    with folder_lock(place):
        learning = learner(job.method, recipe, Material(job, progress))
        rows = _run(learning, recipe, job, place, progress)
        made = _finish(job, recipe, digest, learning.state(), rows)
        (place / "checkpoint.pt").unlink(missing_ok=True)
    return made


def recipe_of(job: Job) -> Recipe:
    """The method's recipe as the job changes it.

    Raises:
        UsageError: there is no such method.
    """
    if job.method not in RECIPES:
        there = ", ".join(RECIPES)
        raise UsageError(f"no supervision '{job.method}'.{near_miss(job.method, RECIPES)} There are {there}")
    recipe = RECIPES[job.method]
    if job.smoke:
        recipe = replace(recipe, steps=_SMOKE, length=min(recipe.length, job.pairs.frames))
    return replace(recipe, steps=job.steps) if job.steps is not None else recipe


def recipe_digest(job: Job, recipe: Recipe) -> str:
    """Decides the state bit for bit, on one kind of processor: all that it is made of."""
    import spfem_baselines.supervision as methods

    own = [path for path in sorted(Path(__file__).parent.glob("*.py")) if path.name not in _AFTERWARDS]
    code = digest_sources(Path(str(methods.__file__)).parent, *own)
    networks = [digest_file(supervisor_file(name)) for name in _NETWORKS]
    words = digest_file(Path(str(files("spfem_baselines.supervisors"))) / "weights" / "words.txt")
    return digest_of([job.method, asdict(recipe), job.seed, _material(job), code, networks, words])


def finished(path: Path, digest: str | None = None) -> Card | None:
    """The card of a state that is there and whole; None where it is not, or is of another recipe.

    Raises:
        IntegrityError: the state is not the one its card is of.
    """
    card = path.with_suffix(".json")
    if not (path.is_file() and card.is_file()):
        return None
    found = Card(**json.loads(card.read_text(encoding="utf-8")))
    if digest is not None and found.recipe_digest != digest:
        return None
    if digest_file(path) != found.sha256:
        raise IntegrityError(f"{path} is not what its card says: delete both and pre-train again")
    return found


def _run(learning: Learner, recipe: Recipe, job: Job, place: Path, progress: Progress) -> Sequence[Row]:
    """Every step from the last checkpoint on; the logged rows of all."""
    first, rows = _resumed(learning, place)
    stage = f"pre-train {job.name}"
    progress.start(stage, recipe.steps)
    for step in range(recipe.steps):
        if step >= first:
            row = _step(learning, recipe, job.seed, step)
            if step % _LOGGED == 0 or step + 1 == recipe.steps:
                rows.append(row)
            if (step + 1) % EVERY == 0:
                _keep(learning, place, step + 1, rows)
        progress.advance(stage, f"step {step}")
    progress.finish(stage)
    write_atomically(job.work / "logs" / f"supervision-{job.name}.csv", _csv(rows))
    return rows


def _step(learning: Learner, recipe: Recipe, seed: int, step: int) -> Row:
    own = int(digest_of([seed, step])[:15], 16)
    torch.manual_seed(own)
    for generator in learning.generators:
        generator.manual_seed(own)
    rate = recipe.rate * 0.1 ** sum(step >= share * recipe.steps for share in recipe.falls)
    for group in learning.optimiser.param_groups:
        group["lr"] = rate
    said = learning.loss(step)
    if not torch.isfinite(said.total):
        raise UsageError(f"the loss of step {step} is {float(said.total.detach())}: lower the learning rate")
    learning.optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(said.total)
    learning.optimiser.step()
    parts = {name: float(value) for name, value in said.parts.items()}
    return {"step": step, "loss": float(said.total.detach()), **parts}


def _keep(learning: Learner, place: Path, step: int, rows: Sequence[Row]) -> None:
    whole = {
        "step": step,
        "rows": list(rows),
        "network": learning.network.state_dict(),
        "optimiser": learning.optimiser.state_dict(),
    }
    stream = io.BytesIO()
    torch.save(whole, stream)
    write_atomically(place / "checkpoint.pt", stream.getvalue())


def _resumed(learning: Learner, place: Path) -> tuple[int, list[Row]]:
    """Step to go on with and the rows so far."""
    kept = place / "checkpoint.pt"
    if not kept.is_file():
        return 0, []
    found = torch.load(kept, weights_only=True, map_location="cpu")
    learning.network.load_state_dict(found["network"])
    learning.optimiser.load_state_dict(found["optimiser"])
    return found["step"], found["rows"]


def _finish(
    job: Job, recipe: Recipe, digest: str, state: Mapping[str, torch.Tensor], rows: Sequence[Row]
) -> Card:
    from safetensors.torch import save

    whole = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    facts = {"method": job.method, "recipe": digest}
    write_atomically(job.path, save(whole, {"made": canonical_json(facts)}))
    made = Card(
        method=job.method,
        pairs="none" if job.method == "expclip" else job.how,
        seed=job.seed,
        steps=recipe.steps,
        recipe=json.loads(canonical_json(asdict(recipe))),
        recipe_digest=digest,
        learnt_from=_material(job),
        renderer_digest=renderer_digest(),
        parameters=sum(value.numel() for value in whole.values()),
        sha256=digest_file(job.path),
        last=_mean(rows[-3:]),
        command=command(job),
    )
    write_atomically(job.path.with_suffix(".json"), json.dumps(asdict(made), indent=2, sort_keys=True) + "\n")
    return made


def command(job: Job) -> str:
    """The command that makes the same state again."""
    given = [f"--method {job.method}", f"--pairs {job.how}", f"--seed {job.seed}"]
    given += [f"--steps {job.steps}"] if job.steps is not None else []
    given += ["--smoke"] if job.smoke else []
    return " ".join(["spfem-bench train supervision", *given])


def _material(job: Job) -> str:
    if job.method == "expclip":
        return f"expressions-{digest_of([asdict(job.told), renderer_digest()])[:12]}"
    return job.pairs.key


def _mean(rows: Sequence[Row]) -> Row:
    names = [name for name in rows[-1] if name != "step"] if rows else []
    return {name: sum(row[name] for row in rows) / len(rows) for name in names}


def _csv(rows: Sequence[Row]) -> str:
    names = list(rows[0]) if rows else ["step"]
    lines = [",".join(f"{row[name]:.6g}" for name in names) for row in rows]
    return "\n".join([",".join(names), *lines]) + "\n"
