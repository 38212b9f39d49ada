"""A foreign environment: another Python and other package versions than the harness runs with."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

collect_ignore = ["fakes"]
"""Programs of the stand-ins are called as their upstreams call them: ``test_cross.py`` is no test."""

PYTHONS = ("3.10", "3.9", "3.12")
"""Versions that the pinned packages are built for and this project is not developed with, best first."""

PINNED = ("numpy==1.26.4", "av==12.3.0", "pillow==10.4.0")
UNPINNED = ("numpy", "av", "pillow")
"""For a Python that the pinned ones are not built for: its newest, whatever that is."""

REQUIRED = "SPFEM_BENCH_REQUIRE_FOREIGN"
SECONDS = 900


def _versions() -> Iterator[Path]:
    """Interpreters of the wanted versions, in order, on PATH or kept by pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in PYTHONS:
        on_path = shutil.which(f"python{version}")
        kept = sorted(pyenv.glob(f"{version}.*/bin/python"))
        yield from (Path(found) for found in ([on_path] if on_path else []) + kept)


def _works(python: Path) -> bool:
    """Whether it starts and can make environments (a pyenv shim without a version set cannot)."""
    if python.resolve() == Path(sys.executable).resolve():
        return False
    try:
        tried = subprocess.run(
            [python, "-c", "import venv, ensurepip"], capture_output=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def _base() -> tuple[Path, tuple[str, ...]]:
    """The interpreter to build from, and what to install in it."""
    for python in _versions():
        if _works(python):
            return python, PINNED
    own = Path(sys.executable)
    return own, PINNED if sys.version_info < (3, 13) else UNPINNED


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _called(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise RuntimeError(f"{' '.join(map(str, command[1:4]))} ...: {last[0]}")


def _built(cache: Path) -> Path:
    base, packages = _base()
    key = hashlib.sha256("\n".join([str(base.resolve()), *packages]).encode()).hexdigest()[:16]
    home = cache / key
    python = home / "bin" / "python"
    with _alone(cache / f"{key}.building"):
        if not (home / "complete").is_file():
            shutil.rmtree(home, ignore_errors=True)
            _called([base, "-m", "venv", home])
            _called([python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *packages])
            _called([python, "-c", "import numpy, av, PIL"])
            (home / "complete").touch()
    return python


@pytest.fixture(autouse=True)
def line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """As every program is launched (`spfem_bench.adapters.command.launch`): what it prints comes in order."""
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")


@pytest.fixture(scope="session")
def foreign_python() -> Path:
    """An interpreter with numpy, av and pillow that shares nothing with the harness's own.

    Built once by pip and kept in the user's cache. Where no package index can be reached the tests that need
    it are skipped with the reason, unless ``SPFEM_BENCH_REQUIRE_FOREIGN`` is set.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    try:
        return _built(home / "spfem-bench" / "foreign")
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        if os.environ.get(REQUIRED):
            pytest.fail(f"no foreign environment, though {REQUIRED} is set: {error}")
        pytest.skip(f"no foreign environment could be built: {error}")
