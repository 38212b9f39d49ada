"""KID in parity with torch-fidelity, torchmetrics and clean-fid; its interval against brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import t as student
from torchmetrics.image.kid import KernelInceptionDistance

from spfem_metrics import InputError
from spfem_metrics.functional.kernel import Kernel, kernel_distance
from spfem_metrics.functional.kernel_intervals import kernel_distance_subsets, kernel_interval
from tests.support.parity import of_each, release


def draw(seed: int, n: int, width: int = 16, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, width)) + shift


def test_subsets_are_torch_fidelitys_to_the_digit(parity) -> None:
    """Same draws, same sums in double precision: only their order differs."""
    upstream = pytest.importorskip("torch_fidelity.metric_kid")
    x, y = draw(0, 60), draw(1, 45, shift=0.2)
    wanted = upstream.kid_features_to_metric(
        torch.from_numpy(x), torch.from_numpy(y), kid_subsets=9, kid_subset_size=30, verbose=False
    )
    both = [wanted[f"kernel_inception_distance_{part}"] for part in ("mean", "std")]
    found = kernel_distance_subsets(x, y, subsets=9, size=30)
    parity("KID: subsets", release("torch-fidelity"), found, both, of_each(1e-10), n=(9, "subsets"))


def test_whole_sets_as_subsets_are_torchmetrics_and_clean_fids_kid(parity) -> None:
    """Whatever is drawn, a subset of all rows is all rows. torchmetrics sums in the features' float32."""
    x, y = draw(2, 40), draw(3, 40, shift=0.3)
    ours = kernel_distance(x, y)
    assert kernel_distance_subsets(x, y, subsets=2, size=40)[0] == pytest.approx(ours, rel=1e-12)
    metric = KernelInceptionDistance(feature=torch.nn.Identity(), subsets=2, subset_size=40)
    metric.update(torch.from_numpy(x).float(), real=True)
    metric.update(torch.from_numpy(y).float(), real=False)
    by_torchmetrics = metric.compute()[0]
    parity("KID: distance", release("torchmetrics"), ours, by_torchmetrics, of_each(1e-4), n=(1, "distances"))
    upstream = pytest.importorskip("cleanfid.fid")
    wanted = upstream.kernel_distance(y, x, num_subsets=2)
    parity("KID: distance", release("clean-fid"), ours, wanted, of_each(1e-10), n=(1, "distances"))


@pytest.mark.parametrize("options", [{"size": 41}, {"size": 1}, {"subsets": 0, "size": 5}])
def test_subsets_that_cannot_be_drawn_are_refused(options) -> None:
    with pytest.raises(InputError, match="cannot be drawn"):
        kernel_distance_subsets(draw(0, 40), draw(1, 50), **options)


def brute(x: np.ndarray, g: np.ndarray, y: np.ndarray, h: np.ndarray, pairs: str) -> float:
    """The distance as it is defined, pair by pair."""

    def mean(a, ga, b, gb, keep) -> float:
        found = [
            (a[i] @ b[j] / a.shape[1] + 1) ** 3 for i in range(len(a)) for j in range(len(b)) if keep(i, j)
        ]
        return float(np.mean(found))

    apart = pairs == "between"
    across = mean(x, g, y, h, lambda i, j: not apart or g[i] != h[j])
    within = [
        mean(a, k, a, k, lambda i, j, k=k: k[i] != k[j] if apart else i != j) for a, k in ((x, g), (y, h))
    ]
    return sum(within) - 2 * across


@pytest.mark.parametrize("pairs", ["all", "between"])
@pytest.mark.parametrize("shared", [True, False], ids=["shared groups", "own groups"])
def test_the_interval_is_the_jackknife_over_groups(parity, pairs, shared, monkeypatch) -> None:
    random = np.random.default_rng(4)
    x, y = draw(5, 19, 6), draw(6, 23, 6, 0.4)
    g, h = random.integers(0, 4, 19), random.integers(0, 4, 23) + (1 if shared else 9)
    monkeypatch.setattr("spfem_metrics.functional.kernel_intervals._TILE", 7)
    found = kernel_interval((x, g.tolist()), (y, h.tolist()), pairs=pairs)
    names = sorted({*g, *h})
    left = np.array([brute(x[g != c], g[g != c], y[h != c], h[h != c], pairs) for c in names])
    spread = np.sqrt((len(names) - 1) / len(names) * ((left - left.mean()) ** 2).sum())
    assert found.groups == len(names)
    oracle, wanted = "the sum over pairs, one by one, float64", brute(x, g, y, h, pairs)
    parity("KID: distance", oracle, found.estimate, wanted, of_each(1e-10), n=(1, "distances"))
    half = student.ppf(0.975, len(names) - 1) * spread
    oracle = "the jackknife over groups, one by one, float64"
    parity("KID: interval", oracle, found.half_width, half, of_each(1e-8), n=(1, "intervals"))


