"""HSEmotion's ONNX networks and any other ONNX classifier: preprocessing, classes, refusals.

The oracle is the ONNX engine of EmotiEffLib 1.1.1 (``EmotiEffLibRecognizerOnnx``) as its source describes it:
``cv2.resize`` of the face to the input's size, divided by 255, less the mean, by the deviation, in float64
and then rounded to float32; the softmax over the classes, valence and arousal aside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spfem_metrics import ArrayMedia, DefinitionError, Extractor, WeightsError
from spfem_metrics.labels import EMOTIONS, SEVEN, Classes
from spfem_metrics.networks.face_crops import cut
from spfem_metrics.networks.hsemotion import AFFECT, EIGHT, NETWORKS, hsemotion, random_file
from spfem_metrics.networks.onnx_classifier import Picture, onnx_classifier, open_network, probabilities
from tests.support.onnx_nets import brightest_channel, constant, linear
from tests.support.parity import EXACT, absolute, release
from tests.support.planted import pictures

BOX = np.array([20.0, 10.0, 90.0, 120.0], np.float32)
THREE = {"outputs": ["happy", "neutral", "sad"], "vocabulary": "mead"}
ENGINE = "EmotiEffLib 1.1.1's ONNX engine transcribed"
SMALL = {"size": 8, "mean": [0, 0, 0], "std": [1, 1, 1]}


def read(extractor: Extractor, frames: np.ndarray, found: Sequence[bool] | None = None) -> Mapping:
    """The extractor's arrays for frames that all have their face in `BOX`."""
    media = ArrayMedia(frames, Fraction(25))
    work = extractor.start(media)
    seen = np.ones(len(frames), bool) if found is None else np.array(found)
    for batch in media.batches(3):
        part = slice(batch.start, batch.start + len(batch.images))
        work.push(batch, {"faces": {"box": np.tile(BOX, (len(seen), 1))[part], "found": seen[part]}})
    return work.finish()


def softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def by_emotiefflib(model: Path, faces: Sequence[np.ndarray], kind: str) -> np.ndarray:
    """(N, 8) probabilities by AffectNet's order, as the package's ONNX engine gives them, face by face."""
    rule = NETWORKS[kind]
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    scores = []
    for face in faces:
        x = cv2.resize(face, (rule.size, rule.size)) / 255
        x = (x - np.array(rule.mean)) / np.array(rule.std)
        scores.append(session.run(None, {"input": x.transpose(2, 0, 1)[None].astype("float32")})[0][0])
    logits = np.stack(scores)
    return softmax(logits[:, :-2] if "_mtl" in kind else logits)


