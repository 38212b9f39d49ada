"""Adapters by name: bounds and models of this package, plug-ins, ``module:factory``, and what a folder holds.

``precomputed:FOLDER`` reads videos; ``backbone:FOLDER``, ``backbone-reference:FOLDER`` and
``backbone-text:FOLDER`` run a checkpoint with the style of the label, the reference clip or the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spfem_baselines import Adapter
from spfem_bench.errors import PluginError, UsageError
from spfem_bench.registry import resolve
from spfem_bench.versions import code_of

GROUP = "spfem_bench.adapters"
BOUNDS: Mapping[str, str] = {
    "copy-source": "spfem_baselines.bounds:copy_source",
    "copy-reference": "spfem_baselines.bounds:copy_reference",
    "oracle": "spfem_baselines.bounds:oracle",
    "random-speaker": "spfem_baselines.bounds:random_speaker",
    "noise": "spfem_baselines.bounds:noise",
}
"""Floor and ceiling, printed beside every model."""

MODELS: Mapping[str, str] = {"linear-shift": "spfem_baselines.linear:linear_shift"}
BUILTIN: Mapping[str, str] = {**BOUNDS, **MODELS}

_BACKBONES: Mapping[str, Literal["label", "reference", "text"]] = {
    "backbone": "label",
    "backbone-reference": "reference",
    "backbone-text": "text",
}

Role = Literal["model", "bound"]
_RESERVED = "real"
"""Under this name rows keep the protocol's real clips."""
_LONGEST_NAME = 100


@dataclass(frozen=True)
class System:
    """An adapter as a run knows it.

    Args:
        name: unique in the run; names its folder of outputs and its row in the table.
        role: bounds are drawn apart and never ranked.
        adapter: what generates.
        code: digest of the code it comes from.
    """

    name: str
    role: Role
    adapter: Adapter
    code: str = ""


def load_system(text: str) -> System:
    """One adapter from ``NAME``, ``module:factory`` or ``precomputed:FOLDER``, optionally ``ALIAS=...``.

    Raises:
        PluginError: there is no such adapter, it cannot be imported, or it does not fit the contract.
        UsageError: the folder of a precomputed adapter cannot be read.
    """
    alias, _, rest = text.rpartition("=") if "=" in text.split(":", maxsplit=1)[0] else ("", "", text)
    made, adapter = _adapter(rest)
    if not isinstance(adapter, Adapter):
        raise PluginError(
            f"{rest} gives a {type(adapter).__name__}, which has no name, identity, sees and generate: "
            "see spfem_baselines.Adapter"
        )
    name = _checked_name(alias or adapter.name, rest)
    return System(name, "bound" if rest in BOUNDS else "model", adapter, code_of(made))


def _checked_name(name: str, text: str) -> str:
    """The name, which becomes a folder of the bundle.

    Raises:
        UsageError: it would leave the bundle, or is taken by the bundle itself.
    """
    is_plain = name.isprintable() and not set(name) & set("/\\") and name.strip(". ") != ""
    if not is_plain or len(name) > _LONGEST_NAME or name == _RESERVED:
        why = "means the real clips" if name == _RESERVED else "cannot be the name of a folder"
        raise UsageError(f"an adapter cannot be called {name!r}, which {why}: give a name, as in NEW={text}")
    return name


def _adapter(text: str) -> tuple[object, object]:
    """What the name stands for, and the adapter it gives."""
    if text.startswith("precomputed:"):
        from spfem_bench.adapters import precomputed

        folder = Path(text.removeprefix("precomputed:"))
        return precomputed.Entry, precomputed.open_precomputed(folder)
    kind, _, rest = text.partition(":")
    if kind in _BACKBONES and rest:
        return _backbone(kind, Path(rest))
    made = resolve(GROUP, text, BUILTIN)
    return made, made() if callable(made) and not isinstance(made, Adapter) else made


def _backbone(kind: str, folder: Path) -> tuple[object, object]:
    """A checkpoint as an adapter.

    Raises:
        UsageError: the folder holds no checkpoint.
    """
    from spfem_baselines.backbone.adapter import BackboneAdapter, backbone
    from spfem_baselines.backbone.checkpoint import CheckpointError

    try:
        return BackboneAdapter, backbone(folder.expanduser(), _BACKBONES[kind], name=kind)
    except CheckpointError as error:
        raise UsageError(str(error)) from error


def load_systems(texts: Sequence[str], *, bounds: bool = True) -> list[System]:
    """Every adapter of a run, the bounds after the models.

    Raises:
        UsageError: two of them have one name.
    """
    wanted = [*texts, *(name for name in BOUNDS if bounds and name not in texts)]
    systems = [load_system(text) for text in wanted]
    names = [system.name for system in systems]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two adapters are called {twice[0]}: give one another name, as in NEW={twice[0]}")
    return sorted(systems, key=lambda system: system.role == "bound")
