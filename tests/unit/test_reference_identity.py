"""Identity as facenet-pytorch and InsightFace compute it.

FaceNet: both sides run in single precision, ours with normalisations folded into convolutions. Over some
hundred layers that moves a value of the embedding, of unit length, by about 1e-6; 2e-5 is the tolerance.
ArcFace: both sides run the same file in onnxruntime.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

from spfem_bench.testing import Known, check_metric, fake_observation
from spfem_metrics import ArrayMedia, DefinitionError, Extractor, Observation, WeightsError
from spfem_metrics.extraction import extract
from spfem_metrics.metrics.identity import IdentitySimilarity, csim_arcface, csim_id
from spfem_metrics.networks import arcface_onnx, facenet
from spfem_metrics.networks.files import digest8
from tests.support.parity import EXACT, absolute, release
from tests.support.planted import pictures
from tests.support.published import golden, published

upstream = pytest.importorskip("facenet_pytorch")
APART = 2e-5
SIZE = (240, 200)
BOXES = np.array(
    [[20.7, 30.2, 150.9, 211.6], [-12.4, -3.0, 90.5, 120.5], [100.0, 60.0, 320.0, 400.0]], np.float32
)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return pictures(3, SIZE, 1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("facenet") / "20180402-114759-vggface2.pt"
    facenet.random_file(path, 2)
    return path


@pytest.fixture(scope="module")
def theirs(model: Path) -> torch.nn.Module:
    """facenet-pytorch's network as `pretrained="vggface2"` leaves it, classifier included."""
    network = facenet.blank().to_empty(device="cpu")
    network.load_state_dict(torch.load(model, weights_only=True))
    network.classify = False
    return network.eval()


def faces(boxes: np.ndarray, **more: np.ndarray) -> dict[str, np.ndarray]:
    return {"found": np.ones(len(boxes), bool), "raw_box": boxes, "box": boxes + 5, **more}


