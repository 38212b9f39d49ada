"""PSNR: the mean over frames that papers print, torchmetrics' pooled one, and identical frames."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from torchmetrics.image import PeakSignalNoiseRatio

from spfem_metrics import ArrayMedia, Observation, Reading, Row, TrialFacts
from spfem_metrics.extraction import compare_pairs
from spfem_metrics.metrics.paired import PSNR
from spfem_metrics.pairs.image_quality import image_quality
from tests.support.parity import of_each, release
from tests.support.planted import pictures


def reading(frames: np.ndarray, others: np.ndarray) -> Reading:
    pairs = np.stack([np.arange(len(frames))] * 2, axis=1)
    clips = [ArrayMedia(f, Fraction(25)) for f in (frames, others)]
    found = compare_pairs(clips[0], clips[1], pairs, [image_quality()])
    arrays = {("truth", name): value for name, value in found.items()}
    facts = TrialFacts("t", "M003", "happy")
    outcome = PSNR().observe(Observation(facts, {}, np.arange(len(frames)), pairs, arrays))
    assert isinstance(outcome, Reading)
    return outcome


def by_torchmetrics(frames: np.ndarray, others: np.ndarray) -> float:
    metric = PeakSignalNoiseRatio(data_range=255.0)
    metric.update(*(torch.from_numpy(f).double().permute(0, 3, 1, 2) for f in (frames, others)))
    return float(metric.compute())


@pytest.fixture
def clips() -> tuple[np.ndarray, np.ndarray]:
    """Four frames, each with more noise than the one before."""
    frames = pictures(4, (32, 24), 1)
    noise = np.random.default_rng(2).normal(size=frames.shape) * np.array([4, 8, 16, 32])[:, None, None, None]
    return frames, np.clip(frames + noise, 0, 255).astype(np.uint8)


def test_it_is_the_mean_of_torchmetrics_frame_by_frame(parity, clips) -> None:
    """torchmetrics keeps its sums in single precision: 1e-6."""
    each = [by_torchmetrics(a[None], b[None]) for a, b in zip(*clips, strict=True)]
    found, oracle = reading(*clips).value, f"{release('torchmetrics')}, frame by frame"
    parity("PSNR", oracle, found, np.mean(each), of_each(1e-6), n=(4, "frame pairs"))


def test_torchmetrics_over_a_clip_pools_the_error_and_is_lower(clips) -> None:
    """The trap: the logarithm of a mean is not the mean of logarithms (Jensen)."""
    pooled = by_torchmetrics(*clips)
    mse = np.mean((clips[0].astype(float) - clips[1]) ** 2)
    assert pooled == pytest.approx(10 * np.log10(255**2 / mse), rel=1e-6)
    assert (reading(*clips).value or 0) > pooled + 1


def test_identical_frames_count_100_db_and_the_notes_say_how_many(clips) -> None:
    frames, others = clips
    others = others.copy()
    others[:2] = frames[:2]
    mixed = reading(frames, others)
    each = [by_torchmetrics(a[None], b[None]) for a, b in zip(frames[2:], others[2:], strict=True)]
    assert mixed.value == pytest.approx((200 + sum(each)) / 4, rel=1e-6)
    assert mixed.parts == {"frames": 4.0, "identical": 0.5}
    facts = TrialFacts("t", "M003", "happy")
    notes = PSNR().reduce([Row(facts, mixed), Row(TrialFacts("u", "M003", "happy"), reading(*clips))]).notes
    assert "2 of 8 frames are identical to the true pair's and count 100 dB" in notes
    assert not any("identical" in note for note in PSNR().reduce([Row(facts, reading(*clips))]).notes)


def test_the_signature_is_the_one_from_before() -> None:
    quality = image_quality()
    assert PSNR().signature({quality.name: quality.definition}).line == (
        "psnr|v1|image-quality:ssim:gauss11-1.5,k.01-.03,valid,rgb-mean,psnr:rgb,cap100,range255,"
        "resize:to-other-area-or-linear|mean:frames-then-trials|miss:exclude"
    )
