"""The networks of LPIPS (Zhang et al. 2018, version 0.1), put together from their files, strictly.

The package lpips loads its linear heads with ``strict=False``, so a wrong file leaves random heads without a
word, and its trunk by downloading. Here trunk and heads come from named files, every tensor of the network is
set from them, nothing else may be in them, and heads below 0 (which no published ones are) are refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from spfem_metrics.errors import WeightsError
from spfem_metrics.networks.files import load_strict, state_dict
from spfem_metrics.networks.random_weights import random_state, save_state

if TYPE_CHECKING:
    import torch

Net = Literal["alex", "vgg", "squeeze"]

TRUNKS: Mapping[Net, str] = {
    "alex": "alexnet-owt-7be5be79.pth",
    "vgg": "vgg16-397923af.pth",
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
}
"""torchvision's ImageNet files of the trunks."""

SMALLEST: Mapping[Net, int] = {"alex": 31, "vgg": 16, "squeeze": 17}
"""px of a picture's shorter side that every layer still sees."""

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of the scaling layer, by channel (R, G, B) of pictures in [-1, 1]."""

Distance = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
"""Two (N, H, W, 3) uint8 RGB batches on the device -> (N,) float32."""


def load(net: Net, trunk: Path, heads: Path, device: str = "cpu") -> Distance:
    """The distance by a network on a device.

    Args:
        net: ``alex``, ``vgg`` or ``squeeze``; their numbers do not compare.
        trunk: torchvision's file (`TRUNKS`); of its tensors those of the classifier are not used.
        heads: the linear heads (five, squeeze seven), ``weights/v0.1/NET.pth`` of the package lpips.
        device: a torch device.

    Raises:
        WeightsError: a file is missing, another network's, or holds heads below 0.
    """
    network = blank(net)
    tensors = _trunk_tensors(network, state_dict(trunk)) | _head_tensors(state_dict(heads), heads)
    load_strict(network, tensors | _constants(), trunk)
    return distance(network.eval().requires_grad_(False).to(device))


def blank(net: Net) -> torch.nn.Module:
    """The package's network, its tensors not yet filled; nothing is downloaded, no random number drawn."""
    import lpips
    import torch

    with warnings.catch_warnings(), torch.device("meta"):
        # torchvision's note on the argument `pretrained`, which lpips 0.1.4 still passes
        warnings.simplefilter("ignore", UserWarning)
        network = lpips.LPIPS(pretrained=False, pnet_rand=True, net=net, version="0.1", verbose=False)
    return network.to_empty(device="cpu")  # type: ignore[no-any-return]


def distance(network: torch.nn.Module) -> Distance:
    """LPIPS of pictures of 0..255: x/127.5 - 1 into the network, each layer's spatial mean, their sum."""

    def measure(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Pictures of one size, pair by pair."""
        ours, theirs = (pictures.permute(0, 3, 1, 2).float() / 127.5 - 1 for pictures in (first, second))
        found: torch.Tensor = network(ours, theirs)
        return found.flatten()

    return measure


def _trunk_tensors(
    network: torch.nn.Module, published: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Tensors by torchvision's names (``features.3.weight``) to the package's (``net.slice2.3.weight``).

    What has no place in the network but for the classifier keeps its name, for `load_strict` to refuse.
    """
    places = {_published_name(name): name for name in network.state_dict() if name.startswith("net.")}
    return {
        places.get(name, name): value
        for name, value in published.items()
        if not name.startswith("classifier.")
    }


def _published_name(name: str) -> str:
    """Of the package's ``net.slice2.3.squeeze.weight``: ``features.3.squeeze.weight``."""
    return f"features.{name.split('.', maxsplit=2)[2]}"


def _head_tensors(published: Mapping[str, torch.Tensor], path: Path) -> dict[str, torch.Tensor]:
    """The heads under both names the package has for each (``lin0`` is ``lins.0``).

    Raises:
        WeightsError: a head has values below 0.
    """
    below = sorted(name for name, value in published.items() if float(value.min()) < 0)
    if below:
        raise WeightsError(f"{path}: not LPIPS heads: {below[0]} has values below 0")
    twins = {
        f"lins.{name.removeprefix('lin')}": value
        for name, value in published.items()
        if name.startswith("lin")
    }
    return dict(published) | twins


def _constants() -> dict[str, torch.Tensor]:
    import torch

    return {
        f"scaling_layer.{name}": torch.tensor(values).view(1, 3, 1, 1)
        for name, values in (("shift", SHIFT), ("scale", SCALE))
    }


def random_alexnet(path: Path, seed: int) -> None:
    """A trunk file with seeded random weights; without the classifier, which is not read."""
    _random_trunk("alex", path, seed)


def random_vgg16(path: Path, seed: int) -> None:
    """A trunk file with seeded random weights; without the classifier, which is not read."""
    _random_trunk("vgg", path, seed)


def random_squeezenet(path: Path, seed: int) -> None:
    """A trunk file with seeded random weights; without the classifier, which is not read."""
    _random_trunk("squeeze", path, seed)


def random_alex_heads(path: Path, seed: int) -> None:
    """A file of heads with seeded random weights, none below 0."""
    _random_heads("alex", path, seed)


def random_vgg_heads(path: Path, seed: int) -> None:
    """A file of heads with seeded random weights, none below 0."""
    _random_heads("vgg", path, seed)


def random_squeeze_heads(path: Path, seed: int) -> None:
    """A file of heads with seeded random weights, none below 0."""
    _random_heads("squeeze", path, seed)


def _random_trunk(net: Net, path: Path, seed: int) -> None:
    own = random_state(blank(net), seed)
    save_state({_published_name(name): own[name] for name in own if name.startswith("net.")}, path)


def _random_heads(net: Net, path: Path, seed: int) -> None:
    own = random_state(blank(net), seed)
    heads = {name: value.abs() for name, value in own.items() if name.startswith("lin") and name[3].isdigit()}
    save_state(heads, path)
