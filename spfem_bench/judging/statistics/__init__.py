"""Statistics of judging, as pure functions of values and their speakers (docs/statistics.md)."""

from spfem_bench.judging.statistics.intervals import interval
from spfem_bench.judging.statistics.multiple import holm
from spfem_bench.judging.statistics.permutations import permutation, smallest_p
from spfem_bench.judging.statistics.ranking import Rank, Ranking, rank_intervals
from spfem_bench.judging.statistics.seeds import two_level, two_level_p
from spfem_bench.judging.statistics.sets import frechet_jackknife, kernel_difference, kernel_score
from spfem_bench.judging.statistics.types import (
    Interval,
    Method,
    Permutation,
    Question,
    Verdict,
    VerdictName,
)
from spfem_bench.judging.statistics.verdicts import corrected, equivalence, equivalence_level, verdict

__all__ = [
    "Interval",
    "Method",
    "Permutation",
    "Question",
    "Rank",
    "Ranking",
    "Verdict",
    "VerdictName",
    "corrected",
    "equivalence",
    "equivalence_level",
    "frechet_jackknife",
    "holm",
    "interval",
    "kernel_difference",
    "kernel_score",
    "permutation",
    "rank_intervals",
    "smallest_p",
    "two_level",
    "two_level_p",
    "verdict",
]
