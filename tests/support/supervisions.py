"""Every supervision of the ablation, alone and together, with fresh weights in place of learnt ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from spfem_baselines.supervision import Supervision, asccl, ccrl, cerl, expressions, pcmecl, stccl
from spfem_baselines.supervision.asccl import ASCCL
from spfem_baselines.supervision.ccrl import CCRL
from spfem_baselines.supervision.cerl import CERL
from spfem_baselines.supervision.encoders import supervisor_encoders
from spfem_baselines.supervision.expclip import ExpCLIP
from spfem_baselines.supervision.interface import PairBatch
from spfem_baselines.supervision.pcmecl import PCMECL
from spfem_baselines.supervision.pyramid import SupervisorPyramid
from spfem_baselines.supervision.stccl import STCCL, Options

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


CASES: Mapping[str, Callable[[], list[Supervision]]] = {
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
