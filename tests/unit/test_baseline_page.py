"""The page of wrapped models is what their manifests say today."""

from __future__ import annotations

from pathlib import Path

from spfem_bench.adapters.command.describe import page
from spfem_bench.adapters.command.manifest import shipped, shipped_names

PAGE = Path(__file__).parents[2] / "docs" / "baselines.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf8") == page(), (
        "run: python -m spfem_bench.adapters.command.describe > docs/baselines.md"
    )


def test_every_wrapper_has_a_row_and_its_facts() -> None:
    text = page()
    for name in shipped_names():
        ours = shipped(name)
        assert f"| `{name}` | {ours.title} |" in text
        assert f"\n## {name}\n" in text
        assert all(one.fact in text for one in ours.known)
    assert "finder:" not in text
