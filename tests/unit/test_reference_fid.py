"""FID in parity with pytorch-fid, clean-fid, torch-fidelity and torchmetrics, on the same random weights.

Features: both sides run in single precision, ours with normalisations folded into convolutions. Over some
fifty layers that moves a feature by about 1e-6 of the largest; 2e-5 of the largest is the tolerance. What the
definitions differ by is a hundred times that, and asserted.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torchmetrics.image.fid import _compute_fid

from spfem_metrics import ArrayMedia, DefinitionError, Extractor, WeightsError
from spfem_metrics.extraction import extract
from spfem_metrics.functional import frechet_distance
from spfem_metrics.networks.files import digest8
from spfem_metrics.networks.inception import RULES, Preprocessing, blank, inception, load
from tests.support.parity import of_each, of_largest, release
from tests.support.planted import pictures, plant_inception, plant_torchscript

pytest.importorskip("pytorch_fid")
OF_LARGEST = 2e-5
FEATURES = of_largest(OF_LARGEST)
SIZE = (160, 120)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TORCH_HOME with random Inception weights in it."""
    folder = tmp_path_factory.mktemp("torch-home")
    plant_inception(folder)
    return folder


@pytest.fixture(scope="module")
def model(home: Path) -> Path:
    return next(home.rglob("*.pth"))


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return pictures(2, SIZE, 1)


def features(model: Path, frames: np.ndarray, preprocessing: Preprocessing, **options) -> np.ndarray:
    extractor = inception(weights={"model": model}, preprocessing=preprocessing, **options)
    arrays = extract(ArrayMedia(frames, Fraction(25)), [extractor])[extractor.name]
    assert arrays["valid"].all()
    assert arrays["features"].shape == (len(frames), 2048)
    return np.asarray(arrays["features"])


@pytest.fixture(scope="module")
def ours(model: Path, frames: np.ndarray) -> dict[str, np.ndarray]:
    return {name: features(model, frames, name) for name in RULES}


def as_uint8(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames).permute(0, 3, 1, 2)


def test_features_are_pytorch_fids(parity, ours, frames, home, monkeypatch) -> None:
    from pytorch_fid.inception import InceptionV3

    monkeypatch.setenv("TORCH_HOME", str(home))
    with torch.inference_mode():
        wanted = InceptionV3([3]).eval()(as_uint8(frames).float() / 255)[0].flatten(1)
    metric, oracle = "FID pytorch-fid: features", release("pytorch-fid")
    parity(metric, oracle, ours["pytorch-fid"], wanted, FEATURES, n=(2, "frames"))


def test_features_are_clean_fids(parity, ours, frames, home, tmp_path, monkeypatch) -> None:
    cleanfid = pytest.importorskip("cleanfid.inception_torchscript")
    resizer = pytest.importorskip("cleanfid.resize").build_resizer("clean")
    monkeypatch.setenv("TORCH_HOME", str(home))
    network = cleanfid.InceptionV3W(str(plant_torchscript(tmp_path)), download=False)
    resized = np.stack([resizer(frame) for frame in frames]).transpose(0, 3, 1, 2)
    # without the just-in-time compiler, which takes longer than the pictures
    with torch.inference_mode(), torch.jit.optimized_execution(False):
        wanted = network(torch.from_numpy(resized))
    metric, oracle = "FID clean-fid: features", release("clean-fid")
    parity(metric, oracle, ours["clean-fid"], wanted, FEATURES, n=(2, "frames"))


def test_features_are_torch_fidelitys(parity, ours, frames, model) -> None:
    upstream = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    network = upstream.FeatureExtractorInceptionV3("parity", ["2048"], str(model))
    with torch.inference_mode():
        wanted = network(as_uint8(frames))[0]
    metric, oracle = "FID torch-fidelity: features", release("torch-fidelity")
    parity(metric, oracle, ours["torch-fidelity"], wanted, FEATURES, n=(2, "frames"))


