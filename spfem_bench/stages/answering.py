"""How outputs answer their sources in time: which leave frames out, or have another rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from spfem_bench.clips.stored import read_meta
from spfem_bench.errors import ClipError, IntegrityError
from spfem_bench.stages.generate import Made
from spfem_bench.stages.units import Done
from spfem_bench.stages.workbench import Workbench


@dataclass(frozen=True)
class Answer:
    """One output beside its source.

    Args:
        frames: source frames that it stands for.
        due: frames of the source.
        rate: of the output, frames per second.
        own: of the source.
    """

    frames: int
    due: int
    rate: Fraction
    own: Fraction


def departures(bench: Workbench, done: Sequence[Done]) -> dict[str, dict[str, Any]]:
    """What stands under ``time`` of a system in ``scores.json``, for systems that depart from their sources.

    Args:
        bench: the run's objects.
        done: every unit of the run.

    Returns:
        System -> ``frames`` ([stood for, of the sources]) and ``rates`` (frames per second -> outputs).
    """
    found: dict[str, list[Answer]] = {}
    for unit in done:
        if unit.made is not None and unit.unit.system is not None:
            answer = _answer(bench, unit.unit.index, unit.made)
            found.setdefault(unit.unit.system, []).extend([answer] if answer else [])
    return {name: _plain(answers) for name, answers in found.items() if _departs(answers)}


def _answer(bench: Workbench, index: int, made: Made) -> Answer | None:
    """None where the stored clip or its source was damaged since, which its rows say."""
    try:
        source = bench.library.open(bench.plan.trials[index].source).clip
        meta = read_meta(made.clip)
    except (ClipError, IntegrityError):
        return None
    if meta is None:
        return None
    return Answer(len(set(meta.source_frames.tolist())), source.frame_count, meta.fps, source.fps)


def _departs(answers: Sequence[Answer]) -> bool:
    return any(one.frames != one.due or one.rate != one.own for one in answers)


def _plain(answers: Sequence[Answer]) -> dict[str, Any]:
    rates: Mapping[Fraction, int] = Counter(one.rate for one in answers)
    return {
        "frames": [sum(one.frames for one in answers), sum(one.due for one in answers)],
        "rates": {_number(rate): rates[rate] for rate in sorted(rates)},
    }


def _number(rate: Fraction) -> str:
    """``25``, ``29.97`` (of 30000/1001)."""
    return f"{float(rate):.2f}".rstrip("0").rstrip(".")
