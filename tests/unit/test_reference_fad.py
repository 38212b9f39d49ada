"""FAD of the papers: the network from its description, torchvision's input, the distance naively.

Features: ours run in single precision, with shortcuts' normalisations folded; the oracle in double precision.
Over some twenty layers that moves a feature by about 1e-6 of the largest; 2e-5 of the largest is the
tolerance. What a wrong input moves it by is a hundred times that, and asserted.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from torch.nn import functional as F
from torchvision import transforms

from spfem_bench.testing import check_metric
from spfem_metrics import (
    ArrayMedia,
    ClipFeatures,
    DefinitionError,
    Extractor,
    Failed,
    InputError,
    Observation,
    Row,
    TrialFacts,
    WeightsError,
)
from spfem_metrics.extraction import extract
from spfem_metrics.functional import frechet_distance
from spfem_metrics.metrics.papers import fad_arcface18_gray
from spfem_metrics.networks import arcface_gray
from spfem_metrics.networks.architectures.arcface_resnet18 import ArcFaceResNet18
from spfem_metrics.networks.checkpoints import unprefixed
from spfem_metrics.networks.files import digest8, load_strict
from tests.support.parity import EXACT, of_each, of_largest, release
from tests.support.planted import pictures

OF_LARGEST = 2e-5
SIZE = (180, 150)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fad") / "resnet18_110.pth"
    arcface_gray.random_file(path, 3)
    return path


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return pictures(2, SIZE, 1)


@pytest.fixture(scope="module")
def state(model: Path) -> dict[str, torch.Tensor]:
    """Published names without the prefix, in double precision."""
    return {k.removeprefix("module."): v.double() for k, v in torch.load(model, weights_only=True).items()}


@pytest.fixture(scope="module")
def extractor(model: Path) -> arcface_gray.ArcFaceGray:
    return arcface_gray.arcface_gray(weights={"model": model})


@pytest.fixture(scope="module")
def ours(extractor, frames) -> np.ndarray:
    arrays = extract(ArrayMedia(frames, Fraction(25)), [extractor])["arcface-gray"]
    assert arrays["valid"].all()
    return np.asarray(arrays["features"])


def published_input() -> transforms.Compose:
    """As the papers' script prepares a picture."""
    return transforms.Compose(
        [
            lambda image: image.convert("L"),
            transforms.Resize(164),
            transforms.CenterCrop(128),
            transforms.ToTensor(),
            transforms.Normalize(mean=[0.5], std=[0.5]),
        ]
    )


def prepared(frames: np.ndarray, how=None) -> torch.Tensor:
    pil, how = transforms.ToPILImage(), how or published_input()
    return torch.stack([how(pil(frame)) for frame in frames])


