"""The gate inside a test run: ``pytest --spfem-bundle BUNDLE --spfem-baseline BASELINE``, or a fixture.

With both options one item named ``spfem-gate`` joins the run and passes or fails as ``spfem-bench gate``.
A test of one's own takes the fixture instead:

    def test_no_regression(spfem_gate):
        spfem_gate("runs/today", "runs/accepted", tolerances=["identity=0.01"])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from spfem_bench.judging.gate import Decision

_OPTIONS = {
    "--spfem-bundle": "bundle to be gated against --spfem-baseline",
    "--spfem-baseline": "bundle of the accepted run",
    "--spfem-noise": "noise floor, as spfem-bench calibrate writes it",
}


class GateError(Exception):
    """The gate did not pass; the message is its report."""


class Gate(Protocol):
    """What the fixture `spfem_gate` is."""

    def __call__(
        self,
        candidate: Path | str,
        baseline: Path | str,
        *,
        tolerances: Sequence[str] = (),
        noise: Path | str | None = None,
        max_lost: float = 0.0,
    ) -> Decision:
        """Gate a bundle in mode ``regression``.

        Args:
            candidate: its folder.
            baseline: folder of the accepted bundle.
            tolerances: ``METRIC=SIZE`` or ``METRIC=SHARE%``.
            noise: file of ``spfem-bench calibrate``.
            max_lost: largest share of the baseline's scored trials that may have no score now.

        Raises:
            GateError: it did not pass.
            BenchError: it could not be decided (no baseline, a damaged bundle, ...).
        """
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the gate."""
    group = parser.getgroup("spfem-bench")
    for option, text in _OPTIONS.items():
        group.addoption(option, metavar="PATH", default=None, help=text)
    group.addoption(
        "--spfem-tolerance", action="append", default=[], metavar="METRIC=SIZE[%]", help="may be repeated"
    )
    group.addoption(
        "--spfem-max-lost", type=float, default=0.0, metavar="SHARE", help="share of trials that may be lost"
    )


@pytest.fixture(scope="session")
def spfem_gate() -> Gate:
    """The gate as a function that raises where it does not pass."""
    return _gate


def _gate(
    candidate: Path | str,
    baseline: Path | str,
    *,
    tolerances: Sequence[str] = (),
    noise: Path | str | None = None,
    max_lost: float = 0.0,
) -> Decision:
    from spfem_bench.judging.files import Allowed, gate_files
    from spfem_bench.judging.gate import Policy
    from spfem_bench.judging.report import to_text

    allowed = Allowed(tolerances, Path(noise) if noise else None)
    decision = gate_files(Path(candidate), Path(baseline), allowed, Policy(max_lost=max_lost))
    if not decision.passed:
        raise GateError(to_text(decision.comparison, decision))
    return decision


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the gate as an item of its own where both bundles are given.

    Raises:
        pytest.UsageError: only one of them is given: a gate without a baseline must not pass.
    """
    candidate, baseline = config.getoption("--spfem-bundle"), config.getoption("--spfem-baseline")
    if candidate is None and baseline is None:
        return
    if candidate is None or baseline is None:
        raise pytest.UsageError("--spfem-bundle and --spfem-baseline go together: give both")
    settings = {
        "tolerances": config.getoption("--spfem-tolerance"),
        "noise": config.getoption("--spfem-noise"),
        "max_lost": config.getoption("--spfem-max-lost"),
    }
    items.append(
        _GateItem.from_parent(session, name="spfem-gate", work=lambda: _gate(candidate, baseline, **settings))
    )


class _GateItem(pytest.Item):
    """One run of the gate."""

    def __init__(self, *, work: Callable[[], Decision], **given: object) -> None:
        super().__init__(**given)  # type: ignore[arg-type]
        self._work = work

    def runtest(self) -> None:
        """Gate, or raise."""
        self.add_report_section("call", "spfem-bench", self._work().headline)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """The gate's report, without a traceback, as nobody's code failed."""
        from spfem_bench.errors import BenchError

        if isinstance(excinfo.value, (GateError, BenchError)):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it says it stands."""
        return self.path, 0, self.name
