"""What a gate does with real bundles: its exit code and its sentence, scenario by scenario."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from spfem_bench.stages.run import Options
from spfem_bench.store.bundle import write_manifest
from tests.support.command import invoke
from tests.support.judging import RUINED, Runs, copy_of, edit_json, edit_rows, suite
from tests.support.worlds import make_folder, write_clip


@dataclass
class World:
    """What the scenarios share: one dataset, a cache, and an empty folder of certificates."""

    runs: Runs
    root: Path
    given: list[object] = field(default_factory=list)

    def gate(self, candidate: Path, baseline: Path, *more: object) -> tuple[int, str]:
        """Exit code and everything said, on one line."""
        result = invoke(
            "gate", candidate, "--baseline", baseline, "--certificates", self.root / "none", *more
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, " ".join((result.stdout + result.stderr).split())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("world")
    (root / "none").mkdir()
    return World(Runs(make_folder(root / "data"), root / "runs"), root)


@pytest.fixture(scope="module")
def base(world: World) -> Path:
    return world.runs.of("m=by_20")


def only(speaker: str) -> Callable[[Path], Path]:
    """Leave the trials of one speaker."""

    def kept(bundle: Path) -> Path:
        path = bundle / "trials.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        own = [x for x in lines if x["kind"] == "real" or x["speaker"] == speaker]
        path.write_text("".join(json.dumps(line) + "\n" for line in own))
        names = {line["id"] for line in own}
        return edit_rows(bundle, lambda rows: [row for row in rows if row["trial"] in names])

    return kept


def test_no_baseline(world: World, base: Path) -> None:
    code, said = world.gate(base, world.root / "nowhere")
    assert (code, "there is no baseline" in said) == (4, True)
    unfinished = copy_of(base, world.root / "unfinished")
    (unfinished / "MANIFEST.sha256").unlink()
    code, said = world.gate(base, unfinished)
    assert (code, "there is no baseline" in said, "is unfinished" in said) == (4, True, True)
    code, said = world.gate(unfinished, base)
    assert (code, "run its command again to finish it" in said) == (5, True)


def test_zero_overlap(world: World, base: Path) -> None:
    """The same ids and labels over other clips: nothing in common, whatever the names say."""
    other = make_folder(world.root / "other-clips")
    for index, clip in enumerate(sorted(other.parent.glob("*.mkv"))):
        write_clip(clip, seed=100 + index)
    code, said = world.gate(Runs(other, world.root / "other-runs").of("m=by_20"), base)
    assert code == 4
    assert "no trial in common (all 9 of the same id are of other clips)" in said
    assert "passed" not in said


def test_a_metric_missing(world: World, base: Path) -> None:
    code, said = world.gate(world.runs.of("m=by_20", metrics=("luma-drift",)), base)
    assert code == 4
    assert "luma-set of m is not comparable: the candidate does not measure it" in said
    code, said = world.gate(world.runs.of("m=by_20", metrics=("luma-drift",)), base, "--metric", "luma-drift")
    assert (code, "gate passed: 1 metric compared" in said) == (0, True)
    code, said = world.gate(base, world.runs.of("m=by_20", metrics=("luma-drift",)))
    assert (code, "metrics (nothing to compare them with): luma-set" in said) == (0, True)


def test_a_definition_changed(world: World, base: Path) -> None:
    candidate = world.runs.of("m=by_20", suite=suite(world.root, "Redefined"))
    code, said = world.gate(candidate, base, "--metric", "luma-drift")
    assert code == 4
    assert "defined differently: miss:exclude against miss:worst" in said


def test_all_failed(world: World, base: Path) -> None:
    crashed = world.runs.of("m=crashes")
    code, said = world.gate(crashed, base)
    assert code == 5
    assert "9 of 9 trials that the baseline scored have no score now (9 failed)" in said
    code, said = world.gate(crashed, crashed)
    assert (code, "nothing was compared: the baseline has no score" in said) == (4, True)
    code, said = world.gate(crashed, base, "--max-lost", "1")
    assert (code, "no trial has a score on both sides" in said) == (4, True)


def test_a_nan_in_the_rows(world: World, base: Path) -> None:
    def spoil(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        spoilt = next(row for row in rows if row["metric"] == "luma-drift")
        spoilt["value"] = math.nan
        return rows

    code, said = world.gate(edit_rows(copy_of(base, world.root / "nan"), spoil), base)
    assert (code, "is nan, which no run writes" in said) == (6, True)


def test_better(world: World, base: Path) -> None:
    code, said = world.gate(world.runs.of("m=by_10"), base)
    assert (code, "gate passed: 2 metrics compared" in said) == (0, True)
    assert "m, luma-drift: better" in said


def test_worse(world: World, base: Path) -> None:
    code, said = world.gate(world.runs.of("m=by_30"), base)
    assert code == 3
    assert "gate failed, exit code 3: luma-drift of m is worse: 20 -> 29.5" in said
    assert "[" not in said.split("luma-drift|v1")[0].split("exit code")[1][:60]
    code, said = world.gate(world.runs.of("m=by_30"), base, "--tolerance", "*=60%")
    assert (code, "within the allowed" in said or "2 metrics compared" in said) == (0, True)


def test_within_noise(world: World) -> None:
    """Three draws of one model set the floor; a fourth passes under it, and a worse model still fails."""
    seeds = [world.runs.of("m=jitter", seed=seed) for seed in range(4)]
    noise = world.root / "noise.json"
    result = invoke("calibrate", *seeds[:3], "-o", noise)
    assert result.exit_code == 0, result.stderr
    assert "the runs differ in seed" in result.stdout
    worst = max(seeds, key=drift)
    best = min(seeds, key=drift)
    assert world.gate(worst, best)[0] == 3
    assert world.gate(seeds[3], seeds[0], "--noise", noise)[0] == 0
    code, said = world.gate(world.runs.of("m=by_30"), seeds[0], "--noise", noise)
    assert (code, "(calibrated noise floor)" in said) == (3, True)


def drift(bundle: Path) -> float:
    scores = json.loads((bundle / "scores.json").read_text())
    value: float = scores["systems"][0]["scores"]["luma-drift"]["average"]["value"]
    return value


def test_one_speaker(world: World, base: Path) -> None:
    """A regression on these very trials needs no second speaker; a claim about people does."""
    kept = only("p0")
    one = kept(copy_of(base, world.root / "one"))
    worse = kept(copy_of(world.runs.of("m=by_30"), world.root / "one-worse"))
    code, said = world.gate(worse, one, "--metric", "luma-drift")
    assert (code, "trials: 3 matched" in said) == (3, True)
    code, said = world.gate(worse, one, "--metric", "luma-drift", "--mode", "superiority")
    assert (code, "inconclusive" in said) == (0, True)
    asked = ("--mode", "superiority", "--fail-on", "inconclusive")
    assert world.gate(worse, one, "--metric", "luma-drift", *asked)[0] == 3


def test_fewer_trials(world: World, base: Path) -> None:
    fewer = world.runs.of("m=by_20", limit=5)
    code, said = world.gate(fewer, base)
    assert code == 5
    assert "4 of 9 trials that the baseline scored have no score now (4 not in the candidate)" in said
    allowed = ("--max-lost", "0.5", "--metric", "luma-drift")
    code, said = world.gate(fewer, base, *allowed)
    assert (code, "trials: 5 matched, 4 only in the baseline" in said) == (0, True)
    code, said = world.gate(fewer, base, "--max-lost", "0.5")
    assert (code, "luma-set of m is not comparable" in said) == (4, True)
    code, said = world.gate(fewer, base, *allowed, "--mode", "superiority")
    assert (code, "a smoke test, not a result" in said) == (4, True)


def test_another_dataset(world: World, base: Path) -> None:
    other = make_folder(world.root / "two-people", speakers=2)
    code, said = world.gate(Runs(other, world.root / "two-runs").of("m=by_20"), base)
    assert (code, "are of different datasets" in said) == (4, True)


def test_an_edited_bundle(world: World, base: Path) -> None:
    edited = copy_of(base, world.root / "edited")
    scores = edited / "scores.json"
    scores.write_text(scores.read_text().replace('"value": 20', '"value": 10'))
    code, said = world.gate(edited, base)
    assert (code, "scores.json was changed since the run" in said) == (6, True)
    code, said = world.gate(base, edited)
    assert code == 6
    dropped = edit_rows(copy_of(base, world.root / "dropped"), lambda rows: rows[1:])
    code, said = world.gate(dropped, base)
    assert (code, "has no row" in said) == (6, True)


def test_a_slim_bundle(world: World, base: Path) -> None:
    slim = world.runs.of("m=by_20", options=Options(slim=True))
    code, said = world.gate(slim, base)
    assert code == 0
    assert "score as stored: the candidate was written without feature matrices" in said
    stripped = copy_of(base, world.root / "stripped")
    shutil.rmtree(stripped / "features")
    code, said = world.gate(stripped, base)
    assert (code, "lacks features/luma-set.safetensors" in said) == (6, True)
    write_manifest(stripped)
    code, said = world.gate(stripped, base)
    assert (code, "does not list features/luma-set.safetensors" in said) == (6, True)


def test_a_stamped_bundle(world: World, base: Path) -> None:
    def stamp(plain: dict[str, Any]) -> None:
        plain["footer"].insert(0, "NOT A RESULT: suite tiny is valid on rendered clips only")

    code, said = world.gate(edit_json(copy_of(base, world.root / "stamped"), "scores.json", stamp), base)
    assert (code, "is stamped 'NOT A RESULT" in said) == (4, True)


def test_a_metric_broken_without_a_new_version_is_told_from_a_worse_model(world: World) -> None:
    """The bounds are the harness's own outputs: they moved, so it was not the model."""
    sound = world.runs.of("m=by_20", bounds=True, metrics=("luma-drift",))
    after = Runs(world.runs.manifest, world.root / "after")  # rows are cached by code, which is the same here
    broken = after.of("m=by_20", bounds=True, suite=suite(world.root, "Broken"))
    code, said = world.gate(broken, sound)
    assert (code, "the measurement itself moved: the bound copy-source changed by +0.5" in said) == (4, True)


