"""A program below a launcher that hands nothing on, and below a daemon whose client can be killed alone."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spfem_bench.adapters.check import OutputError
from spfem_bench.adapters.command import reaper
from spfem_bench.adapters.command.adapter import CommandAdapter
from spfem_bench.adapters.command.check import check, require_ready
from spfem_bench.adapters.command.containers import Berth, aboard
from spfem_bench.adapters.command.job import Job, write_job
from spfem_bench.adapters.command.launch import Command, launch
from spfem_bench.adapters.command.manifest import read_manifest, shipped, shipped_names, wrappers_dir
from spfem_bench.adapters.command.places import Place, find_place
from spfem_bench.adapters.command.room import job_room
from spfem_bench.errors import UsageError
from tests.support.foreign_manifests import script
from tests.support.programs import make_manifest, requests

ROOT = Path(__file__).parents[2]
DAEMON = ROOT / "tests" / "support" / "daemon.py"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="child subreapers are Linux's")
PATIENCE = 60.0

COPYING = """
import shutil
from pathlib import Path
from bridging import each_trial, finish, read_job
def make(job, trial):
    frames = Path(trial["output"]) / "frames"
    shutil.copytree(trial["source"]["frames"], str(frames))
    finish(trial, "frames", "25/1", first_source_frame=0)
each_trial(read_job(), make)
"""


pytestmark = pytest.mark.usefixtures("cache")


def placed(folder: Path, **place: Any) -> CommandAdapter:
    """The manifest in a folder as an adapter, with this ``place.yaml`` beside it."""
    (folder / "place.yaml").write_text(json.dumps({"python": sys.executable, **place}))
    manifest = read_manifest(folder / "manifest.yaml")
    return CommandAdapter(manifest, find_place(manifest))


def outcome(adapter: CommandAdapter, folder: Path) -> str:
    """``same`` where one output is its source, else the reason."""
    (request,) = requests(folder, "a", frames=6)
    try:
        frames = np.concatenate([*adapter.generate(request).frames])
    except OutputError as error:
        return str(error)
    return "same" if np.array_equal(frames, np.concatenate([*request.source.frames()])) else "other"


# A launcher that hands nothing on


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A launcher that takes variables, folder and home away from what it starts."""
    return script(tmp_path / "bare", 'cd / && exec env -i "$@"')


