"""A bundle's documents, read once, each checked against its published schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from spfem_bench.schemas import violation
from spfem_bench.store.bundle import CIRCUMSTANCES
from spfem_bench.verifying.model import Check, Problem

DOCUMENTS = ("spec.json", "environment.json", "trials.jsonl", "scores.json")
ROWS = "rows.parquet"
_SCHEMAS = {
    "spec.json": "spec",
    "environment.json": "environment",
    "scores.json": "scores",
    CIRCUMSTANCES: "circumstances",
}
_PLAN = "trials.jsonl"
_LARGEST = 256 * 2**20
"""Bytes of a document that are still read; the plan of a million trials is smaller."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True)
class Contents:
    """What a bundle says of itself; None and empty for what could not be read.

    Args:
        spec: ``spec.json``.
        scores: ``scores.json``.
        plan: the lines of ``trials.jsonl``, None where any of them could not be read.
    """

    spec: Mapping[str, Any] | None = None
    scores: Mapping[str, Any] | None = None
    plan: Sequence[Mapping[str, Any]] | None = None
    trials: Sequence[Mapping[str, Any]] = field(init=False)
    reals: Sequence[Mapping[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        lines = self.plan or ()
        for name, kind in (("trials", "trial"), ("reals", "real")):
            object.__setattr__(self, name, [line for line in lines if line["kind"] == kind])

    @property
    def systems(self) -> list[str] | None:
        """Names of the systems, None where unknown."""
        return None if self.spec is None else [system["name"] for system in self.spec["systems"]]

    @property
    def trial_ids(self) -> set[str] | None:
        """Ids of the planned trials, None where unknown."""
        return None if self.plan is None else {trial["id"] for trial in self.trials}

    @property
    def matrices(self) -> list[str] | None:
        """Metrics whose feature matrices the bundle holds, None where unknown."""
        return None if self.scores is None else list(self.scores["matrices"])

    @property
    def omitted(self) -> list[str]:
        """Metrics whose feature matrices a slim bundle was written without."""
        return [] if self.scores is None else list(self.scores.get("omitted_matrices", ()))

    @property
    def unplaced(self) -> list[str]:
        """Models whose outputs the bundle was written without."""
        return [] if self.scores is None else list(self.scores.get("omitted_outputs", ()))

    @property
    def title(self) -> str:
        """Of the table."""
        return "" if self.scores is None else str(self.scores["title"])


def safe_name(text: str) -> bool:
    """Whether a text can be one part of a path, and nothing else."""
    return bool(text) and text not in {".", ".."} and "/" not in text and _CONTROL.search(text) is None


def read_contents(folder: Path, files: set[str]) -> tuple[Contents, Check]:
    """Every document that is there, and what is wrong with the others.

    Args:
        folder: the bundle.
        files: its regular files; nothing else is opened.
    """
    known = [name for name in (*DOCUMENTS, CIRCUMSTANCES) if name in files]
    read = {name: _read(folder / name) for name in known}
    problems = [found for found in read.values() if isinstance(found, Problem)]
    good = {name: found for name, found in read.items() if not isinstance(found, Problem)}
    contents = Contents(good.get("spec.json"), good.get("scores.json"), good.get(_PLAN))
    check = Check(
        "documents", "documents fit their schema", len(good), len(known), [*problems, *_unsafe(contents)]
    )
    return contents, check


def _read(path: Path) -> Any:
    if path.stat().st_size > _LARGEST:
        return Problem(path.name, "is larger than any document of a bundle; it was not read")
    try:
        text = path.read_text(encoding="utf8")
        if path.name == _PLAN:
            return _read_plan(text)
        document = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return Problem(path.name, f"is not JSON ({error})")
    wrong = violation(_SCHEMAS[path.name], document, path.name)
    return Problem(path.name, wrong) if wrong else document


def _read_plan(text: str) -> Any:
    lines = [json.loads(line, parse_constant=_refuse) for line in text.splitlines()]
    for number, line in enumerate(lines, 1):
        wrong = violation("trial", line, f"{_PLAN}, line {number}")
        if wrong:
            return Problem(_PLAN, wrong)
    return lines


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _unsafe(contents: Contents) -> list[Problem]:
    """Names that become parts of paths and must not lead elsewhere; two of one name; foreign schemas."""
    metrics = [column["name"] for column in contents.scores["columns"]] if contents.scores else []
    given = {
        "spec.json": contents.systems or [],
        _PLAN: [line["id"] for line in contents.plan or ()],
        "scores.json": [*metrics],
    }
    paths = [*((place, name) for place, names in given.items() for name in names)]
    paths += [("scores.json", name) for name in (*(contents.matrices or ()), *contents.omitted)]
    escapes = [Problem(place, f"holds the name {name!r}, which is no part of a path") for place, name in paths
               if not safe_name(name)]  # fmt: skip
    twice = [
        Problem(place, f"holds {name!r} twice")
        for place, names in given.items()
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    return [*escapes, *twice]
