"""The one line that says how a number was made, in the style of sacreBLEU.

``identity|v1|net:mobilefacenet@90a00ba1|faces:mediapipe-landmarker@64184e22|...``: name, version, then
every choice that moves the number. Numbers whose lines differ are not comparable.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from spfem_metrics.errors import DefinitionError

_KEY = re.compile(r"[a-z][a-z0-9_-]*")
_FORBIDDEN = re.compile(r"[|\s]")


@dataclass(frozen=True, slots=True)
class Signature:
    """An ordered set of choices; equal lines mean equal definitions.

    Args:
        name: the metric's name, e.g. ``identity``.
        version: raised whenever the same choices would give another number.
        choices: what moves the number, in a stable order. Values hold neither ``|`` nor white space.

    Raises:
        DefinitionError: a key or value that would make the line ambiguous.
    """

    name: str
    version: int
    choices: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, value in self.choices.items():
            if not _KEY.fullmatch(key) or not value or _FORBIDDEN.search(value):
                raise DefinitionError(f"signature of {self.name}: {key!r}={value!r} cannot stand in one line")

    @property
    def line(self) -> str:
        """The whole definition as one line."""
        parts = [self.name, f"v{self.version}", *(f"{k}:{v}" for k, v in self.choices.items())]
        return "|".join(parts)

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits of the line's sha256, for footnotes and joins."""
        return hashlib.sha256(self.line.encode()).hexdigest()[:12]

    def with_choices(self, **more: str) -> Signature:
        """The same definition with further choices (a hyphen in a key is written as an underscore)."""
        added = {key.replace("_", "-"): value for key, value in more.items()}
        return Signature(self.name, self.version, {**self.choices, **added})
