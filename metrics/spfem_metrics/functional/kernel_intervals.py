"""How sure a kernel distance is, and the subset form in which other tools publish it.

Frames of a clip, and clips of a speaker, resemble one another, so the interval takes groups of rows (clips or
speakers) as what was drawn, not rows. The sum of the kernel over every pair of groups is kept, from which the
distance without any one group costs nothing: a jackknife over groups for the price of one distance.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import Floats, floats
from spfem_metrics.functional.kernel import Kernel, kernel_distance

_TILE = 1024
"""Rows and columns of the kernel matrix held at once."""

Pairs = Literal["all", "between"]
_Sorted = tuple[Floats, NDArray[np.int64]]
"""Rows, those of a group together, and the place of each row's group among all groups."""


@dataclass(frozen=True)
class KernelInterval:
    """A kernel distance and half of its interval.

    Args:
        estimate: the squared distance.
        half_width: of the interval; None where it cannot be given.
        groups: their number, over both sets together.
    """

    estimate: float
    half_width: float | None
    groups: int


def kernel_interval(
    first: tuple[ArrayLike, Sequence[Hashable]],
    second: tuple[ArrayLike, Sequence[Hashable]],
    *,
    kernel: Kernel = Kernel(),  # noqa: B008 (frozen)
    pairs: Pairs = "between",
    level: float = 0.95,
) -> KernelInterval:
    """The kernel distance with a delete-one-group jackknife t interval (Efron and Stein 1981).

    With estimates t_c that leave out group c of C on both sides, the variance is
    ``(C - 1)/C sum_c (t_c - mean)^2``, the half width its root times t of C - 1 degrees of freedom.

    Args:
        first: (n1, D) rows, and the group of each; a group may have rows on both sides.
        second: (n2, D) rows, and the group of each.
        kernel: the polynomial.
        pairs: which pairs of rows count. ``between``: those of different groups, on one side and across;
            unbiased where groups are independent. ``all``: what `kernel_distance` and other tools compute;
            unbiased for independent rows only.
        level: coverage, between 0 and 1.

    In 400 draws each of 6, 12 and 24 groups of 8 rows (8 values, groups apart or on both sides), the nominal
    95% interval over ``between`` pairs covers .92 to .98 where the sets differ, and .98 or more where they do
    not (there the jackknife is too wide). Over ``all`` pairs it does so for independent rows only: with 60%
    of the variance between groups it covers .90 to .94 where the sets differ, and .35 to .85 where they do
    not, since the estimate itself is off.

    Returns:
        Without a half width for fewer than three groups, or where a side without one group is too small.

    Raises:
        InputError: dimensions differ, rows and groups differ in number, a side has no two rows (groups, with
            ``between``), or values are not finite.
    """
    names = {name: place for place, name in enumerate(dict.fromkeys([*first[1], *second[1]]))}
    # one set after the other, so that one's unsorted copy is gone before the other's is made
    sides = [_Side.of("first", *first).sorted(names), _Side.of("second", *second).sorted(names)]
    widths = [rows.shape[1] for rows, _ in sides]
    if widths[0] != widths[1]:
        raise InputError(f"sets of width {widths[0]} and {widths[1]}: need one width")
    whole, *without = _Sums.of(sides, len(names), kernel).distances(pairs)
    if not np.isfinite(whole):
        raise InputError(f"too few rows or groups for a kernel distance over {pairs} pairs")
    if len(names) < 3 or not np.isfinite(without).all():
        return KernelInterval(float(whole), None, len(names))
    spread = math.sqrt((len(names) - 1) * float(np.var(without)))
    return KernelInterval(float(whole), _quantile(len(names) - 1, level) * spread, len(names))


def kernel_distance_subsets(
    first: ArrayLike,
    second: ArrayLike,
    *,
    kernel: Kernel = Kernel(),  # noqa: B008 (frozen)
    subsets: int = 100,
    size: int = 1000,
    seed: int = 2020,
) -> tuple[float, float]:
    """KID as torch-fidelity publishes it: mean and spread of the distance over random subsets.

    The draws are torch-fidelity's to the digit (NumPy's RandomState, defaults included); torchmetrics and
    clean-fid draw otherwise, from generators without a seed of their own. The mean estimates what
    `kernel_distance` computes from all rows, with added noise; the spread is that of subsets, not the
    standard error of the mean, and shrinks with ``size``.

    Args:
        first: (n1, D), n1 >= size.
        second: (n2, D), n2 >= size.
        kernel: the polynomial.
        subsets: how many, at least 1.
        size: rows of a subset, at least 2.
        seed: of the draws.

    Returns:
        Mean and standard deviation (ddof 0).

    Raises:
        InputError: a set is smaller than a subset, or as `kernel_distance`.
    """
    x, y = floats("first", first, 2), floats("second", second, 2)
    if subsets < 1 or size < 2 or size > min(len(x), len(y)):
        raise InputError(f"{subsets} subsets of {size} rows cannot be drawn from {len(x)} and {len(y)}")
    draw = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        ours = x[draw.choice(len(x), size, replace=False)]
        theirs = y[draw.choice(len(y), size, replace=False)]
        values.append(
            kernel_distance(ours, theirs, degree=kernel.degree, gamma=kernel.gamma, offset=kernel.offset)
        )
    return float(np.mean(values)), float(np.std(values))


