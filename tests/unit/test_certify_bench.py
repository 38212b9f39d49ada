"""The bench: each clip is read once, and metrics get what they declared and no more."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from spfem_bench.certify.bench import EYES, Bench
from spfem_bench.suites import build_suite, load_suite
from spfem_metrics import Reading, TrialFacts, Unscored
from spfem_metrics.media import ArrayMedia
from tests.support.clips import moving_box, noise_frames
from tests.support.worlds import TINY

FACTS = TrialFacts("t", "s", "happy")
PAIRED = """
name: paired
valid-on: [real]
about: For tests.
extractors: {}
pairs:
  image-quality: {factory: "spfem_metrics.pairs.image_quality:image_quality", options: {}}
metrics:
  - {factory: "spfem_metrics.metrics.paired:SSIM", options: {}}
  - {factory: "spfem_metrics.metrics.paired:PSNR", options: {}}
"""


def clip(seed: int = 0) -> ArrayMedia:
    return ArrayMedia(noise_frames(12, seed=seed), Fraction(25))


@pytest.fixture
def paired(tmp_path: Path) -> Bench:
    path = tmp_path / "paired.yaml"
    path.write_text(PAIRED)
    return Bench(build_suite(load_suite(str(path))))


def value(row: object) -> float:
    outcome = row.outcome  # type: ignore[attr-defined]
    assert isinstance(outcome, Reading)
    assert outcome.value is not None
    return outcome.value


def test_paired_metrics_compare_frame_by_frame(paired: Bench) -> None:
    truth = ArrayMedia(moving_box(6), Fraction(25))
    brighter = replace(truth, frames=np.minimum(truth.frames, 235) + np.uint8(20))
    rows = paired.rows(FACTS, {"output": brighter, "source": truth, "truth": truth})
    gaps = brighter.frames.astype(float) - truth.frames
    errors = (gaps**2).reshape(6, -1).mean(axis=1)
    assert value(rows["psnr"]) == pytest.approx(np.mean(10 * np.log10(255**2 / errors)), rel=1e-6)
    assert 0 < value(rows["ssim"]) < 1


def test_a_missing_side_is_unscored(paired: Bench) -> None:
    rows = paired.rows(FACTS, {"output": clip(), "source": clip()})
    assert {type(row.outcome) for row in rows.values()} == {Unscored}


def test_a_clip_is_read_once_however_many_outputs_it_is_compared_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from spfem_bench.certify import bench as module

    read: list[int] = []
    true_extract = module.extract

    def counting(media: ArrayMedia, *args: object, **kwargs: object) -> object:
        read.append(id(media))
        return true_extract(media, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "extract", counting)
    bench, source = Bench(build_suite(load_suite(TINY))), clip()
    outputs = [clip(seed) for seed in range(1, 21)]
    for output in outputs:
        rows = bench.rows(FACTS, {"output": output, "source": source})
        expected = np.abs(output.frames.mean((1, 2, 3)) - source.frames.mean((1, 2, 3))).mean()
        assert value(rows["luma-drift"]) == pytest.approx(expected, rel=1e-4)
    assert read.count(id(source)) == 1
    assert len(read) == 21
    assert set(bench.real_rows(FACTS, source)) == {"luma-set"}
    assert len(read) == 21


def test_without_a_face_finder_eyes_are_where_rendered_faces_have_them(paired: Bench) -> None:
    assert paired.eyes(clip()) == pytest.approx(EYES * 64)
