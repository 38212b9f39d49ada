"""Extractors that read only what metrics of sets take of a clip: the same numbers, and no others by mistake.

The networks are replaced by the mean of what they are given, which tells frames and windows apart; that the
networks themselves do not look beyond a picture or window is in test_reference_fid and test_reference_i3d.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from spfem_bench.suites import load_suite
from spfem_metrics import (
    ArrayMedia,
    ClipFeatures,
    DefinitionError,
    InputError,
    Metric,
    Observation,
    Reading,
    TrialFacts,
    Unscored,
)
from spfem_metrics.extraction import extract
from spfem_metrics.extractor import Extractor
from spfem_metrics.metrics.fid import fid, kid
from spfem_metrics.metrics.fvd import FVD
from spfem_metrics.networks.i3d import i3d
from spfem_metrics.networks.inception import inception
from spfem_metrics.sampling import check_read, taken
from tests.support.planted import pictures

pytest.importorskip("pytorch_fid")
LENGTHS = [1, 15, 31, 32, 33, 79, 80, 100]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """A file in place of the weights, and means in place of the networks."""

    def embedding(width: int):
        def embed(network: object, rule: object):
            def forward(crops: torch.Tensor) -> torch.Tensor:
                return crops.double().flatten(1).mean(1)[:, None].expand(-1, width)

            return forward

        return embed

    for name, width in (("inception", 2048), ("i3d", 400)):
        monkeypatch.setattr(f"spfem_metrics.networks.{name}.load", lambda *_: None)
        monkeypatch.setattr(f"spfem_metrics.networks.{name}.embed", embedding(width))
    (tmp_path / "model").write_bytes(b"weights")
    return {"model": tmp_path / "model"}


def clip(frames: int) -> ArrayMedia:
    return ArrayMedia(pictures(frames, (24, 18), 3), Fraction(25))


def read(extractor: Extractor, media: ArrayMedia, batch: int = 32) -> dict[str, np.ndarray]:
    return dict(extract(media, [extractor], batch=batch)[extractor.name])


def observed(metric: Metric, extractor: Extractor, media: ArrayMedia) -> Reading | Unscored:
    metric.signature({extractor.name: extractor.definition})
    seen = ClipFeatures(25.0, media.times, media.size, {extractor.name: read(extractor, media)})
    return metric.observe(
        Observation(TrialFacts("t", "p", "happy"), {"output": seen}, np.arange(media.frame_count))
    )


@pytest.mark.parametrize("frames", LENGTHS)
def test_a_metric_reads_the_same_of_an_extractor_that_reads_only_what_it_takes(model, frames) -> None:
    media = clip(frames)
    for metric, whole, part in (
        (fid(), inception(weights=model), inception(weights=model, frames=32)),
        (kid(frames=5), inception(weights=model), inception(weights=model, frames=5)),
        (FVD(), i3d(weights=model), i3d(weights=model, windows=4)),
        (FVD(2), i3d(weights=model), i3d(weights=model, windows=2)),
    ):
        one, two = (observed(metric, extractor, media) for extractor in (whole, part))
        if isinstance(one, Unscored):
            assert one == two
            continue
        assert isinstance(two, Reading)
        assert (one.value, one.parts) == (two.value, two.parts)
        np.testing.assert_array_equal(one.matrix, two.matrix)


@pytest.mark.parametrize("batch", [1, 7, 32])
def test_the_network_is_given_what_is_taken_and_the_arrays_say_which(model, batch) -> None:
    media = clip(100)
    means = media.frames.reshape(100, -1).mean(axis=1)
    arrays = read(inception(weights=model, frames=8), media, batch)
    assert arrays["frame"].tolist() == [6, 18, 31, 43, 56, 68, 81, 93]
    np.testing.assert_allclose(arrays["features"][:, 0], means[arrays["frame"]], rtol=1e-6)
    assert arrays["valid"].tolist() == [True] * 8
    arrays = read(i3d(weights=model, windows=4), media, batch)
    assert arrays["first"].tolist() == [0, 32, 48, 80]
    wanted = [means[first : first + 16].mean() for first in arrays["first"]]
    np.testing.assert_allclose(arrays["features"][:, 0], wanted, rtol=1e-6)


def test_pictures_that_wait_for_a_full_batch_do_not_hold_the_frames_around_them(model) -> None:
    extractor, media = inception(weights=model, frames=8), clip(100)
    work = extractor.start(media)
    for batch in media.batches(32):
        work.push(batch, {})
    waiting = work._chunked._crops
    assert len(waiting) == 8
    held = {id(crop.base): crop.base.nbytes for crop in waiting}
    assert sum(held.values()) == sum(crop.nbytes for crop in waiting)


class Short(ArrayMedia):
    """A clip that says it is longer than it is."""

    @property
    def frame_count(self) -> int:
        """Twice the frames."""
        return 2 * len(self.frames)


@pytest.mark.parametrize("make", [lambda w: inception(weights=w, frames=8), lambda w: i3d(weights=w)])
def test_a_clip_that_ends_early_is_an_error(model, make) -> None:
    with pytest.raises(InputError, match="shorter than it says"):
        read(make(model), Short(clip(40).frames, Fraction(25)))


def test_definitions_say_what_is_read_and_only_where_it_is_not_all(model) -> None:
    part, whole = inception(weights=model, frames=32).definition, inception(weights=model).definition
    assert part == whole.replace("crop:frame,", "crop:frame,frames:even32,")
    part, whole = i3d(weights=model, windows=4).definition, i3d(weights=model).definition
    assert part == whole.replace("-from0,", "-from0,windows:even4,")


@pytest.mark.parametrize(
    ("metric", "options"),
    [(fid(), {"frames": 16}), (fid(frames="all"), {"frames": 32}), (kid(frames=64), {"frames": 32})],
)
def test_a_metric_of_other_frames_refuses_the_extractor(model, metric, options) -> None:
    extractor = inception(weights=model, **options)
    with pytest.raises(DefinitionError, match="give both the same option `frames`"):
        metric.signature({extractor.name: extractor.definition})


@pytest.mark.parametrize("windows", [2, 8, "all"])
def test_a_metric_of_other_windows_refuses_the_extractor(model, windows) -> None:
    extractor = i3d(weights=model, windows=4)
    with pytest.raises(DefinitionError, match="give both the same option `windows`"):
        FVD(windows).signature({"i3d": f"{extractor.definition},weights:random"})


def test_only_the_extractors_own_choice_counts_not_that_of_what_it_requires() -> None:
    check_read("net,crop:face+finder,frames:even8", "frames", 32)
    with pytest.raises(DefinitionError, match="even32 frames of a clip, but its extractor reads even8 only"):
        check_read("net,frames:even8,crop:face+finder", "frames", 32)


@pytest.mark.parametrize(
    "make",
    [
        lambda w: inception(weights=w, frames=0),
        lambda w: inception(weights=w, frames="even32"),
        lambda w: inception(weights=w, frames=32, crop="face"),
        lambda w: i3d(weights=w, windows=0),
        lambda w: i3d(weights=w, windows="4"),
    ],
)
def test_options_that_cannot_be_are_refused(model, make) -> None:
    with pytest.raises(DefinitionError):
        make(model)


def test_standard_v1_reads_what_its_metrics_take() -> None:
    suite = load_suite("standard-v1")
    read = {name: part.options for name, part in suite.extractors.items()}
    taken = [(part.factory.split(":")[1], part.options) for part in suite.metrics]
    frames = [options["frames"] for name, options in taken if name in ("fid", "kid")]
    assert frames == [read["inception-pytorch-fid"]["frames"]] * 3
    windows = [options["windows"] for name, options in taken if name == "FVD"]
    assert windows == [read["i3d"]["windows"]]
    compared = {part.options["frames"] for part in suite.pairs.values()}
    assert compared == {read["inception-pytorch-fid"]["frames"]}


def test_taking_again_of_what_was_taken_takes_all() -> None:
    """So metrics need not know whether the extractor has chosen already."""
    for length in range(1, 200):
        first = taken(np.arange(length), 32)
        np.testing.assert_array_equal(taken(first, 32), first)