@dataclass(frozen=True)
class _Side:
    """One set's rows and the group of each."""

    rows: Floats
    groups: Sequence[Hashable]

    @classmethod
    def of(cls, name: str, rows: ArrayLike, groups: Sequence[Hashable]) -> _Side:
        """Checked."""
        values = floats(name, rows, 2)
        if len(groups) != len(values):
            raise InputError(f"{name}: {len(values)} rows but {len(groups)} groups")
        return cls(values, groups)

    def sorted(self, names: Mapping[Hashable, int]) -> _Sorted:
        """Rows and their groups' places, rows of a group together."""
        places = np.array([names[group] for group in self.groups], np.int64)
        order = np.argsort(places, kind="stable")
        return self.rows[order], places[order]


@dataclass(frozen=True)
class _Sums:
    """Sums of the kernel by group: all that the distances without one group need.

    Args:
        counts: (2, C) rows of each group on either side.
        selves: (2, C) sums of the kernel of each row with itself.
        within: (2, C, C) sums over pairs of rows of one side, by their groups.
        across: (C, C) sums over pairs of a row of the first and one of the second side.
    """

    counts: Floats
    selves: Floats
    within: Floats
    across: Floats

    @classmethod
    def of(cls, sides: Sequence[_Sorted], groups: int, kernel: Kernel) -> _Sums:
        """From both sides' rows sorted by group."""
        width = sides[0][0].shape[1]
        selves = [kernel.of_products((rows * rows).sum(axis=1), width) for rows, _ in sides]
        return cls(
            np.stack([np.bincount(at, minlength=groups) for _, at in sides]).astype(np.float64),
            np.stack([np.bincount(at, own, groups) for (_, at), own in zip(sides, selves, strict=True)]),
            np.stack([_blocks(side, side, groups, kernel) for side in sides]),
            _blocks(sides[0], sides[1], groups, kernel),
        )

    def distances(self, pairs: Pairs) -> Floats:
        """(C + 1,) the distance, then those without each group; NaN where no pair of one side counts."""
        own, both = np.diagonal(self.within, axis1=1, axis2=2), np.diagonal(self.across)
        met = self.across.sum(axis=0) + self.across.sum(axis=1) - both
        sizes = _less(self.counts.sum(axis=1), self.counts)
        within = _less(self.within.sum(axis=(1, 2)), 2 * self.within.sum(axis=2) - own)
        across, cells = _less(self.across.sum(), met), sizes.prod(axis=0)
        if pairs == "all":
            within -= _less(self.selves.sum(axis=1), self.selves)
            number = sizes**2 - sizes
        else:
            within -= _less(own.sum(axis=1), own)
            across = across - _less(both.sum(), both)
            number = sizes**2 - _less((self.counts**2).sum(axis=1), self.counts**2)
            cells = cells - _less(self.counts.prod(axis=0).sum(), self.counts.prod(axis=0))
        return np.asarray(_ratio(within, number).sum(axis=0) - 2 * _ratio(across, cells), np.float64)


def _ratio(sums: Floats, numbers: Floats) -> Floats:
    """Means, NaN where there is nothing."""
    return np.where(numbers > 0, sums / np.where(numbers > 0, numbers, 1), np.nan)


def _less(total: Floats, parts: Floats) -> Floats:
    """(..., C + 1) a total, then the total less each of its (..., C) parts."""
    whole = np.asarray(total, np.float64)[..., None]
    return np.concatenate([whole, whole - parts], axis=-1)


def _blocks(a: _Sorted, b: _Sorted, groups: int, kernel: Kernel) -> Floats:
    """(C, C) sums of the kernel over the pairs of each two groups, a tile of pairs at a time."""
    sums = np.zeros((groups, groups))
    for i, j in product(range(0, len(a[0]), _TILE), range(0, len(b[0]), _TILE)):
        rows, columns = a[1][i : i + _TILE], b[1][j : j + _TILE]
        tile = kernel.of_products(a[0][i : i + _TILE] @ b[0][j : j + _TILE].T, a[0].shape[1])
        starts = [np.flatnonzero(np.diff(at, prepend=-1)) for at in (rows, columns)]
        summed = np.add.reduceat(np.add.reduceat(tile, starts[0], axis=0), starts[1], axis=1)
        sums[np.ix_(rows[starts[0]], columns[starts[1]])] += summed
    return sums


def _quantile(freedom: int, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))
