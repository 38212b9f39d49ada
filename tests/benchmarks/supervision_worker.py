"""Training steps under one supervision in a process of their own; prints speed and peak memory as JSON.

``python -m tests.benchmarks.supervision_worker CASE STEPS``
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spfem_baselines.supervision import asccl, ccrl, cerl, expressions, pcmecl, stccl
from spfem_baselines.supervision.asccl import ASCCL
from spfem_baselines.supervision.ccrl import CCRL
from spfem_baselines.supervision.cerl import CERL
from spfem_baselines.supervision.encoders import supervisor_encoders
from spfem_baselines.supervision.expclip import ExpCLIP
from spfem_baselines.supervision.interface import PairBatch
from spfem_baselines.supervision.pcmecl import PCMECL
from spfem_baselines.supervision.pyramid import SupervisorPyramid
from spfem_baselines.supervision.stccl import STCCL, Options
from spfem_bench.training.backbone.batches import Sampler
from spfem_bench.training.backbone.recipe import load_recipe
from spfem_bench.training.backbone.step import Helper, Rules, guides, players, take_step
from tests.support.backbones import material

PLAIN = "none"


def _asccl(released: bool) -> ASCCL:
    pyramid = SupervisorPyramid()
    return ASCCL(pyramid, asccl.learner(pyramid).learnt(), as_released=released)


def _stccl(form: stccl.Form) -> STCCL:
    pyramid, options = SupervisorPyramid(), Options(form=form)
    return STCCL(pyramid, stccl.learner(pyramid, options).learnt(), options)


def _pairs() -> PairBatch:
    """Two pairs of noise: enough to size a learner."""
    draw = torch.Generator().manual_seed(0)
    faces = [torch.rand(2, 1, 3, 64, 64, generator=draw) * 2 - 1 for _ in range(3)]
    sound = [torch.rand(2, 1, 40, 16, generator=draw) for _ in range(3)]
    return PairBatch(faces[0], faces[1], sound[0], sound[1], torch.tensor([1, 4]), faces[2], sound[2])


def _ccrl() -> CCRL:
    pyramid = SupervisorPyramid()
    return CCRL(pyramid, ccrl.learner(pyramid, _pairs(), seed=0).state_dict())


def _cerl() -> CERL:
    encoders = supervisor_encoders()
    return CERL(encoders, cerl.learner(encoders, seed=0).learnt(encoders))


def _pcmecl() -> PCMECL:
    encoders = supervisor_encoders()
    return PCMECL(encoders, pcmecl.learner(encoders, pcmecl.Choices(), seed=0).state_dict())


def _expclip() -> ExpCLIP:
    draw = np.random.default_rng(0)
    units = torch.from_numpy(draw.random((8, 16)).astype(np.float32))
    texts = torch.from_numpy(draw.normal(size=(8, 96)).astype(np.float32))
    made = expressions.learner(expressions.Expressions(units, texts), seed=0)
    return ExpCLIP(made.state_dict())


CASES: Mapping[str, Callable[[], list[Any]]] = {
    PLAIN: list,
    "asccl": lambda: [_asccl(False)],
    "asccl-released": lambda: [_asccl(True)],
    "stccl": lambda: [_stccl("vd")],
    "stccl-cm": lambda: [_stccl("cm")],
    "ccrl": lambda: [_ccrl()],
    "cerl": lambda: [_cerl()],
    "cdrl": lambda: [_ccrl(), _cerl()],
    "pcmecl": lambda: [_pcmecl()],
    "expclip": lambda: [_expclip()],
    "asccl+cdrl": lambda: [_asccl(False), _ccrl(), _cerl()],
    "stccl+pcmecl": lambda: [_stccl("vd"), _pcmecl()],
}


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
