"""What is publicly known of a dataset, from its pinned file ``configs/datasets/NAME.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

_NAMES = {"type": "array", "items": {"type": "string"}}
_COUNT = {"type": "integer", "minimum": 1}

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["dataset", "about", "licence", "layout"],
    "additionalProperties": False,
    "properties": {
        "dataset": {"type": "string"},
        "about": {"type": "string"},
        "licence": {"type": "string"},
        "source": {"type": "string"},
        "layout": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "speakers": _NAMES,
        "nominal": {"type": "object", "additionalProperties": _COUNT},
        "sentences": {"type": "object", "additionalProperties": {"type": "string"}},
        "shared-sentences": {
            "type": "object",
            "required": ["clips", "disgusted-first", "disgusted-last"],
            "additionalProperties": False,
            "properties": {"clips": _COUNT, "disgusted-first": _NAMES, "disgusted-last": _NAMES},
        },
    },
}


@dataclass(frozen=True)
class Card:
    """The facts of one dataset.

    Args:
        name: as in ``NAME:/path``.
        about: one paragraph.
        licence: of the clips.
        layout: path patterns relative to the root.
        speakers: every released speaker, empty where open.
        nominal: counts of a complete release, by a key each reader documents.
        sentences: code -> words, where the dataset's names say what is spoken.
        shared: MEAD's documented shared sentences (see `mead.documented_sentence`).
    """

    name: str
    about: str
    licence: str
    layout: tuple[str, ...]
    speakers: tuple[str, ...] = ()
    nominal: Mapping[str, int] = field(default_factory=dict)
    sentences: Mapping[str, str] = field(default_factory=dict)
    shared: Mapping[str, Any] = field(default_factory=dict)


@cache
def card(name: str) -> Card:
    """The card of a dataset.

    Raises:
        ConfigError: no such file, or it is malformed.
    """
    from spfem_bench.config import check_schema, load_yaml
    from spfem_bench.resources import config_path

    path = config_path("datasets", name)
    data = load_yaml(path)
    check_schema(data, SCHEMA, str(path))
    return Card(
        name=data["dataset"],
        about=data["about"],
        licence=data["licence"],
        layout=tuple(data["layout"]),
        speakers=tuple(data.get("speakers", ())),
        nominal=MappingProxyType(data.get("nominal", {})),
        sentences=MappingProxyType(data.get("sentences", {})),
        shared=MappingProxyType(data.get("shared-sentences", {})),
    )
