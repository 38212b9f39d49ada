"""A whole ablation, tiny: every stage, killed and resumed, its table again from its rows."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from spfem_bench.ablation import report
from spfem_bench.ablation.home import RESULT, read_plain
from spfem_bench.ablation.report import write_report
from spfem_bench.resources import config_path
from spfem_bench.training.backbone import train as training
from tests.support.command import done, invoke

pytestmark = pytest.mark.slow

FILE = config_path("runs", "ablation-smoke")
COMMITTED = Path(__file__).parents[2] / "leaderboards" / "measured" / "ablation-synthetic"
TABLES = ("ablation-synthetic.md", "ablation-synthetic.csv", "ablation-synthetic.tex")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Rendered people and features, for this module alone."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("SPFEM_BENCH_CACHE_DIR", str(folder))
        patch.setenv("SPFEM_BENCH_OFFLINE", "1")
        yield folder


@pytest.fixture(scope="module")
def whole(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an ablation that nothing stopped."""
    out = tmp_path_factory.mktemp("whole")
    assert "| asccl" in done("run", FILE, "-o", out)
    return out


def texts(out: Path) -> list[bytes]:
    """What a run ends in."""
    return [(out / name).read_bytes() for name in (*TABLES, f"rows/{RESULT}")]


def test_the_table_says_what_it_is_and_what_it_cost(whole: Path) -> None:
    table = (whole / TABLES[0]).read_text()
    assert table.splitlines()[0].endswith("it ranks nothing about the papers' claims")
    for part in ("Difference from backbone", "Noise floor", "Search and budget", "Control by text", "oracle"):
        assert part in table
    assert "where every supervision pulls at a share of 1, training seed 0 alone" in table
    for seed in (0, 1):
        assert f"rows of training seed {seed}: manifest sha256" in table
    result = read_plain(whole / "rows" / RESULT)
    assert result is not None
    assert [result["variants"][name]["runs"] for name in ("backbone", "asccl")] == [2, 3]
    row = result["variants"]["asccl"]
    tried = {float(share): found["perceptual"] for share, found in row["searched"].items()}
    assert tried[row["share"]] == min(tried.values())
    rows = (whole / TABLES[1]).read_text().splitlines()
    assert sum(row.startswith(("asccl,", "backbone,")) for row in rows) == 2 * 4 * 2


def test_strips_show_source_variants_and_truth(whole: Path) -> None:
    image = cv2.imread(str(whole / "strips" / "S001-happy.png"))
    assert image.shape[0] == 4 * 128 + 3 * 2
    assert cv2.imread(str(whole / "strips" / "S001-happy-share-1.png")).shape == image.shape
    assert (whole / "strips" / "text-backbone-S001.png").is_file()


def test_the_same_command_trains_and_scores_nothing_again(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("was done again")

    monkeypatch.setattr(training, "take_step", never)
    monkeypatch.setattr("spfem_bench.ablation.scoring.run", never)
    monkeypatch.setattr("spfem_bench.ablation.scaling._norms", never)
    before = texts(whole)
    done("run", "-C", FILE, "-o", whole)
    assert texts(whole) == before


def test_killed_and_interrupted_it_ends_in_the_same_table(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    kill_at(out / "warm" / "seed-0" / "checkpoint.json", out)
    assert not (out / TABLES[0]).exists()
    steps, take_step = [0], training.take_step

    def interrupted(*given: object) -> object:
        steps[0] += 1
        if steps[0] == 7:
            raise KeyboardInterrupt
        return take_step(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(training, "take_step", interrupted)
        assert invoke("run", FILE, "-o", out).exit_code != 0
    assert not (out / TABLES[0]).exists()
    done("run", FILE, "-o", out)
    assert texts(out) == texts(whole)


def kill_at(path: Path, out: Path, patience: float = 600.0) -> None:
    """Run in another process and kill it once a file is there."""
    command = [sys.executable, "-m", "spfem_bench", "run", str(FILE), "-o", str(out)]
    nowhere = subprocess.DEVNULL
    child = subprocess.Popen(command, stdout=nowhere, stderr=nowhere, env=dict(os.environ))
    until = time.monotonic() + patience
    while not path.exists() and child.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL, "it ended before it could be killed"
    assert path.exists()


def test_the_table_is_rendered_again_from_its_rows_alone(whole: Path, tmp_path: Path) -> None:
    kept = tmp_path / "ablation-synthetic"
    ignored = shutil.ignore_patterns(".lock", "circumstances.json")
    shutil.copytree(whole / "rows", kept, ignore=ignored)
    assert [path.read_bytes() for path in write_report(kept, kept)] == texts(whole)[:3]
    (kept / report.FINDINGS).write_text("One sentence.\n")
    table, *_ = write_report(kept, kept)
    assert table.read_text().split("\n\n")[1] == "One sentence."


@pytest.mark.skipif(not COMMITTED.is_dir(), reason="no ablation is committed")
def test_the_committed_table_is_that_of_the_committed_rows(tmp_path: Path) -> None:
    made = write_report(COMMITTED, tmp_path / COMMITTED.name)
    for path in made:
        assert path.read_bytes() == COMMITTED.with_name(path.name).read_bytes(), path.name


def test_its_file_says_what_is_done_and_options_say_how() -> None:
    plan = done("run", FILE, "--dry-run")
    assert "fine-tunings: 5" in plan
    refused = invoke("run", FILE, "--suite", "portable-v1")
    assert refused.exit_code == 2
    assert "leave out --suite" in refused.stderr
