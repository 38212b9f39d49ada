"""The notes below a table: why cells are empty, what intervals are, what is weak, what was left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count, product
from string import ascii_lowercase, ascii_uppercase

from spfem_baselines import SPACE_WORDS
from spfem_bench.tables.model import Column, Leaderboard, Place, SystemRow
from spfem_metrics import Score

MAX_REASONS = 4
"""Reasons listed per metric or system, commonest first; the others are counted."""


_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def signature_keys(leaderboard: Leaderboard) -> dict[str, str]:
    """Metric name -> the letter of its signature's footnote; equal lines share a letter."""
    letters = _letters()
    by_line: dict[str, str] = {}
    keys = {}
    for column in leaderboard.columns:
        line = column.signature.line
        if line not in by_line:
            by_line[line] = next(letters)
        keys[column.info.name] = by_line[line]
    return keys


def tie_letters(place: Place) -> str:
    """The capital letters of a model's groups: ``AB``; past Z they are numbered, ``A2``."""
    rounds = [divmod(number, len(ascii_uppercase)) for number in place.ties]
    return "".join(f"{ascii_uppercase[letter]}{again + 1 if again else ''}" for again, letter in rounds)


def _letters() -> Iterator[str]:
    return ("".join(letters) for size in count(1) for letters in product(ascii_lowercase, repeat=size))


class Notes:
    """Collects the notes of one sheet while its cells are written.

    Args:
        leaderboard: whose metrics, failures and reasons are noted too.
    """

    def __init__(self, leaderboard: Leaderboard) -> None:
        self._leaderboard = leaderboard
        self._keys: dict[str, str] = {}
        self._intervals: dict[str, list[str]] = {}
        self._facts: dict[tuple[str, str], list[str]] = {}

    def key(self, reason: str) -> str:
        """The number of the footnote that says why a cell is empty."""
        return self._keys.setdefault(reason, str(len(self._keys) + 1))

    def add(self, score: Score, system: SystemRow, column: Column) -> None:
        """Take in what one shown score says of itself."""
        label = column.info.label
        if score.half_width is not None:
            _append(self._intervals.setdefault(score.interval, []), label)
        for note in score.notes:
            _append(self._facts.setdefault((label, note), []), system.name)

    def listed(self) -> list[tuple[str, str]]:
        """Every note as (key, text): empty cells, weak metrics, then plain sentences."""
        plain = [
            *self._interval_lines(),
            *self._standing_lines(),
            *self._certificate_lines(),
            *self._fact_lines(),
            *self._loss_lines(),
            *(f"{system.name}: {note}" for system in self._leaderboard.systems for note in system.notes),
            *(_timed(system) for system in self._leaderboard.systems if system.time),
            *(line for system in self._leaderboard.systems for line in _pictured(system)),
        ]
        empty = [(key, reason) for reason, key in self._keys.items()]
        return [*empty, *self._weak_lines(), *(("", text) for text in plain)]

    def _weak_lines(self) -> list[tuple[str, str]]:
        infos = (column.info for column in self._leaderboard.columns)
        return [("*", f"{info.label}: weak evidence, {info.weak}") for info in infos if info.weak]

    def _interval_lines(self) -> list[str]:
        return [
            f"± is half of the 95% interval{_aside(interval)}: {', '.join(labels)}"
            for interval, labels in self._intervals.items()
        ]

    def _standing_lines(self) -> list[str]:
        """How models were told apart, and why columns of a ranked table have no letters."""
        board = self._leaderboard
        if not board.standings:
            return []
        said, labels = dict[str, list[str]](), [column.info.label for column in board.columns]
        for column, label in zip(board.columns, labels, strict=True):
            standing = board.standings.get(column.info.name)
            sets = column.info.of_sets
            why = (
                f"not ranked: {'a set has one value' if sets else 'fewer than two models are to be compared'}"
            )
            for line in (why,) if standing is None else (standing.basis, standing.note):
                _append(said.setdefault(line, []), label)
        return [f"{line}: {', '.join(names)}" for line, names in said.items() if line]

    def _certificate_lines(self) -> list[str]:
        """One line per thing that is said of metrics, in the order of the columns."""
        board, groups = self._leaderboard, dict[str, list[str]]()
        for column in board.columns:
            if column.info.name in board.certificates:
                groups.setdefault(board.certificates[column.info.name], []).append(column.info.label)
        return [f"{said}: {', '.join(labels)}" for said, labels in groups.items()]

    def _fact_lines(self) -> list[str]:
        everyone = len(self._leaderboard.systems)
        return [
            f"{label}: {note}{'' if len(systems) == everyone else _aside(', '.join(systems))}"
            for (label, note), systems in self._facts.items()
        ]

    def _loss_lines(self) -> list[str]:
        board = self._leaderboard
        labels = {column.info.name: column.info.label for column in board.columns}
        lost = [_lost(system) for system in board.systems if system.generated < system.trials]
        return [*lost, *_unread_lines(board.reasons, labels)]


def _unread_lines(reasons: Mapping[str, Mapping[str, int]], labels: Mapping[str, str]) -> list[str]:
    """One line per set of metrics that lack the same rows for the same reasons."""
    groups: dict[str, list[str]] = {}
    for metric, counts in reasons.items():
        if counts and metric in labels:
            groups.setdefault(_counted(counts), []).append(labels[metric])
    return [f"rows without a reading: {counted}: {', '.join(names)}" for counted, names in groups.items()]


def _lost(system: SystemRow) -> str:
    why = f": {_counted(system.failures)}" if system.failures else ""
    return f"{system.name}: {system.generated} of {system.trials} trials have an output{why}"


def _timed(system: SystemRow) -> str:
    time = system.time
    assert time is not None
    rates = ", ".join(f"{rate} frames per second ({outputs})" for rate, outputs in time.rates.items())
    return f"{system.name}: its outputs stand for {time.frames} of {time.due} source frames, at {rates}"


def _pictured(system: SystemRow) -> Iterator[str]:
    """What its pictures are, where they are not its sources' whole frames."""
    if system.picture is None:
        return
    for space, outputs in system.picture.spaces.items():
        yield (
            f"{system.name}: its outputs show {SPACE_WORDS[space]} of the source's frame ({outputs}), "
            "of which metrics that compare whole frames have no value"
        )
    if system.picture.aspects:
        sizes = ", ".join(f"{sizes} ({outputs})" for sizes, outputs in system.picture.aspects.items())
        yield (
            f"{system.name}: its outputs have another aspect ratio than their sources, {sizes}; metrics that "
            "compare whole frames stretch them, and where they are crops its adapter has to say so"
        )


def _alike(reasons: Mapping[str, int]) -> dict[str, int]:
    """Reasons that differ in their numbers only, as one: ``no face in any of the N output frames``."""
    groups: dict[str, dict[str, int]] = {}
    for reason, number in reasons.items():
        groups.setdefault(_NUMBER.sub("N", reason), {})[reason] = number
    return {next(iter(g)) if len(g) == 1 else shape: sum(g.values()) for shape, g in groups.items()}


def _counted(reasons: Mapping[str, int]) -> str:
    ranked = sorted(_alike(reasons).items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{reason} ({number})" for reason, number in ranked[:MAX_REASONS]]
    others = sum(number for _, number in ranked[MAX_REASONS:])
    return ", ".join([*shown, f"other reasons ({others})"] if others else shown)


def _aside(text: str) -> str:
    return f" ({text})" if text else ""


def _append(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)
