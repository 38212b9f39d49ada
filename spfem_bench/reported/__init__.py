"""Published numbers as they were printed, each with its source and the definition it was made by.

They stand beside measured ones and are never ranked with them, nor across tables: the same baseline has other
numbers in two papers of one group.
"""

from spfem_bench.reported.consistency import Disagreement, contradictions, disagreements
from spfem_bench.reported.tables import (
    Reported,
    ReportedMetric,
    ReportedRow,
    list_tables,
    load_table,
    require_one_table,
)

__all__ = [
    "Disagreement",
    "Reported",
    "ReportedMetric",
    "ReportedRow",
    "contradictions",
    "disagreements",
    "list_tables",
    "load_table",
    "require_one_table",
]
