"""Published networks with seeded random weights, in the files where each tool looks for its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from spfem_metrics.networks import inception, lpips_nets

INCEPTION_FILE = "pt_inception-2015-12-05-6726825d.pth"


def random_tensors(network: torch.nn.Module, seed: int) -> dict[str, torch.Tensor]:
    """Weights that keep the size of activations through many layers (He et al. 2015), norms that do work."""
    random = torch.Generator().manual_seed(seed)
    return {name: _draw(name, value, random) for name, value in network.state_dict().items()}


def _draw(name: str, like: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    if not like.is_floating_point():
        return torch.zeros_like(like)
    if name.endswith("running_var") or (like.ndim == 1 and name.endswith("weight")):
        return 0.75 + 0.5 * torch.rand(like.shape, generator=random)
    spread = (2 / like[0].numel()) ** 0.5 if like.ndim > 1 else 0.1
    return spread * torch.randn(like.shape, generator=random)


def plant_inception(home: Path, seed: int = 0) -> Path:
    """The file of Inception, where pytorch-fid finds it with ``TORCH_HOME=home``."""
    path = home / "hub" / "checkpoints" / INCEPTION_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(random_tensors(inception.blank(), seed), path)
    return path


def plant_torchscript(folder: Path) -> Path:
    """The same network as clean-fid expects it: ``inception-2015-12-05.pt``, of 299 px pictures in [-1, 1].

    Made from pytorch-fid's network, which must find its weights.
    """
    from pytorch_fid.inception import InceptionV3

    network = InceptionV3([3], resize_input=False, normalize_input=False).eval()

    class Whole(torch.nn.Module):
        """With the layers under the name that clean-fid calls."""

        def __init__(self) -> None:
            super().__init__()
            layers = torch.nn.Sequential(*(part for block in network.blocks for part in block))
            self.layers = torch.jit.trace(layers, torch.zeros(1, 3, 299, 299))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """Pooled features."""
            return self.layers(x)

    torch.jit.script(Whole()).save(str(folder / "inception-2015-12-05.pt"))
    return folder


def plant_lpips(folder: Path, net: lpips_nets.Net, seed: int = 0) -> dict[str, Path]:
    """Trunk (torchvision's names, and a classifier nobody reads) and heads, as ``weights=`` takes them."""
    tensors = random_tensors(lpips_nets.blank(net), seed)
    trunk = {
        f"features.{'.'.join(name.split('.')[2:])}": value
        for name, value in tensors.items()
        if name.startswith("net.")
    }
    trunk["classifier.6.bias"] = torch.zeros(1000)
    heads = {
        name: value.abs() for name, value in tensors.items() if name.startswith("lin") and name[3] != "s"
    }
    files = {"model": folder / lpips_nets.TRUNKS[net], "heads": folder / f"{net}.pth"}
    torch.save(trunk, files["model"])
    torch.save(heads, files["heads"])
    return files


def pictures(count: int, size: tuple[int, int], seed: int) -> np.ndarray:
    """(count, H, W, 3) uint8: soft coloured noise, with edges and saturated spots."""
    import cv2

    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 9, 7, 3)).astype(np.float32)
    soft = [cv2.resize(c, size[::-1], interpolation=cv2.INTER_CUBIC) for c in coarse]
    grain = random.normal(0, 20, (count, *size, 3))
    return np.clip(np.stack(soft) + grain, 0, 255).astype(np.uint8)
