"""Several leaderboards as one, or the reason why not: definitions, trials or emotions differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import TypeVar

from spfem_bench.config import near_miss
from spfem_bench.errors import NotComparableError, UsageError
from spfem_bench.tables.model import Column, Leaderboard, SystemRow
from spfem_metrics import Score

_T = TypeVar("_T")


def merge(leaderboards: Sequence[Leaderboard], *, side_by_side: bool = False) -> Leaderboard:
    """One leaderboard over the systems of several.

    A bound measured alike in two of them is listed once; a model never is taken for another of the same
    name: the second is shown as ``name (2)``.

    Args:
        leaderboards: at least one, in order of appearance.
        side_by_side: give a metric one column per definition instead of refusing.

    Raises:
        NotComparableError: one metric has two definitions, or trials or emotions differ.
        UsageError: no leaderboard is given.
    """
    if not leaderboards:
        raise UsageError("there is nothing to merge: name at least one bundle")
    _require_same_trials(leaderboards)
    apart = _conflicts(leaderboards)
    if apart and not side_by_side:
        raise NotComparableError(_explain(leaderboards, apart[0]))
    boards = [_renamed(board, set(apart)) for board in leaderboards]
    return replace(
        boards[0],
        title=" + ".join(_unique(board.title for board in boards)),
        columns=list({column.info.name: column for board in boards for column in board.columns}.values()),
        systems=_systems(boards),
        footer=_unique(line for board in boards for line in board.footer),
        reasons=_reasons(boards),
    )


def chosen(board: Leaderboard, metrics: Sequence[str]) -> Leaderboard:
    """The leaderboard with some of its columns, in the order asked for.

    Args:
        board: any.
        metrics: names; all columns where there are none.

    Raises:
        UsageError: it has no column of that name.
    """
    columns = {column.info.name: column for column in board.columns}
    wanted = list(dict.fromkeys(metrics)) or list(columns)
    unknown = [name for name in wanted if name not in columns]
    if unknown:
        hint = near_miss(unknown[0], list(columns))
        raise UsageError(f"'{board.title}' has no metric '{unknown[0]}'.{hint} It has {', '.join(columns)}")
    systems = [
        replace(system, scores=_some(system.scores, wanted), values=_some(system.values, wanted))
        for system in board.systems
    ]
    return replace(board, columns=[columns[name] for name in wanted], systems=systems)


def _some(by_metric: Mapping[str, _T], wanted: Sequence[str]) -> dict[str, _T]:
    return {name: by_metric[name] for name in wanted if name in by_metric}


def _unique(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))


def _require_same_trials(boards: Sequence[Leaderboard]) -> None:
    first = boards[0]
    for other in boards[1:]:
        both = f"'{first.title}' and '{other.title}'"
        if set(other.emotions) != set(first.emotions):
            lists = f"{', '.join(first.emotions)} against {', '.join(other.emotions)}"
            raise NotComparableError(f"{both} average over other emotions: {lists}")
        digests = {first.trials_digest, other.trials_digest} - {""}
        if len(digests) > 1:
            raise NotComparableError(
                f"{both} were scored on other trials (digests {first.trials_digest[:12]} and "
                f"{other.trials_digest[:12]}): score both systems on one dataset and protocol"
            )


def _conflicts(boards: Sequence[Leaderboard]) -> list[str]:
    lines: dict[str, set[str]] = {}
    for board in boards:
        for column in board.columns:
            lines.setdefault(column.info.name, set()).add(column.signature.line)
    return [name for name, found in lines.items() if len(found) > 1]


def _explain(boards: Sequence[Leaderboard], metric: str) -> str:
    found: dict[str, str] = {}
    for board in boards:
        for column in board.columns:
            if column.info.name == metric:
                found.setdefault(column.signature.line, board.title)
    (one, first), (two, second) = list(found.items())[:2]
    return (
        f"{metric} is defined differently in '{first}' and '{second}': {one} against {two} "
        f"(they differ in {difference(one, two)}); rescore one of them, or pass --side-by-side"
    )


def difference(one: str, two: str) -> str:
    """Which choices of two signature lines differ: ``net:a against net:b, faces-min:0.5 against nothing``."""
    here, there = _choices(one), _choices(two)
    keys = [key for key in {**here, **there} if here.get(key) != there.get(key)]
    pairs = [f"{here.get(key, 'nothing')} against {there.get(key, 'nothing')}" for key in keys]
    return ", ".join(pairs) or "the order of their choices"


def _choices(line: str) -> dict[str, str]:
    name, version, *choices = line.split("|")
    return {"name": name, "version": version, **{choice.partition(":")[0]: choice for choice in choices}}


def _renamed(board: Leaderboard, apart: set[str]) -> Leaderboard:
    """The board with each ambiguous metric named after its definition: ``identity@90a00ba1c2d3``."""
    names = {
        column.info.name: f"{column.info.name}@{column.signature.digest}"
        for column in board.columns
        if column.info.name in apart
    }
    return replace(
        board,
        columns=[_rename_column(column, names) for column in board.columns],
        systems=[_rename_system(system, names) for system in board.systems],
        reasons=_rename(board.reasons, names),
    )


def _rename_column(column: Column, names: Mapping[str, str]) -> Column:
    return replace(column, info=replace(column.info, name=names.get(column.info.name, column.info.name)))


def _rename_system(system: SystemRow, names: Mapping[str, str]) -> SystemRow:
    return replace(system, scores=_rename(system.scores, names), values=_rename(system.values, names))


def _rename(by_metric: Mapping[str, _T], names: Mapping[str, str]) -> dict[str, _T]:
    return {names.get(metric, metric): value for metric, value in by_metric.items()}


def _systems(boards: Sequence[Leaderboard]) -> list[SystemRow]:
    merged: dict[str, SystemRow] = {}
    for board in boards:
        for system in board.systems:
            _place(merged, system)
    return list(merged.values())


def _place(merged: dict[str, SystemRow], system: SystemRow) -> None:
    """Add a system under its name; fold it into an equal bound; number it where the name is taken."""
    for number in count(1):
        name = system.name if number == 1 else f"{system.name} ({number})"
        there = merged.get(name)
        if there is None:
            merged[name] = replace(system, name=name)
            return
        if system.role == there.role == "bound" and _agree(there, system):
            merged[name] = replace(there, scores={**there.scores, **system.scores})
            return


def _agree(one: SystemRow, two: SystemRow) -> bool:
    shared = one.scores.keys() & two.scores.keys()
    counts = (one.generated, one.trials) == (two.generated, two.trials)
    return counts and all(_same(one.scores[name], two.scores[name]) for name in shared)


def _same(one: Mapping[str, Score], two: Mapping[str, Score]) -> bool:
    return dict(one) == dict(two)


def _reasons(boards: Sequence[Leaderboard]) -> dict[str, dict[str, int]]:
    """Counts summed over the leaderboards: a bound that stands in two of them is counted in both."""
    total: dict[str, Counter[str]] = {}
    for board in boards:
        for metric, reasons in board.reasons.items():
            total.setdefault(metric, Counter()).update(reasons)
    return {metric: dict(counted) for metric, counted in total.items()}
