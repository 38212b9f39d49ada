"""The supervisions of an ablation, built from their pre-trained states.

A name stands for a method of `spfem_baselines.supervision.builders`; ``asccl-released`` is the loss that the
authors' release computes, on the state of ``asccl``; ``NAME-true`` is the method on a state that was
pre-trained on pairs rendered in step.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spfem_bench.errors import MissingWeightsError, UsageError

if TYPE_CHECKING:
    from spfem_baselines.supervision import Supervision
    from spfem_bench.training.backbone.step import Helper

RELEASED = "-released"
TRUE = "-true"
METHODS = ("asccl", "stccl", "stccl-cm", "ccrl", "cerl", "pcmecl", "pcmecl-generic", "expclip")
KNOWN = (*METHODS, f"asccl{RELEASED}", *(f"{name}{TRUE}" for name in METHODS if name != "expclip"))
"""Names that a variant may list."""


def state_name(name: str) -> str:
    """The pre-trained state that a supervision reads."""
    return name.removesuffix(RELEASED)


def state_file(name: str, states: Path) -> Path:
    """The file of that state."""
    return states / f"{state_name(name)}.safetensors"


def method_of(state: str) -> str:
    """The method whose state this is."""
    return state.removesuffix(TRUE)


def build(name: str, states: Path, device: str) -> Supervision:
    """A supervision by its name.

    Args:
        name: one of `KNOWN`.
        states: folder of pre-trained states.
        device: a torch device.

    Raises:
        MissingWeightsError: its state is not there.
        UsageError: the file is no state of it.
    """
    from safetensors import SafetensorError

    from spfem_baselines.supervision import BUILDERS

    file = state_file(name, states)
    if not file.is_file():
        raise MissingWeightsError(f"{file}: no such state; run the ablation again, which makes it")
    try:
        if name.endswith(RELEASED):
            return _released(file, device)
        return BUILDERS[method_of(name)](file, device)
    except (ValueError, RuntimeError, SafetensorError) as error:
        raise UsageError(f"{file} is no state of {name}: {str(error).splitlines()[0]}") from error


def helpers(weights: Mapping[str, float], states: Path, device: str) -> tuple[Helper, ...]:
    """Supervisions with their weights, in the order given.

    Raises:
        MissingWeightsError: a state is not there.
        UsageError: a file is no state of its method.
    """
    from spfem_bench.training.backbone.step import Helper

    return tuple(Helper(name, weight, build(name, states, device)) for name, weight in weights.items())


def _released(file: Path, device: str) -> Supervision:
    from safetensors.torch import load_file

    from spfem_baselines.supervision.asccl import ASCCL
    from spfem_baselines.supervision.pyramid import SupervisorPyramid

    return ASCCL(SupervisorPyramid(), load_file(file), as_released=True).to(device)
