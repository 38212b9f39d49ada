from __future__ import annotations

import numpy as np
import pytest

from spfem_bench.adapters import BUILTIN, OutputError, checked_frames, checked_map, load_system, load_systems
from spfem_bench.errors import PluginError, UsageError


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "no frame map says"),
        (np.arange(7), "one integer each"),
        (np.arange(8) * 1.0, "one integer each"),
        (np.arange(8) + 5, "outside the source's 10 frames"),
        (np.arange(8) - 1, "outside the source's 10 frames"),
        (np.array([0, 1, 2, 1, 4, 5, 6, 7]), "backwards"),
        (np.array([0, 0, 0, 0, 1, 1, 1, 2]), "3 of 10 source frames"),
    ],
)
def test_a_frame_map_that_cannot_be_is_refused(given: np.ndarray | None, said: str) -> None:
    with pytest.raises(OutputError, match=said):
        checked_map(given, 8, 10)


def test_sane_maps_pass() -> None:
    assert checked_map(None, 4, 4).tolist() == [0, 1, 2, 3]
    assert checked_map(np.array([2, 3, 4, 5]), 4, 6).tolist() == [2, 3, 4, 5]
    assert checked_map(np.array([0, 0, 1, 1, 2, 2]), 6, 3).tolist() == [0, 0, 1, 1, 2, 2]


def test_chunks_pass_unchanged() -> None:
    chunks = [np.zeros((2, 4, 6, 3), np.uint8), np.ones((1, 4, 6, 3), np.uint8)]
    assert [c.shape for c in checked_frames(chunks)] == [(2, 4, 6, 3), (1, 4, 6, 3)]


def test_unknown_adapters_are_answered_with_the_nearest() -> None:
    with pytest.raises(PluginError, match="copy-source"):
        load_system("copy-sorce")


def test_an_object_that_is_no_adapter_is_refused() -> None:
    with pytest.raises(PluginError, match="no name, identity, sees and generate"):
        load_system("builtins:dict")


def test_bounds_come_last_and_names_must_differ() -> None:
    systems = load_systems(["tests.support.adapters:brighten"])
    assert [s.role for s in systems] == ["model"] + ["bound"] * 5
    with pytest.raises(UsageError, match="two adapters are called brighten"):
        load_systems(["tests.support.adapters:brighten"] * 2)
    renamed = load_systems(
        ["tests.support.adapters:brighten", "mine=tests.support.adapters:brighten"], bounds=False
    )
    assert [s.name for s in renamed] == ["brighten", "mine"]


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_every_shipped_adapter_loads_under_its_own_name(name: str) -> None:
    assert load_system(name).name == name
