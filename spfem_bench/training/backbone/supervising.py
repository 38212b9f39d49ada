"""Supervisions by name, for the command line: ``asccl:0.3``, ``ccrl=FILE:1``, ``module:factory:0.5``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spfem_baselines.supervision import Supervision, builders
from spfem_bench.config import near_miss
from spfem_bench.errors import MissingWeightsError, PluginError, UsageError
from spfem_bench.registry import load
from spfem_bench.training.backbone.step import Helper


def load_helper(text: str, states: Path, device: str) -> Helper:
    """One supervision with its weight.

    Args:
        text: ``NAME:WEIGHT``, ``NAME=FILE:WEIGHT`` or ``module:factory:WEIGHT`` (without arguments).
        states: folder with the pre-trained states, ``NAME.safetensors``.
        device: a torch device.

    Raises:
        UsageError: the text is not of that form, or the state is of another method.
        PluginError: there is no such supervision, or it does not fit the contract.
        MissingWeightsError: its pre-trained state is not there.
    """
    who, weight = split(text)
    loss = _built(who, states, device)
    if not isinstance(loss, Supervision):
        raise PluginError(
            f"{who} gives a {type(loss).__name__}, which has no name and needs: "
            "see spfem_baselines.supervision.Supervision"
        )
    return Helper(loss.name, weight, loss)


def split(text: str) -> tuple[str, float]:
    """Name and weight.

    Raises:
        UsageError: not of that form.
    """
    who, _, number = text.rpartition(":")
    try:
        weight = float(number)
    except ValueError:
        weight = -1.0
    if not who or not 0 < weight < float("inf"):
        raise UsageError(
            f"'{text}' is no supervision: write NAME:WEIGHT with a weight above 0, as in asccl:0.3"
        )
    return who, weight


def _built(who: str, states: Path, device: str) -> Any:
    if ":" in who:
        made = load(who)()
        return made.to(device) if hasattr(made, "to") else made
    name, _, given = who.partition("=")
    known = builders.BUILDERS
    if name not in known:
        there = ", ".join(sorted(known)) or "none"
        raise PluginError(
            f"There is no supervision named '{name}'.{near_miss(name, known)} There are: {there}."
        )
    file = Path(given) if given else states / f"{name}.safetensors"
    if not file.is_file():
        raise MissingWeightsError(
            f"{file}: no such state; `spfem-bench train supervision --method {name}` makes it"
        )
    try:
        return known[name](file, device)
    except (ValueError, RuntimeError) as error:
        raise UsageError(f"{file} is no state of {name}: {str(error).splitlines()[0]}") from error
