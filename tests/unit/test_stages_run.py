from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from spfem_bench.adapters import System
from spfem_bench.clips import content_digest, open_clip
from spfem_bench.engine import LocalEngine
from spfem_bench.errors import IncompleteError, UsageError
from spfem_bench.stages import measure as measuring
from spfem_bench.stages.generate import Made, generate
from spfem_bench.stages.render import leaderboard_of
from spfem_bench.stages.rows import read_rows
from spfem_bench.stages.run import Options, run
from spfem_bench.stages.workbench import open_workbench
from spfem_metrics import Failed, Reading, Scored, Unscored
from tests.support.adapters import FAULTS, fault
from tests.support.worlds import make_folder, tiny_spec


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("data"))


def manifest_of(bundle: Path) -> str:
    return (bundle / "MANIFEST.sha256").read_text()


def test_a_run_ends_in_a_bundle_whose_numbers_can_be_checked_by_hand(manifest: Path, tmp_path: Path) -> None:
    bundle = run(tiny_spec(manifest, tmp_path / "cache", "brighten", "copy-source"), tmp_path / "out")
    assert bundle is not None
    board = leaderboard_of(bundle)
    assert [s.name for s in board.systems] == ["brighten", "copy-source"]
    by_name = {s.name: s for s in board.systems}
    copied = by_name["copy-source"].scores["luma-drift"]["average"]
    assert copied.outcome == Scored(0.0)
    assert copied.scored == copied.total == 9
    brightened = by_name["brighten"].scores["luma-drift"]["average"].outcome
    assert isinstance(brightened, Scored)
    assert 15 < brightened.value <= 20
    rows = [r for r in read_rows(bundle) if r.system == "brighten" and r.metric == "luma-drift"]
    assert len(rows) == 9
    by_emotion: dict[str, list[float]] = {}
    for row in rows:
        assert isinstance(row.row.outcome, Reading)
        assert row.row.outcome.value is not None
        by_emotion.setdefault(row.row.trial.emotion, []).append(row.row.outcome.value)
    assert brightened.value == pytest.approx(np.mean([np.mean(v) for v in by_emotion.values()]), rel=1e-12)


def test_outputs_are_lossless_and_carry_the_sources_sound(manifest: Path, tmp_path: Path) -> None:
    bench = open_workbench(tiny_spec(manifest, tmp_path / "cache", "copy-source"))
    trial = bench.plan.trials[0]
    made = generate(bench, bench.systems[0], trial)
    assert isinstance(made, Made)
    source = bench.library.open(trial.source).clip
    assert content_digest(open_clip(made.clip)) == content_digest(source)


def test_dropped_head_frames_take_their_sound_with_them(manifest: Path, tmp_path: Path) -> None:
    bench = open_workbench(tiny_spec(manifest, tmp_path / "cache", "drop_two"))
    trial = bench.plan.trials[0]
    made = generate(bench, bench.systems[0], trial)
    assert isinstance(made, Made)
    output, source = open_clip(made.clip), bench.library.open(trial.source).clip
    assert output.stored is not None
    assert output.stored.source_frames.tolist() == list(range(2, source.frame_count))
    heard, said = output.audio(16000), source.audio(16000)
    assert heard is not None
    assert said is not None
    assert np.array_equal(heard, said[2 * 640 : 2 * 640 + len(heard)])
    assert len(heard) == 640 * output.frame_count


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_of_the_model_is_its_trials_reason(name: str, manifest: Path, tmp_path: Path) -> None:
    said = {
        "crash": "raised RuntimeError: CUDA error: an illegal memory access",
        "crash-midway": "raised ZeroDivisionError",
        "no-frames": "no frames",
        "too-few": "2 of 1[234] source frames",
        "no-map": "no frame map says",
        "nan": "NaN",
        "floats": "float32; uint8",
        "gray": "shape",
        "size-changes": "size changes",
        "backwards": "back",
        "wrong-fps": "the output lasts",
        "float-fps": "frame rate must be a positive Fraction",
        "declines": "needs a reference",
    }[name]
    bench = open_workbench(tiny_spec(manifest, tmp_path / "cache", "brighten"))
    made = generate(bench, System(name, "model", fault(name)), bench.plan.trials[0])
    assert not isinstance(made, Made)
    assert isinstance(made, Unscored if name == "declines" else Failed)
    import re

    assert re.search(said, made.error if isinstance(made, Failed) else made.reason)
    assert not list((tmp_path / "cache").rglob(".tmp-*"))
    assert not [p for p in (tmp_path / "cache").rglob("outputs/*/*") if p.is_dir()]


