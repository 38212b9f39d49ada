"""Frames per second of finding faces, and its share of the whole pass (pytest-benchmark; not timed in CI)."""

from __future__ import annotations

from fractions import Fraction

import pytest

from spfem_bench.clips import open_clip
from spfem_metrics import ArrayMedia
from spfem_metrics.extraction import extract
from spfem_metrics.faces import mediapipe, yunet

pytestmark = pytest.mark.real

FILES = {"mediapipe": "face_landmarker.task", "yunet": "yunet_n_dynamic.onnx"}
FACTORIES = {"mediapipe": mediapipe.faces, "yunet": yunet.faces}


@pytest.mark.parametrize("kind", sorted(FACTORIES))
@pytest.mark.parametrize("file", ["expressive/sadgirl_clip1.mp4", "retalking/1.mp4"])
def test_finding(benchmark, fixtures_dir, weights_dir, kind, file):
    batch = next(open_clip(fixtures_dir / file).batches(50))
    clip = ArrayMedia(batch.images, Fraction(25))
    faces = FACTORIES[kind](weights={"model": weights_dir / FILES[kind]})
    arrays = benchmark(lambda: extract(clip, [faces])["faces"])
    benchmark.extra_info["frames"] = len(arrays["found"])
    assert arrays["found"].all()
