"""Model cards: what a network is, how it was made, and what was measured on people it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Measure:
    """One held-out number beside its target.

    Args:
        what: e.g. ``clip-level accuracy at level 3``.
        value: as measured.
        unit: of the value; empty for a share.
        target: None where none was set.
        better: which way is better.
    """

    what: str
    value: float
    unit: str = ""
    target: float | None = None
    better: Literal["higher", "lower"] = "higher"

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.better == "higher" else self.value <= self.target

    def line(self) -> str:
        """One line of plain text."""
        aim = "" if self.target is None else f" (target {_sign(self)} {self.target:g}: {_verdict(self)})"
        return f"{self.what}: {self.value:.4g}{' ' + self.unit if self.unit else ''}{aim}"


@dataclass(frozen=True)
class Card:
    """Everything the model card says.

    Args:
        name: of the network, e.g. ``expression``.
        which: ``judges`` or ``supervisors``.
        about: what it is and what it may be used for, a paragraph.
        architecture: in a sentence, with its source.
        parameters: learnt numbers.
        digest: sha256 of the weights file.
        size: of the file in bytes.
        facts: how it was made (command, seed, populations, stills, steps, ...), in the order printed.
        measures: on unseen people.
        limits: what it cannot, or why a target was missed and what was tried; a sentence each.
        sources: papers of its parts.
    """

    name: str
    which: str
    about: str
    architecture: str
    parameters: int
    digest: str
    size: int
    facts: Mapping[str, str]
    measures: Sequence[Measure]
    limits: Sequence[str] = ()
    sources: Sequence[str] = field(default_factory=tuple)

    @property
    def missed(self) -> list[Measure]:
        """The measures that fall short of their targets."""
        return [measure for measure in self.measures if measure.met is False]

    def markdown(self) -> str:
        """The card as a file."""
        parts = [
            f"# {self.name} ({self.which})",
            self.about,
            f"{self.architecture} {self.parameters:,} parameters, {self.size:,} bytes in half precision, "
            f"sha256 `{self.digest}`.",
            "## How it was made",
            "\n".join(f"- {key}: {value}" for key, value in self.facts.items()),
            "## Measured on people it has not seen",
            _table(self.measures),
            *_section("What it cannot", [*_shortfalls(self.missed), *self.limits]),
            *_section("Sources", self.sources),
        ]
        return "\n\n".join(parts) + "\n"


def _sign(measure: Measure) -> str:
    return ">=" if measure.better == "higher" else "<="


def _verdict(measure: Measure) -> str:
    return {None: "no target", True: "met", False: "missed"}[measure.met]


def _table(measures: Sequence[Measure]) -> str:
    rows = ["| measure | value | target | |", "| --- | ---: | ---: | --- |"]
    for item in measures:
        value = f"{item.value:.4g}{' ' + item.unit if item.unit else ''}"
        target = "" if item.target is None else f"{_sign(item)} {item.target:g}"
        rows.append(f"| {item.what} | {value} | {target} | {_verdict(item) if target else ''} |")
    return "\n".join(rows)


def _shortfalls(missed: Sequence[Measure]) -> list[str]:
    return [f"Misses its target: {measure.line()}." for measure in missed]


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"## {title}", "\n".join(f"- {line}" for line in lines)] if lines else []