@pytest.mark.parametrize(("antialias", "name"), [(True, "torchmetrics"), (False, "torch-fidelity")])
def test_features_are_torchmetrics(parity, ours, frames, model, antialias, name) -> None:
    """Its default changed in 1.8.0, so that one torchmetrics call is two definitions."""
    pytest.importorskip("torch_fidelity")
    from torchmetrics.image.fid import NoTrainInceptionV3

    network = NoTrainInceptionV3("parity", ["2048"], str(model), antialias=antialias)
    with torch.inference_mode():
        wanted = network(as_uint8(frames)).reshape(2, 2048)
    metric, oracle = f"FID {name}: features", f"{release('torchmetrics')}, antialias={antialias}"
    parity(metric, oracle, ours[name], wanted, FEATURES, n=(2, "frames"))


def test_the_definitions_give_different_features(ours) -> None:
    names = list(ours)
    apart = [np.abs(ours[a] - ours[b]).max() for i, a in enumerate(names) for b in names[:i]]
    assert min(apart) > 100 * OF_LARGEST * np.abs(ours["pytorch-fid"]).max()


def test_names_and_definitions_tell_them_apart(model) -> None:
    made = [inception(weights={"model": model}, preprocessing=name) for name in RULES]
    made.append(inception(weights={"model": model}, crop="face"))
    assert all(isinstance(extractor, Extractor) for extractor in made)
    assert len({extractor.definition for extractor in made}) == len(made)
    assert made[0].definition == (
        f"inception-2015-12-05@{digest8(model)},pool3-2048,crop:frame,resize:bilinear-noaa299,"
        "input:(x-127.5)/127.5,chunk32"
    )
    assert [e.name for e in made[:2]] == ["inception-pytorch-fid", "inception-clean-fid"]
    assert made[-1].requires == ("faces",)


def test_a_face_is_the_square_around_its_box(model, frames) -> None:
    from spfem_metrics.faces.alignment import crop_square

    box = np.array([30.0, 40.0, 90.0, 110.0], np.float32)
    faces = {"found": np.array([False, True]), "box": np.stack([np.zeros(4, np.float32), box])}
    extractor = inception(weights={"model": model}, crop="face", factor=1.2)
    arrays = extract(ArrayMedia(frames, Fraction(25)), [extractor], known={"faces": faces})[extractor.name]
    assert arrays["valid"].tolist() == [False, True]
    assert not arrays["features"][0].any()
    crop = crop_square(frames[1], box.astype(float), 1.2, 256)
    np.testing.assert_array_equal(arrays["features"][1:], features(model, crop[None], "pytorch-fid"))


def test_a_file_from_before_step_counters_loads(model, tmp_path) -> None:
    tensors = torch.load(model, weights_only=True)
    older = {k: v for k, v in tensors.items() if not k.endswith("num_batches_tracked")}
    assert len(older) < len(tensors)
    torch.save(older, tmp_path / "older.pth")
    new, old = load(model).state_dict(), load(tmp_path / "older.pth").state_dict()
    assert all(torch.equal(new[name], old[name]) for name in new)


@pytest.mark.parametrize("damage", ["missing", "left over", "shape"])
def test_a_file_of_another_network_is_refused(model, tmp_path, damage) -> None:
    tensors = torch.load(model, weights_only=True)
    if damage == "missing":
        del tensors["Mixed_7c.branch1x1.conv.weight"]
    elif damage == "left over":
        tensors["AuxLogits.fc.weight"] = torch.zeros(2)
    else:
        tensors["fc.weight"] = torch.zeros(1000, 2048)
    torch.save(tensors, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"other\.pth: not a Inception3"):
        load(tmp_path / "other.pth")


@pytest.mark.parametrize(
    "options", [{"preprocessing": "fid"}, {"crop": "mouth"}, {"factor": 0.0}, {"chunk": 0}]
)
def test_options_that_cannot_be_are_refused(model, options) -> None:
    with pytest.raises(DefinitionError):
        inception(weights={"model": model}, **options)


