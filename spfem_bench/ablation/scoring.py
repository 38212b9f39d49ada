"""Scoring on people whom no model and no judge has seen: one bundle of rows for each training seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spfem_bench.ablation.home import Home
from spfem_bench.ablation.spec import Ablation, Test
from spfem_bench.engine import LocalEngine
from spfem_bench.paths import features_cache
from spfem_bench.progress import Progress
from spfem_bench.stages.run import Options, run
from spfem_bench.stages.spec import RunSpec
from spfem_bench.stages.workbench import open_workbench
from spfem_bench.store.bundle import is_whole, read_json, reopen
from spfem_bench.synthetic.splits import population

SLIM = Options(slim=True, outputs=False, overwrite="unfinished")
"""Rows small enough to be committed; outputs stay in the cache."""


@dataclass(frozen=True)
class Means:
    """How the scoring is done: device, torch's threads in one process, processes."""

    device: str = "cpu"
    threads: int = 1
    workers: int = 1


def render_people(test: Test, home: Home, progress: Progress, workers: int) -> None:
    """Render the test people, or what is missing of them.

    Raises:
        DatasetError: the folder holds other people.
        StorageError: it cannot be written.
    """
    from spfem_bench.synthetic.dataset import write

    write(
        home.clips,
        progress=progress,
        workers=workers,
        speakers=test.speakers,
        sentences=test.sentences,
        seconds=test.seconds,
        emotions=test.emotions,
        seed=population("test").seed,
    )


def run_spec(
    spec: Ablation, home: Home, seed: int, folders: Mapping[str, Path], means: Means, *, bounds: bool = False
) -> RunSpec:
    """What is scored of a training seed.

    The run's own seed is the training seed, so that its bundle says what sets it apart.

    Args:
        spec: of the ablation.
        home: its folders.
        seed: of training.
        folders: variant -> its checkpoint under that seed.
        means: how.
        bounds: beside them the bounds, which know no training.
    """
    return RunSpec(
        dataset=f"synthetic:{home.clips}",
        protocol=spec.test.protocol,
        suite=spec.test.suite,
        adapters=tuple(f"{variant}=backbone:{folder}" for variant, folder in folders.items()),
        cache=features_cache(),
        metrics=spec.test.metrics,
        seed=seed,
        device=means.device,
        threads=means.threads,
        bounds=bounds,
    )


def score(asked: RunSpec, out: Path, means: Means, progress: Progress) -> Path:
    """The bundle of a run; a finished one of just this specification is taken as it is.

    One of another specification (a variant was added, trained longer, ...) is written anew, from what the
    cache still knows of it.

    Raises:
        BenchError: whatever stops it; what was finished is kept.
    """
    if is_whole(out):
        if read_json(out / "spec.json") == open_workbench(asked).frozen():
            return out
        reopen(out)
    made = run(asked, out, SLIM, engine=LocalEngine(means.workers), progress=progress)
    assert made is not None
    return made
