"""Pinned YAML files: read without surprises, checked against a JSON Schema."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import yaml

from spfem_bench.errors import ConfigError

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

MAX_BYTES = 1 << 20
"""A configuration is a page, not a data set; larger files are refused unread."""

MAX_DEPTH = 64
"""Deepest nesting accepted; keeps hostile files from exhausting the interpreter's stack."""


def near_miss(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` with a leading blank for the likeliest of ``known``, or an empty string."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean '{by_lower[close[0]]}'?" if close else ""


def load_yaml(path: Path) -> Any:
    """The content of a YAML file as plain dicts, lists and scalars.

    Only what JSON could say is accepted: no anchors or aliases (a few lines of them can expand to gigabytes),
    no tags, no duplicate or non-string keys, one document. Plain scalars are read as JSON would read them:
    ``1e-3`` is a number; ``no``, ``1:30`` and ``2024-01-01`` are text (YAML 1.1 has it otherwise).

    Raises:
        ConfigError: the file cannot be read, or is not such a file; names the file and the line.
    """
    return parse_yaml(_read(path), str(path))


def parse_yaml(text: str, where: str) -> Any:
    """Parse YAML text under the rules of `load_yaml`; ``where`` names it in errors."""
    try:
        loader = _StrictLoader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise ConfigError(f"{where}{_line(error)} is not valid here: {_problem(error)}.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} holds a character YAML does not allow: {_one_line(error)}.") from error
    except ValueError as error:  # an integer of thousands of digits
        raise ConfigError(f"{where} holds a value that cannot be read: {_one_line(error)}.") from error


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_BYTES >> 20} MiB, which no configuration file is.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line} is not UTF-8; save the file as UTF-8.") from error


def _line(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f", line {mark.line + 1}" if mark else ""


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "syntax error"
    if "'\\t'" in problem:
        return "a tab; indent with spaces"
    return _one_line(problem)


def _one_line(text: object) -> str:
    return " ".join(str(text).split()).rstrip(".")


class _StrictLoader(yaml.SafeLoader):
    """A safe loader that refuses what lets a small file mean something large or ambiguous."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]  # the stub calls it an instance's

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        _check_event(event)
        if self._depth >= MAX_DEPTH:
            raise _refusal(f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            _check_key(key, seen)
        return super().construct_mapping(node, deep=deep)

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        value = float(node.value)
        if not math.isfinite(value):
            raise _refusal(f"{node.value} is too large for a number", node.start_mark)
        return value


_StrictLoader.add_constructor("tag:yaml.org,2002:float", _StrictLoader.construct_yaml_float)
_NUMBER = r"-?(?:0|[1-9][0-9]*)"
for _tag, _pattern, _first in (
    ("null", r"null|~|", ["n", "~", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", _NUMBER, list("-0123456789")),
    ("float", _NUMBER + r"(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?", list("-0123456789")),
):
    _StrictLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first)


def _check_event(event: Any) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise _refusal("anchors and aliases (& and *) are refused; write the value out", event.start_mark)
    if getattr(event, "tag", None):
        raise _refusal(f"the tag {event.tag} is refused; write plain values", event.start_mark)


def _check_key(key: yaml.Node, seen: set[str]) -> None:
    if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
        shown = key.value if isinstance(key, yaml.ScalarNode) else "a list or mapping"
        raise _refusal(f"the key {shown} is not text; put it in quotes", key.start_mark)
    if key.value in seen:
        raise _refusal(f"the key '{key.value}' stands here twice; keep one", key.start_mark)
    seen.add(key.value)


def _refusal(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(problem=problem, problem_mark=mark)


def closed_object(**properties: object) -> dict[str, Any]:
    """The JSON Schema of an object that has just these keys, each with its own schema."""
    return {
        "type": "object",
        "required": sorted(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def check_schema(data: object, schema: Mapping[str, Any], where: str) -> None:
    """Check data against a JSON Schema (draft 2020-12).

    Args:
        data: what `load_yaml` returned.
        schema: the schema; set ``additionalProperties: False`` to have unknown keys refused.
        where: the file's name, for the message.

    Raises:
        ConfigError: the first violation, with its key path, what is allowed there, and a near-miss hint.
    """
    from jsonschema import Draft202012Validator

    errors = Draft202012Validator(schema).iter_errors(data)
    first = min(errors, key=lambda error: (error.json_path, str(error.validator)), default=None)
    if first is not None:
        raise ConfigError(f"{where}: {_explain(_deepest(first))}")


def _deepest(error: ValidationError) -> ValidationError:
    """Inside ``anyOf`` and ``oneOf``, the violation furthest into the data: the form that was meant."""
    inner = max(error.context or [], key=lambda child: len(child.relative_path), default=None)
    return error if inner is None or not inner.relative_path else _deepest(inner)


def _explain(error: ValidationError) -> str:
    place, expected = _key_path(error), cast("Any", error.validator_value)
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        return _unknown_keys(error, place)
    if error.validator == "enum":
        return _not_allowed(error.instance, [str(value) for value in expected], place)
    if error.validator == "required":
        missing = [key for key in expected if key not in cast("Any", error.instance)]
        return f"{place} lacks the key '{missing[0]}'."
    if error.validator in {"anyOf", "oneOf"}:
        forms = [form.get("type", "of another form") for form in expected]
        return f"{place} must be {_types(forms)}, not {_shown(error.instance)}."
    if error.validator in {"type", "const"}:
        wanted = _types(expected) if error.validator == "type" else _shown(expected)
        return f"{place} must be {wanted}, not {_shown(error.instance)}."
    return f"{place}: {_one_line(error.message)}."


def _key_path(error: ValidationError) -> str:
    path = error.json_path.removeprefix("$").removeprefix(".")
    return f"'{path}'" if path else "the file"


def _unknown_keys(error: ValidationError, place: str) -> str:
    schema = cast("Mapping[str, Any]", error.schema)
    allowed = sorted(schema.get("properties", {}))
    unknown = min(str(key) for key in cast("Any", error.instance) if key not in allowed)
    hint = near_miss(unknown, allowed)
    return f"{place} has the unknown key '{unknown}'.{hint} Known keys: {', '.join(allowed)}."


def _not_allowed(value: object, allowed: list[str], place: str) -> str:
    hint = near_miss(str(value), allowed)
    return f"{place} may not be {_shown(value)}.{hint} Allowed: {', '.join(allowed)}."


def _types(value: str | list[str]) -> str:
    names = [value] if isinstance(value, str) else value
    words = {"object": "a mapping", "array": "a list", "string": "text", "integer": "an integer"}
    return " or ".join(words.get(name, name if " " in name else f"a {name}") for name in names)


def _shown(value: object, limit: int = 60) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[: limit - 3] + "..."
