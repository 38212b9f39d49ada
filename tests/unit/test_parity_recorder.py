"""The fixture `parity` fails where its tolerance says, and ``--parity`` writes what was compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.parity import EXACT, Parity, Tolerance, absolute, of, of_each, of_largest, release, table
from tests.support.parity_claims import claims

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    ("tolerance", "theirs", "apart"),
    [
        (absolute(0.5), [1, 100], 0.5),
        (of_largest(0.01), [1, 100], 1),
        (of_each(0.01), [50, 100], 0.5),
        (of(0.1, 20, "the eyes' distance"), [1, 100], 2),
    ],
)
def test_differences_up_to_the_tolerance_pass(tolerance: Tolerance, theirs: list, apart: float) -> None:
    for place in (0, 1):
        for share, passes in ((0.99, True), (1.01, False)):
            ours = np.array(theirs, float)
            ours[place] += apart * share * (2 if tolerance.measure == "each value" and place else 1)
            fails(passes, ours, theirs, tolerance)


def fails(passes: bool, ours: object, theirs: object, tolerance: Tolerance) -> None:
    compared = (ours, theirs, tolerance)
    if passes:
        Parity()("FID", "scipy", *compared, n=(1, "frames"))  # type: ignore[arg-type]
        return
    with pytest.raises(AssertionError, match="FID against scipy: "):
        Parity()("FID", "scipy", *compared, n=(1, "frames"))  # type: ignore[arg-type]


def test_of_each_value_it_does_not_matter_whose_is_divided_by() -> None:
    fails(False, [100.0], [101.0], of_each(0.00995))
    fails(False, [101.0], [100.0], of_each(0.00995))


@pytest.mark.parametrize("tolerance", [EXACT, absolute(1), of_largest(1), of_each(1), of(1, 3, "three")])
def test_what_is_no_number_or_has_another_shape_fails_in_every_measure(tolerance: Tolerance) -> None:
    for ours, theirs in (
        ([np.nan], [1.0]),
        ([np.nan], [np.nan]),
        ([np.inf], [np.inf]),
        ([1.0], [np.nan]),
        ([1.0, 1.0], [1.0]),
        (1.0, [1.0]),
    ):
        fails(False, ours, theirs, tolerance)
    fails(True, [0.0, 1.0], [0.0, 1.0], tolerance)


def test_exact_is_exact_and_where_nothing_is_each_value_is_all() -> None:
    fails(False, [1.0], [np.nextafter(1, 2)], EXACT)
    fails(False, [1e-300], [0.0], of_each(1e-3))
    fails(False, [1e-300], [0.0], of_largest(1e-3))


def test_a_failure_says_where_and_how_many() -> None:
    sides = [[1, 2], [3, 4.5]], [[1, 2.2], [3, 4]]
    with pytest.raises(AssertionError) as raised:
        Parity()("SSIM", "torchmetrics", *sides, absolute(0.1), n=(4, "frames"))
    assert str(raised.value) == (
        "SSIM against torchmetrics: ours 4.5, theirs 4.0 at (1, 1): 0.5 apart, "
        "0.1 absolute allowed; 2 of 4 values are over"
    )


def test_rows_of_one_metric_oracle_and_tolerance_are_joined_and_sorted() -> None:
    def record(metric: str, difference: float, count: int, unit: str, limit: float = 1e-5) -> dict:
        names = ("metric", "oracle", "count", "unit", "difference", "limit", "measure")
        return dict(zip(names, (metric, "lpips", count, unit, difference, limit, "each value"), strict=True))

    found = [
        ("b.py", record("PSNR", 2e-6, 1, "frames")),
        ("b.py", record("LPIPS", 1e-6, 1000, "frames")),
        ("a.py", record("LPIPS", 3.14159e-6, 2, "frames")),
        ("a.py", record("LPIPS", 2e-6, 1, "windows")),
        ("a.py", record("LPIPS", 2e-4, 1, "frames", 1e-3)),
    ]
    assert table(found).splitlines()[2:] == [
        "| LPIPS | lpips | 1,002 frames, 1 window | 3.1e-06 | 1e-05 of each value | `a.py`, `b.py` |",
        "| LPIPS | lpips | 1 frame | 0.0002 | 0.001 of each value | `a.py` |",
        "| PSNR | lpips | 1 frame | 2e-06 | 1e-05 of each value | `b.py` |",
    ]


COMPARING = """
    import pytest
    from hypothesis import given, settings, strategies as st
    from tests.support.parity import absolute, of_each, release

    NAME = "PSNR"

    @pytest.mark.parametrize("kind", ["a", "b"])
    def test_kinds(parity, kind):
        within = absolute(2 * 0.25)
        parity(f"SSIM {kind}", release("numpy"), 1.0, 1.125, within, n=(1, "frames"))

    @settings(max_examples=3)
    @given(st.integers(0, 9))
    def test_each(parity, number):
        metric, oracle = NAME, "by hand"
        parity(metric, oracle, [number], [number], of_each(1e-9), n=(1, "frames"))

    def test_over(parity):
        parity(NAME, "by hand, wrong", 1.0, 2.0, absolute(0.5), n=(1, "frames"))

    def test_apart():
        pass
"""
ROWS = [
    "| PSNR | by hand | 3 frames | 0 | 1e-09 of each value | `test_comparing.py` |",
    "| PSNR | by hand, wrong | 1 frame | 1 | 0.5 absolute | `test_comparing.py` |",
    "| SSIM a | NUMPY | 1 frame | 0.12 | 0.5 absolute | `test_comparing.py` |",
    "| SSIM b | NUMPY | 1 frame | 0.12 | 0.5 absolute | `test_comparing.py` |",
]


@pytest.fixture
def comparing(pytester: pytest.Pytester) -> Path:
    return pytester.makepyfile(test_comparing=COMPARING)


def run(pytester: pytest.Pytester, *options: object) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "tests.support.parity_plugin", *map(str, options))


@pytest.mark.parametrize("processes", [0, 2])
def test_the_table_is_of_all_that_was_compared_in_any_process(
    pytester: pytest.Pytester, comparing: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    if processes:
        pytest.importorskip("xdist")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=":")
    result = run(pytester, "--parity", "made.md", *(["-n", processes] if processes else []))
    result.assert_outcomes(passed=4, failed=1)
    lines = (pytester.path / "made.md").read_text(encoding="utf8").splitlines()
    assert lines[0].startswith("Made on ")
    assert [line.replace(release("numpy"), "NUMPY") for line in lines[4:]] == ROWS


def test_without_the_option_nothing_is_kept_and_the_mark_picks_the_tests(
    pytester: pytest.Pytester, comparing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=":")
    result = run(pytester, "-m", "parity", "--strict-markers", "--junitxml=report.xml")
    result.assert_outcomes(passed=3, failed=1, deselected=1)
    assert [path.name for path in pytester.path.glob("*.md")] == []
    assert 'name="parity"' not in (pytester.path / "report.xml").read_text(encoding="utf8")


def test_what_a_file_claims_is_read_without_running_it(comparing: Path) -> None:
    kinds, each, over = claims(comparing)
    assert kinds.made("SSIM a", "numpy 1.2.3", "0.5 absolute")
    assert not kinds.made("SSIM a", "numpy", "0.5 absolute")
    assert not kinds.made("SSIM a", "numpy 1.2.3", "0.25 absolute")
    assert each.made("PSNR", "by hand", "1e-09 of each value")
    assert not each.made("PSNR", "by hand", "1e-09 absolute")
    assert over.made("PSNR", "by hand, wrong", "0.5 absolute")
    assert not over.made("PSNR", "by hand", "0.5 absolute")
