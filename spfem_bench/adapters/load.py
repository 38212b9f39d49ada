"""Adapters by name: bounds and models of this package, plug-ins, ``module:factory``, and what a folder holds.

``precomputed:FOLDER`` reads videos; ``backbone:FOLDER``, ``backbone-reference:FOLDER`` and
``backbone-text:FOLDER`` run a checkpoint with the style of the label, the reference clip or the text.
``baseline:NAME`` runs a foreign model by its shipped manifest, ``command:MANIFEST`` any program by one of its
own; ``,mode=MODE`` and ``,OPTION=VALUE`` may follow either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spfem_baselines import Adapter
from spfem_bench.errors import PluginError, UsageError
from spfem_bench.registry import resolve
from spfem_bench.versions import code_of, package_code

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
_FOREIGN = ("baseline", "command")
_FOREIGN_CODE = ("adapters/command", "adapters/precomputed.py", "clips")
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
    """One adapter from ``NAME``, ``module:factory`` or ``KIND:WHAT`` (see the module), perhaps ``ALIAS=...``.

    Raises:
        PluginError: there is no such adapter, it cannot be imported, or it does not fit the contract.
        UsageError: the folder of a precomputed adapter cannot be read, or a foreign model is not here.
    """
    head, colon, tail = text.partition(":")
    alias, _, kind = head.rpartition("=")
    rest = f"{kind}{colon}{tail}"
    code, adapter = _adapter(rest)
    if not isinstance(adapter, Adapter):
        raise PluginError(
            f"{rest} gives a {type(adapter).__name__}, which has no name, identity, sees and generate: "
            "see spfem_baselines.Adapter"
        )
    name = _checked_name(alias or adapter.name, rest)
    return System(name, "bound" if rest in BOUNDS else "model", adapter, code)


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


def _adapter(text: str) -> tuple[str, object]:
    """The digest of the code behind a name, and the adapter it gives."""
    kind, _, rest = text.partition(":")
    if kind == "precomputed" and rest:
        from spfem_bench.adapters import precomputed

        return code_of(precomputed.Entry), precomputed.open_precomputed(Path(rest))
    if kind in _BACKBONES and rest:
        made, adapter = _backbone(kind, Path(rest))
        return code_of(made), adapter
    if kind in _FOREIGN and rest:
        return package_code(*_FOREIGN_CODE), _foreign(kind, rest)
    made = _resolved(text)
    return code_of(made), made() if callable(made) and not isinstance(made, Adapter) else made


def _resolved(text: str) -> object:
    try:
        return resolve(GROUP, text, BUILTIN)
    except PluginError as error:
        from spfem_bench.adapters.command.manifest import shipped_names

        if text in shipped_names():
            raise PluginError(f"'{text}' is a foreign model: name it as baseline:{text}.") from error
        raise


def _foreign(kind: str, text: str) -> object:
    """A program in an environment of its own.

    Raises:
        UsageError: there is no such manifest, mode or option, or something it needs is not here.
    """
    from spfem_bench.adapters.command.adapter import CommandAdapter
    from spfem_bench.adapters.command.check import require_ready
    from spfem_bench.adapters.command.manifest import from_text
    from spfem_bench.adapters.command.places import find_place

    manifest = from_text(text, is_file=kind == "command")
    place = find_place(manifest)
    require_ready(manifest, place)
    return CommandAdapter(manifest, place)


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
