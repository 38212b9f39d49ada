"""How outputs answer their sources: which leave frames out, have another rate, or show other pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from spfem_baselines import Space
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
        space: what of the source's frame the output shows.
        size: of the output, (width, height).
        own_size: of the source.
    """

    frames: int
    due: int
    rate: Fraction
    own: Fraction
    space: Space
    size: tuple[int, int]
    own_size: tuple[int, int]

    @property
    def stretched(self) -> bool:
        """Whether the output is said to show the whole frame, but in another aspect ratio."""
        return self.space == "frame" and not same_aspect(self.size, self.own_size)


def departures(bench: Workbench, done: Sequence[Done]) -> dict[str, dict[str, Any]]:
    """What stands beside a system in ``scores.json``, for systems that depart from their sources.

    Args:
        bench: the run's objects.
        done: every unit of the run.

    Returns:
        System -> ``time``: ``frames`` ([stood for, of the sources]) and ``rates`` (frames per second ->
        outputs); ``picture``: ``spaces`` (what of a frame is shown -> outputs) and ``aspects`` (sizes, as
        ``256x256 for 640x480`` -> outputs). Only what departs is there.
    """
    found: dict[str, list[Answer]] = {}
    for unit in done:
        if unit.made is not None and unit.unit.system is not None:
            answer = _answer(bench, unit.unit.index, unit.made)
            found.setdefault(unit.unit.system, []).extend([answer] if answer else [])
    told = {name: {"time": _time(answers), "picture": _picture(answers)} for name, answers in found.items()}
    return {name: {key: how for key, how in both.items() if how} for name, both in told.items()}


def same_aspect(one: tuple[int, int], two: tuple[int, int]) -> bool:
    """Whether two sizes are of one picture, scaled, each side off by a pixel at most (made even)."""
    (width, height), (wide, high) = one, two
    return (width - 1) * high <= (height + 1) * wide and (height - 1) * wide <= (width + 1) * high


def _answer(bench: Workbench, index: int, made: Made) -> Answer | None:
    """None where the stored clip or its source was damaged since, which its rows say."""
    try:
        source = bench.library.open(bench.plan.trials[index].source).clip
        meta = read_meta(made.clip)
    except (ClipError, IntegrityError):
        return None
    if meta is None:
        return None
    counts = len(set(meta.source_frames.tolist())), source.frame_count
    return Answer(*counts, meta.fps, source.fps, meta.space, meta.size, source.size)


def _time(answers: Sequence[Answer]) -> dict[str, Any]:
    """Empty where every output answers every frame at its source's rate."""
    if not any(one.frames != one.due or one.rate != one.own for one in answers):
        return {}
    rates: Mapping[Fraction, int] = Counter(one.rate for one in answers)
    return {
        "frames": [sum(one.frames for one in answers), sum(one.due for one in answers)],
        "rates": {_number(rate): rates[rate] for rate in sorted(rates)},
    }


def _picture(answers: Sequence[Answer]) -> dict[str, dict[str, int]]:
    """Empty where every output shows its source's whole frame in its aspect ratio."""
    spaces = Counter(one.space for one in answers if one.space != "frame")
    aspects = Counter(f"{_size(one.size)} for {_size(one.own_size)}" for one in answers if one.stretched)
    if not spaces and not aspects:
        return {}
    return {"spaces": dict(sorted(spaces.items())), "aspects": dict(sorted(aspects.items()))}


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _number(rate: Fraction) -> str:
    """``25``, ``29.97`` (of 30000/1001)."""
    return f"{float(rate):.2f}".rstrip("0").rstrip(".")