def test_failures_are_counted_never_dropped(manifest: Path, tmp_path: Path) -> None:
    spec = tiny_spec(manifest, tmp_path / "cache", "faulty_crash", "brighten")
    bundle = run(spec, tmp_path / "out")
    assert bundle is not None
    crash, fine = leaderboard_of(bundle).systems
    assert (crash.generated, crash.trials, fine.generated) == (0, 9, 9)
    assert sum(crash.failures.values()) == 9
    score = crash.scores["luma-drift"]["average"]
    assert isinstance(score.outcome, Unscored)
    assert (score.scored, score.total) == (0, 9)
    with pytest.raises(IncompleteError, match=r"9 of 18 of the models. outputs failed"):
        run(spec, tmp_path / "strict", Options(max_missing=0.1))


def test_shards_workers_and_a_cold_run_give_one_manifest(manifest: Path, tmp_path: Path) -> None:
    texts = []
    for shards in (1, 2, 7):
        spec = tiny_spec(manifest, tmp_path / f"cache{shards}", "brighten", "noisy")
        for index in range(shards if shards > 1 else 0, 0, -1):
            assert run(spec, tmp_path / "unused", Options(shard=(index, shards))) is None
        texts.append(manifest_of(run(spec, tmp_path / f"out{shards}") or tmp_path))
    pooled = tiny_spec(manifest, tmp_path / "cache-pool", "brighten", "noisy")
    texts.append(manifest_of(run(pooled, tmp_path / "pool", engine=LocalEngine(2)) or tmp_path))
    assert len(set(texts)) == 1
    assert not (tmp_path / "unused").exists()


