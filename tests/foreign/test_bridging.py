"""What all bridges share: results, failing programs, trees of links, seeds, and the syntax of Python 3.5."""

from __future__ import annotations

import ast
import importlib.util
import json
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from spfem_bench.adapters.command.job import read_result
from spfem_bench.adapters.command.manifest import shipped, shipped_names, wrappers_dir

BRIDGES = sorted(wrappers_dir().glob("*/bridge.py"))


@pytest.fixture(scope="module")
def bridging() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bridging", wrappers_dir() / "bridging.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def trial(tmp_path: Path) -> dict[str, Any]:
    return {"trial": "M003__a__to__happy", "output": str(tmp_path / "output")}


def _result(trial: dict[str, Any]) -> Any:
    return read_result(Path(trial["output"]) / "result.json")


@pytest.mark.parametrize(
    "script", [wrappers_dir() / "bridging.py", *BRIDGES], ids=lambda path: path.parent.name
)
def test_scripts_are_python_3_5(script: Path) -> None:
    """No format strings, no annotated variables, no commas after starred parameters."""
    ast.parse(script.read_text(encoding="utf-8"), feature_version=(3, 5))


@pytest.mark.parametrize("name", shipped_names())
def test_manifests_are_sound(name: str) -> None:
    manifest = shipped(name)
    assert manifest.name == name
    assert manifest.bridge is not None
    assert manifest.known
    assert manifest.upstream.commit is not None


def test_result_is_what_the_harness_reads(bridging: ModuleType, trial: dict[str, Any]) -> None:
    bridging.finish(trial, "frames", "30000/1001", frame_map=[2, 3])
    result = _result(trial)
    assert (result.trial, result.file, str(result.fps), result.frame_map) == (
        trial["trial"],
        "frames",
        "30000/1001",
        (2, 3),
    )
    assert [path.name for path in Path(trial["output"]).iterdir()] == ["result.json"]


def test_reason_is_one_line(bridging: ModuleType, trial: dict[str, Any]) -> None:
    bridging.fail(trial, "it\n  went wrong")
    assert _result(trial).failed == "it went wrong"


def test_one_trial_does_not_stop_the_next(bridging: ModuleType, tmp_path: Path, capsys: Any) -> None:
    trials = [{"trial": name, "output": str(tmp_path / name)} for name in "abc"]

    def make(job: dict[str, Any], trial: dict[str, Any]) -> None:
        if trial["trial"] == "a":
            raise bridging.Failed("a reason")
        if trial["trial"] == "b":
            raise KeyError("gone")
        bridging.finish(trial, "video.mp4")

    bridging.each_trial({"trials": trials}, make)
    assert [_result(trial).failed for trial in trials] == ["a reason", "KeyError: 'gone'", None]
    assert "Traceback" in capsys.readouterr().err


def test_other_job_formats_are_refused(bridging: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(json.dumps({"format": "spfem-job@2"}))
    with pytest.raises(SystemExit, match="spfem-job@1"):
        bridging.read_job(str(tmp_path / "job.json"))


def test_program_passes_on_what_it_says(bridging: ModuleType, tmp_path: Path, capfd: Any) -> None:
    said = bridging.run([sys.executable, "-c", "import os; print('in', os.getcwd())"], tmp_path)
    assert said.split() == ["in", str(tmp_path.resolve())]
    assert capfd.readouterr().out == said


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "print('first'); raise SystemExit('no face\\n')",
            r"tool left with exit status 1 \(last words: no face\)",
        ),
        ("import os; os.kill(os.getpid(), 11)", "tool was ended by signal 11"),
        ("import time; print('loading', flush=True); time.sleep(60)", r"tool had not ended after 2 s"),
    ],
)
def test_program_that_fails_says_why(bridging: ModuleType, tmp_path: Path, script: str, reason: str) -> None:
    limit = 2 if "sleep" in script else None
    with pytest.raises(bridging.Failed, match=reason):
        bridging.run([sys.executable, "-c", script], tmp_path, timeout=limit, name="tool")


