"""The pytest plug-in calls the same gate: in a test run of its own, on bundles of real runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.judging import Runs
from tests.support.worlds import make_folder

pytest_plugins = ["pytester"]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bundles")
    runs = Runs(make_folder(root / "data", speakers=2), root / "runs")
    return {name: runs.of(f"m={name}", metrics=("luma-drift",)) for name in ("by_20", "by_30")}


def run(pytester: pytest.Pytester, *args: object) -> pytest.RunResult:
    return pytester.runpytest_inprocess("-q", *map(str, args))


def test_the_gate_is_an_item_of_the_run(pytester: pytest.Pytester, bundles: dict[str, Path]) -> None:
    good, bad = bundles["by_20"], bundles["by_30"]
    run(pytester, "--spfem-bundle", good, "--spfem-baseline", good).assert_outcomes(passed=1)
    result = run(pytester, "--spfem-bundle", bad, "--spfem-baseline", good)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*gate failed, exit code 3: luma-drift of m is worse*"])
    allowed = ("--spfem-tolerance", "luma-drift=60%")
    run(pytester, "--spfem-bundle", bad, "--spfem-baseline", good, *allowed).assert_outcomes(passed=1)


def test_a_missing_baseline_fails(pytester: pytest.Pytester, bundles: dict[str, Path]) -> None:
    result = run(pytester, "--spfem-bundle", bundles["by_20"], "--spfem-baseline", pytester.path / "none")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*there is no baseline*"])
    result = run(pytester, "--spfem-bundle", bundles["by_20"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_test_of_ones_own_takes_the_fixture(pytester: pytest.Pytester, bundles: dict[str, Path]) -> None:
    pytester.makepyfile(
        f"""
        import pytest
        from spfem_bench.pytest_plugin import GateError

        GOOD, BAD = {str(bundles["by_20"])!r}, {str(bundles["by_30"])!r}

        def test_same(spfem_gate):
            assert spfem_gate(GOOD, GOOD).compared == 1

        def test_worse(spfem_gate):
            with pytest.raises(GateError, match="luma-drift of m is worse"):
                spfem_gate(BAD, GOOD)

        def test_allowed(spfem_gate):
            assert spfem_gate(BAD, GOOD, tolerances=["*=15"]).passed
        """
    )
    run(pytester).assert_outcomes(passed=3)
