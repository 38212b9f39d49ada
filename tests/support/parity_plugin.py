"""The fixture `parity`, the mark of the tests that take it, and ``pytest --parity FILE``.

Records travel in the reports of tests, so that they come back from the processes of pytest-xdist too.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.support.parity import Parity, release, table

RECORDER = pytest.StashKey[Parity]()
LIBRARIES = ("torch", "torchvision", "numpy", "scipy", "opencv-contrib-python", "onnxruntime", "av")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--parity``."""
    parser.addoption("--parity", metavar="FILE", help="write the largest differences from oracles as a table")


def pytest_configure(config: pytest.Config) -> None:
    """Prepare a recorder, and where reports are gathered the writer of the table."""
    config.addinivalue_line("markers", "parity: compares with an oracle (every test that takes the fixture)")
    config.stash[RECORDER] = Parity()
    if config.getoption("--parity") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Writer(Path(config.getoption("--parity")).resolve()))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them, so that ``-m parity`` runs these tests only."""
    for item in items:
        if "parity" in getattr(item, "fixturenames", ()):
            item.add_marker("parity")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Where a table is asked for, the recorder writes to the properties of this test."""
    recorder = item.config.stash[RECORDER]
    recorder.properties = item.user_properties if item.config.getoption("--parity") else None
    try:
        return (yield)
    finally:
        recorder.properties = None


@pytest.fixture(scope="session")
def parity(request: pytest.FixtureRequest) -> Parity:
    """Compares, asserts and records: `tests.support.parity`. One for all tests, as hypothesis wants it."""
    return request.config.stash[RECORDER]


class Writer:
    """Gathers the records of a run and writes their table at its end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: list[tuple[str, dict[str, Any]]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test compared, whether it passed or not."""
        if report.when == "call":
            properties: list[tuple[str, Any]] = report.user_properties
            file = report.nodeid.partition("::")[0]
            self.found += [(file, value) for name, value in properties if name == "parity"]

    def pytest_sessionfinish(self) -> None:
        """Write the table, under the day and the libraries."""
        self.path.write_text(f"{_made_with()}\n\n{table(self.found)}", encoding="utf8")


def _made_with() -> str:
    libraries = ", ".join(release(name) for name in LIBRARIES)
    return (
        f"Made on {date.today()} by Python {platform.python_version()} on {platform.system()} "
        f"{platform.machine()}: {libraries}."
    )
