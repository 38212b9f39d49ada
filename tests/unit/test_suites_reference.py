"""The page of all metrics is what the metrics say of themselves today."""

from __future__ import annotations

from pathlib import Path

from spfem_bench.suites.load import load_suite
from spfem_bench.suites.reference import SUITES, metrics_page
from tests.support.worlds import TINY

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf8") == metrics_page(), (
        "run: python -m spfem_bench.suites.reference > docs/metrics.md"
    )


def test_every_metric_of_all_suites_has_a_row_and_a_section() -> None:
    page = metrics_page()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    sections = [line for line in page.splitlines() if line.startswith("## `")]
    assert len(rows) == len(sections) >= max(len(load_suite(name).metrics) for name in SUITES)
    assert all(line.count("|") == 9 for line in rows)
    suites = "`standard-v1`, `portable-v1`, `synthetic-v1`"
    assert f"| `psnr`† | PSNR | {suites} | higher | dB | 0 to 100 | true pair |" in page
    assert "| `lse-d` | LSE-D | `synthetic-v1` | lower | distance | 0 to ∞ | nothing |" in page
    assert "| `emotion-accuracy`* | Emotion |" in page
    assert "Weak evidence in `portable-v1`: the classifier" in page


def test_a_suite_of_ones_own_can_be_shown() -> None:
    page = metrics_page([TINY])
    assert "`luma-drift`" in page
    assert "## Left out" not in page