@pytest.fixture(scope="module")
def b0(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hsemotion") / "enet_b0_8_best_vgaf.onnx"
    random_file(path, 3)
    return path


def boxed(frames: np.ndarray) -> list[np.ndarray]:
    x0, y0, x1, y1 = BOX.astype(int)
    return [frame[y0:y1, x0:x1] for frame in frames]


def test_probabilities_are_the_packages(parity, b0: Path) -> None:
    """The same network and input; batches of another length sum in another order.

    80 layers of sums of up to 1152 float32 products, each off by about sqrt(1152) * 2^-24 of its size: 2e-4
    of logits of size 1 at worst, and no probability moves by more than its logit.
    """
    frames = pictures(4, (140, 110), 1)
    ours = read(hsemotion(weights={"model": b0}, classes=8, chunk=3), frames)["probabilities"]
    wanted = by_emotiefflib(b0, boxed(frames), "enet_b0_8_best_vgaf")
    order = [EIGHT.index(n) for n in ("Neutral", "Anger", "Contempt", "Disgust", "Fear", "Happiness")]
    metric, oracle = "emotion accuracy by HSEmotion: probabilities", f"{ENGINE}, {release('onnxruntime')}"
    parity(metric, oracle, ours, wanted[:, [*order, 6, 7]], absolute(2e-4), n=(4, "faces"))
    assert np.ptp(wanted, axis=0).max() > 10 * 2e-4, "the network must tell these pictures apart"


@given(
    size=st.sampled_from([112, 224, 260]),
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    seed=st.integers(0, 99),
)
@settings(max_examples=15, deadline=None)
def test_the_input_is_the_packages_to_the_bit(parity, size: int, height: int, width: int, seed: int) -> None:
    kind = next(kind for kind in NETWORKS.values() if kind.size == size)
    face = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    picture = Picture(kind.size, kind.mean, kind.std, "box")
    crop = picture.crop_of(face, np.array([0.0, 0.0, width, height]))
    x = (cv2.resize(face, (size, size)) / 255 - np.array(kind.mean)) / np.array(kind.std)
    wanted = x.transpose(2, 0, 1).astype(np.float32)
    found = picture.tensor(crop[None])[0]
    parity("emotion accuracy by HSEmotion: input", ENGINE, found, wanted, EXACT, n=(1, "faces"))


def test_the_torch_engines_antialiasing_would_give_other_numbers(b0: Path) -> None:
    """The package has two engines: of a face that shrinks one skips pixels, the other averages them.

    White noise of 74 levels' deviation, shrunk threefold: cv2 keeps one to four pixels of each nine, so that
    the noise stays at 37 levels at least; PIL's triangle averages 36, and leaves fewer than 19.
    """
    face = np.random.default_rng(0).integers(0, 256, (700, 700, 3), np.uint8)
    box = np.array([0.0, 0.0, 700.0, 700.0])
    plain, smooth = Picture(resize="cv2-linear"), Picture(resize="pil-bilinear")
    levels = np.abs(plain.crop_of(face, box).astype(float) - smooth.crop_of(face, box)).mean()
    assert levels > 10
    assert plain.definition != smooth.definition
    assert "resize:cv2-linear224" in hsemotion(weights={"model": b0}).definition


def test_growing_faces_are_the_same_by_both_engines() -> None:
    """No antialiasing is needed there; both are bilinear with half-pixel centres, up to a rounding."""
    face = pictures(1, (100, 100), 4)[0]
    box = np.array([0.0, 0.0, 100.0, 100.0])
    crops = [Picture(resize=how).crop_of(face, box).astype(int) for how in ("cv2-linear", "pil-bilinear")]
    assert np.abs(crops[0] - crops[1]).max() <= 1


def test_seven_classes_are_eight_without_contempt(b0: Path) -> None:
    """Dropped before the softmax: the others keep their proportions. Both in float64, given as float32."""
    frames = pictures(2, (140, 110), 2)
    eight, seven = (
        read(hsemotion(weights={"model": b0}, classes=n), frames)["probabilities"] for n in (8, 7)
    )
    kept = np.delete(eight, EMOTIONS.index("contempt"), axis=1).astype(np.float64)
    np.testing.assert_allclose(seven, kept / kept.sum(axis=1, keepdims=True), rtol=1e-6)


def test_valence_and_arousal_are_no_classes(tmp_path: Path) -> None:
    """The trap of the ``_mtl`` networks: two more outputs, here larger than any class's."""
    logits = [0.0, 0, 0, 0, 1, 0, 0, 0, 9, 8]
    model = constant(tmp_path / "net.onnx", logits, size=224)
    extractor = hsemotion(weights={"model": model}, network="enet_b0_8_va_mtl", classes=8)
    found = read(extractor, pictures(1, (140, 110), 0))["probabilities"][0]
    assert EMOTIONS[int(found.argmax())] == "happy"
    assert found.sum() == pytest.approx(1, abs=1e-6)
    assert found.max() == pytest.approx(np.e / (np.e + 7), abs=1e-6)
    plain = hsemotion(weights={"model": model}, classes=8)
    with pytest.raises(WeightsError, match=r"array \(1, 10\) where 8 numbers a crop are named"):
        read(plain, pictures(1, (140, 110), 0))


@pytest.mark.parametrize("network", list(NETWORKS))
def test_every_published_network_has_its_classes(network: str, b0: Path) -> None:
    made = hsemotion(weights={"model": b0}, network=network)
    assert made.classes.labels == SEVEN
    assert made.name == "emotion-hsemotion"
    assert made.definition.startswith(f"hsemotion-{network}@")
    assert ("valence" in made.classes.drop) == ("_mtl" in network)
    assert set(made.classes.drop) <= {"Contempt", *AFFECT}
    if network == "enet_b2_7":
        with pytest.raises(DefinitionError, match="tells 7 classes apart"):
            hsemotion(weights={"model": b0}, network=network, classes=8)


def test_an_unknown_network_is_named_with_those_there_are(b0: Path) -> None:
    with pytest.raises(DefinitionError, match="no network 'enet_b9': there are enet_b0_8_best_vgaf"):
        hsemotion(weights={"model": b0}, network="enet_b9")


def test_random_files_are_the_published_network_by_shape(b0: Path) -> None:
    """EfficientNet-B0 has 5,288,548 parameters with 1000 classes (torchvision), 42,016 of them scales and
    shifts of normalisations; folding leaves the shifts, as biases, and 8 classes stand for 1000."""
    again = b0.with_name("again.onnx")
    random_file(again, 3)
    assert again.read_bytes() == b0.read_bytes()
    session = onnxruntime.InferenceSession(b0, providers=["CPUExecutionProvider"])
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("input", ["batch_size", 3, 224, 224])]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("output", ["batch_size", 8])]
    held = sum(int(np.prod(tensor.dims)) for tensor in onnx.load(b0).graph.initializer)
    assert held == 5_288_548 - 42_016 // 2 - 992 * 1281