class Described:
    """resnet_face18 without squeeze-and-excitation as its description reads, on plain tensors."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        self.state = state

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        s = [self.state[f"{name}.{leaf}"] for leaf in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *s, training=False, eps=1e-5)

    def conv(self, x: torch.Tensor, name: str, stride: int = 1) -> torch.Tensor:
        weight = self.state[f"{name}.weight"]
        return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)

    def block(self, x: torch.Tensor, name: str, stride: int) -> torch.Tensor:
        slope = self.state[f"{name}.prelu.weight"]
        deep = self.conv(self.norm(x, f"{name}.bn0"), f"{name}.conv1")
        deep = F.prelu(self.norm(deep, f"{name}.bn1"), slope)
        deep = self.norm(self.conv(deep, f"{name}.conv2", stride), f"{name}.bn2")
        if f"{name}.downsample.0.weight" in self.state:
            x = self.norm(self.conv(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
        return F.prelu(deep + x, slope)

    def __call__(self, x: torch.Tensor) -> np.ndarray:
        x = F.prelu(self.norm(self.conv(x.double(), "conv1"), "bn1"), self.state["prelu.weight"])
        x = F.max_pool2d(x, 2, 2)
        for layer, stride in ((1, 1), (2, 2), (3, 2), (4, 2)):
            x = self.block(self.block(x, f"layer{layer}.0", stride), f"layer{layer}.1", 1)
        x = self.norm(x, "bn4").flatten(1)
        return self.norm(F.linear(x, self.state["fc5.weight"], self.state["fc5.bias"]), "bn5").numpy()


def test_features_are_the_described_networks_on_torchvisions_input(parity, ours, frames, state) -> None:
    with torch.inference_mode():
        wanted = Described(state)(prepared(frames))
    oracle, within = "resnet_face18 as described, float64", of_largest(OF_LARGEST)
    parity("FAD: features", oracle, ours, wanted, within, n=(2, "frames"))


@pytest.mark.parametrize("size", [(256, 256), (180, 150), (150, 180), (97, 211), (164, 300), (131, 128)])
def test_a_frame_comes_to_the_network_as_torchvision_brings_it_to_the_bit(parity, size) -> None:
    frame = pictures(1, size, 2)
    crop = torch.from_numpy(arcface_gray.CROP.of(frame[0])).permute(2, 0, 1)[None].float()
    found, wanted = (crop / 255 - 0.5) / 0.5, prepared(frame)
    assert found.dtype == wanted.dtype
    parity("FAD: input", release("torchvision"), found, wanted, EXACT, n=(1, "frames"))


def test_a_frame_without_pixels_is_refused() -> None:
    with pytest.raises(InputError, match="no pixels"):
        arcface_gray.CROP.of(np.zeros((0, 4, 3), np.uint8))


WRONG = {
    "BGR in the luma": lambda frames: prepared(frames[..., ::-1].copy()),
    "the mean of the channels": lambda frames: prepared(
        np.repeat(frames.mean(axis=3, keepdims=True).round().astype(np.uint8), 3, axis=3)
    ),
    "both sides to 128": lambda frames: prepared(
        frames,
        transforms.Compose(
            [
                transforms.Grayscale(),
                transforms.Resize((128, 128)),
                transforms.ToTensor(),
                lambda x: 2 * x - 1,
            ]
        ),
    ),
    "no antialiasing": lambda frames: (
        F.interpolate(
            torch.stack(
                [transforms.functional.to_tensor(transforms.ToPILImage()(f).convert("L")) for f in frames]
            ),
            size=(197, 164),
            mode="bilinear",
        )[:, :, 34:162, 18:146]
        * 2
        - 1
    ),
    "0 to 1": lambda frames: (prepared(frames) + 1) / 2,
}


def test_a_wrong_input_gives_other_features(ours, frames, state) -> None:
    with torch.inference_mode():
        others = Described(state)(torch.cat([wrong(frames[:1]) for wrong in WRONG.values()]))
    moved = dict(zip(WRONG, np.abs(others - ours[0]).max(axis=1), strict=True))
    assert min(moved.values()) > 100 * OF_LARGEST * np.abs(ours[0]).max(), moved


def test_features_are_neither_of_unit_length_nor_those_of_the_mirror_image(ours, extractor, frames) -> None:
    assert np.abs(np.linalg.norm(ours, axis=1) - 1).min() > 0.1
    mirrored = extract(ArrayMedia(frames[:, :, ::-1].copy(), Fraction(25)), [extractor])["arcface-gray"]
    assert np.abs(mirrored["features"] - ours).max() > 100 * OF_LARGEST * np.abs(ours).max()


def test_the_network_has_the_published_shape() -> None:
    """Stem 704 (with its PReLU's one slope 1), eight blocks, bn4 1024, fc5 512 x 32768 + 512, bn5 1024."""
    with torch.device("meta"):
        network = ArcFaceResNet18()
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    parameters = sum(value.numel() for value in network.parameters())
    widths = [(64, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    blocks = sum(
        2 * i + 9 * i * i + 2 * i + 1 + 9 * i * o + 2 * o + (i * o + 2 * o if i != o else 0)
        for i, o in widths
    )
    assert parameters == 576 + 128 + 1 + blocks + 1024 + 512 * 32768 + 512 + 1024 == 25_627_081
    assert shapes["layer2.0.downsample.0.weight"] == (128, 64, 1, 1)
    assert shapes["layer4.1.prelu.weight"] == (1,)
    assert "layer1.0.downsample.0.weight" not in shapes
    assert not any(".se." in name for name in shapes)


def test_the_published_files_names_have_dataparallels_prefix(model) -> None:
    with torch.device("meta"):
        wrapped = torch.nn.DataParallel(ArcFaceResNet18())
    assert set(torch.load(model, weights_only=True)) == set(wrapped.state_dict())


def test_the_variant_with_squeeze_and_excitation_is_refused(model) -> None:
    tensors = unprefixed(torch.load(model, weights_only=True))
    tensors["layer1.0.se.fc.0.weight"] = torch.zeros(4, 64)
    with torch.device("meta"):
        network = ArcFaceResNet18()
    with pytest.raises(WeightsError, match=r"not a ArcFaceResNet18: 0 tensors missing, 1 unknown"):
        load_strict(network, tensors, model)


def test_the_definition_says_how_and_whether_masks_were_given(model, extractor) -> None:
    assert isinstance(extractor, Extractor)
    assert extractor.definition == (
        f"arcface-resnet18-gray@{digest8(model)},bn5-512,frame-L,short164-pil-bilinear,centre128,"
        "input:(x/255-.5)/.5,mask:none,chunk32"
    )
    given = arcface_gray.arcface_gray(weights={"model": model}, mask="given")
    assert given.definition == extractor.definition.replace("mask:none", "mask:given")
    for wrong in ({"mask": "made"}, {"chunk": 0}):
        with pytest.raises(DefinitionError):
            arcface_gray.arcface_gray(weights={"model": model}, **wrong)


WIDTH = 24


def clip(name: str, side: str, count: int, *, shift: float = 0.0, width: int = WIDTH) -> Observation:
    """A clip of known features, drawn from its name."""
    random = np.random.default_rng(sum(map(ord, name + side)))
    rows = (random.normal(size=(count, width)) * np.linspace(0.5, 3, width) + shift).astype(np.float32)
    arrays = {"arcface-gray": {"features": rows, "valid": np.ones(count, bool)}}
    features = ClipFeatures(25.0, np.arange(count) / 25, (256, 256), arrays)
    facts = TrialFacts(name, "M003", "happy", "real" if side == "real" else "generated")
    return Observation(facts, {"output": features}, np.arange(count, dtype=np.int64))


def rows(observations: list[Observation]) -> list[Row]:
    metric = fad_arcface18_gray()
    return [Row(seen.trial, metric.observe(seen)) for seen in observations]


def pooled(observations: list[Observation]) -> np.ndarray:
    return np.concatenate([seen.sides["output"]["arcface-gray"]["features"] for seen in observations]).astype(
        float
    )


def naive(x: np.ndarray, y: np.ndarray, ddof: int = 1) -> float:
    """The papers' formula with NumPy's covariance and SciPy's matrix root."""
    (m1, s1), (m2, s2) = ((z.mean(axis=0), np.cov(z, rowvar=False, ddof=ddof)) for z in (x, y))
    root = scipy.linalg.sqrtm(s1 @ s2)
    return float(((m1 - m2) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * np.trace(root).real)


MADE = [clip("a", "generated", 90, shift=0.3), clip("b", "generated", 41, shift=0.2)]
REAL = [clip("a-real", "real", 70), clip("b-real", "real", 130), clip("c-real", "real", 20)]


def test_the_score_is_the_naive_distance_of_every_frame_of_either_side(parity) -> None:
    """131 against 220 frames of 24 values, well conditioned: 1e-9 leaves room for a root's rounding."""
    score = fad_arcface18_gray().reduce(rows([*MADE, *REAL]))
    found, wanted = score.outcome.value, naive(pooled(MADE), pooled(REAL))
    parity("FAD: score", f"{release('scipy')} sqrtm", found, wanted, of_each(1e-9), n=(351, "frames"))
    assert score.outcome.value < 0.999 * naive(pooled(MADE), pooled(REAL)[:131])
    assert abs(score.outcome.value / naive(pooled(MADE), pooled(REAL), ddof=0) - 1) > 1e-3
    assert score.notes == (
        "n = 131 generated and 220 real frames (131 from 2 of 2 generated clips, 220 from 3 of 3 real "
        "clips); small n raises a Fréchet distance",
        "n = 131 does not exceed the 512 values of a vector: covariances lack rank, and the bias of small "
        "n is most of the distance",
    )


def test_fewer_frames_than_values_are_exact_where_a_root_is_not() -> None:
    made, real = clip("a", "generated", 30, width=96), clip("r", "real", 25, width=96)
    x, y = pooled([made]), pooled([real])
    inside = np.linalg.svd(np.vstack([x, y]), full_matrices=False)[2]
    score = fad_arcface18_gray().reduce(rows([made, real]))
    assert score.outcome.value == pytest.approx(frechet_distance(x @ inside.T, y @ inside.T), rel=1e-9)


def test_the_same_frames_on_both_sides_are_at_no_distance() -> None:
    """What is left is the rounding of sums of the size of the variance, in double precision."""
    twin = [clip("a", "generated", 90), clip("a", "generated", 90)]
    score = fad_arcface18_gray().reduce(
        [rows(twin[:1])[0], Row(TrialFacts("z", "M003", "happy", "real"), rows(twin[1:])[0].outcome)]
    )
    variance = float(pooled(twin).var(axis=0).sum())
    assert score.outcome.value == pytest.approx(0, abs=1e-9 * variance)


def test_its_signature_names_network_mask_and_rule(extractor) -> None:
    line = fad_arcface18_gray().signature({"arcface-gray": extractor.definition}).line
    assert line.startswith("fad-arcface18-gray|v1|arcface-gray:arcface-resnet18-gray@")
    assert line.endswith("mask:none,chunk32|frames:all|n:all|ddof:1|miss:exclude")
    info = fad_arcface18_gray().info
    assert (info.name, info.label, info.direction, info.of_sets) == (
        "fad-arcface18-gray",
        "FAD",
        "lower",
        True,
    )
    assert "`mask:given`" in info.about


def test_a_lost_clip_makes_n_incomparable() -> None:
    seen = rows([*MADE, *REAL])
    score = fad_arcface18_gray().reduce(
        [*seen, Row(TrialFacts("lost", "M003", "happy"), Failed("decode error"))]
    )
    assert "1 of 3 generated clips missing: decode error" in score.notes
    assert "n reduced by missing clips: not comparable with any other n" in score.notes


def test_it_does_what_every_metric_must() -> None:
    check_metric(fad_arcface18_gray(), MADE, reals=REAL)
