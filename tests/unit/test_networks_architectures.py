"""The networks against independent arithmetic, and that batches move nothing."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from scipy.special import softmax

from spfem_metrics import DefinitionError, ResourceError
from spfem_metrics.networks import chunks
from spfem_metrics.networks.architectures import mini_xception
from spfem_metrics.networks.architectures.mini_xception import MiniXception, from_keras, keras_names
from spfem_metrics.networks.architectures.mobilefacenet import MobileFaceNet
from spfem_metrics.networks.mini_xception import emotion
from spfem_metrics.networks.mobilefacenet import identity
from tests.support.parity import absolute


def test_mobilefacenet_has_the_published_size():
    network = MobileFaceNet()
    assert len(network.state_dict()) == 307
    assert sum(tensor.numel() for tensor in network.state_dict().values()) == pytest.approx(1.02e6, rel=0.005)
    assert network.eval()(torch.zeros(2, 3, 112, 112)).shape == (2, 128)


def test_mobilefacenet_steps_down_four_times_before_the_head():
    network = MobileFaceNet().eval()
    deep = network.features(network.dw_conv(network.conv1(torch.zeros(1, 3, 112, 112))))
    assert deep.shape == (1, 128, 7, 7)


def shaken(network: torch.nn.Module) -> torch.nn.Module:
    """With norms that are not the identity."""
    random = torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            spread = torch.rand(tensor.shape, generator=random)
            tensor.copy_(
                0.5 + spread
                if "var" in name or ("weight" in name.split(".")[-1] and tensor.ndim == 1)
                else (spread - 0.5) * (0.6 if tensor.ndim == 4 else 0.2)
            )
    return network.eval()


def test_folding_norms_moves_rounding_only():
    network = shaken(MobileFaceNet())
    images = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(1))
    folded = chunks.prepared(copy.deepcopy(network), "cpu")
    norms = [m for part in folded.modules() if isinstance(part, torch.nn.Sequential) for m in part]
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in norms)
    with torch.inference_mode():
        wanted, got = network(images), folded(images)
    assert torch.nn.functional.cosine_similarity(wanted, got).min() > 1 - 1e-5


@pytest.mark.parametrize(("side", "wanted"), [(60, (0, 1)), (30, (0, 1)), (15, (1, 1)), (8, (0, 1))])
def test_same_padding_as_tensorflow(side: int, wanted: tuple[int, int]):
    assert mini_xception.same_padding(side, 3, 2) == wanted


def test_same_padding_of_strided_points_is_none():
    assert mini_xception.same_padding(15, 1, 2) == (0, 0)


class Keras:
    """mini-XCEPTION as its Keras description reads, in plain numpy: height, width, channels."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays = arrays

    @staticmethod
    def windows(x: np.ndarray, size: int, stride: int, same: bool, fill: float) -> np.ndarray:
        if same:
            pads = []
            for side in x.shape[:2]:
                total = max((-(-side // stride) - 1) * stride + size - side, 0)
                pads.append((total // 2, total - total // 2))
            x = np.pad(x, [*pads, (0, 0)], constant_values=fill)
        return np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(0, 1))[::stride, ::stride]

    def conv(self, x, layer, size=3, stride=1, same=False):
        return np.einsum(
            "ijchw,hwcd->ijd", self.windows(x, size, stride, same, 0), self.arrays[f"{layer}/kernel"]
        )

    def separable(self, x, index):
        name = f"separable_conv2d_{index}"
        deep = np.einsum(
            "ijchw,hwc->ijc", self.windows(x, 3, 1, True, 0), self.arrays[f"{name}/depthwise_kernel"][..., 0]
        )
        return deep @ self.arrays[f"{name}/pointwise_kernel"][0, 0]

    def norm(self, x, index):
        a = {
            k: self.arrays[f"batch_normalization_{index}/{k}"]
            for k in ("gamma", "beta", "moving_mean", "moving_variance")
        }
        return (x - a["moving_mean"]) / np.sqrt(a["moving_variance"] + 1e-3) * a["gamma"] + a["beta"]

    def predict(self, image: np.ndarray) -> np.ndarray:
        x = np.maximum(self.norm(self.conv(image, "conv2d_1"), 1), 0)
        x = np.maximum(self.norm(self.conv(x, "conv2d_2"), 2), 0)
        for block in range(1, 5):
            beside = self.norm(self.conv(x, f"conv2d_{block + 2}", 1, 2, True), 3 * block)
            deep = np.maximum(self.norm(self.separable(x, 2 * block - 1), 3 * block + 1), 0)
            deep = self.norm(self.separable(deep, 2 * block), 3 * block + 2)
            x = self.windows(deep, 3, 2, True, -np.inf).max(axis=(3, 4)) + beside
        head = self.conv(x, "conv2d_7", same=True) + self.arrays["conv2d_7/bias"]
        return softmax(head.mean(axis=(0, 1)))


def random_keras(seed: int = 0) -> dict[str, np.ndarray]:
    """Arrays of the right shapes, in Keras's layout."""
    random = np.random.default_rng(seed)
    arrays = {}
    for ours, tensor in MiniXception().state_dict().items():
        if ours not in keras_names():
            continue
        shape = tuple(tensor.shape)
        if len(shape) == 4:
            order = (2, 3, 0, 1) if ".depthwise." in ours else (2, 3, 1, 0)
            shape = tuple(shape[axis] for axis in order)
        low, high = (
            (0.5, 1.5) if "var" in ours or ("norm" in ours and ours.endswith("weight")) else (-0.5, 0.5)
        )
        if len(shape) == 4:
            low, high = np.array([-1.5, 1.5]) / np.sqrt(shape[0] * shape[1] * shape[2])
        arrays[keras_names()[ours]] = random.uniform(low, high, shape).astype(np.float32)
    return arrays


def test_mini_xception_is_the_keras_network(parity):
    arrays = random_keras()
    network = MiniXception()
    network.load_state_dict(from_keras(arrays))
    image = np.random.default_rng(1).uniform(-1, 1, (64, 64, 1)).astype(np.float32)
    with torch.inference_mode():
        got = network.eval()(torch.from_numpy(image.transpose(2, 0, 1)[None]))[0].numpy()
    wanted = Keras({name: array.astype(np.float64) for name, array in arrays.items()}).predict(image)
    assert wanted.max() < 0.999
    oracle = "mini-XCEPTION as its Keras description reads, float64"
    metric = "emotion accuracy by mini-XCEPTION: probabilities"
    parity(metric, oracle, got, wanted, absolute(1e-5), n=(1, "faces"))


def test_chunks_do_not_depend_on_how_frames_come():
    sizes: list[int] = []

    def forward(images: torch.Tensor) -> torch.Tensor:
        sizes.append(len(images))
        return images.float().mean(dim=(1, 2))

    chunked = chunks.Chunked(forward, "cpu", 3)
    for index in range(100):
        chunked.add(None if index % 5 == 0 else np.full((4, 4, 3), index, np.uint8))
    values, valid = chunked.finish()
    assert sizes == [32, 32, 16]
    assert valid.tolist() == [index % 5 != 0 for index in range(100)]
    assert values[:, 0].tolist() == [index if index % 5 else 0 for index in range(100)]


@pytest.mark.parametrize(("count", "said"), [(32, "`chunk: 16`"), (5, "`chunk: 2`"), (1, "a single crop")])
def test_out_of_memory_names_the_option_and_is_not_tried_in_parts(count: int, said: str):
    sizes: list[int] = []

    def forward(images: torch.Tensor) -> torch.Tensor:
        sizes.append(len(images))
        raise torch.OutOfMemoryError("no room")

    with pytest.raises(ResourceError, match=said):
        chunks.run(forward, np.zeros((count, 2, 2, 3), np.uint8), "cpu")
    assert sizes == [count]


@pytest.mark.parametrize("extractor", [identity, emotion])
def test_the_chunk_is_an_option_that_enters_the_definition(extractor, tmp_path):
    weights = {"model": tmp_path / "net"}
    weights["model"].write_bytes(b"some network")
    assert extractor(weights=weights).definition.endswith(",chunk32")
    assert extractor(weights=weights, chunk=16).definition.endswith(",chunk16")
    for wrong in (0, 1.5, "16"):
        with pytest.raises(DefinitionError, match="chunk"):
            extractor(weights=weights, chunk=wrong)


def test_a_chunk_is_as_long_as_asked():
    sizes: list[int] = []

    def forward(images: torch.Tensor) -> torch.Tensor:
        sizes.append(len(images))
        return images.float().mean(dim=(1, 2))

    chunked = chunks.Chunked(forward, "cpu", 3, chunk=5)
    for _ in range(12):
        chunked.add(np.zeros((4, 4, 3), np.uint8))
    chunked.finish()
    assert sizes == [5, 5, 2]


def test_a_clip_without_a_face_has_zero_rows():
    values, valid = chunks.Chunked(lambda images: images, "cpu", 7).finish()
    assert values.shape == (0, 7)
    assert valid.shape == (0,)
    chunked = chunks.Chunked(lambda images: images, "cpu", 7)
    chunked.add(None)
    values, valid = chunked.finish()
    assert values.tolist() == [[0.0] * 7]
    assert valid.tolist() == [False]


def test_importing_the_extractors_does_not_import_torch():
    import subprocess
    import sys

    code = (
        "import sys, spfem_metrics.extraction, spfem_metrics.networks.mobilefacenet, "
        "spfem_metrics.networks.mini_xception, spfem_metrics.faces.mediapipe, spfem_metrics.faces.yunet, "
        "spfem_metrics.faces.mtcnn, spfem_metrics.faces.stability; "
        "print([m for m in ('torch', 'mediapipe', 'onnxruntime', 'h5py') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
