"""The same suite on the CPU and on a GPU: how far apart the numbers are, and how fast each is.

Where there is a GPU: ``pytest --benchmark-enable -s tests/benchmarks/test_devices.py``. The clips are the
rendered people in MEAD's layout; a suite for real ones is forced and its tables are stamped, but its networks
take the same path on the same pictures. `differences`, which compares two bundles value by value, is tested
on the CPU everywhere.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from spfem_bench.clips import open_clip, write_preview
from spfem_bench.datasets import load_dataset
from spfem_bench.device import resolve_device
from spfem_bench.judging.bundles import read_bundle
from spfem_bench.protocols import make_plan
from spfem_bench.stages.run import run
from spfem_bench.stages.spec import RunSpec
from spfem_bench.synthetic.exports import export
from spfem_bench.synthetic.recipe import Recipe
from tests.benchmarks.comparison import against_networks
from tests.benchmarks.standard_ours import bare, ours
from tests.benchmarks.standard_workload import Workload, blurred, cut, weights_of
from tests.support.worlds import make_folder, tiny_spec

PEOPLE = int(os.environ.get("SPFEM_BENCH_DEVICES_PEOPLE", "6"))
SECONDS = float(os.environ.get("SPFEM_BENCH_DEVICES_SECONDS", "2"))
PROTOCOL = "paired@1"


@dataclass(frozen=True)
class Apart:
    """One metric on two devices.

    Args:
        values: rows and scores that both have.
        largest: difference between two of them, in the metric's unit.
        share: of the larger of the metric's values, in magnitude.
        lone: rows and scores that only one of them has.
    """

    values: int
    largest: float
    share: float
    lone: int

    def __str__(self) -> str:
        return f"{self.values:6} values  {self.largest:12.6g}  {self.share:10.3e}  {self.lone} on one only"


def values_of(bundle: Path) -> dict[str, dict[tuple[str, ...], float | None]]:
    """Metric -> (system, trial) of every row and (system, emotion, "score") -> value; None has none."""
    found: dict[str, dict[tuple[str, ...], float | None]] = {}
    for (system, metric), cells in read_bundle(bundle).cells.items():
        rows = found.setdefault(metric, {})
        rows |= {(system, trial): cell.value for trial, cell in cells.items()}
    for system in json.loads((bundle / "scores.json").read_text(encoding="utf8"))["systems"]:
        for metric, emotions in system["scores"].items():
            place = {
                (system["name"], emotion, "score"): score["value"] for emotion, score in emotions.items()
            }
            found.setdefault(metric, {}).update(place)
    return found


def differences(first: Path, second: Path) -> dict[str, Apart]:
    """Two bundles of one plan and suite, metric by metric."""
    one, two = values_of(first), values_of(second)
    assert one.keys() == two.keys()
    return {metric: _apart(one[metric], two[metric]) for metric in one}


def _apart(one: Mapping[tuple[str, ...], float | None], two: Mapping[tuple[str, ...], float | None]) -> Apart:
    has = [{place for place, value in side.items() if value is not None} for side in (one, two)]
    pairs = [(one[place] or 0.0, two[place] or 0.0) for place in has[0] & has[1]]
    largest = max((abs(a - b) for a, b in pairs), default=0.0)
    scale = max((abs(value) for pair in pairs for value in pair), default=0.0)
    return Apart(len(pairs), largest, largest / scale if scale else 0.0, len(has[0] ^ has[1]))


def rendered(folder: Path, suite: str, recipe: Recipe) -> Workload:
    """MEAD-like people, every trial's output its source blurred, as videos of a model."""
    tree, outputs = folder / "mead", folder / "outputs"
    export(tree, "mead", recipe)
    outputs.mkdir()
    dataset, pairs = load_dataset(f"mead:{tree}"), []
    for trial in make_plan(dataset, PROTOCOL).trials:
        source, output = tree / trial.source.path, outputs / f"{trial.id}.mp4"
        whole = open_clip(source, audio_path=tree / trial.source.audio if trial.source.audio else None)
        write_preview(output, cut(whole, whole.frame_count, None, blurred))
        pairs.append((output, source))
    spec = RunSpec(
        f"mead:{tree}",
        PROTOCOL,
        suite,
        (f"precomputed:{outputs}",),
        folder / "cache",
        bounds=False,
        force=True,
    )
    return Workload(spec, pairs, weights_of(suite, folder / "weights"))