# --- any classifier


def made(model: Path, **options) -> Extractor:
    return onnx_classifier(
        weights={"model": model}, **{"name": "mead", "classes": THREE, "picture": SMALL} | options
    )


def test_outputs_come_out_in_the_fields_order_whatever_the_networks(tmp_path: Path) -> None:
    """Outputs happy, neutral, sad are the means of red, green, blue."""
    model = brightest_channel(tmp_path / "net.onnx")
    blue = np.zeros((1, 140, 110, 3), np.uint8)
    blue[..., 2] = 255
    found = read(made(model), blue)["probabilities"][0]
    assert made(model).classes.labels == ("neutral", "happy", "sad")
    np.testing.assert_allclose(found, [1 / (2 + np.e), 1 / (2 + np.e), np.e / (2 + np.e)], rtol=1e-5)


def test_a_network_of_bgr_pictures_is_fed_so(tmp_path: Path) -> None:
    """And its mean and deviation stand in the order of its channels."""
    model = brightest_channel(tmp_path / "net.onnx")
    red = np.zeros((1, 140, 110, 3), np.uint8)
    red[..., 0] = 255
    picture = {"size": 8, "order": "BGR", "mean": [0, 0, 0.5], "std": [1, 1, 0.25]}
    found = read(made(model, picture=picture), red)["probabilities"][0]
    # the third channel is red: (1 - 0.5) / 0.25 = 2
    np.testing.assert_allclose(found[2], np.exp(2) / (2 + np.exp(2)), rtol=1e-5)
    assert ",BGR,mean:0/0/0.5,std:1/1/0.25," in made(model, picture=picture).definition


def test_a_network_that_gives_probabilities_is_not_softened_again(tmp_path: Path) -> None:
    model = constant(tmp_path / "net.onnx", [0.7, 0.2, 0.1])
    frames = pictures(1, (140, 110), 0)
    as_they_are = read(made(model, scores="probabilities"), frames)["probabilities"][0]
    np.testing.assert_allclose(as_they_are, [0.2, 0.7, 0.1], rtol=1e-6)
    without = {"outputs": THREE["outputs"], "vocabulary": "mead", "drop": ["sad"]}
    shared = read(made(model, scores="probabilities", classes=without), frames)["probabilities"][0]
    np.testing.assert_allclose(shared, [2 / 9, 7 / 9], rtol=1e-6)


def test_a_network_of_one_picture_at_a_time_is_fed_so(tmp_path: Path) -> None:
    weight = np.random.default_rng(0).normal(size=(3, 192)) / 20
    single, many = (linear(tmp_path / f"{batch}.onnx", weight, batch=batch) for batch in (1, "n"))
    frames = pictures(5, (140, 110), 3)
    # the same sums of 192 products in another order: 192 * 2^-24 of terms below 1
    np.testing.assert_allclose(
        read(made(single), frames)["probabilities"], read(made(many), frames)["probabilities"], atol=2e-5
    )


@pytest.mark.parametrize("chunk", [1, 2, 32])
def test_frames_without_a_face_have_no_answer(tmp_path: Path, chunk: int) -> None:
    model = constant(tmp_path / "net.onnx", [1.0, 0, 0])
    found = read(made(model, chunk=chunk), pictures(4, (140, 110), 0), [True, False, True, True])
    assert found["valid"].tolist() == [True, False, True, True]
    assert found["probabilities"].dtype == np.float32
    np.testing.assert_allclose(found["probabilities"].sum(axis=1), [1, 0, 1, 1], rtol=1e-6)


def test_every_choice_is_in_the_definition(tmp_path: Path) -> None:
    model = constant(tmp_path / "net.onnx", [1.0, 0, 0])
    other = constant(tmp_path / "other.onnx", [1.0, 0, 2])
    variants = [
        made(model),
        made(other),
        made(model, name="ours"),
        made(model, chunk=7),
        made(model, scores="probabilities"),
        made(model, classes=THREE | {"drop": ["sad"]}),
        made(model, classes=THREE | {"outputs": ["sad", "neutral", "happy"]}),
        *(
            made(model, picture=SMALL | one)
            for one in (
                {"size": 9},
                {"mean": [0, 0, 0.1]},
                {"std": [1, 1, 2]},
                {"order": "BGR"},
                {"crop": "box"},
                {"factor": 1.2},
                {"resize": "pil-bicubic"},
            )
        ),
    ]
    definitions = {extractor.definition for extractor in variants}
    assert len(definitions) == len(variants)
    assert not any(c.isspace() or c == "|" for text in definitions for c in text)