def test_over_all_pairs_the_estimate_is_the_kernel_distance() -> None:
    x, y = draw(7, 30), draw(8, 20, shift=0.1)
    groups = [f"clip {i % 5}" for i in range(30)]
    found = kernel_interval((x, groups), (y, groups[:20]), kernel=Kernel(gamma=1.0), pairs="all")
    assert found.estimate == pytest.approx(kernel_distance(x, y, gamma=1.0), rel=1e-12)


def clustered(random: np.random.Generator, who: np.ndarray) -> np.ndarray:
    """Eight rows of each group, 60% of their variance between groups."""
    rows = 0.6**0.5 * who[:, None, :] + 0.4**0.5 * random.normal(size=(len(who), 8, who.shape[1]))
    return rows.reshape(-1, who.shape[1])


@pytest.mark.parametrize("shared", [True, False], ids=["shared groups", "own groups"])
def test_rows_alike_within_groups_bias_all_pairs_but_not_those_between(shared) -> None:
    """Two sets of one distribution: the distance is 0, and an interval that excludes it is wrong."""
    random = np.random.default_rng(9)
    labels = np.repeat(np.arange(12), 8)
    found: dict[str, list[tuple[float, float]]] = {"all": [], "between": []}
    for _ in range(120):
        who = random.normal(size=(12, 8))
        x, y = clustered(random, who), clustered(random, who if shared else random.normal(size=(12, 8)))
        sets = (x, labels.tolist()), (y, (labels + (0 if shared else 12)).tolist())
        for pairs, rows in found.items():
            interval = kernel_interval(*sets, pairs=pairs)  # type: ignore[arg-type]
            rows.append((interval.estimate, interval.half_width or 0.0))
    estimate, half = (np.array(found["between"])[:, i] for i in (0, 1))
    assert abs(estimate.mean()) < 4 * estimate.std() / np.sqrt(120)
    assert (abs(estimate) <= half).mean() >= 0.95
    estimate, half = (np.array(found["all"])[:, i] for i in (0, 1))
    assert abs(estimate.mean()) > 4 * estimate.std() / np.sqrt(120)
    assert (abs(estimate) <= half).mean() < 0.85


def test_too_few_groups_give_no_interval() -> None:
    x, y = draw(10, 8), draw(11, 8)
    assert kernel_interval((x, [0] * 4 + [1] * 4), (y, [0] * 4 + [1] * 4)).half_width is None
    # without group 2 the second set has no pair of different groups left
    lonely = kernel_interval((x, [0, 1, 2, 3] * 2), (y, [1] * 4 + [2] * 4))
    assert (lonely.half_width, lonely.groups) == (None, 4)


@pytest.mark.parametrize(
    ("first", "second", "match"),
    [
        ((np.zeros((4, 3)), [0, 0, 1]), (np.zeros((4, 3)), [0, 1, 0, 1]), "4 rows but 3 groups"),
        ((np.zeros((2, 3)), [0, 1]), (np.zeros((2, 4)), [0, 1]), "width 3 and 4"),
        ((np.zeros((2, 3)), [0, 0]), (np.zeros((2, 3)), [0, 1]), "too few"),
        ((np.full((2, 3), np.inf), [0, 1]), (np.zeros((2, 3)), [0, 1]), "infinite"),
        ((np.zeros((0, 3)), []), (np.zeros((2, 3)), [0, 1]), "too few"),
    ],
)
def test_sets_without_a_distance_are_refused(first, second, match) -> None:
    with pytest.raises(InputError, match=match):
        kernel_interval(first, second)
