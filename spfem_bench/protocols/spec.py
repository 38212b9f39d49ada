"""Protocol files: what they may say, and what was read from one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spfem_bench.config import check_schema, load_yaml
from spfem_bench.datasets.records import EMOTIONS, Dataset
from spfem_bench.errors import ConfigError, UsageError
from spfem_bench.resources import config_path

OTHER = "other"
"""In a mapping by emotion, every emotion that has no entry of its own."""

_TEXTS = {"type": "array", "items": {"type": "string"}}
_COUNT = {"type": "integer", "minimum": 1}
_BY_EMOTION = {
    "type": "object",
    "additionalProperties": False,
    "properties": dict.fromkeys((*EMOTIONS, OTHER), _COUNT),
}
_SELECT = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "extra": {"type": "object", "additionalProperties": {"type": "string"}},
        "intensity": {"anyOf": [{"const": "highest"}, _BY_EMOTION]},
        "sentences": _TEXTS,
        "takes": {"type": "array", "items": _COUNT},
        "last": _BY_EMOTION,
    },
}
_RULE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "speakers": _TEXTS,
        "references": {
            "anyOf": [{"const": "previous"}, {"type": "object", "additionalProperties": {"type": "string"}}]
        },
        "select": _SELECT,
        "align": {"enum": ["identity", "dtw"]},
        "footer": _TEXTS,
    },
}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["protocol", "plan", "about", "emotions", "align", "datasets"],
    "additionalProperties": False,
    "properties": {
        "protocol": {"type": "string", "pattern": r"^[a-z0-9]+([/-][a-z0-9]+)*@[1-9][0-9]*$"},
        "plan": {"enum": ["cross-id", "intra-id", "paired", "open"]},
        "about": {"type": "string"},
        "emotions": {"type": "array", "items": {"enum": list(EMOTIONS)}, "minItems": 1, "uniqueItems": True},
        "align": {"enum": ["identity", "dtw"]},
        "footer": _TEXTS,
        "datasets": {"type": "object", "minProperties": 1, "additionalProperties": _RULE},
        "intra-reference": {"enum": ["next-clip", "same-clip"]},
        "targets-per-source": _COUNT,
        "seed": {"type": "string"},
    },
}
ANY = "any"
"""The section under ``datasets`` for every dataset without one of its own."""


@dataclass(frozen=True)
class Select:
    """Which clips of a speaker and emotion are test clips; every condition given must hold.

    Args:
        extra: keys of `ClipRecord.extra` and their values (MEAD's view).
        intensity: by emotion, ``highest`` for the highest that the speaker has, None for any.
        sentences: sentence keys, None for any.
        takes: None for any.
        last: by emotion, how many of the last clips in the dataset's order to keep, None for all.
    """

    extra: Mapping[str, str] = field(default_factory=dict)
    intensity: Mapping[str, int] | str | None = None
    sentences: Sequence[str] | None = None
    takes: Sequence[int] | None = None
    last: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Rule:
    """What a protocol says of one dataset.

    Args:
        speakers: whose trials are planned, None for all.
        references: speaker -> the speaker of its references; ``previous``: the one before in sorted order
            that has the emotion.
        select: which clips are test clips.
        align: how source and truth are aligned.
        footer: sentences a table must print.
    """

    speakers: Sequence[str] | None
    references: Mapping[str, str] | str
    select: Select
    align: str
    footer: Sequence[str]


@dataclass(frozen=True)
class ProtocolSpec:
    """A protocol file.

    Args:
        name: with its version.
        plan: which planner reads it.
        emotions: targets, in the order of tables.
        rules: by dataset name.
        options: what only one planner reads (``targets-per-source``, ``seed``, ``intra-reference``).
        content: the file as plain data, frozen into bundles.
    """

    name: str
    plan: str
    emotions: tuple[str, ...]
    rules: Mapping[str, Rule]
    options: Mapping[str, Any]
    content: Mapping[str, Any]

    def rule_for(self, dataset: Dataset) -> Rule:
        """The section that applies to a dataset.

        Raises:
            UsageError: the protocol says nothing of it.
        """
        rule = self.rules.get(dataset.name) or self.rules.get(ANY)
        if rule is None:
            raise UsageError(
                f"{self.name} is defined for {', '.join(sorted(self.rules))}, not for {dataset.name} data; "
                "use open/cross-id@1, or a protocol file of your own with a section for it"
            )
        return rule


def load_protocol(protocol: str | Path) -> ProtocolSpec:
    """Read a protocol by name (``spfem/cross-id@1``) or from a YAML file.

    Raises:
        ConfigError: no such protocol, or the file is malformed.
    """
    path = config_path("protocols", str(protocol))
    data = load_yaml(path)
    check_schema(data, SCHEMA, str(path))
    _check_stem(path, data["protocol"])
    return ProtocolSpec(
        name=data["protocol"],
        plan=data["plan"],
        emotions=tuple(data["emotions"]),
        rules={name: _rule(section, data) for name, section in data["datasets"].items()},
        options={key: data[key] for key in ("intra-reference", "targets-per-source", "seed") if key in data},
        content=data,
    )


def _rule(section: Mapping[str, Any], data: Mapping[str, Any]) -> Rule:
    return Rule(
        speakers=section.get("speakers"),
        references=section.get("references", "previous"),
        select=Select(**section.get("select", {})),
        align=section.get("align", data["align"]),
        footer=(*data.get("footer", ()), *section.get("footer", ())),
    )


def _check_stem(path: Path, name: str) -> None:
    """A file that borrows a shipped name would make other trials under the same name."""
    from spfem_bench.resources import list_configs

    stem = name.replace("/", "-")
    if stem in list_configs("protocols") and path.resolve() != config_path("protocols", stem).resolve():
        raise ConfigError(
            f"{path} calls itself {name}, which is a shipped protocol; raise its version or rename it"
        )
