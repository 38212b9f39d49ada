"""Names to objects: what this package has, what installed plug-ins add, and ``module:attribute``.

Plug-ins announce themselves by an entry point in one of the groups `GROUPS`. Nothing is imported until it is
used, so a plug-in that cannot be imported harms only who asks for it.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from spfem_bench.config import near_miss
from spfem_bench.errors import PluginError

GROUPS = (
    "spfem_bench.adapters",
    "spfem_bench.metrics",
    "spfem_bench.extractors",
    "spfem_bench.datasets",
    "spfem_bench.suites",
)
"""The entry point groups that plug-ins may join."""

_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_OWN = "spfem-bench"


@dataclass(frozen=True)
class PluginStatus:
    """One name of a group, and whether it can be had.

    Args:
        name: the name users give.
        origin: the distribution it comes from, with the ``module:attribute`` behind it.
        ok: whether it can be imported and its name has one origin only.
        error: why not; empty when ``ok``.
    """

    name: str
    origin: str
    ok: bool
    error: str = ""


@dataclass(frozen=True)
class _Origin:
    name: str
    target: str
    distribution: str

    def __str__(self) -> str:
        return f"{self.distribution} ({self.target})"


def resolve(group: str, name: str, builtin: Mapping[str, str]) -> Any:
    """The object behind a name.

    Args:
        group: the entry point group, for example ``spfem_bench.adapters``.
        name: a built-in name, a plug-in's name, or ``module:attribute`` (the module may be a file in the
            current directory).
        builtin: the names this package has, each with its ``module:attribute``.

    Raises:
        PluginError: the name is unknown, has two origins, or cannot be imported.
    """
    if _TARGET.fullmatch(name):
        return load(name)
    origins = [origin for origin in _origins(group, builtin) if origin.name == name]
    if not origins:
        raise PluginError(_unknown(group, name, builtin))
    return _load_only(origins)


def names(group: str, builtin: Mapping[str, str]) -> list[str]:
    """Every name of a group, sorted; imports nothing."""
    return sorted({origin.name for origin in _origins(group, builtin)})


def survey(group: str, builtin: Mapping[str, str]) -> list[PluginStatus]:
    """Every name of a group with its origin, after trying to import it; sorted by name, never raises."""
    origins = _origins(group, builtin)
    by_name = {name: [o for o in origins if o.name == name] for name in sorted({o.name for o in origins})}
    return [_status(name, found) for name, found in by_name.items()]


def load(target: str) -> Any:
    """The object at ``module:attribute`` (dotted attributes allowed).

    Raises:
        PluginError: says whether the module or the attribute is missing, or what fails inside the module.
    """
    module_name, _, attribute = target.partition(":")
    found: Any = _import(module_name, target)
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            hint = near_miss(part, [known for known in dir(found) if not known.startswith("_")])
            raise PluginError(f"'{target}': the module '{module_name}' has no '{attribute}'.{hint}") from None
    return found


def _origins(group: str, builtin: Mapping[str, str]) -> list[_Origin]:
    own = [_Origin(name, target, _OWN) for name, target in builtin.items()]
    found = {_origin(entry) for entry in entry_points(group=group)}
    return own + sorted(
        found - set(own), key=lambda origin: (origin.name, origin.distribution, origin.target)
    )


def _origin(entry: EntryPoint) -> _Origin:
    return _Origin(entry.name, entry.value.replace(" ", ""), entry.dist.name if entry.dist else "unknown")


def _load_only(origins: list[_Origin]) -> Any:
    name = origins[0].name
    if len(origins) > 1:
        both = " and ".join(map(str, origins))
        raise PluginError(f"'{name}' has two origins, {both}; uninstall one, or name it as module:attribute.")
    if not _TARGET.fullmatch(origins[0].target):
        raise PluginError(f"'{name}' of {origins[0]} is not written as module:attribute; tell its authors.")
    try:
        return load(origins[0].target)
    except PluginError as error:
        raise PluginError(f"'{name}' of {origins[0].distribution} cannot be used: {error}") from error


def _status(name: str, origins: list[_Origin]) -> PluginStatus:
    shown = " and ".join(map(str, origins))
    try:
        _load_only(origins)
    except PluginError as error:
        return PluginStatus(name, shown, ok=False, error=str(error))
    return PluginStatus(name, shown, ok=True)


def _unknown(group: str, name: str, builtin: Mapping[str, str]) -> str:
    known = names(group, builtin)
    what = group.rpartition(".")[2].removesuffix("s")
    there = ", ".join(known) or "none"
    return (
        f"There is no {what} named '{name}'.{near_miss(name, known)} There are: {there}; "
        f"another one is named as module:attribute, or installed as a plug-in of the group {group}."
    )


def _import(module_name: str, target: str) -> Any:
    with _current_directory_importable():
        try:
            return importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            raise PluginError(_missing(error, module_name, target)) from error
        except (Exception, SystemExit) as error:
            raise PluginError(f"'{target}': importing '{module_name}' fails with {_named(error)}.") from error


def _missing(error: ModuleNotFoundError, module_name: str, target: str) -> str:
    absent = error.name or ""
    if module_name == absent or module_name.startswith(f"{absent}."):
        return f"'{target}': there is no module '{absent}' here; install it, or run where it lies."
    return f"'{target}': the module '{module_name}' needs '{absent}', which is not installed; install it."


def _named(error: BaseException) -> str:
    detail = " ".join(str(error).split())
    return f"{type(error).__name__}: {detail}" if detail else type(error).__name__


@contextmanager
def _current_directory_importable() -> Iterator[None]:
    """The current directory at the end of the search path for one import: it never shadows a package."""
    here = str(Path.cwd())
    if here in sys.path or "" in sys.path:
        yield
        return
    sys.path.append(here)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        if here in sys.path:
            sys.path.remove(here)
