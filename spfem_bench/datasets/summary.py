"""Counts of a dataset's clips, for people and for programs."""

from __future__ import annotations

from collections import Counter

from spfem_bench.datasets.records import EMOTIONS, ClipRecord, Dataset

UNLABELLED = "unlabelled"


def counts(dataset: Dataset) -> dict[str, dict[str, dict[str, int]]]:
    """Speaker -> emotion -> intensity -> clips; ``-`` where there is no intensity."""
    nested: dict[str, dict[str, dict[str, int]]] = {}
    for record in dataset.records:
        levels = nested.setdefault(record.speaker, {}).setdefault(_label(record), {})
        level = "-" if record.intensity is None else str(record.intensity)
        levels[level] = levels.get(level, 0) + 1
    return nested


def count_table(dataset: Dataset) -> list[str]:
    """Aligned lines: a speaker a row, an emotion and intensity a column (``happy.3``), zeros as dots."""
    cells = Counter((record.speaker, _column(record)) for record in dataset.records)
    columns = sorted({column for _, column in cells}, key=_column_order)
    speakers = sorted({speaker for speaker, _ in cells})
    rows = [["speaker", *columns, "all"]]
    for speaker in [*speakers, "all"]:
        who = speakers if speaker == "all" else [speaker]
        numbers = [sum(cells[s, column] for s in who) for column in columns]
        rows.append([speaker, *(str(n) if n else "." for n in numbers), str(sum(numbers))])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [_line(row, widths) for row in rows]


def _line(row: list[str], widths: list[int]) -> str:
    first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join([first.strip().ljust(widths[0]), *rest])


def _label(record: ClipRecord) -> str:
    return record.emotion or record.extra.get("label") or UNLABELLED


def _column(record: ClipRecord) -> str:
    return _label(record) if record.intensity is None else f"{_label(record)}.{record.intensity}"


def _column_order(column: str) -> tuple[int, str]:
    label = column.partition(".")[0]
    return (EMOTIONS.index(label) if label in EMOTIONS else len(EMOTIONS), column)
