"""Where the real clips and networks are; tests that need them skip with the reason where they are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, so that a change is judged by what it changed. To search for new ones:
# pytest --hypothesis-profile=explore
settings.register_profile(
    "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", derandomize=False)
settings.load_profile("same")


def _folder(variable: str, what: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        if os.environ.get("SPFEM_BENCH_REQUIRE_REAL"):
            pytest.fail(f"{variable} must name the folder of {what}: SPFEM_BENCH_REQUIRE_REAL is set")
        pytest.skip(f"{variable} is not set, so the {what} are not at hand")
    return Path(value)


@pytest.fixture(scope="session")
def fixtures_dir() -> Path:
    """The folder of real clips (``clips.jsonl`` beside them)."""
    return _folder("SPFEM_BENCH_FIXTURES", "real clips")


@pytest.fixture(scope="session")
def weights_dir() -> Path:
    """The folder of small real networks."""
    return _folder("SPFEM_BENCH_WEIGHTS", "small real networks")
