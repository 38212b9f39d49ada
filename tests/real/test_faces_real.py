"""Faces and networks on real clips: found, not found, where, who, and with what expression."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from spfem_bench.clips import open_clip
from spfem_metrics import ArrayMedia, WeightsError
from spfem_metrics.extraction import extract
from spfem_metrics.faces import mediapipe, mtcnn, yunet
from spfem_metrics.faces.boxes import iou
from spfem_metrics.faces.stability import stability
from spfem_metrics.networks.mini_xception import EMOTIONS, emotion
from spfem_metrics.networks.mobilefacenet import identity

pytestmark = pytest.mark.real

SAME = ("grid/id2_vcd_swwp2s.mpg", "grid/pwij3p.mpg")
OTHERS = ("grid/bbaf2n.mpg", "grid/lbax4n.mpg")


@pytest.fixture(scope="module")
def by_mediapipe(weights_dir):
    return mediapipe.faces(weights={"model": weights_dir / "face_landmarker.task"})


@pytest.fixture(scope="module")
def by_yunet(weights_dir):
    return yunet.faces(weights={"model": weights_dir / "yunet_n_dynamic.onnx"})


@pytest.fixture(scope="module")
def who(weights_dir):
    return identity(weights={"model": weights_dir / "mobilefacenet.pt"})


@pytest.fixture(scope="module")
def feeling(weights_dir):
    return emotion(weights={"model": weights_dir / "fer2013_mini_xception_102.hdf5"})


def some(path, count: int = 24, step: int = 1) -> ArrayMedia:
    """The first frames of a clip, every ``step``-th."""
    images = []
    for batch in open_clip(path).batches(32):
        images.append(batch.images[-batch.start % step :: step])
        if sum(map(len, images)) >= count:
            break
    return ArrayMedia(np.concatenate(images)[:count], Fraction(25))


@pytest.fixture(scope="module")
def people(fixtures_dir, by_yunet, who):
    """Clip -> its mean embedding, over frames of four clips of three people."""
    means = {}
    for file in (*SAME, *OTHERS):
        found = extract(some(fixtures_dir / file, 15, 5), [by_yunet, who])["identity"]
        assert found["valid"].all()
        mean = found["embedding"].mean(axis=0)
        means[file] = mean / np.linalg.norm(mean)
    return means


def test_definitions_name_network_and_digest(by_mediapipe, by_yunet, who, feeling):
    assert by_mediapipe.definition.startswith("mediapipe-landmarker@64184e22,video,faces4,score0.6,")
    assert by_yunet.definition.startswith("yunet@104ee26c,side320,score0.6,nms0.45,")
    assert who.definition.startswith("mobilefacenet@90a00ba1,")
    assert feeling.definition.startswith("mini-xception@59534287,")


def test_face_that_leaves(fixtures_dir, by_mediapipe, by_yunet):
    clip = open_clip(fixtures_dir / "edge" / "face_noface.mov")
    seen = extract(clip, [by_yunet])["faces"]["found"]
    assert seen[:72].all()
    assert not seen[72:].any()
    followed = extract(clip, [by_mediapipe])["faces"]["found"]
    assert followed[:72].all()
    assert not followed[72:].any()


def test_no_face(fixtures_dir, by_mediapipe, by_yunet, who, feeling):
    clip = some(fixtures_dir / "edge" / "no_face.mp4", 40)
    assert not extract(clip, [by_yunet])["faces"]["found"].any()
    arrays = extract(clip, [by_mediapipe, who, feeling, stability()])
    for name, values in arrays.items():
        assert all(len(array) == 40 and not array.any() for array in values.values()), name


@pytest.mark.parametrize(
    "file",
    ["expressive/happyenglish_clip1.mp4", "pcavs/00086.mp4", "liveportrait/d18.mp4", "retalking/2.mp4"],
)
def test_every_frame_has_its_face_and_both_agree_where(fixtures_dir, by_mediapipe, by_yunet, file):
    clip = some(fixtures_dir / file, 20, 4)
    one, other = extract(clip, [by_mediapipe])["faces"], extract(clip, [by_yunet])["faces"]
    assert one["found"].all()
    assert other["found"].all()
    overlaps = [iou(a, b[None])[0] for a, b in zip(one["raw_box"], other["raw_box"], strict=True)]
    apart = np.linalg.norm(one["points5"] - other["points5"], axis=2).mean(axis=1) / other["interocular"]
    assert np.mean(overlaps) > 0.8
    assert apart.mean() < 0.15


def test_rows_with_gaps_do_not_hide_the_face(fixtures_dir, by_mediapipe):
    images = some(fixtures_dir / SAME[0], 4).frames
    wide = np.zeros((4, images.shape[1], images.shape[2] + 24, 3), np.uint8)
    wide[:, :, : images.shape[2]] = images
    gaps = wide[:, :, : images.shape[2]]
    assert not gaps[0].flags.c_contiguous
    work = by_mediapipe.start(ArrayMedia(images, Fraction(25)))
    work.push(type(next(ArrayMedia(images, Fraction(25)).batches(4)))(0, gaps, np.arange(4) / 25), {})
    assert work.finish()["found"].all()


def test_batches_and_repeats_move_no_bit(fixtures_dir, by_mediapipe, who, feeling):
    clip = some(fixtures_dir / SAME[0], 40)
    extractors = [stability(), feeling, who, by_mediapipe]
    one, other = extract(clip, extractors), extract(clip, extractors, batch=7)
    for name in one:
        for key in one[name]:
            assert np.array_equal(one[name][key], other[name][key]), (name, key)


def test_mtcnn_agrees_with_its_full_size(fixtures_dir):
    clip = some(fixtures_dir / SAME[0], 11)
    arrays = extract(clip, [mtcnn.faces(chunk=2)])["faces"]
    assert arrays["found"].all()
    truth = mtcnn.Mtcnn("cpu", side=0).find(clip.frames[7:8])[0]
    assert iou(arrays["raw_box"][7], np.stack([face.box for face in truth])).max() > 0.85


def turned(frames: np.ndarray, degrees: float) -> np.ndarray:
    """Frames turned counter-clockwise about their middle."""
    height, width = frames.shape[1:3]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return np.stack([cv2.warpAffine(frame, matrix, (width, height)) for frame in frames])


def test_signs_of_pose_and_gaze(fixtures_dir, by_mediapipe):
    frames = some(fixtures_dir / "pcavs" / "00015.mp4", 12, 8).frames

    def look(images: np.ndarray) -> dict[str, np.ndarray]:
        arrays = extract(ArrayMedia(np.ascontiguousarray(images), Fraction(25)), [by_mediapipe])["faces"]
        assert arrays["found"].all()
        return arrays

    plain, mirrored, left = look(frames), look(frames[:, :, ::-1]), look(turned(frames, 12))
    assert mirrored["pose"] == pytest.approx(plain["pose"] * [-1, 1, -1], abs=6)
    # The nose lies to the side that the face turns to.
    nose = plain["points5"][:, 2, 0] - plain["points5"][:, :2, 0].mean(axis=1)
    assert np.abs(plain["pose"][:, 0]).min() > 6
    assert (np.sign(nose) == np.sign(plain["pose"][:, 0])).all()
    assert (left["pose"] - plain["pose"])[:, 2].mean() == pytest.approx(12, abs=2)
    assert (left["gaze"] - plain["gaze"]).mean(axis=0) == pytest.approx([0, 0], abs=0.08)
    assert mirrored["gaze"].mean(axis=0) == pytest.approx(plain["gaze"].mean(axis=0) * [-1, 1], abs=0.08)
    assert left["mouth_opening"] == pytest.approx(plain["mouth_opening"], abs=0.05)


def test_a_smile_moves_the_blendshapes(fixtures_dir, by_mediapipe):
    smile = mediapipe.BLENDSHAPES.index("mouthSmileLeft")

    def level(file: str) -> float:
        clip = some(fixtures_dir / "expressive" / file, 15, 6)
        return float(extract(clip, [by_mediapipe])["faces"]["coefficients"][:, smile].mean())

    assert level("happyenglish_clip1.mp4") > level("furious_talk1_clip1.mp4") + 0.2


def test_same_person_is_nearer_than_any_other(people):
    same = float(people[SAME[0]] @ people[SAME[1]])
    different = [float(people[one] @ people[other]) for one in SAME for other in OTHERS]
    different.append(float(people[OTHERS[0]] @ people[OTHERS[1]]))
    assert same > 0.5
    assert max(different) < 0.4


def test_happy_reads_as_happy(fixtures_dir, by_mediapipe, feeling):
    clip = some(fixtures_dir / "expressive" / "happyenglish_clip1.mp4", 20, 6)
    probabilities = extract(clip, [by_mediapipe, feeling])["emotion"]["probabilities"]
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(20), abs=1e-5)
    assert EMOTIONS[int(probabilities.mean(axis=0).argmax())] == "happy"
    assert probabilities[:, EMOTIONS.index("happy")].mean() > 0.6


def test_flicker_shows_in_stability(fixtures_dir, by_yunet):
    clip = some(fixtures_dir / SAME[0], 24)
    shaken = clip.frames.astype(int) + 12 * (np.arange(24) % 2)[:, None, None, None]
    flickering = ArrayMedia(np.clip(shaken, 0, 255).astype(np.uint8), clip.fps)
    plain, moved = (extract(c, [by_yunet, stability()])["stability"] for c in (clip, flickering))
    assert plain["valid"].sum() == 22
    assert moved["luma_change"][1:-1].mean() == pytest.approx(24, abs=4)
    assert plain["luma_change"][1:-1].mean() < 8


def test_tiny_pictures_have_no_face(by_mediapipe, by_yunet):
    for side in (1, 3, 20):
        clip = ArrayMedia(np.full((3, side, side, 3), 128, np.uint8), Fraction(25))
        for faces in (by_mediapipe, by_yunet):
            assert not extract(clip, [faces])["faces"]["found"].any()


def test_another_network_is_refused(weights_dir, fixtures_dir):
    wrong = yunet.faces(weights={"model": weights_dir / "face_landmarker.task"})
    with pytest.raises(WeightsError, match="not a readable ONNX"):
        extract(some(fixtures_dir / SAME[0], 1), [wrong])
    swapped = emotion(weights={"model": weights_dir / "mobilefacenet.pt"})
    with pytest.raises(WeightsError, match="not an HDF5 file"):
        swapped.start(some(fixtures_dir / SAME[0], 1))
