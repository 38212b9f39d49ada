"""The sync networks that ship: they find a known shift on rendered people whom they have never seen."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from spfem_bench.synthetic.clip import RenderedClip, render_clip
from spfem_bench.training.branches import branches
from spfem_bench.training.files import SETS, Set, load, weights_path
from spfem_bench.training.sync import UNSEEN, embed, found_offset
from spfem_metrics.extraction import extract
from spfem_metrics.functional.lipsync import sync_curve, sync_distances
from spfem_metrics.media import ArrayMedia
from spfem_metrics.synthetic.cutting import lower_face
from spfem_metrics.synthetic.faces import faces
from spfem_metrics.synthetic.sync import sync


@pytest.fixture(scope="module")
def clip() -> RenderedClip:
    """Two seconds of an angry person of the held-out population."""
    return render_clip(replace(UNSEEN.spec(1), seconds=2.4))


@pytest.mark.parametrize("late", [-6, 0, 4])
def test_the_judge_finds_a_shift_from_pictures_and_sound_alone(clip: RenderedClip, late: int) -> None:
    media = ArrayMedia(clip.frames, Fraction(25), np.roll(clip.audio, -640 * late))
    found = extract(media, [faces(weights={}), sync(weights={})])["sync"]
    seen = found["video_valid"], found["audio_valid"]
    curve = sync_curve(sync_distances(found["video"], found["audio"], seen=seen))
    assert abs(curve.offset - late) <= 1
    assert curve.confidence() > 0.2
    if late:
        assert curve.distance(0) > curve.distance() + 0.2


@pytest.mark.parametrize("which", SETS)
def test_each_sets_network_finds_the_words_in_step(clip: RenderedClip, which: Set) -> None:
    path, kind = weights_path(which, "sync"), branches(which)
    pairs = zip(clip.frames, clip.truth.landmarks, strict=True)
    pictures = np.stack([lower_face(image, points) for image, points in pairs])
    rows = embed(load(path, kind.build()), kind, pictures, clip.audio)
    assert abs(found_offset(*rows)) <= 1
