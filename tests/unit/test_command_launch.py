"""One foreign process: how it ends, what it may know, and that nothing of it stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spfem_bench.adapters.command.launch import PASSED_ON, Command, Ended, launch, surroundings
from spfem_bench.adapters.command.streams import KEPT, last_words
from spfem_bench.errors import StorageError
from tests.support.programs import running_below

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="child subreapers are Linux's")
PATIENCE = 60.0


def command(folder: Path, source: str, *, seconds: float = PATIENCE, **caps: int) -> Command:
    """A Python program in a folder of its own, which is also its home."""
    environ = surroundings(folder, folder, None, ())
    return Command([sys.executable, "-S", "-c", source], folder, environ, seconds, folder, **caps)


def run(folder: Path, source: str, *, seconds: float = PATIENCE, **caps: int) -> Ended:
    return launch(command(folder, source, seconds=seconds, **caps))


@pytest.mark.parametrize(
    ("source", "status", "sentence"),
    [
        ("print('made')", 0, "exit status 0 (last words: made)"),
        ("raise SystemExit(7)", 7, "exit status 7"),
        ("raise ValueError('no face')", 1, "exit status 1 (last words: ValueError: no face)"),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV, "killed by SIGSEGV"),
        ("import os; os.abort()", -signal.SIGABRT, "killed by SIGABRT"),
        (
            "import os; os.kill(os.getpid(), 9)",
            -signal.SIGKILL,
            "killed by SIGKILL, perhaps for want of memory",
        ),
    ],
)
def test_how_a_program_ended_is_told(tmp_path: Path, source: str, status: int, sentence: str) -> None:
    ended = run(tmp_path, source)
    assert (ended.status, ended.timed_out, ended.left) == (status, False, 0)
    assert ended.sentence == sentence


def test_a_program_that_is_not_there_is_refused(tmp_path: Path) -> None:
    ended = launch(Command([str(tmp_path / "none")], tmp_path, {}, PATIENCE, tmp_path))
    assert ended.sentence == "could not be started: No such file or directory"
    assert ended.status is None


def test_logs_that_cannot_be_written_are_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        launch(Command([sys.executable], tmp_path, {}, PATIENCE, tmp_path / "missing"))


# What it may know


def test_only_what_is_listed_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    monkeypatch.setenv("FFMPEG_BINARY", "/usr/bin/ffmpeg")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
    home = tmp_path / "home"
    home.mkdir()
    environ = surroundings(home, tmp_path, tmp_path / "python", ("FFMPEG_BINARY", "NOT_SET"))
    source = "import json, os; print(json.dumps(dict(os.environ)))"
    launch(Command([sys.executable, "-c", source], home, environ, PATIENCE, tmp_path))
    seen = json.loads((tmp_path / "stdout.txt").read_text())
    assert "s3cret" not in json.dumps(seen)
    own = {"HOME", "TMPDIR", "PYTHONPATH", "FFMPEG_BINARY"} | {name for name in seen if name[:6] == "PYTHON"}
    assert set(seen) <= own | set(PASSED_ON)
    assert (seen["HOME"], seen["TMPDIR"]) == (str(home), str(tmp_path))
    assert (seen["FFMPEG_BINARY"], seen["CUDA_VISIBLE_DEVICES"]) == ("/usr/bin/ffmpeg", "1")
    assert "PYTHONSTARTUP" not in seen


def test_its_input_is_empty_and_no_other_file_of_the_harness_is_open(tmp_path: Path) -> None:
    with (tmp_path / "open.txt").open("w") as open_here:
        os.set_inheritable(open_here.fileno(), True)
        source = "import os, sys; print(len(sys.stdin.read()), sorted(map(int, os.listdir('/dev/fd')))[:4])"
        ended = run(tmp_path, source)
    assert ended.words == "0 [0, 1, 2, 3]"  # 3 is the listing itself


def test_its_limits_are_set(tmp_path: Path) -> None:
    source = "import resource as r; print(r.getrlimit(r.RLIMIT_AS)[0], r.getrlimit(r.RLIMIT_CORE))"
    assert run(tmp_path, source, address_space=1 << 30).words == f"{1 << 30} (0, 0)"


def test_address_space_is_limited_only_where_that_is_asked(tmp_path: Path) -> None:
    """A cap on memory alone lets a process map more than it uses, as CUDA does."""
    source = "import mmap; mmap.mmap(-1, 2 << 30); print('mapped')"
    assert run(tmp_path, source, memory=512 << 20).sentence == "exit status 0 (last words: mapped)"


def test_a_memory_hog_ends_at_its_cap(tmp_path: Path) -> None:
    ended = run(tmp_path, "kept = bytearray(1 << 30)", address_space=256 << 20)
    assert ended.sentence == "exit status 1 (last words: MemoryError)"


CHILDREN = """
import os, subprocess, sys
code = "kept = bytearray(%d << 20); import time; time.sleep(%d)"
grown = [subprocess.Popen([sys.executable, "-S", "-c", code], start_new_session=True) for _ in range(4)]
sys.exit(max(one.wait() for one in grown))
"""
SHARERS = """
import mmap, os, time
shared = mmap.mmap(-1, 160 << 20)
shared.write(bytes(160 << 20))
for _ in range(4):
    if not os.fork():
        sum(shared[at] for at in range(0, 160 << 20, 4096))
        time.sleep(2)
        os._exit(0)
