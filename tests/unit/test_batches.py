"""Several outputs at a time are the same outputs: same keys, same bytes, same bundle, nothing made twice."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from spfem_bench.errors import PluginError, StorageError
from spfem_bench.progress import SilentProgress
from spfem_bench.stages.batches import generate_all, grouped
from spfem_bench.stages.export import export_outputs
from spfem_bench.stages.generate import Made, generate
from spfem_bench.stages.render import leaderboard_of
from spfem_bench.stages.run import Options, run, units
from spfem_bench.stages.spec import RunSpec
from spfem_bench.stages.workbench import Workbench, open_workbench
from spfem_metrics import Failed, Unscored
from tests.support import batching
from tests.support.batching import CALLS, OPEN, STOP_AT
from tests.support.command import hashed
from tests.support.worlds import EMOTIONS, make_folder, tiny_spec


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    CALLS.clear()
    STOP_AT.clear()
    yield
    assert not OPEN, "a batch was left open"


def spec_of(manifest: Path, cache: Path, name: str, *more: str, **given: Any) -> RunSpec:
    return tiny_spec(manifest, cache, f"tests.support.batching:{name}", *more, **given)


def outputs(cache: Path) -> dict[str, bytes]:
    """What the store holds of outputs: key and file -> bytes."""
    folder = cache / "outputs"
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def bench_of(manifest: Path, cache: Path, name: str) -> Workbench:
    return open_workbench(spec_of(manifest, cache, name))


def ids(bench: Workbench) -> list[str]:
    return [trial.id for trial in bench.plan.trials]


def targets(bench: Workbench) -> Counter[str]:
    """How many trials of the plan ask for each emotion; each is asked for at least once."""
    wanted = Counter(trial.emotion for trial in bench.plan.trials)
    assert set(wanted) == set(EMOTIONS)
    return wanted


def test_batches_and_single_outputs_are_the_same_keys_bytes_and_bundle(
    manifest: Path, tmp_path: Path
) -> None:
    stores, bundles = [], []
    for name in ("alone", "ones", "fours"):
        bundle = run(spec_of(manifest, tmp_path / name, name), tmp_path / f"out-{name}")
        assert bundle is not None
        stores.append(outputs(tmp_path / name))
        bundles.append(hashed(bundle))
    assert len(stores[0]) == 18
    assert stores[0] == stores[1] == stores[2]
    assert bundles[0] == bundles[1] == bundles[2]
    assert [len(call) for call in CALLS] == [*[1] * 9, 4, 4, 1]


def test_what_is_stored_is_not_asked_for_and_the_rest_keeps_the_plans_order(
    manifest: Path, tmp_path: Path
) -> None:
    bench = bench_of(manifest, tmp_path, "fours")
    names = ids(bench)
    for index in (0, 5):
        assert isinstance(generate(bench, bench.systems[0], bench.plan.trials[index]), Made)
    CALLS.clear()
    run(spec_of(manifest, tmp_path, "fours"), tmp_path / "out")
    assert [[names[i] for i in (1, 2, 3, 4)], [names[i] for i in (6, 7, 8)]] == CALLS
    run(spec_of(manifest, tmp_path, "fours"), tmp_path / "again")
    assert len(CALLS) == 2


def test_every_unit_is_in_one_group_and_groups_are_of_one_system(manifest: Path, tmp_path: Path) -> None:
    bench = open_workbench(spec_of(manifest, tmp_path, "fours", "brighten"))
    todo = units(bench)
    groups = grouped(bench, todo)
    assert sorted((u for g in groups for u in g), key=todo.index) == todo
    assert all(len({unit.system for unit in group}) == 1 for group in groups)
    assert {len(g) for g in groups if g[0].system == "batched"} == {4, 1}
    assert {len(g) for g in groups if g[0].system != "batched"} == {1}
    starts = [todo.index(group[0]) for group in groups]
    assert starts == sorted(starts)


def test_overwrite_always_makes_everything_once_more(manifest: Path, tmp_path: Path) -> None:
    spec = spec_of(manifest, tmp_path, "fours")
    run(spec, tmp_path / "out")
    before = outputs(tmp_path)
    CALLS.clear()
    open_workbench.cache_clear()
    run(spec, tmp_path / "out", Options(overwrite="always"))
    assert [len(call) for call in CALLS] == [4, 4, 1]
    assert len({trial for call in CALLS for trial in call}) == 9
    assert outputs(tmp_path) == before


def test_each_fault_is_its_own_trials_and_is_met_once(manifest: Path, tmp_path: Path) -> None:
    spec = spec_of(manifest, tmp_path, "faulty")
    wanted = targets(open_workbench(spec))
    bundle = run(spec, tmp_path / "out")
    assert bundle is not None
    (system,) = leaderboard_of(bundle).systems
    assert (system.generated, system.trials) == (wanted["neutral"], 9)
    assert dict(system.failures) == {
        "batched raised ZeroDivisionError: division by zero": wanted["happy"],
        "no word for sad": wanted["sad"],
    }
    made = [trial for call in CALLS for trial in call]
    assert len(made) == len(set(made)) == 9


def test_outcomes_are_those_of_the_same_adapter_one_by_one(manifest: Path, tmp_path: Path) -> None:
    bench = bench_of(manifest, tmp_path, "faulty")
    (system,), trials = bench.systems, bench.plan.trials
    together = generate_all(bench, system, trials[:4]) | generate_all(bench, system, trials[4:])
    assert {type(found) for found in together.values()} == {Made, Failed, Unscored}
    assert together == {trial.id: generate(bench, system, trial) for trial in trials}


@pytest.mark.parametrize(
    ("name", "reason", "lost"),
    [
        ("forgetful", "the batch held neither an output nor a reason for this trial", ["happy"]),
        ("unopened", "batched raised MemoryError: no room for the batch", list(EMOTIONS)),
    ],
)
def test_a_batch_that_breaks_is_its_trials_reason(
    manifest: Path, tmp_path: Path, name: str, reason: str, lost: list[str]
) -> None:
    spec = spec_of(manifest, tmp_path, name, "brighten")
    count = sum(targets(open_workbench(spec))[emotion] for emotion in lost)
    bundle = run(spec, tmp_path / "out")
    assert bundle is not None
    batched, brighten = leaderboard_of(bundle).systems
    assert dict(batched.failures) == {reason: count}
    assert batched.generated == 9 - count
    assert brighten.generated == 9
    assert len(CALLS) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, batching.full_disk])
def test_what_stops_a_batch_keeps_what_it_had_stored(
    manifest: Path, tmp_path: Path, error: Callable[[], BaseException]
) -> None:
    spec = spec_of(manifest, tmp_path / "cache", "stopping")
    names = ids(open_workbench(spec))
    STOP_AT.append((names[6], error()))
    with pytest.raises((KeyboardInterrupt, StorageError)):
        run(spec, tmp_path / "out")
    assert len(outputs(tmp_path / "cache")) == 2 * 6
    assert not list((tmp_path / "cache").rglob(".tmp-*"))
    CALLS.clear()
    STOP_AT.clear()
    resumed = run(spec, tmp_path / "out")
    assert [names[6:]] == CALLS
    whole = run(spec_of(manifest, tmp_path / "other", "stopping"), tmp_path / "whole")
    assert resumed is not None
    assert whole is not None
    assert hashed(resumed) == hashed(whole)


def test_shards_cut_batches_and_not_numbers(manifest: Path, tmp_path: Path) -> None:
    spec = spec_of(manifest, tmp_path / "sharded", "fours")
    for index in (2, 1):
        assert run(spec, tmp_path / "unused", Options(shard=(index, 2))) is None
    assert sorted(len(call) for call in CALLS) in ([1, 4, 4], [2, 3, 4])
    assert sum(map(len, CALLS)) == 9
    CALLS.clear()
    bundle = run(spec, tmp_path / "out")
    assert not CALLS
    whole = run(spec_of(manifest, tmp_path / "cache", "fours"), tmp_path / "whole")
    assert bundle is not None
    assert whole is not None
    assert hashed(bundle) == hashed(whole)


class Pickling:
    """An engine as far away as a pool: everything that crosses it is pickled, and it works backwards."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def map(self, work: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        self.sizes = [len(item) for item in items]
        sent = [pickle.loads(pickle.dumps((work, item))) for item in items]
        results = [function(item) for function, item in reversed(sent)]
        yield from (pickle.loads(pickle.dumps(result)) for result in reversed(results))


