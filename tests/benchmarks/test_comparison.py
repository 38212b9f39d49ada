"""How the speed comparison books its times: what is counted where, and what is taken off which side."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from tests.benchmarks.comparison import (
    PUBLISHED,
    SAME,
    STEADY,
    Ratio,
    against_networks,
    against_tools,
    given_the_same,
    published,
)
from tests.benchmarks.standard_ours import ARITHMETIC, LOADING
from tests.benchmarks.standard_workload import kept
from tests.benchmarks.stopwatch import Stopwatch, settling
from tests.benchmarks.upstream_book import Book, kid_subsets

FIRST, SECOND = Path("first.mp4"), Path("second.mp4")


def watch_of(**front: float) -> Stopwatch:
    watch = Stopwatch()
    watch.front.update({label.replace("_", " "): spent for label, spent in front.items()})
    return watch


@pytest.fixture
def tools() -> Stopwatch:
    watch = watch_of(fid=40, kid=30, lpips=20, clip=8)
    watch.front |= {
        "clip left-out": 12,
        "detect syncnet": 16,
        "detect clip again": 4,
        "detect clip again left-out": 6,
    }
    return watch


def test_a_tool_that_looks_at_a_video_again_is_told_from_the_first() -> None:
    ticks = count()
    book = Book(Stopwatch(clock=lambda: float(next(ticks))))

    def syncnet() -> dict[str, float]:
        for video in (FIRST, FIRST):
            with book.looking(video):
                pass
        return {}

    def clip() -> dict[str, float]:
        for video, ours_too in ((FIRST, True), (FIRST, False), (SECOND, False)):
            with book.taken(ours_too), book.looking(video):
                pass
        return {"clip": 1.0}

    def landmarks() -> dict[str, float]:
        with book.looking():
            pass
        return {}

    assert [book.counted(tool) for tool in (syncnet, clip, landmarks)] == [{}, {"clip": 1.0}, {}]
    seen = {label: spent for label, spent in book.watch.front.items() if label.startswith("detect")}
    assert seen == {
        "detect syncnet": 2,
        "detect clip again": 1,
        "detect clip again left-out": 1,
        "detect clip left-out": 1,
        "detect landmarks": 1,
    }
    assert book.watch.front["clip left-out"] == 4  # a second either side of a look, in each of the two


def test_the_published_way_counts_every_frame_and_every_look(tools: Stopwatch) -> None:
    spent = published(tools)
    assert (spent.total, spent.detect, spent.again, spent.for_clip) == (136, 26, 10, 10)


def test_the_same_frames_are_those_not_left_out_and_folders_of_the_chosen(tools: Stopwatch) -> None:
    spent = given_the_same(tools, watch_of(fid=15, kid=12))
    assert (spent.total, spent.detect, spent.again, spent.for_clip) == (15 + 12 + 20 + 8 + 16 + 4, 20, 4, 4)


def test_detection_is_taken_off_both_sides_and_only_the_published_way_has_a_bar(tools: Stopwatch) -> None:
    ours = Stopwatch()
    ours.front |= {"network: i3d": 10, "detect: mediapipe": 6, "crops: faces": 1, "decode": 3}
    ways = {PUBLISHED: published(tools), SAME: given_the_same(tools, watch_of(fid=15, kid=12))}
    ratios = {ratio.name: ratio for ratio in against_tools(ours, ways)}
    assert ratios[f"{PUBLISHED} over ours, with detection"].value == 136 / 20
    assert ratios[f"{PUBLISHED}, without detection"].value == (136 - 26) / (20 - 7)
    assert ratios[f"{PUBLISHED}, one pass of MTCNN shared by all"].value == 126 / 20
    assert ratios[f"{SAME}, no detector for CLIP"].value == (75 - 4) / 20
    assert [name for name, ratio in ratios.items() if ratio.least] == [
        f"{PUBLISHED} over ours, with detection"
    ]


@pytest.mark.parametrize(("device", "bar"), [("cpu", 1.2), ("cuda:0", 1.5)])
def test_ours_is_held_against_the_bar_of_its_device(device: str, bar: float) -> None:
    ours, bare = Stopwatch(), Stopwatch()
    ours.front |= {LOADING: 5, "network: i3d": 10, "prepare: i3d resize": 1, "decode": 2}
    bare.front |= {"network: i3d": 9, "prepare: i3d resize": 1, ARITHMETIC: 2}
    ratios = {ratio.name: ratio for ratio in against_networks(ours, bare, device)}
    assert [name for name, ratio in ratios.items() if ratio.most == bar] == [
        "ours over its forward passes",
        STEADY,
    ]
    values = [ratio.value for ratio in ratios.values()]
    assert values == [18 / 10, 18 / 12, 13 / 10, 13 / 12, 13 / 9]


def test_a_line_says_whether_its_bar_is_met() -> None:
    assert "at least 5x, met" in str(Ratio("a", 5.0, least=5.0))
    assert "at least 5x, MISSED" in str(Ratio("a", 4.99, least=5.0))
    assert "at most 1.2x, MISSED" in str(Ratio("a", 1.21, most=1.2))
    assert str(Ratio("a", 3.0)).endswith("3.00x")


def test_what_is_set_aside_is_not_counted_but_told() -> None:
    watch = watch_of(fid=10, kid=5)
    watch.set_aside("fid", 4, "FID's imports")
    assert (watch.of("fid"), watch.total) == (6, 11)
    assert "not counted: FID's imports" in watch.table("tools")


def test_a_gpu_is_waited_for_at_either_end_of_a_label() -> None:
    order: list[str] = []
    watch = Stopwatch(lambda: float(len(order)), lambda: order.append("settled"))
    with watch.timed("network"):
        order.append("work")
    assert order == ["settled", "work", "settled"]
    assert watch.front["network"] == 2
    assert settling("cpu")() is None


def test_kid_takes_subsets_only_where_they_differ() -> None:
    assert kid_subsets(1000) == {}
    assert kid_subsets(256) == {"kid_subsets": 1, "kid_subset_size": 256}


def test_the_chosen_frames_are_spread_over_a_clip() -> None:
    assert sorted(kept(75, 3)) == [12, 37, 62]
    assert kept(20, 32) == kept(20, "all") == frozenset(range(20))