def test_tensors_in_a_second_file_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would change the network under an unchanged digest; onnxruntime takes them without a word."""
    apart = linear(tmp_path / "apart.onnx", np.ones((3, 192)), apart=True)
    onnxruntime.InferenceSession(apart, providers=["CPUExecutionProvider"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match=r"apart\.onnx: keeps its tensors in a second file; save"):
        open_network(apart, 8)


@pytest.mark.parametrize(
    ("size", "message"),
    [(9, r"takes tensor\(float\) \['n', 3, 8, 8\], not one float tensor \(N, 3, 9, 9\)")],
)
def test_a_network_of_another_input_is_refused(tmp_path: Path, size: int, message: str) -> None:
    model = constant(tmp_path / "net.onnx", [1.0, 0, 0])
    with pytest.raises(WeightsError, match=message):
        read(made(model, picture=SMALL | {"size": size}), pictures(1, (140, 110), 0))


def test_what_is_no_onnx_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"not a network at all"):
        (tmp_path / "net.onnx").write_bytes(content)
        with pytest.raises(WeightsError, match=r"net\.onnx: not a readable ONNX network"):
            open_network(tmp_path / "net.onnx", 8)
    with pytest.raises(WeightsError, match="no such file; emotion-mead needs an ONNX classifier there"):
        made(tmp_path / "none.onnx")
    with pytest.raises(DefinitionError, match="emotion-mead needs weights="):
        onnx_classifier(weights={}, name="mead", classes=THREE)


@pytest.mark.parametrize(
    ("outputs", "scores", "message"),
    [
        ([[np.nan, 0.0, 1.0]], "logits", "a number that is not finite"),
        ([[np.inf, 0.0, 1.0]], "logits", "a number that is not finite"),
        ([[0.0, 1.0]], "logits", r"array \(1, 2\) where 3 numbers a crop are named"),
        ([0.0, 1.0, 2.0], "logits", r"array \(3,\) where 3 numbers"),
        ([[-0.1, 0.6, 0.5]], "probabilities", "no probabilities; are they logits"),
        ([[0.0, 0.0, 0.0]], "probabilities", "no probabilities; are they logits"),
    ],
)
def test_outputs_that_cannot_be_read_are_named(outputs, scores, message) -> None:
    classes = Classes(**THREE)
    with pytest.raises(WeightsError, match=rf"net\.onnx: gives .*{message}"):
        probabilities(np.array(outputs, np.float32), classes, scores, Path("net.onnx"))


@pytest.mark.parametrize(
    "options",
    [
        {"scores": "shares"},
        {"chunk": 0},
        {"picture": {"crop": "oval"}},
        {"picture": {"factor": 0.0}},
        {"picture": {"resize": "bilinear"}},
        {"picture": {"order": "GBR"}},
        {"picture": {"size": 0}},
        {"picture": {"mean": [0.5]}},
        {"picture": {"std": [1, 1, 0]}},
    ],
    ids=str,
)
def test_impossible_options_are_refused(tmp_path: Path, options) -> None:
    model = constant(tmp_path / "net.onnx", [1.0, 0, 0])
    with pytest.raises(DefinitionError):
        made(model, **options)


# --- crops


def test_a_square_goes_black_beyond_the_frame_and_a_box_ends_there() -> None:
    frame = np.full((50, 40, 3), 200, np.uint8)
    box = np.array([-10.0, 5.0, 20.0, 25.0])
    square = cut(frame, box, "square", 1.0)
    assert square.shape == (30, 30, 3)
    assert (square[:, :10] == 0).all()
    assert (square[:, 10:] == 200).all()
    assert cut(frame, box, "box", 1.0).shape == (20, 20, 3)
    assert cut(frame, box, "box", 2.0).shape == (35, 35, 3)


@given(
    st.tuples(*[st.floats(-80, 160) for _ in range(4)]),
    st.sampled_from(["square", "box"]),
    st.floats(0.1, 3),
)
def test_a_crop_always_has_a_pixel(corners, crop, factor) -> None:
    frame = np.zeros((30, 40, 3), np.uint8)
    x0, x1 = sorted(corners[::2])
    y0, y1 = sorted(corners[1::2])
    made = cut(frame, np.array([x0, y0, x1, y1]), crop, factor)
    assert min(made.shape[:2]) >= 1
    assert made.shape[2] == 3
