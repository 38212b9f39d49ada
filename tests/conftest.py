"""Where the real clips and networks are; tests that need them skip with the reason where they are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from spfem_bench.paths import extra_weights_dirs

# The same examples in every run, so that a change is judged by what it changed. To search for new ones:
# pytest --hypothesis-profile=explore
settings.register_profile(
    "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", derandomize=False)
settings.load_profile("same")

pytest_plugins = ["tests.support.parity_plugin"]

SMALL_NETWORK = "mobilefacenet.pt"
"""Lies in the folder of small real networks, and tells it from other folders of networks."""


def _named(variable: str, what: str) -> str:
    value = os.environ.get(variable)
    if not value:
        if os.environ.get("SPFEM_BENCH_REQUIRE_REAL"):
            pytest.fail(f"{variable} must name the folder of {what}: SPFEM_BENCH_REQUIRE_REAL is set")
        pytest.skip(f"{variable} is not set, so the {what} are not at hand")
    return value


@pytest.fixture(scope="session")
def fixtures_dir() -> Path:
    """The folder of real clips (``clips.jsonl`` beside them)."""
    return Path(_named("SPFEM_BENCH_FIXTURES", "real clips"))


@pytest.fixture(scope="session")
def weights_dir() -> Path:
    """The folder of small real networks: of several, the first that has one of them.

    Other networks lie where the store finds them: `tests.support.published`.
    """
    return small_networks()


def small_networks() -> Path:
    """`weights_dir`, read anew from the variable, which is a path list."""
    _named("SPFEM_BENCH_WEIGHTS", "small real networks")
    folders = extra_weights_dirs()
    return next((folder for folder in folders if (folder / SMALL_NETWORK).is_file()), folders[0])