def test_a_batch_is_one_piece_of_work_of_the_engine(manifest: Path, tmp_path: Path) -> None:
    engine = Pickling()
    spec = spec_of(manifest, tmp_path / "far", "fours", metrics=("luma-drift",))
    far = run(spec, tmp_path / "out-far", engine=engine)
    assert engine.sizes == [4, 4, 1]
    near = run(spec_of(manifest, tmp_path / "near", "fours", metrics=("luma-drift",)), tmp_path / "out-near")
    assert far is not None
    assert near is not None
    assert hashed(far) == hashed(near)


def test_outputs_are_exported_by_batches_and_faults_named(manifest: Path, tmp_path: Path) -> None:
    spec = spec_of(manifest, tmp_path / "cache", "faulty")
    made = targets(open_workbench(spec))["neutral"]
    report = export_outputs(spec, tmp_path / "folder", again=False, preview=False, progress=SilentProgress())
    assert (report["trials"], report["made"]) == (9, made)
    assert set(report["missing"].values()) == {
        "batched raised ZeroDivisionError: division by zero",
        "no word for sad",
    }
    assert [len(call) for call in CALLS] == [4, 4, 1]
    assert len(list((tmp_path / "folder").glob("*.mkv"))) == made
    CALLS.clear()
    export_outputs(spec, tmp_path / "folder", again=True, preview=False, progress=SilentProgress())
    assert [len(call) for call in CALLS] == [4, 4, 1]


def test_a_batch_of_nothing_is_refused(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="batched has a batch of 0: 1 is the least"):
        run(spec_of(manifest, tmp_path, "none"), tmp_path / "out")
