"""Several pictures or batches at once: the order, the bits, what is held, what is raised."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
import torch

from spfem_bench.device import scoring_mode
from spfem_metrics import ArrayMedia
from spfem_metrics.beside import in_order, threads
from spfem_metrics.networks.chunks import Chunked
from spfem_metrics.pairs.image_quality import image_quality, ssim_pictures
from tests.support.planted import pictures


@pytest.mark.parametrize("count", [1, 2, 5])
def test_results_come_in_the_items_order_and_few_items_are_taken_ahead(count: int) -> None:
    released, ahead, given = threading.Event(), [], []

    def items() -> Iterator[int]:
        for item in range(40):
            ahead.append(item - len(given))
            yield item

    def squared(item: int) -> int:
        if item == 0 and count > 1:
            assert released.wait(30)  # the first is done after the second
        else:
            released.set()
        return item * item

    for result in in_order(squared, items(), count):
        given.append(result)
    assert given == [item * item for item in range(40)]
    assert max(ahead) <= 2 * count


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_raised_comes_after_the_results_before_it_and_ends_the_threads(count: int) -> None:
    before, given = threading.active_count(), []

    def failing(item: int) -> int:
        if item == 7:
            raise ValueError("the seventh")
        return item

    with pytest.raises(ValueError, match="the seventh"):
        given.extend(in_order(failing, range(30), count))
    assert given == list(range(7))
    assert threading.active_count() == before


def test_as_many_threads_as_the_run_gives_torch() -> None:
    for count in (1, 3):
        with scoring_mode("cpu", threads=count):
            assert threads() == count


@pytest.mark.parametrize("make", [image_quality, ssim_pictures])
def test_comparisons_have_the_same_bits_on_any_number_of_threads(make) -> None:
    first, second = (ArrayMedia(pictures(23, (48, 40), seed), Fraction(25)) for seed in (1, 2))
    pairs = np.stack([np.arange(23), np.arange(23)], axis=1)
    found = []
    for count in (1, 2, 4):
        with scoring_mode("cpu", threads=count):
            found.append(make().compare(first, second, pairs))
    for other in found[1:]:
        assert all(np.array_equal(other[name], values) for name, values in found[0].items())
    assert len(make().compare(first, second, pairs[:0])["ssim"]) == 0


@pytest.mark.parametrize("count", [0, 3, 8, 25])
def test_batches_keep_their_length_and_order_on_any_number_of_lanes(count: int) -> None:
    crops = pictures(count, (6, 5), 3) if count else np.zeros((0, 6, 5, 3), np.uint8)
    faces = [None if at % 5 == 2 else crop for at, crop in enumerate(crops)]
    results = []
    for lanes in (1, 2, 3):
        lengths: list[int] = []

        def forward(batch: torch.Tensor, lengths: list[int] = lengths) -> torch.Tensor:
            lengths.append(len(batch))
            return batch.double().flatten(1).mean(1)[:, None].expand(-1, 2)

        chunked = Chunked(forward, "cpu", 2, 4, lanes)
        for face in faces:
            chunked.add(face)
        results.append(chunked.finish())
        there = sum(face is not None for face in faces)
        assert sorted(lengths, reverse=True) == [4] * (there // 4) + [there % 4] * (there % 4 > 0)
    for values, valid in results[1:]:
        np.testing.assert_array_equal(values, results[0][0])
        np.testing.assert_array_equal(valid, results[0][1])


def test_a_network_that_fails_on_a_lane_is_heard() -> None:
    def forward(batch: torch.Tensor) -> torch.Tensor:
        raise ValueError("no such layer")

    chunked = Chunked(forward, "cpu", 2, 1, 2)
    chunked.add(pictures(1, (6, 5), 3)[0])
    with pytest.raises(ValueError, match="no such layer"):
        chunked.finish()
