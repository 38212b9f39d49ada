"""I3D against its description, unit by unit, and its file: read as data, every tensor and no other.

No package gives this network by these names, so the oracles are written here, from TensorFlow's definitions.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from spfem_metrics import ArrayMedia, DefinitionError, Extractor, WeightsError
from spfem_metrics.extraction import extract
from spfem_metrics.networks.architectures.i3d import I3D, Mixed, Pool, Unit
from spfem_metrics.networks.files import digest8
from spfem_metrics.networks.i3d import FRAMES, RULES, blank, embed, i3d, load, random_file
from spfem_metrics.networks.torchscript import archive_tensors, is_archive
from tests.support.parity import EXACT, of_largest, release
from tests.support.planted import pictures, random_tensors

PARAMETERS = 12_697_264
"""12,272,704 of convolutions, 14,560 of norms, 410,000 of the logits."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("i3d") / "i3d_torchscript.pt"
    random_file(path, 0)
    return path


def tf_same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's rule for "SAME", from its documentation: zeros before and after."""
    total = max(kernel - stride, 0) if size % stride == 0 else max(kernel - size % stride, 0)
    return total // 2, total - total // 2


def windows(x: np.ndarray, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Iterator[tuple]:
    """Place in the output and window of zero-padded (C, T, H, W), as "SAME" has them."""
    pads = [tf_same(size, k, s) for size, k, s in zip(x.shape[1:], kernel, stride, strict=True)]
    padded = np.pad(x, [(0, 0), *pads])
    out = [-(-size // s) for size, s in zip(x.shape[1:], stride, strict=True)]
    for place in np.ndindex(*out):
        cut = tuple(slice(i * s, i * s + k) for i, s, k in zip(place, stride, kernel, strict=True))
        yield place, padded[(slice(None), *cut)]


@pytest.mark.parametrize(
    ("kernel", "stride", "size"), [(7, 2, (4, 10, 6)), (3, 1, (3, 4, 5)), (1, 1, (2, 3, 2))]
)
def test_a_unit_is_tensorflows_same_convolution_norm_and_relu(parity, kernel, stride, size) -> None:
    """Single against double precision over some thousand products: 1e-5 of the largest."""
    unit = Unit(3, 4, kernel, stride).eval()
    unit.load_state_dict(random_tensors(unit, 1))
    x = np.random.default_rng(0).normal(size=(3, *size))
    weight, norm = unit.conv3d.weight.detach().double().numpy(), unit.batch3d
    wanted = np.zeros((4, *(-(-s // stride) for s in size)))
    for place, window in windows(x, (kernel,) * 3, (stride,) * 3):
        wanted[(slice(None), *place)] = (weight * window).sum(axis=(1, 2, 3, 4))
    mean, var, scale, shift = (
        value.detach().double().numpy()[:, None, None, None]
        for value in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    wanted = np.maximum((wanted - mean) / np.sqrt(var + 1e-3) * scale + shift, 0)
    with torch.inference_mode():
        found = unit(torch.from_numpy(x[None]).float())[0].numpy()
    oracle = 'TensorFlow\'s "SAME" convolution as described, float64'
    parity("FVD: unit of I3D", oracle, found, wanted, of_largest(1e-5), n=(found.size, "values"))


@pytest.mark.parametrize(
    ("kernel", "stride"),
    [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2)), ((3, 3, 3), (1, 1, 1))],
)
def test_a_pool_is_tensorflows_same_pool_of_values_above_0(parity, kernel, stride) -> None:
    """With sides that the stride divides, as all are of 16 pictures of 224x224; zeros then never win."""
    x = np.random.default_rng(1).uniform(0.1, 1, size=(2, 4, 6, 8)).astype(np.float32)
    found = Pool(kernel, stride)(torch.from_numpy(x[None]))[0].numpy()
    wanted = {place: window.max(axis=(1, 2, 3)) for place, window in windows(x, kernel, stride)}
    assert found.shape[1:] == tuple(np.add(max(wanted), 1))
    assert list(wanted) == list(np.ndindex(found.shape[1:]))
    values = np.stack(list(wanted.values()), axis=1).reshape(found.shape)
    oracle = 'TensorFlow\'s "SAME" pool as described'
    parity("FVD: pool of I3D", oracle, found, values, EXACT, n=(found.size, "values"))


def test_padding_alike_on_both_sides_is_another_network() -> None:
    """The trap of "SAME" at stride 2: two zeros before and three after, not three and three."""
    unit = Unit(3, 4, 7, 2).eval()
    unit.load_state_dict(random_tensors(unit, 2))
    even = nn.Conv3d(3, 4, 7, 2, padding=3, bias=False)
    even.weight = unit.conv3d.weight
    x = torch.from_numpy(np.random.default_rng(2).normal(size=(1, 3, 8, 12, 12))).float()
    with torch.inference_mode():
        asymmetric, symmetric = unit(x), torch.relu(unit.batch3d(even(x)))
    assert asymmetric.shape == symmetric.shape
    assert (asymmetric - symmetric).abs().max() > 0.1 * asymmetric.max()


def test_a_block_lays_its_four_branches_side_by_side() -> None:
    block = Mixed(8, (2, 3, 4, 5, 6, 7)).eval()
    block.load_state_dict(random_tensors(block, 3))
    x = torch.rand(1, 8, 2, 4, 4)
    with torch.inference_mode():
        found = block(x)
        pooled = torch.nn.functional.max_pool3d(x, 3, 1, 1)
        parts = [block.branch_0(x), block.branch_1(x), block.branch_2(x), block.branch_3[1](pooled)]
    assert found.shape == (1, 2 + 4 + 6 + 7, 2, 4, 4)
    assert torch.equal(found, torch.cat(parts, 1))


def test_parameters_and_names_are_the_files() -> None:
    network = blank()
    names = list(network.state_dict())
    assert sum(p.numel() for p in network.parameters()) == PARAMETERS
    assert len(names) == 57 * 6 + 2
    assert names[:2] == ["conv3d_1a_7x7.conv3d.weight", "conv3d_1a_7x7.batch3d.weight"]
    assert names[-2:] == ["conv3d_0c_1x1.conv3d.weight", "conv3d_0c_1x1.conv3d.bias"]
    assert "mixed_4f.branch_3.1.batch3d.running_mean" in names
    assert network.state_dict()["mixed_5b.branch_2.1.conv3d.weight"].shape == (128, 32, 3, 3, 3)


def test_16_pictures_of_224_come_to_one_map_of_7x7_and_fewer_than_9_to_none() -> None:
    """Shapes only, on the meta device."""
    with torch.device("meta"):
        network, x = I3D().eval(), torch.zeros(1, 3, 16, 224, 224)
        shapes = {}
        for name, part in network.named_children():
            x = part(x)
            shapes[name] = tuple(x.shape[1:])
        assert shapes["conv3d_1a_7x7"] == (64, 8, 112, 112)
        assert shapes["mixed_3c"] == (480, 8, 28, 28)
        assert shapes["mixed_4f"] == (832, 4, 14, 14)
        assert shapes["mixed_5c"] == (1024, 2, 7, 7)
        assert shapes["conv3d_0c_1x1"] == (400, 1, 1, 1)
        assert network(torch.zeros(1, 3, 9, 224, 224)).shape == (1, 400)
        with pytest.raises(RuntimeError, match="smaller than kernel size"):
            network(torch.zeros(1, 3, 8, 224, 224))


def clip(frames: int, size: tuple[int, int] = (40, 56), seed: int = 4) -> ArrayMedia:
    return ArrayMedia(pictures(frames, size, seed), Fraction(25))


def read(extractor: Extractor, media: ArrayMedia, **options) -> dict[str, np.ndarray]:
    return dict(extract(media, [extractor], **options)["i3d"])


def test_features_are_the_mean_logits_of_pictures_in_minus_1_to_1(parity, model: Path) -> None:
    """By the network as it is written, not folded, after torch's own resize; and a trap beside it.

    Folding and another order of sums move single precision by some 1e-6 of the largest logit over 22 layers:
    2e-5 of it is the tolerance. [0, 1] in place of [-1, 1] is over a hundred times that.
    """
    media = clip(17)
    found = read(i3d(weights={"model": model}), media)
    network = I3D().eval()
    network.load_state_dict(torch.load(model, weights_only=True))
    frames = torch.from_numpy(media.frames[:16]).permute(0, 3, 1, 2).float() / 255
    wide = torch.nn.functional.interpolate(frames, size=(224, 314), mode="bilinear", align_corners=False)
    half = wide[:, :, :, 45 : 45 + 224]
    both = torch.stack([2 * half - 1, half]).transpose(1, 2)
    with torch.inference_mode():
        wanted, wrong = network(both.contiguous(memory_format=torch.channels_last_3d)).numpy()
    assert found["features"].shape == (1, 400)
    assert found["first"].tolist() == [0]
    oracle = f"the network unfolded, on {release('torch')}'s resize"
    parity("FVD: logits", oracle, found["features"][0], wanted, of_largest(2e-5), n=(1, "windows"))
    assert np.abs(wrong - wanted).max() > 100 * 2e-5 * np.abs(wanted).max()


def test_a_clip_is_cut_into_windows_of_16_whatever_batches_it_is_decoded_in(model: Path, monkeypatch) -> None:
    """The network is replaced by the mean of what it is given, which tells the windows apart."""
    seen: list[torch.Tensor] = []

    def embedded(network: object, rule: object):
        def forward(batch: torch.Tensor) -> torch.Tensor:
            seen.append(batch)
            return batch.float().mean(dim=(1, 2, 3, 4))[:, None].expand(-1, 400)

        return forward

    monkeypatch.setattr("spfem_metrics.networks.i3d.load", lambda model, device: None)
    monkeypatch.setattr("spfem_metrics.networks.i3d.embed", embedded)
    media = clip(55)
    wanted = media.frames[:48].reshape(3, 16, -1).mean(axis=(1, 2))
    for batch in (1, 7, 32):
        arrays = read(i3d(weights={"model": model}, chunk=2), media, batch=batch)
        np.testing.assert_allclose(arrays["features"][:, 0], wanted, rtol=1e-5)
        assert arrays["first"].tolist() == [0, 16, 32]
    assert [len(batch) for batch in seen] == [2, 1] * 3
    assert {tuple(batch.shape[1:]) for batch in seen} == {(FRAMES, 40, 56, 3)}
    assert read(i3d(weights={"model": model}), clip(15))["features"].shape == (0, 400)


def test_the_network_is_given_rgb_over_time_in_minus_1_to_1() -> None:
    """Level 0 is -1 and 255 is 1; axes are channel, time, height, width, for any number of pictures."""
    given: list[torch.Tensor] = []

    def network(x: torch.Tensor) -> torch.Tensor:
        given.append(x)
        return x

    windows = torch.zeros(2, 30, 20, 24, 3, dtype=torch.uint8)
    windows[1, 7, :, :, 2] = 255
    embed(network, RULES["common-metrics"])(windows)  # type: ignore[arg-type]
    assert given[0].shape == (2, 3, 30, 224, 224)
    assert (given[0][1, 2, 7] == 1).all()
    assert given[0].mean(dim=(3, 4)).sum() == -2 * 3 * 30 + 2


def test_the_two_resizes() -> None:
    """``original`` keeps the whole picture, ``common-metrics`` its shape and the middle of it."""
    ramp = torch.arange(448.0).expand(1, 3, 224, 448).contiguous()
    middle, whole = (RULES[name].fit(ramp) for name in ("common-metrics", "original"))
    assert middle.shape == whole.shape == (1, 3, 224, 224)
    assert torch.equal(middle[0, 0, 0], torch.arange(112.0, 336.0))
    # without half-pixel centres: sample i is at 2i, not at 2i + 1/2
    assert torch.equal(whole[0, 0, 0], torch.arange(0.0, 448.0, 2))
    tall = RULES["common-metrics"].fit(ramp.mT.contiguous())
    assert torch.equal(tall, middle.mT)


def test_the_definition_says_all_of_it(model: Path) -> None:
    extractor = i3d(weights={"model": model})
    assert isinstance(extractor, Extractor)
    assert extractor.definition == (
        f"i3d-kinetics400@{digest8(model)},logits400-time-mean,window16-hop16-from0,rate:own,crop:frame,"
        "resize:short-side-bilinear-noaa224-centre,input:x/127.5-1,chunk2"
    )
    other = i3d(weights={"model": model}, preprocessing="original")
    assert "resize:bilinear-tf1-noaa224x224" in other.definition


@pytest.mark.parametrize("options", [{"preprocessing": "latentsync"}, {"chunk": 0}])
def test_options_that_cannot_be_are_refused(model: Path, options) -> None:
    with pytest.raises(DefinitionError):
        i3d(weights={"model": model}, **options)


class Archived(I3D):
    """The network with a method small enough to be traced, so that its archive is quickly made."""

    def last(self, x: torch.Tensor) -> torch.Tensor:
        """The logits of the last map."""
        return self.conv3d_0c_1x1(x)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_an_archive_and_a_state_dict_are_one_network(model: Path, tmp_path: Path) -> None:
    """The published file is a TorchScript archive; its code, here another than the network's, is not run."""
    network = Archived().eval()
    network.load_state_dict(torch.load(model, weights_only=True))
    archive = tmp_path / "archive.pt"
    torch.jit.trace_module(network, {"last": torch.zeros(1, 1024, 1, 1, 1)}).save(str(archive))
    assert is_archive(archive)
    assert not is_archive(model)
    read_in = archive_tensors(archive)
    wanted = network.state_dict()
    assert list(read_in) == list(wanted)
    assert all(torch.equal(read_in[name], wanted[name]) for name in wanted)
    from_archive, from_state = load(archive).state_dict(), load(model).state_dict()
    assert all(torch.equal(from_archive[name], from_state[name]) for name in from_state)


@pytest.mark.parametrize("damage", ["missing", "left over", "shape"])
def test_a_file_of_another_network_is_refused(model: Path, tmp_path: Path, damage: str) -> None:
    tensors = torch.load(model, weights_only=True, mmap=True)
    if damage == "missing":
        del tensors["mixed_5c.branch_0.conv3d.weight"]
    elif damage == "left over":
        tensors["softmax.weight"] = torch.zeros(2)
    else:
        tensors["conv3d_0c_1x1.conv3d.bias"] = torch.zeros(600)
    torch.save(tensors, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"other\.pt: not a I3D"):
        load(tmp_path / "other.pt")


def test_files_from_before_step_counters_load(model: Path, tmp_path: Path) -> None:
    """As the port converts them from TensorFlow: 287 tensors, and counters are not read in inference."""
    tensors = torch.load(model, weights_only=True, mmap=True)
    older = {name: value for name, value in tensors.items() if not name.endswith("num_batches_tracked")}
    assert len(older) == 287
    torch.save(older, tmp_path / "older.pt")
    load(tmp_path / "older.pt")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of a few tensors, some of them views of others."""

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(3, 2)
            whole = torch.arange(12.0).reshape(3, 4)
            self.register_buffer("whole", whole)
            self.register_buffer("column", whole[:, 1])
            self.register_buffer("short", torch.ones(2, dtype=torch.float16))
            self.register_buffer("empty", torch.zeros(0))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """A linear map."""
            return self.inner(x) + self.whole[0, 0]

    path = tmp_path_factory.mktemp("small") / "small.pt"
    torch.jit.trace(Small(), torch.zeros(3)).save(str(path))
    return path


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_views_types_and_empty_tensors_are_read(small: Path) -> None:
    tensors = archive_tensors(small)
    assert tensors["column"].tolist() == [1, 5, 9]
    assert tensors["short"].dtype == torch.float16
    assert tensors["empty"].shape == (0,)
    assert tensors["inner.weight"].shape == (2, 3)
    wanted = torch.jit.load(str(small)).state_dict()
    assert all(torch.equal(tensors[name], wanted[name]) for name in wanted)


def rewritten(
    small: Path, path: Path, member: str, content: bytes, compression: int = zipfile.ZIP_STORED
) -> Path:
    """The archive with one of its files replaced."""
    with zipfile.ZipFile(small) as old, zipfile.ZipFile(path, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, content if name.endswith(member) else old.read(name))
    return path


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("data.pkl", b"\x80\x02N."),
        ("data.pkl", b"\x80\x02(((."),
        ("data.pkl", b"\x80\x02\x8c\x01"),
        ("data.pkl", b""),
        ("data.pkl", b"\x80\x02c__torch__\nM\n)\x81NNNN(b."),
        ("data.pkl", b"\x80\x02c__torch__\nM\n)\x81q\x00}X\x04\x00\x00\x00selfh\x00sb."),
        ("data/0", b"\x00" * 3),
    ],
)
def test_a_damaged_or_hostile_archive_is_refused(
    small: Path, tmp_path: Path, member: str, content: bytes
) -> None:
    path = rewritten(small, tmp_path / "bad.pt", member, content)
    with pytest.raises(WeightsError, match=r"bad\.pt"):
        load(path)


def test_what_a_hostile_archive_calls_is_not_called(small: Path, tmp_path: Path) -> None:
    """Loaded as a pickle, these bytes would make a folder."""
    made = tmp_path / "made"
    pickled = b"cposix\nmkdir\n(X" + len(str(made)).to_bytes(4, "little") + str(made).encode() + b"tR."
    path = rewritten(small, tmp_path / "evil.pt", "data.pkl", pickled)
    with pytest.raises(WeightsError, match=r"evil\.pt"):
        load(path)
    assert not made.exists()
    pickle.loads(pickled)
    assert made.exists()


def test_a_view_beyond_its_bytes_is_refused(small: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(small) as archive:
        name = next(n for n in archive.namelist() if n.endswith("/data.pkl"))
        pickled = archive.read(name)
    shape = b"(K\x03K\x04t"
    assert pickled.count(shape) == 1
    path = rewritten(small, tmp_path / "beyond.pt", "data.pkl", pickled.replace(shape, b"(K\xffK\x04t"))
    with pytest.raises(WeightsError, match=r"beyond\.pt"):
        archive_tensors(path)


def test_a_compressed_archive_is_refused_since_it_could_swell(small: Path, tmp_path: Path) -> None:
    path = rewritten(small, tmp_path / "deflated.pt", "nothing", b"", zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightsError, match="compressed"):
        archive_tensors(path)
