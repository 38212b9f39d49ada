"""What must stand below a table beside a foreign model's numbers, from the document behind its identity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spfem_bench.adapters.command.check import fits
from spfem_bench.adapters.command.steps.names import APPROXIMATIONS

_COMMIT = 12


def notes_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Choices that are no defaults, steps, approximations, what is not as pinned: sentences without a stop.

    Args:
        document: as `spfem_bench.adapters.command.identity.document_of` gives it.
    """
    return (
        *_choices(document),
        *_steps(document["steps"]),
        *_commit(document["upstream"]["commit"], document["checkout"]),
        *_environment(document["environment"], document["interpreter"]),
        *_assets(document["assets"]),
    )


def _choices(document: Mapping[str, Any]) -> Iterator[str]:
    usual = document["modes"][0]
    if document["mode"] != usual:
        yield f"mode {document['mode']}, not the default {usual}"
    defaults = document["defaults"]
    for name, value in document["options"].items():
        if value != defaults.get(name):
            yield f"option {name}={_plain(value)}, not the default {_plain(defaults.get(name))}"


def _steps(steps: list[str]) -> Iterator[str]:
    if steps:
        yield f"inputs prepared by {', '.join(steps)}"
    names = [step.partition("@")[0] for step in steps]
    yield from (said for name, said in APPROXIMATIONS.items() if name in names)


def _commit(pinned: str | None, found: Mapping[str, str | None] | None) -> Iterator[str]:
    if pinned is None or found is None:
        return
    if found["commit"] is None:
        yield f"not known to be the pinned commit {pinned[:_COMMIT]}"
    elif found["commit"] != pinned:
        yield f"not the pinned commit ({found['commit'][:_COMMIT]}, not {pinned[:_COMMIT]})"
    if found["commit"] is not None and found["changes"] is not None:
        yield f"not the code of its commit (tracked files differ, {found['changes'][:_COMMIT]})"


def _environment(pinned: Mapping[str, Any], found: Mapping[str, Any] | None) -> Iterator[str]:
    if found is None:
        if pinned["python"] or pinned["packages"]:
            yield "not known to be the pinned environment: its command starts no {python} that could be asked"
        return
    versions = {"Python": found["python"], **found["packages"]}
    wanted = {"Python": pinned["python"] or "", **pinned["packages"]}
    wrong = [
        f"{name} {versions[name] or 'missing'}{f', not {version}' if version else ''}"
        for name, version in wanted.items()
        if versions[name] is None or not fits(versions[name], version)
    ]
    if wrong:
        yield f"not the pinned environment ({'; '.join(wrong)})"


def _assets(assets: list[Mapping[str, str | None]]) -> Iterator[str]:
    unseen = [str(one["name"]) for one in assets if one["found"] is None]
    if unseen:
        yield f"assets not looked at, which only its launcher sees: {', '.join(unseen)}"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