def embedded(extractor: Extractor, frames: np.ndarray, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return dict(
        extract(ArrayMedia(frames, Fraction(25)), [extractor], known={"faces": found})[extractor.name]
    )


AS_GIVEN = {"pil-bilinear": Image.fromarray, "cv2-area": np.asarray, "tensor-area": torch.from_numpy}


def their_crop(frame: np.ndarray, box: np.ndarray, path: str) -> torch.Tensor:
    """What MTCNN hands on, standardised."""
    face = upstream.extract_face(AS_GIVEN[path](frame.copy()), box, image_size=160, margin=0)
    return upstream.fixed_image_standardization(face)


@pytest.mark.parametrize("path", AS_GIVEN)
@pytest.mark.parametrize("box", BOXES, ids=["inside", "over the corner", "over the end"])
def test_crops_are_facenet_pytorchs_to_the_bit(parity, path, box, frames) -> None:
    part = facenet.cut_out(frames[0], box.astype(float))
    ours = torch.from_numpy(facenet.CROPS[path](part).copy()).permute(2, 0, 1).float()
    found, wanted = (ours - 127.5) / 128, their_crop(frames[0], box, path)
    assert found.dtype == wanted.dtype
    parity(f"CSIM-ID: crop by {path}", release("facenet-pytorch"), found, wanted, EXACT, n=(1, "faces"))


def test_the_three_crops_of_one_box_differ(frames) -> None:
    part = facenet.cut_out(frames[0], np.array([3.0, 2.0, 198.0, 237.0]))
    crops = [crop(part).astype(float) for crop in facenet.CROPS.values()]
    apart = [np.abs(a - b).mean() for i, a in enumerate(crops) for b in crops[:i]]
    assert min(apart) > 0.2


@pytest.mark.parametrize(
    ("box", "shape"),
    [([10.9, 10.9, 20.1, 30.99], (20, 10)), ([10.2, 5, 10.9, 9], None), ([300, 300, 310, 310], None)],
)
def test_a_box_is_cut_off_to_whole_pixels_and_may_be_nothing(box, shape, frames) -> None:
    part = facenet.cut_out(frames[0], np.array(box, float))
    assert (None if part is None else part.shape[:2]) == shape


def test_embeddings_are_facenet_pytorchs(parity, model, theirs, frames) -> None:
    found = faces(BOXES)
    arrays = embedded(facenet.facenet(weights={"model": model}), frames, found)
    crops = [their_crop(f, b, "pil-bilinear") for f, b in zip(frames, BOXES, strict=True)]
    with torch.inference_mode():
        wanted = theirs(torch.stack(crops)).numpy()
        unsquared = theirs(torch.stack(crops) * 128 / 255).numpy()
    assert arrays["valid"].all()
    metric, oracle = "CSIM-ID: embeddings", release("facenet-pytorch")
    parity(metric, oracle, arrays["embedding"], wanted, absolute(APART), n=(3, "faces"))
    np.testing.assert_allclose(np.linalg.norm(arrays["embedding"], axis=1), 1, rtol=1e-5)
    assert np.abs(unsquared - wanted).max() > 20 * APART


def test_frames_without_a_face_or_with_a_box_of_nothing_are_not_valid(model, frames) -> None:
    boxes = np.array([[10, 10, 90, 90], [400, 10, 500, 90], [10, 10, 90, 90]], np.float32)
    found = {**faces(boxes), "found": np.array([True, True, False])}
    arrays = embedded(facenet.facenet(weights={"model": model}), frames, found)
    assert arrays["valid"].tolist() == [True, False, False]
    assert not arrays["embedding"][1:].any()


def test_nothing_is_downloaded_and_a_file_without_the_classifier_is_refused(
    model, tmp_path, monkeypatch
) -> None:
    def refuse(*_):
        raise AssertionError("facenet-pytorch would download")

    monkeypatch.setattr("facenet_pytorch.models.inception_resnet_v1.load_weights", refuse)
    tensors = torch.load(model, weights_only=True)
    small = {name: value for name, value in tensors.items() if not name.startswith("logits.")}
    monkeypatch.setattr("spfem_metrics.networks.checkpoints.state_dict", lambda _: small)
    with pytest.raises(WeightsError, match="not a InceptionResnetV1: 2 tensors missing"):
        facenet.load(tmp_path / "other.pt")


def test_names_and_definitions_tell_crops_and_boxes_apart(model) -> None:
    made = [facenet.facenet(weights={"model": model}, crop=path) for path in AS_GIVEN]
    made.append(facenet.facenet(weights={"model": model}, box="smoothed"))
    assert all(isinstance(extractor, Extractor) and extractor.name == "facenet" for extractor in made)
    assert len({extractor.definition for extractor in made}) == 4
    assert made[0].definition == (
        f"inception-resnet-v1-vggface2@{digest8(model)},box:raw-int-margin0,crop:pil-bilinear160,"
        "input:(x-127.5)/128,l2,chunk32"
    )
    for wrong in ({"crop": "cv2-linear"}, {"box": "square"}, {"chunk": 0}):
        with pytest.raises(DefinitionError):
            facenet.facenet(weights={"model": model}, **wrong)


GOLD = np.array(
    [
        [0.000000, 1.482895, 0.886342, 1.438450, 1.437583],
        [1.482895, 0.000000, 1.345686, 1.029880, 1.061939],
        [0.886342, 1.345686, 0.000000, 1.363125, 1.338803],
        [1.438450, 1.029880, 1.363125, 0.000000, 1.066040],
        [1.437583, 1.061939, 1.338803, 1.066040, 0.000000],
    ]
)
"""facenet-pytorch's tests/actions_test.py, vggface2, between these people's pictures."""
PEOPLE = ("angelina_jolie", "bradley_cooper", "kate_siegel", "paul_rudd", "shea_whigham")


@pytest.mark.real
def test_distances_are_facenet_pytorchs_gold() -> None:
    """Its own tolerance: 1e-2 over the whole matrix."""
    weights = published("facenet-vggface2")
    pictured = [golden(f"facenet-pytorch/data/test_images/{name}/1.jpg") for name in PEOPLE]
    from torchvision.transforms import Resize

    network = facenet.embed(facenet.load(weights))
    crops = []
    for path in pictured:
        image = Resize(512)(Image.open(path))
        box = upstream.MTCNN().detect(image)[0][0]
        crops.append(facenet.pil_bilinear(facenet.cut_out(np.asarray(image), box)))
    with torch.inference_mode():
        rows = network(torch.from_numpy(np.stack(crops))).numpy()
    distances = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    assert np.linalg.norm(distances - GOLD) < 1e-2


POINTS = np.array([[70, 90], [130, 86], [102, 130], [78, 165], [128, 160]], np.float32)


@pytest.fixture(scope="module")
def arcface_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("arcface") / "w600k_r50.onnx"
    arcface_onnx.random_file(path, 4, stages=((8, 1), (8, 2), (16, 1), (16, 1)))
    return path


def insightface_crop(frame: np.ndarray, points: np.ndarray) -> np.ndarray:
    """InsightFace's alignment: Umeyama (1991) by singular values, then a warp of the BGR picture."""
    template = np.array(
        [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
    )
    source = points.astype(float)
    a, b = source - source.mean(axis=0), template - template.mean(axis=0)
    u, s, vt = np.linalg.svd(b.T @ a / len(a))
    assert np.linalg.det(u @ vt) > 0
    scale = s.sum() / a.var(axis=0).sum()
    linear = scale * u @ vt
    matrix = np.column_stack([linear, template.mean(axis=0) - linear @ source.mean(axis=0)])
    return cv2.warpAffine(frame[..., ::-1], matrix, (112, 112), borderValue=0.0)


def insightface_embedding(path: Path, crops: list[np.ndarray]) -> np.ndarray:
    """One face at a time through OpenCV's blob, as InsightFace feeds the file."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    blobs = [cv2.dnn.blobFromImage(c, 1 / 127.5, (112, 112), (127.5,) * 3, swapRB=True) for c in crops]
    return np.concatenate([session.run(None, {session.get_inputs()[0].name: blob})[0] for blob in blobs])


def test_arcface_is_insightfaces_alignment_and_blob(parity, arcface_file, frames) -> None:
    """The two ways to the same matrix differ in its last bits, which may round a pixel the other way."""
    found = faces(BOXES, points5=np.stack([POINTS, POINTS + 9, POINTS * 0.8]))
    arrays = embedded(arcface_onnx.arcface(weights={"model": arcface_file}), frames, found)
    crops = [insightface_crop(f, p) for f, p in zip(frames, found["points5"], strict=True)]
    raw = insightface_embedding(arcface_file, crops)
    wanted, metric = raw / np.linalg.norm(raw, axis=1, keepdims=True), "CSIM-ArcFace: embeddings"
    oracle = f"InsightFace's alignment and blob transcribed, {release('onnxruntime')}"
    parity(metric, oracle, arrays["embedding"], wanted, absolute(1e-4), n=(3, "faces"))
    assert np.abs(np.linalg.norm(raw, axis=1) - 1).min() > 0.1
    swapped = insightface_embedding(arcface_file, [crop[..., ::-1].copy() for crop in crops])
    swapped /= np.linalg.norm(swapped, axis=1, keepdims=True)
    assert np.abs(swapped - arrays["embedding"]).max() > 1e-2


def test_arcface_of_frames_without_a_face_is_not_valid(arcface_file, frames) -> None:
    found = {**faces(BOXES, points5=np.stack([POINTS] * 3)), "found": np.array([False, True, True])}
    arrays = embedded(arcface_onnx.arcface(weights={"model": arcface_file}, chunk=1), frames, found)
    assert arrays["valid"].tolist() == [False, True, True]
    assert not arrays["embedding"][0].any()


def test_the_random_file_has_the_size_of_the_published_one(monkeypatch) -> None:
    """174,383,860 bytes of single precision, in which some normalisations are folded into convolutions."""
    shapes: list[tuple[int, ...]] = []
    monkeypatch.setattr(
        arcface_onnx._Graph, "_tensor", lambda _self, leaf, shape: shapes.append(shape) or leaf
    )
    graph = arcface_onnx._Graph(0)
    graph.body(arcface_onnx.R50)
    numbers = sum(int(np.prod(shape)) for shape in shapes)
    assert 4 * numbers == pytest.approx(174_383_860, rel=2e-3)
    assert (512, 512 * 7 * 7) in shapes


def test_other_onnx_files_are_refused(arcface_file, tmp_path, frames, monkeypatch) -> None:
    (tmp_path / "text.onnx").write_bytes(b"not a network")
    with pytest.raises(WeightsError, match="not a readable ONNX network"):
        arcface_onnx.embed(tmp_path / "text.onnx")
    torn = onnx.load(arcface_file)
    torn.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 128
    onnx.save(torn, tmp_path / "torn.onnx")
    with pytest.raises(WeightsError, match="not a readable ONNX network"):
        arcface_onnx.embed(tmp_path / "torn.onnx")
    with monkeypatch.context() as patch:
        patch.setattr(arcface_onnx, "SIDE", 96)
        arcface_onnx.random_file(tmp_path / "other.onnx", 0, stages=((4, 1),))
    with pytest.raises(WeightsError, match=r"not one float tensor \(N, 3, 112, 112\)"):
        arcface_onnx.embed(tmp_path / "other.onnx")
    broken = onnx.load(arcface_file)
    tensor = next(t for t in broken.graph.initializer if t.name.endswith("bias"))
    tensor.CopyFrom(
        onnx.numpy_helper.from_array(np.full(tuple(tensor.dims), np.nan, np.float32), tensor.name)
    )
    onnx.save(broken, tmp_path / "nan.onnx")
    extractor = arcface_onnx.arcface(weights={"model": tmp_path / "nan.onnx"})
    with pytest.raises(WeightsError, match="no finite"):
        embedded(extractor, frames, faces(BOXES, points5=np.stack([POINTS] * 3)))


def test_arcfaces_definition_names_alignment_and_range(arcface_file) -> None:
    made = arcface_onnx.arcface(weights={"model": arcface_file}, device="cuda:0", chunk=8)
    assert isinstance(made, Extractor)
    assert made.definition == (
        f"arcface-onnx@{digest8(arcface_file)},points5-similarity112,bilinear,border0,"
        "input:(x-127.5)/127.5-rgb,l2,onnxruntime-threads1,chunk8"
    )


def renamed(observation: Observation, extractor: str) -> Observation:
    """The fake identity under another extractor's name."""
    sides = {
        side: replace(seen, arrays={**seen.arrays, extractor: seen.arrays["identity"]})
        for side, seen in observation.sides.items()
    }
    return replace(observation, sides=sides)


@pytest.mark.parametrize(("metric", "extractor"), [(csim_id(), "facenet"), (csim_arcface(), "arcface")])
def test_the_metrics_are_the_frames_mean_cosine_with_their_source(metric, extractor) -> None:
    seen = [renamed(fake_observation(f"t{i}", known=Known(identity=0.63)), extractor) for i in range(3)]
    score = check_metric(metric, seen)
    assert score.outcome.value == pytest.approx(0.63, abs=1e-5)
    definitions = {need.extractor: need.extractor for need in metric.info.needs}
    assert f"|{extractor}:{extractor}|faces:faces|match:frame|" in metric.signature(definitions).line


def test_the_metrics_say_whose_they_are() -> None:
    assert [m.info.name for m in (csim_id(), csim_arcface())] == ["csim-id", "csim-arcface"]
    assert "non-commercial research only" in csim_arcface().info.about
    assert "`random-speaker`" in csim_id().info.about


def test_the_existing_metric_is_signed_as_before() -> None:
    line = IdentitySimilarity().signature({"identity": "net", "faces": "finder"}).line
    assert line == (
        "identity-similarity|v2|identity:net|faces:finder|match:frame|mean:frames-then-trials|"
        "faces-min:output0.9-of-source,other0.5|miss:exclude"
    )