def test_a_shipped_bridge_finds_bridging_without_any_variable(
    tmp_path: Path, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the shipped ones say it: ``from bridging import ...``, from a script in a container."""
    wrappers = tmp_path / "wrappers"
    make_manifest(wrappers / "program")
    (wrappers / "program" / "bridge.py").write_text(COPYING)
    (wrappers / "bridging.py").write_bytes((wrappers_dir() / "bridging.py").read_bytes())
    for module in ("manifest", "room"):
        monkeypatch.setattr(f"spfem_bench.adapters.command.{module}.wrappers_dir", lambda: wrappers)
    monkeypatch.setenv("SPFEM_BENCH_BASELINES", str(tmp_path / "installed"))
    home = tmp_path / "installed" / "program"
    (home / "checkout").mkdir(parents=True)
    (home / "place.yaml").write_text(json.dumps({"launcher": [str(bare)], "python": sys.executable}))
    manifest = shipped("program")
    assert outcome(CommandAdapter(manifest, find_place(manifest)), tmp_path) == "same"


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_bridge_starts_without_any_variable(name: str, bare: Path, tmp_path: Path) -> None:
    bridge = shipped(name).bridge
    assert bridge is not None
    with job_room(name) as room:
        job = write_job(Job(name, "cpu", tmp_path, {}, tmp_path, shipped(name).options, []), tmp_path)
        words = [bare, sys.executable, room.bridge(bridge), job]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE)
    own = "No module named 'models" if name == "ganmut" else ""  # it imports its upstream's networks at once
    assert done.returncode == (1 if own else 0), done.stderr
    assert own in done.stderr


def test_variables_and_folder_are_handed_on_by_name(
    tmp_path: Path, bare: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    monkeypatch.setenv("FFMPEG_BINARY", "/opt/my ffmpeg")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/lib")
    environment = {"python-path": sys.executable, "variables": ["FFMPEG_BINARY", "NOT_SET"]}
    make_manifest(tmp_path / "m", "spy", environment=environment)
    adapter = placed(tmp_path / "m", launcher=["env", "-i", "-C", "{folder}", "{variable}"])
    assert outcome(adapter, tmp_path) == "same"
    (told,) = kept.glob("program-*/job/01/outputs/0000/environ.json")
    seen = json.loads(told.read_text())
    root = str(tmp_path / "cache" / "jobs")
    assert all(seen[name].startswith(root) for name in ("HOME", "TMPDIR", "PYTHONPATH"))
    assert (seen["OMP_NUM_THREADS"], seen["FFMPEG_BINARY"]) == ("1", "/opt/my ffmpeg")
    assert (seen["PYTHONHASHSEED"], seen["PYTHONUNBUFFERED"]) == ("0", "1")
    assert not {"SECRET_TOKEN", "PATH", "LD_LIBRARY_PATH", "NOT_SET"} & set(seen)


def test_a_launcher_that_hands_variables_on_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container client finds its images and its daemon by the user's home and variables."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/user/1000/docker.sock")
    berth = Berth("n", tmp_path, tmp_path / "01", tmp_path / "python", {"HOME": "/job/home", "PATH": "/bin"})

    def started(*launcher: str) -> Any:
        return aboard(Place(tmp_path, tmp_path / "clone", "python", launcher), ["python"], berth)

    assert started("nice").environ == berth.environ
    carried = started("docker", "run", "--env={variable}", "image")
    assert carried.argv == ("docker", "run", "--env=HOME=/job/home", "image", "python")
    assert carried.environ == dict(os.environ)


def test_what_placeholders_stand_for(tmp_path: Path) -> None:
    launcher = ["-n={name}", "{room}:/r", "{folder}", "{checkout}", "{bridges}", "{user}", "{other}", "{}"]
    room, clone = tmp_path / "room", tmp_path / "clone"
    berth = Berth("spfem-x-1", room, room / "01", room / "python", {})
    place = Place(tmp_path, clone, "python", tuple(launcher), stop=("rm", "{name}"))
    started = aboard(place, ["python", "{name}.py"], berth)
    filled = ["-n=spfem-x-1", f"{room}:/r", f"{room}/01", str(clone), f"{room}/python"]
    user = f"{os.getuid()}:{os.getgid()}"
    assert list(started.argv) == [*filled, user, "{other}", "{}", "python", "{name}.py"]
    assert started.stop == ("rm", "spfem-x-1")


# A daemon


@dataclass(frozen=True)
class Daemon:
    """A running stand-in."""

    socket: Path

    @property
    def client(self) -> list[str]:
        return [sys.executable, "-S", str(DAEMON), str(self.socket)]

    @property
    def place(self) -> dict[str, Any]:
        """As somebody would write it for docker."""
        handed = ["--name", "{name}", "-w", "{folder}", "--env={variable}", "--"]
        return {"launcher": [*self.client, "run", *handed], "stop": [*self.client, "rm", "{name}"]}

    def running(self) -> list[str]:
        """The names of its containers."""
        return subprocess.check_output([*self.client, "ps"], text=True, timeout=PATIENCE).split()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Its containers are ended with it."""
    with tempfile.TemporaryDirectory() as folder:  # the path of a socket is short
        found = Daemon(Path(folder) / "s")
        server = subprocess.Popen([*found.client, "serve"])
        _until(found.socket.exists)
        yield found
        for name in found.running():
            subprocess.run([*found.client, "rm", name], check=False, timeout=PATIENCE)
        server.kill()
        server.wait()


def _until(holds: Callable[[], object]) -> None:
    limit = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < limit, "it never came to that"
        time.sleep(0.02)


def test_what_a_daemon_runs_gives_an_output_and_is_gone(tmp_path: Path, daemon: Daemon) -> None:
    make_manifest(tmp_path / "m")
    adapter = placed(tmp_path / "m", **daemon.place)
    assert check(adapter.manifest, adapter.place).is_complete
    assert adapter.identity == adapter.identity
    assert outcome(adapter, tmp_path) == "same"
    assert daemon.running() == []


def test_a_timeout_ends_the_container_too(tmp_path: Path, daemon: Daemon) -> None:
    make_manifest(tmp_path / "m", "hang", timeout={"start": 2, "trial": 0.5})
    assert "no result after 2.5 s, killed" in outcome(placed(tmp_path / "m", **daemon.place), tmp_path)
    assert daemon.running() == []


def test_without_a_stop_command_it_would_run_on(tmp_path: Path, daemon: Daemon) -> None:
    """That the stand-in does what makes the command needed."""
    make_manifest(tmp_path / "m", "hang", timeout={"start": 2, "trial": 0.5})
    outcome(placed(tmp_path / "m", launcher=daemon.place["launcher"]), tmp_path)
    (name,) = daemon.running()
    assert name.startswith("spfem-program-")


KILLED = """
import sys
from pathlib import Path
from spfem_bench.adapters import load_system
from tests.support.programs import requests
(request,) = requests(Path(sys.argv[1]), "a", frames=6)
load_system(f"command:{sys.argv[1]}/m").adapter.generate(request)
"""


@LINUX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_harness_leaves_no_container(tmp_path: Path, daemon: Daemon, number: int) -> None:
    make_manifest(tmp_path / "m", "hang", timeout={"start": 600, "trial": 1})
    placed(tmp_path / "m", **daemon.place)
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, tmp_path], cwd=ROOT, stderr=subprocess.DEVNULL
    ) as harness:
        _until(daemon.running)
        harness.send_signal(number)
    _until(lambda: not daemon.running())


