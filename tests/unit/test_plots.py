"""Plots: what is drawn where, that names cover nothing, and that files are the same twice."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from spfem_bench.errors import StorageError, UsageError
from spfem_bench.plots import KINDS, draw_emotions, draw_tradeoff
from spfem_bench.plots.canvas import ALARM, SUFFIXES, styled
from spfem_bench.plots.certificates import certificates_figure
from spfem_bench.plots.curves import STATES, blocks, sheet_size
from spfem_bench.plots.emotions import emotions_figure
from spfem_bench.plots.labels import Label, place
from spfem_bench.plots.tradeoff import tradeoff_figure
from spfem_bench.plots.words import extremes, first_of
from spfem_bench.tables import Column, Leaderboard, SystemRow
from spfem_metrics import Score, Scored, Unscored

from .test_plots_certificates import certificate
from .test_tables_render import column

pytest.importorskip("matplotlib")

EMOTIONS = ("happy", "sad")


def scores(value: float | None, half: float | None = 0.1) -> dict[str, Score]:
    if value is None:
        return {e: Score(Unscored("no face"), 0, 4) for e in (*EMOTIONS, "average")}
    levels = {"happy": value + 0.05, "sad": value - 0.05, "average": value}
    return {e: Score(Scored(v), 4, 4, half, "t over 4 speakers") for e, v in levels.items()}


def system(name: str, role: str, emotion: float | None, mouth: float | None) -> SystemRow:
    own = {"emotion-accuracy": scores(emotion), "mouth-correlation": scores(mouth, None)}
    return SystemRow(name, role, own, 4, 4)


def ordered(made: Column, *order: str) -> Column:
    return replace(made, info=replace(made.info, order=order, bounds=(0.0, 1.0)))


@pytest.fixture
def board() -> Leaderboard:
    columns = [
        ordered(column("identity-similarity", "Identity"), "copy-source", "random-speaker"),
        ordered(column("emotion-accuracy", "Emotion"), "copy-reference", "copy-source"),
        ordered(column("mouth-correlation", "Mouth corr."), "copy-source", "copy-reference", "noise"),
        ordered(column("mouth-distance", "Mouth dist.", "lower"), "copy-source"),
    ]
    systems = [
        system("ours", "model", 0.6, 0.9),
        system("theirs", "model", 0.4, 0.7),
        system("copy-source", "bound", 0.0, 1.0),
        system("copy-reference", "bound", 1.0, 0.1),
        system("noise", "bound", None, None),
    ]
    return Leaderboard("suite on data", EMOTIONS, columns, systems)


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with styled():
        yield


def words(figure: Any) -> list[str]:
    """Every text that is seen, the small print included."""
    figure.draw_without_rendering()
    import matplotlib.text

    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_visible()]


def test_floor_and_ceiling_are_the_ends_of_the_stated_order_that_have_a_score(board: Leaderboard) -> None:
    floor, ceiling = extremes(board, board.columns[2])
    assert floor is not None
    assert ceiling is not None
    assert (floor.name, ceiling.name) == ("copy-reference", "copy-source")  # noise has no score
    assert extremes(board, board.columns[0]) == (None, None)


def test_axes_are_chosen_by_preference_and_by_name(board: Leaderboard) -> None:
    assert first_of(board, ("lse-d", "mouth")) == "mouth-distance"
    assert first_of(board, ("lse-d",)) is None
    axes = tradeoff_figure(board).axes[0]
    assert axes.get_xlabel() == "Emotion (cosine), higher is better →"
    turned = tradeoff_figure(board, "mouth-correlation", "emotion-accuracy").axes[0]
    assert turned.get_xlabel().startswith("Mouth corr.")


def test_lower_is_better_points_to_the_lower_end(board: Leaderboard) -> None:
    rows = [replace(r, scores={**r.scores, "mouth-distance": scores(0.2)}) for r in board.systems]
    axes = tradeoff_figure(replace(board, systems=rows), y="mouth-distance").axes[0]
    assert axes.get_ylabel() == "Mouth dist. (cosine), ← lower is better"


def test_every_system_with_both_numbers_is_at_its_place(board: Leaderboard) -> None:
    figure = tradeoff_figure(board)
    axes = figure.axes[0]
    found = {
        (container.lines[0].get_xdata()[0], container.lines[0].get_ydata()[0])
        for container in axes.containers
    }
    assert found == {(0.6, 0.9), (0.4, 0.7), (0.0, 1.0), (1.0, 0.1)}
    said = words(figure)
    assert {"ours", "theirs", "copy-source", "copy-reference"} <= set(said)
    assert {"floor: copy-source", "ceiling: copy-reference"} <= set(said)
    assert "Not drawn for want of a number: noise." in said


def test_the_small_print_holds_every_definition_and_a_stamp_is_red(board: Leaderboard) -> None:
    stamped = replace(board, footer=["NOT A RESULT: random weights", "rule of the protocol"])
    for figure in (
        tradeoff_figure(stamped),
        emotions_figure(stamped, ["emotion-accuracy", "mouth-correlation"]),
    ):
        said = " ".join(text.get_text() for text in figure.texts)
        for made in stamped.columns[1:3]:
            assert made.signature.digest in said
        assert "t over 4 speakers" in said
        assert [t.get_text() for t in figure.texts if t.get_color() == ALARM] == [stamped.footer[0]]


def test_bars_are_as_high_as_the_scores_and_missing_ones_say_so(board: Leaderboard) -> None:
    lost = replace(board.systems[1], scores={"emotion-accuracy": {"happy": scores(0.4)["happy"]}})
    figure = emotions_figure(
        replace(board, systems=[board.systems[0], lost, *board.systems[2:]]), ["emotion-accuracy"]
    )
    (axes,) = figure.axes
    heights = sorted(round(bar.get_height(), 6) for bar in axes.patches)
    assert heights == [0.45, 0.55, 0.6, 0.65]  # theirs happy; ours sad, average and happy
    assert [t.get_text() for t in axes.texts] == ["\u2013", "\u2013"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["happy", "sad", "average"]
    levels = sorted({round(line.get_ydata()[0], 6) for line in axes.lines if len(line.get_xdata()) == 2})
    assert {-0.05, 0.05, 0.95, 1.05} <= set(levels)  # floor and ceiling of both emotions


def test_by_default_emotion_speech_and_identity_are_drawn(board: Leaderboard) -> None:
    labels = [axes.get_ylabel().partition(" ↑")[0] for axes in emotions_figure(board).axes]
    assert labels == ["Emotion", "Mouth corr.", "Identity"]


@pytest.mark.parametrize("crowd", [2, 6])
def test_names_of_crowded_points_do_not_cover_each_other(board: Leaderboard, crowd: int) -> None:
    from spfem_bench.plots.canvas import new_figure

    axes: Any = new_figure(5, 4).subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    close = [Label(f"model-{i}", 0.5 + 0.01 * i, 0.5, "black") for i in range(crowd)]
    place(axes, [*close, Label("corner", 1.0, 1.0, "black"), Label("edge", 0.0, 0.2, "black")])
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text()]
    assert len(boxes) == crowd + 2
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    frame = axes.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_numbers_give_the_same_bytes(board: Leaderboard, tmp_path: Path, suffix: str) -> None:
    for draw in (draw_tradeoff, draw_emotions):
        one, two = draw(board, tmp_path / f"one{suffix}"), draw(board, tmp_path / f"two{suffix}")
        assert one.read_bytes() == two.read_bytes()
        assert one.stat().st_size > 5000


def test_the_reader_s_own_settings_change_nothing(board: Leaderboard, tmp_path: Path) -> None:
    import matplotlib as mpl

    first = draw_tradeoff(board, tmp_path / "a.svg").read_bytes()
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "red"}):
        assert draw_tradeoff(board, tmp_path / "b.svg").read_bytes() == first


def test_what_cannot_be_drawn_is_said_in_a_sentence(board: Leaderboard, tmp_path: Path) -> None:
    wrong = {
        r"must end with \.png, \.pdf or \.svg": lambda: draw_tradeoff(board, tmp_path / "x.jpg"),
        r"no metric 'emotion-acuracy': did you mean 'emotion-accuracy'": lambda: tradeoff_figure(
            board, "emotion-acuracy"
        ),
        "no system of .* has numbers for both Identity and": lambda: tradeoff_figure(
            board, "identity-similarity"
        ),
        "has no model to draw bars of": lambda: emotions_figure(replace(board, systems=board.systems[2:])),
        "pass --y, one of identity-similarity": lambda: tradeoff_figure(
            replace(board, columns=board.columns[:2]), "emotion-accuracy"
        ),
        "no certificate makes a claim about mouth-distance": lambda: certificates_figure(
            board, [certificate()], ["mouth-distance"]
        ),
    }
    for sentence, call in wrong.items():
        with pytest.raises(UsageError, match=sentence):
            call()
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        draw_tradeoff(board, tmp_path / "file" / "x.png")


def test_without_matplotlib_the_way_to_get_it_is_said(
    board: Leaderboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"plots need matplotlib: pip install 'spfem-bench\[plot\]'$"):
        draw_tradeoff(board, tmp_path / "x.png")


def test_a_tall_sheet_is_cut_into_blocks_near_a_page_s_shape() -> None:
    assert blocks(24, 4) == 2
    assert blocks(1, 4) == 1
    for rows in (3, 13, 24, 40):
        for columns in (1, 2, 4, 6):
            width, height = sheet_size(rows, columns)
            assert height / width < 2.5, (rows, columns)


def test_states_are_told_apart_without_red_against_green() -> None:
    assert len(set(STATES.values())) == len(STATES)
    assert KINDS == ("emotions", "tradeoff", "certificate")