for _ in range(4):
    os.wait()
"""


@LINUX
def test_processes_that_hold_too_much_together_are_killed(tmp_path: Path) -> None:
    """None of them is above the cap by itself."""
    ended = run(tmp_path, CHILDREN % (160, 3600), memory=400 << 20, address_space=400 << 20)
    assert ended.sentence == "killed because its processes held more than 0.390625 GiB"
    assert not ended.timed_out
    assert not running_below(tmp_path)


@LINUX
def test_processes_that_hold_little_together_are_let_be(tmp_path: Path) -> None:
    assert run(tmp_path, CHILDREN % (8, 2), memory=400 << 20).sentence == "exit status 0"


@LINUX
def test_memory_that_processes_share_is_counted_once(tmp_path: Path) -> None:
    """Five times 160 MiB are mapped, 160 MiB are there."""
    assert run(tmp_path, SHARERS, memory=400 << 20).sentence == "exit status 0"


# Its words


def test_long_output_is_drained_and_its_ends_are_kept(tmp_path: Path) -> None:
    """Written in two streams at once, each many pipes' worth."""
    source = (
        "import os\n"
        "os.write(1, b'first\\n')\n"
        "for _ in range(32):\n os.write(1, b'y' * (1 << 20)); os.write(2, b'n' * (1 << 20))\n"
        "os.write(1, b'\\nlast')\n"
    )
    ended = run(tmp_path, source)
    assert ended.status == 0
    log = (tmp_path / "stdout.txt").read_bytes()
    written = 6 + (32 << 20) + 5
    assert log.startswith(b"first\nyyy")
    assert log.endswith(b"yyy\nlast")
    assert b"\n[... %d bytes left out ...]\n" % (written - 2 * KEPT) in log
    assert len(log) < 2 * KEPT + 100


@pytest.mark.parametrize("length", [0, 1, KEPT - 1, KEPT, KEPT + 1, 2 * KEPT - 1, 2 * KEPT])
def test_output_up_to_twice_what_is_kept_is_kept_whole(tmp_path: Path, length: int) -> None:
    run(tmp_path, f"import os, sys; sys.stdout.write(('abcdefg' * {length})[:{length}])")
    assert (tmp_path / "stdout.txt").read_text() == ("abcdefg" * length)[:length]


