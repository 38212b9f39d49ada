"""LPIPS in parity with the packages lpips and torchmetrics, on the same random weights, and its traps.

Both sides run in single precision on the same layers; ours in batches of both pictures, so sums may run in
another order: 1e-5 of the distance.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torchmetrics.functional.image.lpips import _LPIPS

from spfem_metrics import ArrayMedia, DefinitionError, InputError, PairExtractor, WeightsError
from spfem_metrics.networks.lpips_nets import SMALLEST, TRUNKS, blank
from spfem_metrics.pairs.fitting import fit_to
from spfem_metrics.pairs.lpips import lpips
from spfem_metrics.sampling import taken
from tests.support.parity import of_each, release
from tests.support.planted import pictures, plant_lpips

upstream = pytest.importorskip("lpips")
NETS = list(TRUNKS)
SIZE = (72, 64)


@pytest.fixture(scope="module", params=NETS)
def net(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def files(net, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return plant_lpips(tmp_path_factory.mktemp(net), net)


def clip(count: int, seed: int, size: tuple[int, int] = SIZE) -> ArrayMedia:
    return ArrayMedia(pictures(count, size, seed), Fraction(25))


def ours(files, net, first: ArrayMedia, second: ArrayMedia, **options) -> np.ndarray:
    pairs = np.stack([np.arange(len(first.frames))] * 2, axis=1)
    arrays = lpips(weights=files, net=net, **options).compare(first, second, pairs)
    return np.asarray(arrays["distance"])


def planted(network: torch.nn.Module, files: dict[str, Path]) -> torch.nn.Module:
    """A package's own network with the random weights, by its own names."""
    published = torch.load(files["model"], weights_only=True) | torch.load(files["heads"], weights_only=True)
    state = network.state_dict()
    for name in state:
        layer = name.replace("slices.", "slice").split(".")
        place = f"features.{'.'.join(layer[2:])}" if layer[0] == "net" else name.replace("lins.", "lin")
        if layer[0] == "net" or place in published:
            state[name] = published[place]
    network.load_state_dict(state)
    return network.eval()


def by_package(network: torch.nn.Module, first: ArrayMedia, second: ArrayMedia) -> np.ndarray:
    """With the package's own normalisation of [0, 1] pictures."""
    x, y = (torch.from_numpy(m.frames).permute(0, 3, 1, 2).float() / 255 for m in (first, second))
    with torch.inference_mode():
        return network(x, y, normalize=True).flatten().numpy()


def test_of_many_pairs_so_many_are_compared_and_the_definition_says_so(net, files) -> None:
    first, second = clip(9, 1), clip(9, 2)
    whole = ours(files, net, first, second, chunk=1)
    np.testing.assert_array_equal(ours(files, net, first, second, chunk=1, frames=4), taken(whole, 4))
    wanted = lpips(weights=files, net=net).definition.replace(",chunk8", ",pairs:even4,chunk8")
    assert lpips(weights=files, net=net, frames=4).definition == wanted
    with pytest.raises(DefinitionError):
        lpips(weights=files, net=net, frames=0)


@pytest.mark.filterwarnings("ignore:.*pretrained.*|.*weight enum.*:UserWarning")
def test_distances_are_the_packages(parity, net, files) -> None:
    first, second = clip(5, 1), clip(5, 2)
    network = planted(upstream.LPIPS(net=net, pnet_rand=True, verbose=False), files)
    wanted = by_package(network, first, second)
    found = ours(files, net, first, second, chunk=2)
    parity(f"LPIPS {net}", release("lpips"), found, wanted, of_each(1e-5), n=(5, "frame pairs"))


def test_distances_are_torchmetrics_but_for_its_other_norm(parity, net, files) -> None:
    """torchmetrics >= 1.3.1 divides by ``sqrt(1e-8 + sum)``, the package by ``sqrt(sum) + 1e-10``.

    On features of ordinary size that is below rounding.
    """
    first, second = clip(3, 3), clip(3, 4)
    wanted = by_package(planted(_LPIPS(net=net, pnet_rand=True), files), first, second)
    found = ours(files, net, first, second)
    parity(f"LPIPS {net}", release("torchmetrics"), found, wanted, of_each(1e-5), n=(3, "frame pairs"))


