"""People are drawn from a seed, parameter by parameter, and differ."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from spfem_bench.synthetic.people.identity import (
    FACIAL_HAIR,
    GLASSES,
    HAIR_STYLES,
    RANGES,
    blend,
    identity_of,
    traits,
)
from spfem_bench.synthetic.people.palette import SKIN, skin_colour

CROWD = [identity_of(k) for k in range(400)]


def test_the_same_index_and_seed_give_the_same_person():
    assert identity_of(7, 3) == identity_of(7, 3)
    assert identity_of(7, 3) != identity_of(7, 4)
    assert len(set(CROWD)) == len(CROWD)


def test_a_person_can_be_a_key():
    assert {identity_of(1): "one"}[identity_of(1)] == "one"


def test_there_are_many_parameters_and_all_keep_their_ranges():
    assert len(RANGES) >= 25
    table = np.stack([traits(who) for who in CROWD])
    assert table.shape == (len(CROWD), len(RANGES))
    assert np.abs(table).max() <= 1
    # Uniform over the whole range: nine tenths of it is reached.
    assert (table.min(axis=0) < -0.9).all()
    assert (table.max(axis=0) > 0.9).all()


def test_parameters_are_independent():
    table = np.stack([traits(who) for who in CROWD])
    correlation = np.corrcoef(table.T) - np.eye(len(RANGES))
    # The largest of 1128 correlations of 400 independent pairs stays below 4.5 standard errors.
    assert np.abs(correlation).max() < 4.5 / np.sqrt(len(CROWD))


@pytest.mark.parametrize(
    ("name", "kinds"), [("hair", HAIR_STYLES), ("facial_hair", FACIAL_HAIR), ("glasses", GLASSES)]
)
def test_every_kind_occurs(name, kinds):
    assert {getattr(who, name) for who in CROWD} == set(kinds)


def test_hair_and_beard_go_together():
    assert all(who.facial_hair == "none" for who in CROWD if who.makeup or who.hair == "bob")


def test_a_blend_goes_from_one_person_to_the_other():
    first, second = identity_of(0), identity_of(1)
    assert blend(first, second, 0.0) == first
    assert blend(first, second, 1.0) == second
    middle = blend(first, second, 0.4)
    np.testing.assert_allclose(traits(middle), 0.6 * traits(first) + 0.4 * traits(second), atol=1e-12)
    assert (middle.hair, middle.glasses) == (first.hair, first.glasses)
    assert blend(first, second, 0.5).hair == second.hair


def test_numbers_and_kinds_are_all_the_fields():
    names = [item.name for item in dataclasses.fields(CROWD[0])]
    assert names[: len(RANGES)] == list(RANGES)
    assert all(isinstance(getattr(CROWD[0], name), float) for name in RANGES)


def test_skin_gets_darker_with_the_tone():
    sums = [sum(skin_colour(tone, 0.0)) for tone in np.linspace(0, 1, 20)]
    assert (np.diff(sums) < 0).all()
    np.testing.assert_allclose(skin_colour(1.0, 0.0), SKIN[-1], rtol=0.02)
