"""The Fréchet distance of 2048 values against the matrix root of SciPy, in one run (not timed in CI).

The root is what pytorch-fid and clean-fid compute. Both sides start from the same features in memory.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.linalg import sqrtm

from spfem_metrics.functional import frechet_distance

pytestmark = pytest.mark.slow

WIDTH = 2048


def two_sets(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Features whose variances span four decades, as those of real networks do."""
    random = np.random.default_rng(0)
    mix = random.normal(size=(WIDTH, WIDTH)) * np.geomspace(1, 1e-2, WIDTH) / WIDTH**0.5
    return random.normal(size=(count, WIDTH)) @ mix, 1.1 * random.normal(size=(count, WIDTH)) @ mix + 0.01


def by_root(x: np.ndarray, y: np.ndarray) -> float:
    first, second = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    trace = np.trace(np.real(sqrtm(first @ second)))
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(first + second) - 2 * trace)


@pytest.mark.parametrize(("count", "least"), [(500, 50), (5000, 5)])
def test_against_the_matrix_root(benchmark, count: int, least: float) -> None:
    if not benchmark.enabled:
        pytest.skip("a ratio of times: run with --benchmark-enable")
    x, y = two_sets(count)
    started = time.perf_counter()
    wanted = by_root(x, y)
    root = time.perf_counter() - started
    found = benchmark.pedantic(frechet_distance, args=(x, y), rounds=3)
    ratio = root / benchmark.stats["min"]
    print(
        f"\nn={count}: sqrtm {root:.2f} s, ours {benchmark.stats['min']:.3f} s, ratio {ratio:.0f}, "
        f"{wanted:.7f} and {found:.7f}"
    )
    benchmark.extra_info.update(sqrtm_s=root, ratio=ratio, relative_difference=abs(found / wanted - 1))
    assert found == pytest.approx(wanted, rel=1e-6)
    assert ratio >= least
