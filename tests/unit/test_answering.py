"""What a table tells of outputs that leave frames out or have another rate."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from spfem_bench.stages.render import leaderboard_of
from spfem_bench.stages.run import run
from spfem_bench.stages.workbench import open_workbench
from spfem_bench.tables import render
from spfem_bench.tables.model import Leaderboard, TimeNote
from tests.support.worlds import make_folder, tiny_spec


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a model that answers frame by frame, one that drops two frames, and one at half the rate."""
    root = tmp_path_factory.mktemp("time")
    spec = tiny_spec(make_folder(root / "data"), root / "cache", "brighten", "drop_two", "halved")
    made = run(spec, root / "run")
    assert made is not None
    bench = open_workbench(spec)
    sources = [bench.library.open(trial.source).clip.frame_count for trial in bench.plan.trials]
    (root / "run.sources").write_text(json.dumps(sources))
    return made


def _sources(bundle: Path) -> list[int]:
    return list(json.loads(bundle.with_name("run.sources").read_text()))


def _time(board: Leaderboard, name: str) -> TimeNote | None:
    return next(system.time for system in board.systems if system.name == name)


def test_frames_that_nobody_answers_are_counted(bundle: Path) -> None:
    sources = _sources(bundle)
    told = _time(leaderboard_of(bundle), "drop-two")
    assert told == TimeNote(sum(sources) - 2 * len(sources), sum(sources), {"25": len(sources)})


def test_another_rate_is_told_with_the_frames_that_it_leaves_out(bundle: Path) -> None:
    sources = _sources(bundle)
    told = _time(leaderboard_of(bundle), "halved")
    assert told is not None
    assert told.frames == sum((count + 1) // 2 for count in sources)
    assert Counter(told.rates) == {"12.5": len(sources)}


def test_a_model_that_answers_every_frame_in_time_has_no_word_of_it(bundle: Path) -> None:
    assert _time(leaderboard_of(bundle), "brighten") is None
    systems = json.loads((bundle / "scores.json").read_text())["systems"]
    assert [system["name"] for system in systems if "time" in system] == ["drop-two", "halved"]


def test_every_form_of_the_table_says_it(bundle: Path) -> None:
    sources = _sources(bundle)
    board, total = leaderboard_of(bundle), sum(sources)
    line = (
        f"drop-two: its outputs stand for {total - 2 * len(sources)} of {total} source frames, at 25 frames"
    )
    for form in ("text", "markdown", "latex"):
        assert line in " ".join(render(board, form).split()), form
    told = json.loads(render(board, "json"))["systems"]
    assert next(s for s in told if s["name"] == "drop-two")["time"]["rates"] == {"25": len(sources)}
