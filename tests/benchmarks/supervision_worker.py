"""Training steps under one supervision in a process of their own; prints speed and peak memory as JSON.

``python -m tests.benchmarks.supervision_worker CASE STEPS``
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

from spfem_bench.training.backbone.batches import Sampler
from spfem_bench.training.backbone.recipe import load_recipe
from spfem_bench.training.backbone.step import Helper, Rules, guides, players, take_step
from tests.support.backbones import material
from tests.support.supervisions import CASES


def peak() -> float:
    """MiB that this process has taken at most."""
    # not getrusage's: a child's begins at what its parent held when it was forked
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main(case: str, steps: str) -> None:
    """Do one step, then time the rest, and say what they took of one thread."""
    torch.set_num_threads(1)
    recipe = load_recipe("synthetic-tune-64")
    now, clips = players(recipe, "cpu"), material(side=64)
    helpers = tuple(Helper(loss.name, 0.1, loss) for loss in CASES[case]())
    rules = Rules(recipe, guides(recipe, "cpu"), helpers)
    stream = Sampler(clips, recipe.schedule, recipe.conditions, np.arange(4)).forever(0)
    before, taken, said = peak(), list[float](), dict[str, float]()
    for _ in range(1 + int(steps)):
        batch = next(stream)
        begun = time.process_time()
        said = take_step(now, batch, rules)
        taken.append(time.process_time() - begun)
    seconds = statistics.median(taken[1:])
    frames = recipe.schedule.batch * recipe.schedule.frames
    print(
        json.dumps(
            {
                "ms": 1000 * seconds,
                "samples_per_second": frames / seconds,
                "before_mib": before,
                "peak_mib": peak(),
                "loss": said["loss"],
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
