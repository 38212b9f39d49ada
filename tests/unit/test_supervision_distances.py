"""The measurement by which STCCL's CM form gets its distance."""

from __future__ import annotations

import numpy as np

from spfem_baselines.supervision.matrices import DISTANCES
from spfem_bench.synthetic.splits import population
from spfem_bench.training.recipe import HELD_OUT
from spfem_bench.training.supervision.distances import CHOOSING, table
from spfem_bench.training.supervision.measure import Proof


def test_the_choice_is_made_on_other_people_than_the_proof() -> None:
    assert CHOOSING.population == population("validation").seed != HELD_OUT
    assert CHOOSING.groups >= 500
    assert CHOOSING.proof


def test_every_distance_has_its_rows_with_share_and_margin() -> None:
    margins = np.array([1.0, 3.0, -1.0, 1.0])
    found = {name: [Proof("stccl-cm", "this before that", margins, list("aabb"))] for name in DISTANCES}
    rows = table(found).splitlines()[2:]
    assert [row.split(" | ")[0].strip("| ") for row in rows] == list(DISTANCES)
    assert all(row.endswith("| 4 | 0.750 | 0.71 |") for row in rows)  # mean 1, scatter sqrt 2
