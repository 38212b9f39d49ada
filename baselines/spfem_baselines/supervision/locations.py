"""Which places of a feature map are compared, and what stands there.

Places are drawn from an explicit generator, the same for every picture of a batch and for both views.
"""

from __future__ import annotations

import torch

CENTRES = (32, 16, 8, 4)
"""Centres drawn in each of four maps, finest first (repository jianmanlincjx/ASCCL)."""

NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
"""(row, column) steps to the eight pixels around a centre."""


def central_span(side: int, *, wrap: bool = False) -> tuple[int, int]:
    """First and past-the-last row or column a centre may have: about the middle 95 % of a map.

    The square of side ``int(side // 2 + 0.45 side)`` in the middle (repository jianmanlincjx/ASCCL), less the
    centres with a neighbour outside the map.

    Args:
        side: rows or columns of the map.
        wrap: keep those centres, as the repository does, whose negative index then reaches the opposite edge
            (maps of 14 and 16 px).
    """
    length = int(side // 2 + 0.45 * side)
    first = (side - length) // 2
    return (first, first + length) if wrap else (max(first, 1), min(first + length, side - 1))


def draw_centres(
    height: int, width: int, count: int, generator: torch.Generator, *, wrap: bool = False
) -> torch.Tensor:
    """Distinct places, uniformly from the middle of a map.

    Args:
        height: rows of the map.
        width: columns of the map.
        count: places wanted.
        generator: of the CPU.
        wrap: see `central_span`.

    Returns:
        (count, 2) int64 rows and columns.

    Raises:
        ValueError: the map is too small for so many.
    """
    top, bottom = central_span(height, wrap=wrap)
    left, right = central_span(width, wrap=wrap)
    rows, columns = max(bottom - top, 0), max(right - left, 0)
    if rows * columns < count:
        raise ValueError(
            f"a map of {height}x{width} has {rows * columns} places with all neighbours inside, and {count} "
            "centres are to be drawn: give fewer centres or larger pictures"
        )
    drawn = torch.randperm(rows * columns, generator=generator)[:count]
    return torch.stack((top + drawn // columns, left + drawn % columns), dim=1)


def around(centres: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Flat indices of the eight neighbours of each centre; one outside the map comes in at the opposite edge.

    Args:
        centres: (n, 2) int64 rows and columns.
        height: rows of the map.
        width: columns of the map.

    Returns:
        (n, 8) int64, in the order of `NEIGHBOURS`.
    """
    places = centres[:, None] + torch.tensor(NEIGHBOURS)
    return places[..., 0] % height * width + places[..., 1] % width


def features_at(maps: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """The feature vectors at flat places.

    Args:
        maps: (..., C, H, W).
        places: (S,) int64, row times W plus column.

    Returns:
        (..., S, C).
    """
    return maps.flatten(-2).index_select(-1, places.to(maps.device)).transpose(-1, -2)


def draw_cycle(count: int, generator: torch.Generator) -> torch.Tensor:
    """A random order of frames that leaves no frame in its place: one cycle through all of them.

    Args:
        count: frames, at least 2.
        generator: of the CPU.

    Returns:
        (count,) int64; frame t is replaced by frame ``order[t]``, never itself.

    Raises:
        ValueError: fewer than two frames.
    """
    if count < 2:
        raise ValueError("one frame has no other to be subtracted from: a temporal loss needs two or more")
    walk = torch.randperm(count, generator=generator)
    order = torch.empty_like(walk)
    order[walk] = walk.roll(-1)
    return order