@LINUX
def test_a_killed_reaper_leaves_no_container(tmp_path: Path, daemon: Daemon) -> None:
    """A client that kills what watches it: the harness itself then runs the command."""
    make_manifest(tmp_path / "m", "hang", timeout={"start": 600, "trial": 1})
    place = daemon.place
    asked = shlex.join([*daemon.client, "ps"])
    wait = f'while [ -z "$({asked})" ]; do sleep 0.05; done; kill -9 $PPID; sleep 600'
    killing = script(tmp_path / "killing", f'"$@" & {wait}')
    place["launcher"].insert(0, str(killing))
    assert "no result" in outcome(placed(tmp_path / "m", **place), tmp_path)
    _until(lambda: not daemon.running())


# The command itself


def stopped(folder: Path, *stop: str) -> str | None:
    environ = dict(os.environ)
    command = Command([sys.executable, "-S", "-c", "print('made')"], folder, environ, PATIENCE, folder)
    ended = launch(Command(**{**vars(command), "stop": stop}))
    assert (ended.status, ended.words) == (0, "made")
    return ended.unstopped


def test_it_is_run_after_a_good_end_and_its_words_are_not_the_programs(tmp_path: Path) -> None:
    said = script(tmp_path / "said", f"echo gone already; touch {tmp_path}/ran; exit 1")
    assert stopped(tmp_path, str(said)) is None
    assert (tmp_path / "ran").exists()


def test_one_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    none = str(tmp_path / "none")
    assert stopped(tmp_path, none) == f"{none} could not be started: No such file or directory"


def test_one_that_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper, "STOPPING", 0.2)
    assert reaper.stop(["sleep", "60"]) == "sleep did not end within 0.2 s"


def test_one_that_is_not_there_is_said_before_any_work(tmp_path: Path) -> None:
    make_manifest(tmp_path / "m")
    adapter = placed(tmp_path / "m", launcher=["env"], stop=[str(tmp_path / "none"), "rm"])
    (missing,) = check(adapter.manifest, adapter.place).missing
    assert (missing.part, missing.mend.split()[-1]) == ("stop", str(tmp_path / "m" / "place.yaml"))
    with pytest.raises(UsageError, match="which is to end what the launcher started"):
        require_ready(adapter.manifest, adapter.place)