def test_some_trials_lost_are_counted_by_cause(world: World, base: Path) -> None:
    code, said = world.gate(world.runs.of("m=declines_some"), base)
    assert code == 5
    assert "2 of 9 trials that the baseline scored have no score now (2 unscored)" in said


def test_a_ruined_trial_does_not_hide_in_a_better_mean(world: World, base: Path) -> None:
    code, said = world.gate(world.runs.of("m=one_ruined"), base, "--tolerance", "*=4")
    assert (code, "luma-drift: inconclusive" in said, RUINED in said) == (0, True, True)
    strict = ("--tolerance", "*=4", "--fail-on", "inconclusive")
    assert world.gate(world.runs.of("m=one_ruined"), base, *strict)[0] == 3


def test_a_model_missing_and_a_model_renamed(world: World, base: Path) -> None:
    both = world.runs.of("m=by_20", "k=by_10")
    code, said = world.gate(base, both)
    assert (code, "the candidate has no model k" in said) == (4, True)
    assert world.gate(base, both, "--pair", "m=m")[0] == 0
    code, said = world.gate(world.runs.of("renamed=by_20"), base)
    assert (code, "m -> renamed" in said) == (0, True)
    code, said = world.gate(base, both, "--pair", "nobody=m")
    assert (code, "has no system 'nobody'" in said) == (2, True)


