"""Admission tests: does a metric tell apart, on real clips, what its name says it tells apart?

A metric that fails stays out of the suite. `python -m spfem_metrics.admission FOLDER --weights DIR` prints
every number for a folder with a ``clips.jsonl`` (id, file, speaker, expression_seen, audio).
"""

from spfem_metrics.admission.checks import CHECKS, Check
from spfem_metrics.admission.material import Clip, Material, read_material

__all__ = ["CHECKS", "Check", "Clip", "Material", "read_material"]
