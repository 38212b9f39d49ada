"""Populations share nobody."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from spfem_bench.cli import data_render
from spfem_bench.errors import UsageError
from spfem_bench.synthetic.people.identity import identity_of, traits
from spfem_bench.synthetic.people.style import style_of
from spfem_bench.synthetic.speech.voice import voice_of
from spfem_bench.synthetic.splits import POPULATIONS, SPLITS, population
from spfem_bench.training import recipe

PEOPLE = [(one.seed, index) for one in POPULATIONS.values() for index in range(8)]


def test_every_population_has_a_seed_of_its_own() -> None:
    seeds = [one.seed for one in POPULATIONS.values()]
    assert len(set(seeds)) == len(seeds)
    assert all(name == one.name and one.purpose for name, one in POPULATIONS.items())
    assert set(SPLITS) <= set(POPULATIONS)


def test_the_networks_recipes_take_their_own_populations() -> None:
    assert {name: population(name).seed for name in ("judges", "supervisors")} == recipe.POPULATIONS
    assert population("held-out").seed == recipe.HELD_OUT


def test_the_command_offers_the_splits_of_a_models_author() -> None:
    assert data_render.SPLITS == SPLITS


def test_nobody_is_in_two_populations() -> None:
    looks = np.stack([traits(identity_of(index, seed)) for seed, index in PEOPLE])
    spread = looks.std(axis=0)
    distances = [
        float(np.linalg.norm(((a - b) / spread)[spread > 0])) for a, b in combinations(list(looks), 2)
    ]
    assert min(distances) > 1.0


def test_voices_and_habits_differ_too() -> None:
    voices = {repr(voice_of(index, seed)) for seed, index in PEOPLE}
    habits = {style_of(index, seed).gain.tobytes() for seed, index in PEOPLE}
    assert len(voices) == len(habits) == len(PEOPLE)


def test_an_unknown_population_is_named_with_the_likeliest() -> None:
    with pytest.raises(UsageError, match="validation"):
        population("validatoin")