def test_json_and_markdown_say_what_the_exit_code_says(world: World, base: Path) -> None:
    worse = world.runs.of("m=by_30")
    result = invoke("gate", worse, "--baseline", base, "--certificates", world.root / "none", "--json")
    plain = json.loads(result.stdout)
    assert result.exit_code == plain["gate"]["exit_code"] == 3
    assert [finding["verdict"] for finding in plain["findings"]] == ["worse", "worse"]
    vectors = plain["findings"][1][
        "vectors"
    ]  # 8 a clip: 3 happy trials, 3 neutral and 3 sad, 2 real clips each
    assert vectors == {"happy": [24, 24], "neutral": [16, 16], "sad": [16, 16]}
    page = world.root / "comment.md"
    code, said = world.gate(worse, base, "--format", "markdown", "-o", page)
    assert (code, said.startswith("gate failed, exit code 3")) == (3, True)
    assert "| m " in page.read_text()
    assert "luma-drift|v1|luma:mean-rgb-v1|miss:exclude" in page.read_text()


def test_compare_reports_and_never_judges_the_process(world: World, base: Path) -> None:
    result = invoke("compare", base, world.runs.of("m=by_30"), "--certificates", world.root / "none")
    assert (result.exit_code, "worse" in result.stdout) == (0, True)
    both = world.runs.of("m=by_20", "k=by_10")
    result = invoke("compare", both, both, "--pair", "m=k", "--certificates", world.root / "none", "--json")
    findings = json.loads(result.stdout)["findings"]
    assert [(f["system"], f["verdict"]) for f in findings] == [("m -> k", "better")] * 2
