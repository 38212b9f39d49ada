"""From a recipe to a file and its card: what every network's training does alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from torch import nn

from spfem_bench.digest import digest_of, digest_sources
from spfem_bench.fsio import write_atomically
from spfem_bench.progress import Progress
from spfem_bench.training import files
from spfem_bench.training.cards import Card, Measure
from spfem_bench.training.loop import Batch, Schedule, StepLoss, fit, forever, seeded
from spfem_bench.training.recipe import HELD_OUT, Job
from spfem_bench.training.samples import renderer_digest


@dataclass(frozen=True)
class Making:
    """How a network is trained.

    Args:
        batch: makes one batch from a stream of random numbers.
        losses: the terms to minimise.
        schedule: how long and how fast.
        finish: a last touch after training, before the file is written.
    """

    batch: Callable[[np.random.Generator], Batch]
    losses: StepLoss
    schedule: Schedule
    finish: Callable[[nn.Module], nn.Module] = lambda net: net


@dataclass(frozen=True)
class Record:
    """What is known of a file that was just written."""

    job: Job
    name: str
    path: Path
    digest: str
    parameters: int
    facts: Mapping[str, str]

    def card(
        self,
        *,
        about: str,
        architecture: str,
        measures: Sequence[Measure],
        facts: Mapping[str, str],
        limits: Sequence[str] = (),
        sources: Sequence[str] = (),
    ) -> Card:
        """The model card, written beside the file."""
        made = Card(
            name=self.name,
            which=self.job.which,
            about=about,
            architecture=architecture,
            parameters=self.parameters,
            digest=self.digest,
            size=self.path.stat().st_size,
            facts={**self.facts, **facts},
            measures=tuple(measures),
            limits=tuple(limits),
            sources=tuple(sources),
        )
        write_atomically(self.path.with_suffix(".md"), made.markdown())
        return made


def make(
    job: Job,
    name: str,
    build: Callable[[], nn.Module],
    making: Making,
    progress: Progress,
    *,
    start: Callable[[], nn.Module] | None = None,
) -> tuple[nn.Module, Record]:
    """Train a network and write its file.

    Args:
        job: which set, and where to.
        name: of the network.
        build: makes the network that is saved.
        making: how it is trained.
        progress: told of each step.
        start: makes what is trained, where that is more than the network (``making.finish`` takes it out).

    Returns:
        The network as its file holds it, so that what is measured is what ships; the record for its card.

    Raises:
        StorageError: the file or the log cannot be written.
    """
    stage = f"train {name} ({job.which})"
    progress.start(stage, making.schedule.steps)
    net = fit(
        seeded(start or build, job.seed),
        making.losses,
        forever(making.batch, job.seed),
        making.schedule,
        device=job.device,
        log=job.work / "logs" / f"{job.which}-{name}.csv",
        on_step=lambda step: progress.advance(stage, f"step {step}"),
    )
    progress.finish(stage)
    facts = _facts(job, name, making.schedule)
    path = files.weights_path(job.which, name, job.out)
    digest = files.save(path, making.finish(net), facts)
    loaded = files.load(path, build())
    return loaded, Record(job, name, path, digest, files.parameter_count(loaded), facts)


def _facts(job: Job, name: str, schedule: Schedule) -> dict[str, str]:
    renderer = renderer_digest()
    own = {"schedule": asdict(schedule), "renderer": renderer, "code": _code_digest(job)}
    return {
        "command": job.command(name),
        "seed": str(job.seed),
        "learnt from": f"rendered people of population {job.population}",
        "measured on": f"rendered people of population {HELD_OUT}, of whom no network has seen any",
        "steps": str(schedule.steps),
        "highest learning rate": f"{schedule.lr:g}",
        "recipe digest": digest_of(own)[:16],
        "renderer digest": renderer[:16],
    }


def _code_digest(job: Job) -> str:
    """Of the training code and of the set's architectures."""
    import spfem_baselines
    import spfem_bench.training as own
    import spfem_metrics

    nets = {
        "judges": Path(str(spfem_metrics.__file__)).parent / "synthetic" / "nets",
        "supervisors": Path(str(spfem_baselines.__file__)).parent / "supervisors",
    }
    return digest_sources(Path(str(own.__file__)).parent, nets[job.which])