def test_missing_program_is_a_reason(bridging: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(bridging.Failed, match="no-such-tool cannot be started"):
        bridging.run(["no-such-tool"], tmp_path)


def test_much_output_is_not_kept(bridging: ModuleType, tmp_path: Path, capfd: Any) -> None:
    script = "import sys\nfor i in range(20000): sys.stdout.write('%099d\\n' % i)"
    said = bridging.run([sys.executable, "-c", script], tmp_path)
    assert len(said) <= bridging.KEPT
    assert said.endswith("19999\n")
    assert len(capfd.readouterr().out) == 2_000_000


def test_card_is_chosen_among_the_visible(bridging: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    assert bridging.environment("cuda:1")["CUDA_VISIBLE_DEVICES"] == "7"
    assert bridging.environment("cpu")["CUDA_VISIBLE_DEVICES"] == "5,7"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert bridging.environment("cuda")["CUDA_VISIBLE_DEVICES"] == "0"


def test_scripts_that_say_python_get_this_one(bridging: ModuleType, tmp_path: Path) -> None:
    env = bridging.environment("cpu", [tmp_path], bridging.own_python(tmp_path / "a b"))
    script = "import sys; print(sys.executable, sys.path[1])"
    said = bridging.run(["sh", "-c", f'python3 -c "{script}"'], tmp_path, env)
    assert said.split() == [sys.executable, str(tmp_path)]


def test_tree_keeps_what_is_written_out_of_the_checkout(bridging: ModuleType, tmp_path: Path) -> None:
    checkout, tree = tmp_path / "checkout", tmp_path / "tree"
    for name in (
        "code/run.py",
        "weights/net/a.pth",
        "weights/net/opt.txt",
        "weights/other.pth",
        "results/old",
    ):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(name)
    bridging.link_tree(checkout, tree, ("weights/net", "new/place"), ("weights/net/opt.txt", "results"))
    (tree / "weights" / "net" / "opt.txt").write_text("written")
    (tree / "new" / "place" / "x").touch()
    assert (tree / "code").is_symlink()
    assert (tree / "weights" / "net" / "a.pth").read_text() == "weights/net/a.pth"
    assert (tree / "weights" / "other.pth").read_text() == "weights/other.pth"
    assert not (tree / "results").exists()
    assert (checkout / "weights" / "net" / "opt.txt").read_text() == "weights/net/opt.txt"


def test_pictures_are_renumbered_and_their_numbers_kept(
    bridging: ModuleType, trial: dict[str, Any], tmp_path: Path
) -> None:
    for number in (2, 3, 10, 4, 5, 6, 7, 8, 9):
        (tmp_path / f"{number}_re.png").write_text(str(number))
    (tmp_path / "mask.png").touch()
    assert bridging.number_frames(tmp_path, trial, r"(\d+)_re\.png") == list(range(2, 11))
    frames = sorted((Path(trial["output"]) / "frames").iterdir())
    assert [path.name for path in frames] == [f"{i:06d}.png" for i in range(9)]
    assert [path.read_text() for path in frames] == [str(i) for i in range(2, 11)]


def test_gaps_and_empty_folders_are_reasons(
    bridging: ModuleType, trial: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(bridging.Failed, match="no frames in nowhere"):
        bridging.number_frames(tmp_path / "nowhere", trial)
    for number in (1, 2, 5):
        (tmp_path / f"{number:03d}.png").touch()
    with pytest.raises(bridging.Failed, match=r"2 frames are missing in .*, the first is 3"):
        bridging.number_frames(tmp_path, trial)


def test_seeded_script_is_as_if_called_itself(tmp_path: Path, bridging: ModuleType) -> None:
    """Same arguments, same path, ``__main__``; random numbers from the seed, however large."""
    (tmp_path / "beside.py").write_text("NAME = 'beside'\n")
    script = tmp_path / "script.py"
    script.write_text(
        "import random, sys\nimport beside\n"
        "if __name__ == '__main__':\n    print(sys.argv[1:], beside.NAME, random.random())\n"
    )
    seed = 2**63 - 1
    command = bridging.seeded(seed, script, "--which_epoch", 2)
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.strip() == f"['--which_epoch', '2'] beside {random.Random(seed).random()}"


def test_rate_without_ffprobe_is_unknown(
    bridging: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bridging.video_rate(tmp_path / "video.mp4") is None
    bridging.program(tmp_path / "ffprobe", "echo 30000/1001,")
    assert bridging.video_rate(tmp_path / "video.mp4") == "30000/1001"
    bridging.program(tmp_path / "ffprobe", "echo 0/0")
    assert bridging.video_rate(tmp_path / "video.mp4") is None


def test_what_was_said_first_outlives_many_small_writes(bridging: ModuleType, tmp_path: Path) -> None:
    program = "import sys\nprint('a word', flush=True)\nfor _ in range(500): print('.', end='', flush=True)"
    assert bridging.run([sys.executable, "-c", program], tmp_path).startswith("a word\n.")