def test_a_warm_run_touches_no_frame(manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tiny_spec(manifest, tmp_path / "cache", "brighten", "copy-source")
    first = manifest_of(run(spec, tmp_path / "one") or tmp_path)

    def touched(*_args: object) -> None:
        raise AssertionError("features were loaded")

    monkeypatch.setattr(measuring, "features", touched)
    monkeypatch.setattr("spfem_bench.clips.clip.Clip.batches", touched)
    assert manifest_of(run(spec, tmp_path / "two") or tmp_path) == first


def test_one_more_metric_computes_only_that_metric(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    run(tiny_spec(manifest, cache, "brighten", metrics=("luma-drift",)), tmp_path / "one")
    observed: list[str] = []
    original = measuring._observe

    def spy(bench: object, scene: object, metric: object, material: object) -> object:
        observed.append(metric.info.name)  # type: ignore[attr-defined]
        return original(bench, scene, metric, material)  # type: ignore[arg-type]

    monkeypatch.setattr(measuring, "_observe", spy)
    run(tiny_spec(manifest, cache, "brighten"), tmp_path / "two")
    assert set(observed) == {"luma-set"}


def test_copy_source_shares_its_features_with_the_source(manifest: Path, tmp_path: Path) -> None:
    spec = tiny_spec(manifest, tmp_path / "cache", "copy-source", metrics=("luma-drift",))
    run(spec, tmp_path / "out")
    assert len(list((tmp_path / "cache" / "features").rglob("*.safetensors"))) == 9


def test_seeds_are_per_trial_and_change_the_outputs(manifest: Path, tmp_path: Path) -> None:
    a = run(tiny_spec(manifest, tmp_path / "cache", "noisy", limit=2), tmp_path / "a")
    b = run(tiny_spec(manifest, tmp_path / "cache", "noisy", limit=2, seed=1), tmp_path / "b")
    c = run(tiny_spec(manifest, tmp_path / "cache2", "noisy"), tmp_path / "c")
    assert a
    assert b
    assert c
    clips = {p.name: p.read_bytes() for p in (a / "outputs" / "noisy").glob("*.mkv")}
    assert len(set(clips.values())) == 2
    for name, content in clips.items():
        assert (b / "outputs" / "noisy" / name).read_bytes() != content
        assert (c / "outputs" / "noisy" / name).read_bytes() == content


def test_a_damaged_source_fails_its_own_trials(manifest: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(manifest.parent, folder)
    whole = (folder / "p0-happy.mkv").read_bytes()
    (folder / "p0-happy.json").unlink()
    (folder / "p0-happy.mkv").write_bytes(whole[:200])
    bundle = run(tiny_spec(folder / "manifest.jsonl", tmp_path / "cache", "brighten"), tmp_path / "out")
    assert bundle is not None
    (system,) = leaderboard_of(bundle).systems
    assert system.generated < system.trials
    assert all("p0-happy.mkv" in reason for reason in system.failures)
    assert system.scores["luma-drift"]["average"].scored == system.generated


def test_the_wrong_kind_of_data_is_refused_or_stamped(manifest: Path, tmp_path: Path) -> None:
    suite = tmp_path / "rendered.yaml"
    text = Path(tiny_spec(manifest, tmp_path).suite).read_text()
    suite.write_text(text.replace("[real, rendered]", "[rendered]"))
    spec = tiny_spec(manifest, tmp_path / "cache", "brighten", suite=str(suite))
    with pytest.raises(UsageError, match="valid on rendered clips only"):
        run(spec, tmp_path / "out")
    forced = tiny_spec(manifest, tmp_path / "cache", "brighten", suite=str(suite), force=True)
    bundle = run(forced, tmp_path / "out")
    assert bundle is not None
    assert leaderboard_of(bundle).footer[0].startswith("NOT A RESULT")


def test_no_path_time_or_host_is_in_what_the_manifest_hashes(manifest: Path, tmp_path: Path) -> None:
    bundle = run(tiny_spec(manifest, tmp_path / "cache", "brighten"), tmp_path / "out")
    assert bundle is not None
    import socket

    for file in bundle.rglob("*.json*"):
        if file.name != "circumstances.json":
            assert str(tmp_path) not in file.read_text()
            assert socket.gethostname() not in file.read_text()
    assert json.loads((bundle / "circumstances.json").read_text())["seconds"] >= 0


def test_reasons_in_a_bundle_name_no_folder_of_this_machine(manifest: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(manifest.parent, folder)
    (folder / "p0-happy.json").unlink()
    (folder / "p0-happy.mkv").write_bytes(b"no video")
    good = run(tiny_spec(manifest, tmp_path / "cache", "brighten"), tmp_path / "good")
    assert good is not None
    videos = tmp_path / "videos"
    shutil.copytree(good / "outputs" / "brighten", videos)
    broken = next(
        v for v in sorted(videos.glob("*.mkv")) if "p0__happy" not in v.name and "p0--happy" not in v.name
    )
    broken.with_suffix(".json").unlink()
    broken.unlink()  # a hard link of the cache's own copy
    broken.write_bytes(b"no video")
    spec = tiny_spec(folder / "manifest.jsonl", tmp_path / "cache", f"copy=precomputed:{videos}")
    bundle = run(spec, tmp_path / "out")
    assert bundle is not None
    failures = leaderboard_of(bundle).systems[0].failures
    assert len(failures) == 2
    assert any("p0-happy.mkv" in reason for reason in failures)
    for row in read_rows(bundle):
        assert not isinstance(row.row.outcome, Failed) or str(tmp_path) not in row.row.outcome.error
    for file in ("scores.json", "rows.parquet"):
        assert str(tmp_path).encode() not in (bundle / file).read_bytes()
