"""docs/parity.md: its differences are within its tolerances, and its rows are what the tests compare."""

from __future__ import annotations

from pathlib import Path

from tests.support.parity import HEAD
from tests.support.parity_claims import claims

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "parity.md"
MEND = "make the table anew, where nothing is skipped (docs/parity.md says how)"


def rows() -> list[dict[str, str]]:
    lines = [line for line in PAGE.read_text(encoding="utf8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    assert tuple(cells[0]) == HEAD
    return [dict(zip(HEAD, row, strict=True)) for row in cells[2:]]


def files(row: dict[str, str]) -> list[Path]:
    return [ROOT / name.strip("`") for name in row["tests"].split(", ")]


def test_every_difference_is_within_its_tolerance() -> None:
    assert rows()
    for row in rows():
        limit = 0.0 if row["tolerance"] == "exact" else float(row["tolerance"].split()[0])
        assert float(row["largest difference"]) <= limit, row


def test_every_row_is_claimed_by_the_tests_that_it_names() -> None:
    for row in rows():
        for path in files(row):
            assert path.is_file(), f"{path} is gone: {MEND}"
            shown = (row["metric"], row["oracle"], row["tolerance"])
            assert any(claim.made(*shown) for claim in claims(path)), f"{path.name} has no {shown}: {MEND}"


def test_every_claim_has_a_row() -> None:
    shown = [((row["metric"], row["oracle"], row["tolerance"]), files(row)) for row in rows()]
    for path in sorted((ROOT / "tests").glob("*/test_*.py")):
        own = [texts for texts, named in shown if path in named]
        for claim in claims(path):
            assert any(claim.made(*texts) for texts in own), f"{path.name}:{claim.line} has no row: {MEND}"