def test_loading_draws_no_random_number() -> None:
    before = torch.get_rng_state()
    blank()
    assert torch.equal(before, torch.get_rng_state())


def two_sets(n: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    mix = random.normal(size=(width, width)) / width**0.5
    return random.normal(size=(n, width)) @ mix, 1.2 * random.normal(size=(n, width)) @ mix + 0.1


def moments(x: np.ndarray, ddof: int = 1) -> tuple[np.ndarray, np.ndarray]:
    return x.mean(axis=0), np.cov(x, rowvar=False, ddof=ddof)


def by_pytorch_fid(x: np.ndarray, y: np.ndarray) -> float:
    from pytorch_fid.fid_score import calculate_frechet_distance

    return float(calculate_frechet_distance(*moments(x), *moments(y)))


def by_clean_fid(x: np.ndarray, y: np.ndarray) -> float:
    return float(pytest.importorskip("cleanfid.fid").frechet_distance(*moments(x), *moments(y)))


def by_torch_fidelity(x: np.ndarray, y: np.ndarray) -> float:
    upstream = pytest.importorskip("torch_fidelity.metric_fid")
    stats = [dict(zip(("mu", "sigma"), moments(z), strict=True)) for z in (x, y)]
    return float(upstream.fid_statistics_to_metric(*stats, verbose=False)["frechet_inception_distance"])


def by_torchmetrics(x: np.ndarray, y: np.ndarray) -> float:
    return float(_compute_fid(*(torch.from_numpy(m) for z in (x, y) for m in moments(z))))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("name", "upstream"),
    [
        ("pytorch-fid", by_pytorch_fid),
        ("clean-fid", by_clean_fid),
        ("torch-fidelity", by_torch_fidelity),
        ("torchmetrics", by_torchmetrics),
    ],
)
def test_the_distance_is_everybodys_where_it_is_well_conditioned(parity, name, upstream) -> None:
    """Full rank in double precision: 1e-9 leaves room for the condition of the product only."""
    x, y = two_sets(400, 96)
    try:
        wanted = upstream(x, y)
    except TypeError as error:
        pytest.skip(f"this tool does not run with this SciPy: {error}")
    found = frechet_distance(x, y)
    parity("FID: distance", release(name), found, wanted, of_each(1e-9), n=(1, "distances"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_below_full_rank_the_tools_lose_digits_and_ours_does_not(parity) -> None:
    """Roots of the 1e-16 noise in zero eigenvalues add up to 1e-8 a dimension; the low-rank route has none.

    So the tools' own digits end there, and 1e-4 is what two of them can agree to.
    """
    x, y = two_sets(30, 120)
    inside = np.linalg.svd(np.vstack([x, y]), full_matrices=False)[2]
    exact = frechet_distance(x @ inside.T, y @ inside.T)
    found, wanted = frechet_distance(x, y), by_torchmetrics(x, y)
    assert found == pytest.approx(exact, rel=1e-12)
    assert wanted == pytest.approx(exact, rel=1e-4)
    oracle = f"{release('torchmetrics')}, below full rank"
    parity("FID: distance", oracle, found, wanted, of_each(1e-4), n=(1, "distances"))


def test_ddof_0_divides_by_n_as_stylegans_metrics_do(parity) -> None:
    x, y = two_sets(50, 12)
    (m1, s1), (m2, s2) = moments(x, 0), moments(y, 0)
    values = np.linalg.eigvals(s1 @ s2)
    wanted = ((m1 - m2) ** 2).sum() + np.trace(s1 + s2) - 2 * np.sqrt(values.astype(complex)).real.sum()
    oracle = f"the formula by {release('numpy')}'s eigenvalues"
    found = frechet_distance(x, y, ddof=0)
    parity("FID, ddof 0: distance", oracle, found, wanted, of_each(1e-9), n=(1, "distances"))
    assert frechet_distance(x, y) > 1.005 * frechet_distance(x, y, ddof=0)