def at_rest_on_black(files: dict[str, Path], net, folder: Path, size: tuple[int, int]) -> dict[str, Path]:
    """The trunk with the layer below the first tap biased to answer black with 1e-5 or 0 in every channel.

    Inside the picture, that is: at its rim, where a layer pads, it answers something else.
    """
    trunk = torch.load(files["model"], weights_only=True)
    network = planted(upstream.LPIPS(net=net, pnet_rand=True, verbose=False), files)
    layers = list(network.net.slice1.named_children())
    last, layer = [(name, part) for name, part in layers if isinstance(part, torch.nn.Conv2d)][-1]
    below = torch.nn.Sequential(*(part for name, part in layers if int(name) < int(last)), layer)
    black = network.scaling_layer(torch.full((1, 3, *size), -1.0))
    with torch.inference_mode():
        answer = below(black)
    middle = answer[0, :, answer.shape[2] // 2, answer.shape[3] // 2]
    sign = torch.tensor([1.0, -1.0]).repeat(len(middle))[: len(middle)]
    trunk[f"features.{last}.bias"] = trunk[f"features.{last}.bias"] - middle + 1e-5 * sign
    rested = {"model": folder / "trunk", "heads": files["heads"]}
    torch.save(trunk, rested["model"])
    return rested


@pytest.mark.filterwarnings("ignore:.*pretrained.*|.*weight enum.*:UserWarning")
def test_torchmetrics_other_norm_moves_flat_dark_pictures(parity, net, files, tmp_path) -> None:
    """The trap: where features are as faint as 1e-4, 1e-8 under the root is most of their norm.

    Black against nearly black, in a network that black hardly moves: the package still compares directions,
    torchmetrics hardly counts them. What is left of features after a sum that nearly cancels is some percent
    of 1e-5 off, more than the order of sums is worth elsewhere: 1e-3 of the distance for ours.
    """
    files = at_rest_on_black(files, net, tmp_path, SIZE)
    black, nearly = (ArrayMedia(np.full((1, *SIZE, 3), level, np.uint8), Fraction(25)) for level in (0, 1))
    package = by_package(
        planted(upstream.LPIPS(net=net, pnet_rand=True, verbose=False), files), black, nearly
    )
    other = by_package(planted(_LPIPS(net=net, pnet_rand=True), files), black, nearly)
    found, oracle = ours(files, net, black, nearly), f"{release('lpips')}, where features nearly vanish"
    parity(f"LPIPS {net}", oracle, found, package, of_each(1e-3), n=(1, "frame pairs"))
    assert abs(other / package - 1).item() > 0.02


def test_pictures_of_0_to_1_would_give_another_number(net, files) -> None:
    """The field's commonest mistake: [0, 1] into a network of [-1, 1]."""
    first, second = clip(2, 5), clip(2, 6)
    halved = [ArrayMedia((m.frames // 2 + 128).astype(np.uint8), m.fps) for m in (first, second)]
    right, wrong = ours(files, net, first, second), ours(files, net, *halved)
    assert (np.abs(right / wrong - 1) > 0.02).all()


def test_equal_pictures_are_at_0_and_the_distance_is_symmetric(net, files) -> None:
    first, second = clip(2, 7), clip(2, 8)
    assert ours(files, net, first, first).tolist() == [0, 0]
    there, back = ours(files, net, first, second), ours(files, net, second, first)
    np.testing.assert_allclose(there, back, rtol=1e-5)
    assert (there > 0).all()


def test_an_output_of_another_size_is_brought_to_the_other_clips(files, net) -> None:
    large, second = clip(1, 9, (144, 128)), clip(1, 10)
    fitted = ArrayMedia(fit_to(large.frames[0], SIZE[1], SIZE[0])[None], Fraction(25))
    assert ours(files, net, large, second) == ours(files, net, fitted, second)


def test_it_is_a_pair_extractor_that_says_what_it_does(net, files) -> None:
    extractor = lpips(weights=files, net=net)
    assert isinstance(extractor, PairExtractor)
    assert extractor.name == f"lpips-{net}"
    assert extractor.definition.startswith(f"lpips0.1-{net}@")
    assert extractor.definition.endswith(
        ",crop:frame,input:x/127.5-1,spatial-mean,resize:to-other-area-or-linear,chunk8"
    )
    assert not set(" |\n") & set(extractor.definition)


def test_no_pairs_give_no_distances_and_load_nothing(net, tmp_path) -> None:
    for name in ("trunk", "heads"):
        (tmp_path / name).write_bytes(b"not read")
    extractor = lpips(weights={"model": tmp_path / "trunk", "heads": tmp_path / "heads"}, net=net)
    arrays = extractor.compare(clip(1, 0), clip(1, 0), np.zeros((0, 2), np.int64))
    assert arrays["distance"].shape == (0,)


def test_the_smallest_picture_passes_and_a_smaller_one_is_refused(net, files) -> None:
    side = SMALLEST[net]
    small, smaller = (clip(1, 11, (s, 64)) for s in (side, side - 1))
    assert np.isfinite(ours(files, net, small, small)).all()
    with pytest.raises(InputError, match=f"pictures of {side} px"):
        ours(files, net, smaller, smaller)


@pytest.mark.parametrize("damage", ["other heads", "negative", "trunk without a layer", "trunk with more"])
def test_files_that_the_package_would_swallow_are_refused(damage, tmp_path) -> None:
    """The package loads with ``strict=False``: each of these leaves it random, or worse, without a word."""
    files = plant_lpips(tmp_path, "alex")
    trunk, heads = (torch.load(files[role], weights_only=True) for role in ("model", "heads"))
    if damage == "other heads":
        heads = {name.replace("model.1", "model.0"): value for name, value in heads.items()}
    elif damage == "negative":
        heads["lin2.model.1.weight"][0, 5] = -0.01
    elif damage == "trunk without a layer":
        del trunk["features.8.weight"]
    else:
        trunk["features.12.weight"] = torch.zeros(1)
    torch.save(trunk, files["model"])
    torch.save(heads, files["heads"])
    with pytest.raises(WeightsError):
        ours(files, "alex", clip(1, 12), clip(1, 13))


@pytest.mark.parametrize("drop", ["model", "heads"])
def test_both_files_must_be_named(drop, tmp_path) -> None:
    files = {role: tmp_path / role for role in ("model", "heads") if role != drop}
    for path in files.values():
        path.touch()
    with pytest.raises(DefinitionError, match=drop):
        lpips(weights=files)


def test_the_published_heads_load_strictly(net, files) -> None:
    """Those that the package's wheel carries, on a random trunk."""
    heads = Path(upstream.__file__).parent / "weights" / "v0.1" / f"{net}.pth"
    assert (ours(files | {"heads": heads}, net, clip(2, 14), clip(2, 15)) > 0).all()


def test_loading_draws_no_random_number() -> None:
    before = torch.get_rng_state()
    blank("vgg")
    assert torch.equal(before, torch.get_rng_state())
