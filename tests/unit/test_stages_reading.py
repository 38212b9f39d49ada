"""What of a dataset is read: each clip once for all its parts in a plan, real clips for set metrics only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from spfem_bench.stages import features
from spfem_bench.stages.run import run
from spfem_bench.stages.workbench import open_workbench
from spfem_metrics import MetricInfo, Need, Reading, Signature
from tests.support.tiny import Luma, LumaDrift
from tests.support.worlds import make_folder, tiny_spec

SUITE = """\
name: reading
valid-on: [real]
about: For the tests of this file.
extractors:
  luma: {factory: "tests.support.tiny:luma"}
  dear: {factory: "tests.unit.test_stages_reading:dear"}
metrics:
  - {factory: "tests.support.tiny:luma_drift"}
  - {factory: "tests.support.tiny:luma_set"}
  - {factory: "tests.unit.test_stages_reading:brightness"}
"""


def dear(*, weights, device: str = "cpu") -> Luma:
    """An extractor that nobody wants to run in vain."""
    return Luma("dear", "mean-rgb-dearly-v1")


@dataclass(frozen=True)
class Brightness(LumaDrift):
    """A metric of single outputs."""

    info: MetricInfo = field(
        default=replace(LumaDrift().info, name="brightness", needs=(Need("output", "dear"),), order=())
    )

    def signature(self, definitions) -> Signature:
        return Signature("brightness", 1, {"dear": definitions["dear"], "miss": "exclude"})

    def observe(self, observation) -> Reading:
        return Reading(float(observation.sides["output"]["dear"]["luma"].mean()))


def brightness() -> Brightness:
    return Brightness()


@pytest.fixture
def spec(tmp_path: Path):
    (tmp_path / "suite.yaml").write_text(SUITE)
    manifest = make_folder(tmp_path / "data")
    return tiny_spec(manifest, tmp_path / "cache", "brighten", suite=str(tmp_path / "suite.yaml"))


@pytest.fixture
def read(monkeypatch) -> list[tuple[str, tuple[str, ...]]]:
    """(clip, extractors) of every pass over a clip."""
    seen: list[tuple[str, tuple[str, ...]]] = []
    extract = features.extract

    def noted(media, extractors, **known):
        path = media._clip.path
        seen.append((str(path), tuple(e.name for e in extractors)))
        return extract(media, extractors, **known)

    monkeypatch.setattr(features, "extract", noted)
    return seen


def test_a_datasets_clip_is_read_once_for_all_its_parts(spec, read, tmp_path: Path) -> None:
    assert run(spec, tmp_path / "out") is not None
    times = Counter(path for path, _ in read)
    assert set(times.values()) == {1}
    bench = open_workbench(spec)
    clips = {trial.source.id for trial in bench.plan.trials} | {r.clip.id for r in bench.plan.reals}
    assert len([path for path in times if "/data/" in path]) == len(clips)


def test_a_real_clip_is_not_read_for_what_only_outputs_are_scored_by(spec, read, tmp_path: Path) -> None:
    run(spec, tmp_path / "out")
    by_place = {("data" if "/data/" in path else "output", names) for path, names in read}
    assert by_place == {("data", ("luma",)), ("output", ("luma", "dear"))}
