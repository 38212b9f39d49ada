"""Who may use a checkout at the same time."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from spfem_bench.adapters.command.locks import beside_others, exclusively

Hold = Callable[[Path], AbstractContextManager[None]]
PATIENCE = 60.0


pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "checkout").mkdir()
    return tmp_path / "checkout"


class Comer:
    """Somebody in a thread who takes a hold as soon as that is given, and keeps it until let go."""

    def __init__(self, hold: Hold, folder: Path) -> None:
        self._hold, self._folder = hold, folder
        self._has, self._enough = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with self._hold(self._folder):
            self._has.set()
            self._enough.wait(PATIENCE)

    def is_in(self, seconds: float = PATIENCE) -> bool:
        return self._has.wait(seconds)

    def leave(self) -> None:
        self._enough.set()
        self._thread.join(PATIENCE)


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (exclusively, exclusively, False),
        (exclusively, beside_others, False),
        (beside_others, exclusively, False),
        (beside_others, beside_others, True),
    ],
)
@pytest.mark.parametrize("lockable", [True, False])
def test_who_waits_for_whom(
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    first: Hold,
    second: Hold,
    together: bool,
    lockable: bool,
) -> None:
    if not lockable:
        monkeypatch.setattr(fcntl, "flock", _as_on_a_network_disk(checkout))
    with first(checkout):
        comer = Comer(second, checkout)
        assert comer.is_in(PATIENCE if together else 0.3) == together
    assert comer.is_in()
    comer.leave()


def _as_on_a_network_disk(folder: Path) -> Callable[[int, int], None]:
    """NFS locks nothing alone that was not opened for writing."""
    real = fcntl.flock

    def flock(descriptor: int, how: int) -> None:
        if how & fcntl.LOCK_EX and os.path.samestat(os.fstat(descriptor), folder.stat()):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        real(descriptor, how)

    return flock


def test_one_who_wants_to_be_alone_goes_before_those_who_come_later(checkout: Path) -> None:
    with ExitStack() as first:
        first.enter_context(beside_others(checkout))
        alone = Comer(exclusively, checkout)
        assert not alone.is_in(0.3)
        later = Comer(beside_others, checkout)
        assert not later.is_in(0.3)
        first.close()
        assert alone.is_in()
        assert not later.is_in(0.3)
        alone.leave()
    assert later.is_in()
    later.leave()


def test_a_checkout_is_the_same_by_another_name_and_from_another_cache(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(checkout)
    with exclusively(checkout):
        monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "other-cache"))
        comer = Comer(exclusively, tmp_path / "link")
        assert not comer.is_in(0.3)
    assert comer.is_in()
    comer.leave()


def test_other_checkouts_are_not_waited_for_and_nothing_is_written(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with exclusively(checkout), exclusively(tmp_path / "other"), exclusively(tmp_path / "not-there"):
        assert not list(checkout.iterdir())
    assert not (tmp_path / "not-there").exists()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_does_not_keep_what_was_let_go(checkout: Path) -> None:
    with exclusively(checkout):
        child = os.fork()
        if child == 0:
            time.sleep(PATIENCE)
            os._exit(0)
    try:
        comer = Comer(exclusively, checkout)
        assert comer.is_in()
        comer.leave()
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
