"""Supervisions of rendered faces from their pre-trained files: what names on a command line stand for.

The networks behind them are the shipped supervisors. For real faces build the classes with the published ones
(`iresnet`, `encoders.openai_encoders`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from spfem_baselines.supervision.asccl import ASCCL
from spfem_baselines.supervision.ccrl import CCRL
from spfem_baselines.supervision.cerl import CERL
from spfem_baselines.supervision.differencing import Choices
from spfem_baselines.supervision.encoders import supervisor_encoders
from spfem_baselines.supervision.expclip import ExpCLIP
from spfem_baselines.supervision.interface import Supervision
from spfem_baselines.supervision.pcmecl import PCMECL
from spfem_baselines.supervision.pyramid import SupervisorPyramid
from spfem_baselines.supervision.stccl import STCCL, Options

Builder = Callable[[Path, str], Supervision]
"""(file of the pre-trained state, torch device) -> the loss."""
State = Mapping[str, torch.Tensor]
Module = ASCCL | STCCL | CCRL | CERL | PCMECL | ExpCLIP

_MAKERS: Mapping[str, Callable[[State], Module]] = {
    "asccl": lambda state: ASCCL(SupervisorPyramid(), state),
    "stccl": lambda state: STCCL(SupervisorPyramid(), state),
    "stccl-cm": lambda state: STCCL(SupervisorPyramid(), state, Options(form="cm")),
    "ccrl": lambda state: CCRL(SupervisorPyramid(), state),
    "cerl": lambda state: CERL(supervisor_encoders(), state),
    "pcmecl": lambda state: PCMECL(supervisor_encoders(), state),
    "pcmecl-generic": lambda state: PCMECL(supervisor_encoders(), state, Choices(personal=False)),
    "expclip": ExpCLIP,
}


def _builder(name: str) -> Builder:
    def build(path: Path, device: str) -> Supervision:
        from safetensors.torch import load_file

        return _MAKERS[name](load_file(path)).to(device)

    return build


BUILDERS: Mapping[str, Builder] = {name: _builder(name) for name in _MAKERS}
"""By name; a builder raises ValueError where the file is of another method."""
