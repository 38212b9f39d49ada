"""By how much a clip's mean moves where 32 of its frame pairs are compared instead of all (not in CI).

``pytest --benchmark-enable -s tests/benchmarks/test_even_pairs.py`` prints the table of docs/speed.md. Four
outputs that err in different ways, of whole real clips; LPIPS of AlexNet with random weights. The choice of
pairs is `spfem_metrics.sampling.taken`, by which the extractors leave out the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from spfem_bench.clips import open_clip
from spfem_metrics import ArrayMedia
from spfem_metrics.pairs.image_quality import image_quality, ssim_pictures
from spfem_metrics.pairs.lpips import lpips
from spfem_metrics.sampling import taken
from tests.support.planted import plant_lpips

pytestmark = [pytest.mark.real, pytest.mark.slow]

COUNT = 32
CLIPS = (
    "expressive/surprisegirl_clip2.mp4",
    "expressive/furious_talk1_clip1.mp4",
    "grid/bbaf2n.mpg",
    "pcavs/00010.mp4",
    "pcavs/741400104.mp4",
    "retalking/5.mp4",
    "liveportrait/d20.mp4",
)
"""Of every source one or two; the second is of quick motion and shows about every fifth frame twice."""
LATER = 5
"""Frames by which an output is behind; by one, clips that show frames twice meet themselves."""
Frames = np.ndarray


def degraded(frames: Frames) -> Frames:
    """Every frame blurred and darkened alike."""
    return np.stack([(cv2.GaussianBlur(frame, (0, 0), 2) * 0.8).astype(np.uint8) for frame in frames])


def made(frames: Frames) -> Mapping[str, tuple[Frames, Frames]]:
    """What errs how -> (output, truth), equally long, never a frame beside itself."""
    return {
        "blurred and darkened": (degraded(frames), frames),
        "its first frame, held": (np.repeat(frames[:1], len(frames) - 1, axis=0), frames[1:]),
        "the clip five frames later": (frames[LATER:], frames[:-LATER]),
        "the clip one frame later": (frames[1:], frames[:-1]),
    }


def shifts(output: Frames, truth: Frames, files: Mapping[str, Path]) -> dict[str, float]:
    """Of 32 pairs from all: LPIPS as a share of it, SSIM (the larger of two forms), PSNR in dB."""
    clips = ArrayMedia(output, Fraction(25)), ArrayMedia(truth, Fraction(25))
    pairs = np.stack([np.arange(len(truth))] * 2, axis=1)
    quality = image_quality().compare(*clips, pairs)
    other = ssim_pictures().compare(*clips, pairs)["ssim"]
    distance = lpips(weights=files).compare(*clips, pairs)["distance"]
    some = taken(np.arange(len(truth)), COUNT)
    ssim = max(moved(values, some) for values in (quality["ssim"], other))
    return {
        "LPIPS": moved(distance, some) / distance.mean(),
        "SSIM": ssim,
        "PSNR": moved(quality["psnr"], some),
    }


def moved(values: np.ndarray, some: np.ndarray) -> float:
    """Between the means over some and over all."""
    return float(abs(values[some].mean() - values.mean()))


def test_by_how_much_means_move(benchmark, fixtures_dir: Path, tmp_path: Path) -> None:
    if not benchmark.enabled:
        pytest.skip("a measurement of minutes: run with --benchmark-enable")
    files = plant_lpips(tmp_path, "alex")

    def measured() -> dict[str, dict[str, dict[str, float]]]:
        table: dict[str, dict[str, dict[str, float]]] = {}
        for file in CLIPS:
            frames = np.concatenate(list(open_clip(fixtures_dir / file).frames()))
            for name, (output, truth) in made(frames).items():
                table.setdefault(name, {})[file] = shifts(output, truth, files)
        return table

    table = benchmark.pedantic(measured)
    for name, clips in table.items():
        print(f"\n{name}: middle of {len(clips)} clips, largest")
        for metric in ("LPIPS", "SSIM", "PSNR"):
            found = {file: moves[metric] for file, moves in clips.items()}
            worst = max(found, key=lambda file: found[file])
            middle = float(np.median(list(found.values())))
            print(f"  {metric:<6}{middle:10.4f}{found[worst]:10.4f}  {worst}")
        benchmark.extra_info[name] = clips
    errs_alike = table["blurred and darkened"].values()
    assert max(moves["LPIPS"] for moves in errs_alike) < 0.01
    assert np.median([moves["LPIPS"] for moves in table["the clip five frames later"].values()]) < 0.02
