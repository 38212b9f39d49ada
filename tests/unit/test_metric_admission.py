"""The judge of the metrics: when a claim holds, and that harm is done as stated."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

from spfem_metrics import InputError
from spfem_metrics.admission.checks import Check
from spfem_metrics.admission.material import cut, read_material, shifted, trial
from spfem_metrics.admission.pictures import Shot, blur, brightness, harmed, jpeg
from spfem_metrics.extractor import ClipFeatures
from spfem_metrics.functional import psnr


@pytest.mark.parametrize(
    ("better", "worse", "direction", "share"),
    [
        ([3, 4], [1, 2], "higher", 1.0),
        ([3, 4], [1, 2], "lower", 0.0),
        ([1, 3], [2, 2], "higher", 0.5),
        ([2], [2], "higher", 0.5),
        ([], [1], "higher", 0.0),
        ([1], [], "lower", 0.0),
    ],
)
def test_a_claim_is_the_share_of_pairs_in_its_order(better, worse, direction, share):
    check = Check("m", "a / b", better, worse, direction, 0.9)
    assert check.share == share
    assert check.passed == (share >= 0.9)
    assert check.line.startswith("ok" if share >= 0.9 else "FAIL")


@pytest.fixture
def shot() -> Shot:
    rng = np.random.default_rng(0)
    frames = rng.integers(60, 190, (6, 32, 40, 3), np.uint8)
    return Shot(frames, np.arange(6) / 25, Fraction(25))


def test_harm_is_repeatable_and_graded(shot):
    for weak, strong in ((jpeg(90), jpeg(10)), (blur(0.5), blur(3.0)), (brightness(1.0), brightness(20.0))):
        quality = [
            np.mean([psnr(a, b) for a, b in zip(harmed(shot, harm).frames, shot.frames, strict=True)])
            for harm in (weak, strong)
        ]
        assert quality[0] > quality[1]
        np.testing.assert_array_equal(harmed(shot, weak, 3).frames, harmed(shot, weak, 3).frames)


def test_brightness_moves_a_frame_as_a_whole(shot):
    change = harmed(shot, brightness(4.0)).frames.astype(int) - shot.frames
    assert np.ptp(change, axis=(1, 2, 3)).max() == 0
    assert len(np.unique(change[:, 0, 0, 0])) > 1


def clip(frames: int) -> ClipFeatures:
    return ClipFeatures(10.0, np.arange(frames) / 10, (8, 8), {"faces": {"at": np.arange(frames)}})


def test_a_cut_starts_at_time_zero():
    part = cut(clip(10), 4, 7)
    assert part["faces"]["at"].tolist() == [4, 5, 6]
    np.testing.assert_allclose(part.times, [0, 0.1, 0.2])


def test_a_shifted_trial_shows_later_frames_under_earlier_names():
    made = shifted(clip(10), 0.4)
    assert made.sides["output"]["faces"]["at"].tolist() == [4, 5, 6, 7, 8, 9]
    assert made.frame_map.tolist() == [0, 1, 2, 3, 4, 5]
    assert trial(clip(3), clip(5)).frame_map.tolist() == [0, 1, 2]


def test_a_clip_the_folder_lacks_is_named(tmp_path):
    (tmp_path / "clips.jsonl").write_text(json.dumps({"id": "a"}) + "\n", "utf8")
    with pytest.raises(InputError, match="has no clip b"):
        read_material(tmp_path, tmp_path, ["b"])
