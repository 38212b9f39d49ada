"""What every supervision does at one share whatever was chosen: a block of its own below the table.

The choice takes what is nearest to the truth, which may be hardly any supervision. Here all pull alike and
harder, in one training each: intervals are over speakers alone, the training being given, and nothing is
tested, since what differs may be the training's draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spfem_bench.ablation.differing import change
from spfem_bench.ablation.linear import over_speakers
from spfem_bench.ablation.sections import cell, metric_heads, table
from spfem_bench.ablation.seeds import check_same, lines
from spfem_bench.judging.bundles import Bundle
from spfem_bench.tables.markdown import escape
from spfem_bench.tables.model import Column
from spfem_metrics import InputError


@dataclass(frozen=True)
class AtShare:
    """The block of one share.

    Args:
        share: of the other losses' gradient.
        bundle: rows of every variant at it, of one training seed.
        plain: the variant without supervision.
    """

    share: float
    bundle: Bundle
    plain: str

    def against(self, first: Bundle) -> None:
        """Nothing where it holds the variants, trials and definitions of the table.

        Raises:
            NotComparableError: others.
        """
        check_same([first, self.bundle])

    def markdown(self) -> Iterator[str]:
        """Heading, table, and what it is."""
        columns = self.bundle.board.columns
        heads = ["Variant", *metric_heads(columns)]
        others = [name for name in self.bundle.models if name != self.plain]
        rows = [[escape(name), *(self._difference(name, c) for c in columns)] for name in others]
        yield (
            f"#### Difference from {escape(self.plain)} where every supervision pulls at a share of "
            f"{self.share:g}, training seed {self.bundle.spec['asked']['seed']} alone"
        )
        yield table(heads, rows)
        yield (
            "Not chosen, but what each does when it pulls alike and harder. ± is the wider side of the 95% "
            "interval over speakers, of this one training: another may differ by the noise floor above. "
            "Nothing is tested and nothing is bold. Set metrics have no interval, nor has what scatters over "
            "too few speakers for one that keeps its level."
        )

    def _difference(self, name: str, column: Column) -> str:
        point = change(self.bundle, column.info.name, name, self.plain)
        if point is None:
            return ""
        return cell(point, None if column.info.of_sets else self._half_width(name, column.info.name))

    def _half_width(self, name: str, metric: str) -> float | None:
        try:
            (one,), (other,) = (lines([self.bundle], which, metric) for which in (name, self.plain))
            found = over_speakers(one.minus(other))
        except InputError:
            return None
        return found.half_width if found.reliable else None


def manifests(blocks: Sequence[AtShare]) -> list[str]:
    """Which rows they are made of, for the table's footer."""
    return [f"rows at a share of {one.share:g}: manifest sha256 {one.bundle.manifest}" for one in blocks]
