"""Whatever can change a number must miss the cache: after each change the number equals a cold run's."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spfem_bench import versions
from spfem_bench.digest import digest_sources
from spfem_bench.stages import workbench
from spfem_bench.stages.generate import generate
from spfem_bench.stages.render import leaderboard_of
from spfem_bench.stages.run import Options, run
from spfem_bench.stages.spec import RunSpec
from spfem_bench.stages.workbench import open_workbench
from spfem_metrics import Scored
from tests.support.worlds import make_folder, tiny_spec

ADAPTER = """
import numpy as np
from dataclasses import dataclass
from spfem_baselines import Output
AMOUNT = 20
@dataclass(frozen=True)
class Mine:
    name: str = "mine"
    identity: str = "mine@1"
    sees: tuple = ()
    def generate(self, request):
        frames = (np.clip(c.astype(int) + AMOUNT, 0, 255).astype(np.uint8) for c in request.source.frames())
        return Output(frames, request.source.fps)
def make():
    return Mine()
"""
SUITE = """
name: plugged
valid-on: [real]
about: A metric and an extractor from a plug-in.
extractors:
  luma: {factory: "my_parts:luma"}
metrics:
  - {factory: "my_parts:drift"}
"""
PARTS = """
from dataclasses import dataclass, replace
from tests.support import tiny
from spfem_metrics import Reading
GAIN, SCALE = 1, 1
class Pass:
    def __init__(self, inner): self.inner = inner
    def push(self, batch, upstream): return self.inner.push(batch, upstream)
    def finish(self): return {"luma": self.inner.finish()["luma"] * GAIN}
class Luma(tiny.Luma):
    def start(self, media): return Pass(super().start(media))
def luma(*, weights, device="cpu"): return Luma()
class Drift(tiny.LumaDrift):
    def observe(self, observation):
        return Reading(super().observe(observation).value * SCALE)
def drift(): return Drift()
"""


def forget_code() -> None:
    """As a new process would: modules and their digests are read again."""
    for name in ("my_adapter", "my_parts"):
        sys.modules.pop(name, None)
    for cached in (versions.module_code, versions.libraries, digest_sources, open_workbench):
        cached.cache_clear()  # type: ignore[attr-defined]
    importlib.invalidate_caches()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    make_folder(tmp_path / "data")
    (tmp_path / "my_adapter.py").write_text(ADAPTER)
    (tmp_path / "my_parts.py").write_text(PARTS)
    (tmp_path / "suite.yaml").write_text(SUITE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    forget_code()
    yield tmp_path
    forget_code()


def spec_of(world: Path, cache: str = "cache") -> RunSpec:
    manifest = world / "data" / "manifest.jsonl"
    return tiny_spec(manifest, world / cache, "my_adapter:make", suite=str(world / "suite.yaml"))


def number(world: Path, cache: str = "cache", options: Options | None = None) -> float:
    out = world / f"out-{cache}-{len(list(world.glob('out-*')))}"
    bundle = run(spec_of(world, cache), out, options)
    assert bundle is not None
    outcome = leaderboard_of(bundle).systems[0].scores["luma-drift"]["average"].outcome
    assert isinstance(outcome, Scored)
    return outcome.value


def edit(file: Path, old: str, new: str) -> None:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("my_adapter.py", "AMOUNT = 20", "AMOUNT = 60"),
        ("my_parts.py", "GAIN, SCALE = 1, 1", "GAIN, SCALE = 3, 1"),
        ("my_parts.py", "GAIN, SCALE = 1, 1", "GAIN, SCALE = 1, 5"),
    ],
    ids=["adapter", "extractor", "metric"],
)
def test_edited_plug_in_code_is_never_answered_from_the_cache(
    world: Path, file: str, old: str, new: str
) -> None:
    before = number(world)
    edit(world / file, old, new)
    forget_code()
    after = number(world)
    assert after != pytest.approx(before, rel=0.5)
    assert after == number(world, "cold")


def test_a_changed_record_beside_a_lossless_clip_is_another_clip(world: Path) -> None:
    bench = open_workbench(spec_of(world))
    trial = bench.plan.trials[0]
    before = bench.library.file_digest(trial.source)
    record = bench.dataset.file(trial.source).with_suffix(".json")
    plain = json.loads(record.read_text())
    plain["fps"] = "50/1"
    record.chmod(0o644)
    record.write_text(json.dumps(plain))
    assert bench.library.file_digest(trial.source) != before


def test_other_library_versions_measure_and_generate_again(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number(world)
    bench = open_workbench(spec_of(world))
    first = generate(bench, bench.systems[0], bench.plan.trials[0])
    monkeypatch.setattr(versions, "_version", lambda name: "9.9")
    forget_code()
    bench = open_workbench(spec_of(world))
    assert generate(bench, bench.systems[0], bench.plan.trials[0]) != first


def test_overwrite_always_makes_everything_again(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = number(world)
    # a change no key can see: the same code digest, another value
    import my_adapter  # type: ignore[import-not-found]

    monkeypatch.setattr(my_adapter, "AMOUNT", 60)
    assert number(world) == before
    assert number(world, options=Options(overwrite="always")) > before + 20


def test_two_adapters_of_one_module_do_not_share_outputs(world: Path) -> None:
    spec = tiny_spec(world / "data" / "manifest.jsonl", world / "cache", "brighten", "noisy")
    bundle = run(spec, world / "both")
    assert bundle is not None
    bright, noise = leaderboard_of(bundle).systems
    assert bright.scores["luma-drift"]["average"] != noise.scores["luma-drift"]["average"]


def test_all_measuring_code_is_in_the_keys() -> None:
    root = workbench._metrics_root()
    seen = {path.name for path in root.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert seen == {"admission", "faces", "functional", "metrics", "networks", "pairs", "synthetic"}