def measured(load: Workload, folder: Path, device: str) -> tuple[Path, str]:
    """A run with an empty cache: its bundle, and what it took in a few lines."""
    name = resolve_device(device).name
    placed = load.on(name, load.spec.threads)
    own = replace(placed, spec=replace(placed.spec, cache=folder / f"cache-{device}"))
    watch, record = ours(own, folder / device, time.perf_counter)
    networks = bare(record, own, time.perf_counter)
    clips = len(own.pairs)
    lines = [
        watch.table(f"{name}: {clips} outputs"),
        networks.table("forward passes from memory"),
        f"{name}: {clips / watch.total:.2f} outputs a second",
        *map(str, against_networks(watch, networks, name)),
    ]
    return folder / device, "\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["synthetic-v1", "standard-v1"])
def test_a_gpu_gives_what_the_cpu_gives(suite: str, benchmark, request, tmp_path: Path, monkeypatch) -> None:
    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device to compare the CPU with")
    if not benchmark.enabled:
        pytest.skip("times of whole runs: run with --benchmark-enable")
    if suite != "synthetic-v1":
        request.getfixturevalue("weights_dir")
        searched = f"{os.environ['SPFEM_BENCH_WEIGHTS']}{os.pathsep}{tmp_path / 'weights'}"
        monkeypatch.setenv("SPFEM_BENCH_WEIGHTS", searched)
    recipe = Recipe(PEOPLE, 1, ("neutral", "happy"), (3,), seconds=SECONDS, size=256)
    load = rendered(tmp_path, suite, recipe)
    on_cpu, told = measured(load, tmp_path, "cpu")
    on_gpu, also = benchmark.pedantic(measured, args=(load, tmp_path, "cuda"))
    apart = differences(on_cpu, on_gpu)
    print(f"\n{suite}: {torch.cuda.get_device_name()}", told, also, sep="\n")
    print(*(f"{metric:<36}{one}" for metric, one in apart.items()), sep="\n")
    benchmark.extra_info[suite] = {metric: one.largest for metric, one in apart.items()}
    assert any(one.values for one in apart.values())
    assert not [metric for metric, one in apart.items() if one.lone]


def test_a_suite_on_rendered_people_twice_on_the_cpu_differs_in_nothing(tmp_path: Path) -> None:
    recipe = Recipe(2, 1, ("neutral", "happy"), (3,), seconds=0.6, size=64)
    load = rendered(tmp_path, "synthetic-v1", recipe)
    first, _ = measured(load, tmp_path, "cpu")
    second = run(replace(load.spec, cache=tmp_path / "another"), tmp_path / "again")
    assert second is not None
    apart = differences(first, second)
    assert sum(one.values for one in apart.values()) > len(load.pairs)
    assert {(one.largest, one.lone) for one in apart.values()} == {(0.0, 0)}


def test_what_differs_is_found_and_what_only_one_has_is_counted(tmp_path: Path) -> None:
    manifest = make_folder(tmp_path / "clips")
    spec = tiny_spec(manifest, tmp_path / "cache", "copy-source")
    first = run(spec, tmp_path / "first")
    assert first is not None
    same = values_of(first)["luma-drift"]
    place = next(iter(same))
    moved = same | {place: (same[place] or 0.0) + 0.5}
    assert _apart(same, same).values == len([value for value in same.values() if value is not None])
    assert _apart(same, moved).largest == 0.5
    assert _apart(same, same | {place: None}).lone == 1
    assert _apart({place: 4.0}, {place: 5.0}) == Apart(1, 1.0, 0.2, 0)
