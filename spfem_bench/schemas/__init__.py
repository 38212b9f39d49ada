"""The published JSON Schemas (draft 2020-12) of every file of a bundle and of what the commands print.

One file per schema and version, ``spec@1.json``. Within a version keys are only ever added, so a reader skips
those it does not know; a key that goes, or means another thing, makes the next version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from spfem_bench.config import check_schema, near_miss
from spfem_bench.errors import ConfigError, UsageError

_FOLDER = Path(__file__).parent


def schema_names() -> list[str]:
    """Every schema with its version, sorted, e.g. ``spec@1``."""
    return sorted(path.stem for path in _FOLDER.glob("*@*.json"))


def read_schema(name: str) -> Mapping[str, Any]:
    """A schema as plain values.

    Args:
        name: with a version (``spec@1``), or without one for the latest.

    Raises:
        UsageError: there is no such schema; lists those there are.
    """
    return _read(_resolved(name))


@cache
def _resolved(name: str) -> str:
    known = schema_names()
    versions = [one for one in known if one == name or one.partition("@")[0] == name]
    if not versions:
        hint = near_miss(name, known)
        raise UsageError(f"there is no schema '{name}'.{hint} There are: {', '.join(known)}")
    return max(versions, key=lambda one: int(one.partition("@")[2]))


@cache
def _read(name: str) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf8"))
    return schema


def violation(name: str, document: object, where: str) -> str | None:
    """The first thing in a document that its schema does not allow, None where it fits.

    Args:
        name: of the schema.
        document: as `json.loads` gives it.
        where: the file's name, for the sentence.
    """
    try:
        check_schema(document, read_schema(name), where)
    except ConfigError as error:
        return str(error).removeprefix(f"{where}: ")
    return None


def explain_schema(name: str) -> str:
    """A schema as readable lines: each key with its type, whether it must be there, and what it is.

    Raises:
        UsageError: there is no such schema.
    """
    schema = read_schema(name)
    head = [f"{_resolved(name)}: {schema['title']}", schema["description"], ""]
    rows = list(_keys(schema, schema, ""))
    width = max((len(key) for key, _, _ in rows), default=0)
    kinds = max((len(kind) for _, kind, _ in rows), default=0)
    body = [f"{key:<{width}}  {kind:<{kinds}}  {text}".rstrip() for key, kind, text in rows]
    return "\n".join([*head, *body]) + "\n"


def _keys(schema: Mapping[str, Any], root: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
    node = _target(schema, root)
    required = node.get("required", ())
    for key, value in node.get("properties", {}).items():
        yield from _key(value, root, f"{prefix}{key}{'' if key in required else '?'}")
    extra = node.get("additionalProperties")
    if isinstance(extra, Mapping):
        yield from _key(extra, root, f"{prefix}<name>")
    if "items" in node:
        yield from _key(node["items"], root, f"{prefix.removesuffix('.')}[]")


def _key(value: Mapping[str, Any], root: Mapping[str, Any], name: str) -> Iterator[tuple[str, str, str]]:
    node = _target(value, root)
    yield name, _kind(node), value.get("description", node.get("description", ""))
    yield from _keys(node, root, f"{name}.")


def _target(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, or the definition of the same file that it names."""
    reference = schema.get("$ref")
    return root["$defs"][reference.rpartition("/")[2]] if reference else schema


def _kind(node: Mapping[str, Any]) -> str:
    if "const" in node:
        return json.dumps(node["const"])
    if "enum" in node:
        return " | ".join(map(str, node["enum"]))
    kinds = node.get("type", "any")
    return kinds if isinstance(kinds, str) else " | ".join(kinds)
