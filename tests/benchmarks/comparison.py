"""What is said of the times: ratios between watches, each beside the bar that it is meant to reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.benchmarks.standard_ours import ARITHMETIC, LOADING
from tests.benchmarks.stopwatch import Stopwatch
from tests.benchmarks.upstream_book import AGAIN, DETECT, LEFT_OUT

TOOLS_BAR = 5.0
"""The published tools over ours, detection counted: at least."""
BARE_BARS = {"cpu": 1.2, "cuda": 1.5}
"""Ours over the forward passes alone by kind of device: at most."""
BY_FOLDER = ("fid", "kid")
"""Tools that are run once more to be given the same frames; of the others what they leave out is known."""


@dataclass(frozen=True)
class Ratio:
    """One line of the result.

    Args:
        name: what over what.
        value: how many times.
        least: the bar that it is to reach, None where there is none.
        most: the bar that it is not to pass.
    """

    name: str
    value: float
    least: float | None = None
    most: float | None = None

    def __str__(self) -> str:
        return f"{self.name:<72}{self.value:8.2f}x{self._verdict}"

    @property
    def _verdict(self) -> str:
        if self.least is not None:
            return f"  bar: at least {self.least:g}x, {_met(self.value >= self.least)}"
        if self.most is not None:
            return f"  bar: at most {self.most:g}x, {_met(self.value <= self.most)}"
        return ""


def _met(reached: bool) -> str:
    return "met" if reached else "MISSED"


@dataclass(frozen=True)
class Spent:
    """Seconds of the tools in one way of using them.

    Args:
        total: all of it.
        detect: on finding faces.
        again: of these, in videos that another tool had looked at.
        for_clip: of these, by open_clip's example, which has no detector of its own.
    """

    total: float
    detect: float
    again: float
    for_clip: float


def published(tools: Stopwatch) -> Spent:
    """Every frame, every tool for itself."""
    return Spent(tools.total, tools.of(DETECT), tools.having(AGAIN), tools.of(f"{DETECT} clip"))


def given_the_same(tools: Stopwatch, by_folder: Stopwatch) -> Spent:
    """The frames and windows that ours reads and no others.

    Args:
        tools: in their published way.
        by_folder: those of `BY_FOLDER` on the chosen frames.
    """
    without = Stopwatch()
    without.front.update(
        {label: spent for label, spent in tools.front.items() if LEFT_OUT not in label.split()}
    )
    for name in BY_FOLDER:
        without.front[name] = by_folder.front[name]
    return published(without)


def against_tools(ours: Stopwatch, ways: dict[str, Spent]) -> Iterator[Ratio]:
    """The tools over ours; ``without detection`` takes off what either side spends on it, crops included."""
    faces = ours.of(DETECT) + ours.of("crops: faces")
    for way, spent in ways.items():
        bar = TOOLS_BAR if way == PUBLISHED else None
        yield Ratio(f"{way} over ours, with detection", spent.total / ours.total, least=bar)
        yield Ratio(f"{way}, one pass of MTCNN shared by all", (spent.total - spent.again) / ours.total)
        yield Ratio(f"{way}, no detector for CLIP", (spent.total - spent.for_clip) / ours.total)
        yield Ratio(f"{way}, without detection", (spent.total - spent.detect) / (ours.total - faces))


PUBLISHED = "tools in their published way"
SAME = "tools given the same frames"


def against_networks(ours: Stopwatch, bare: Stopwatch, device: str) -> Iterator[Ratio]:
    """Ours over its own forward passes from memory; the bar is that of networks alone."""
    bar, once = BARE_BARS[device.partition(":")[0]], ours.total - ours.of(LOADING)
    networks = bare.total - bare.of(ARITHMETIC)
    yield Ratio("ours over its forward passes", ours.total / networks, most=bar)
    yield Ratio(f"ours over its forward passes, {COUNTED}", ours.total / bare.total)
    yield Ratio(STEADY, once / networks, most=bar)
    yield Ratio(f"that, {COUNTED}", once / bare.total)
    yield Ratio("that, resizes before networks not counted as passes", once / bare.of("network: ", DETECT))


COUNTED = "SSIM's and PSNR's arithmetic counted as passes"
STEADY = "ours without what a run does once, over its forward passes"