@pytest.mark.parametrize(
    ("streams", "said"),
    [
        ((b"", b""), ""),
        ((b"  \n", b"made\n"), "made"),
        ((b"Traceback\n  line\nKeyError: 'x'\n\n", b"made"), "KeyError: 'x'"),
        ((b"10%\r20%\r30%",), "30%"),
        ((b"\x1b[31mred\x1b[0m\x07 alert",), "red alert"),
        ((b"\xff\xfe bytes",), "\ufffd\ufffd bytes"),
        ((b"x" * 300,), "..." + "x" * 200),
    ],
)
def test_last_words_are_one_plain_line(streams: tuple[bytes, ...], said: str) -> None:
    assert last_words(*streams) == said


# Nothing of it stays


def test_a_hang_is_killed_at_its_time(tmp_path: Path) -> None:
    ended = run(tmp_path, "import time; print('waiting', flush=True); time.sleep(3600)", seconds=5)
    assert ended.timed_out
    assert ended.words == "waiting"
    assert not running_below(tmp_path)


def test_a_program_that_ignores_signals_is_killed_too(tmp_path: Path) -> None:
    source = (
        "import signal, time\nfor one in {2, 15, 1}: signal.signal(one, signal.SIG_IGN)\ntime.sleep(3600)"
    )
    assert run(tmp_path, source, seconds=2).timed_out
    assert not running_below(tmp_path)


SLEEPER = "[sys.executable, '-S', '-c', 'import time; time.sleep(3600)']"
DAEMON = """
import os, time
if not os.fork():
    os.setsid()
    if not os.fork():
        time.sleep(3600)
    os._exit(0)
"""
FAMILY = """
import os, time
me = os.getpid()
for _ in range(4):
    os.fork()
if os.getpid() != me:
    time.sleep(3600)
"""
LEAVES = {
    "of its group": f"import subprocess as s, sys; s.Popen({SLEEPER})",
    "of another session": f"import subprocess as s, sys; s.Popen({SLEEPER}, start_new_session=True)",
    "daemons": DAEMON,
    "fifteen": FAMILY,
}


@LINUX
@pytest.mark.parametrize("source", LEAVES.values(), ids=LEAVES)
def test_children_that_are_left_are_killed(tmp_path: Path, source: str) -> None:
    ended = run(tmp_path, source)
    assert ended.status == 0
    assert ended.left >= 1
    assert not running_below(tmp_path)


def test_one_that_closes_its_output_is_still_waited_for(tmp_path: Path) -> None:
    source = "import os, time; os.close(1); os.close(2); time.sleep(0.3); open('made', 'w').close()"
    assert run(tmp_path, source).status == 0
    assert (tmp_path / "made").exists()


@LINUX
def test_one_that_kills_its_keeper_dies_with_it(tmp_path: Path) -> None:
    ended = run(tmp_path, "import os, time; os.kill(os.getppid(), 9); time.sleep(3600)")
    assert ended.status == -signal.SIGKILL
    until(lambda: not running_below(tmp_path))


HARNESS = f"""
import sys
from pathlib import Path
from spfem_bench.adapters.command.launch import Command, launch, surroundings
here = Path(sys.argv[1])
source = "import subprocess as s, sys, time; s.Popen(" + {SLEEPER!r} + ", start_new_session=True);" \\
    "open('ready', 'w').close(); time.sleep(3600)"
launch(Command([sys.executable, "-S", "-c", source], here, surroundings(here, here, None, ()), 3600, here))
"""


@LINUX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_it_dies_with_the_harness_however_that_dies(tmp_path: Path, number: signal.Signals) -> None:
    harness = subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(tmp_path)],
        stderr=subprocess.DEVNULL,
        preexec_fn=_heed_ctrl_c,  # noqa: PLW1509 - sets a signal, no more
    )
    until((tmp_path / "ready").exists)
    assert len(running_below(tmp_path)) >= 2
    harness.send_signal(number)
    assert harness.wait(PATIENCE) != 0
    until(lambda: not running_below(tmp_path))


def _heed_ctrl_c() -> None:
    """Where the tests themselves were started with it ignored, a child would ignore it too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def until(ready: Callable[[], bool]) -> None:
    """Wait until something is so."""
    limit = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < limit, "nothing came of it"
        time.sleep(0.02)
