"""iResNet-50 as ArcFace's authors publish it (InsightFace, ``arcface_torch``), seen as a feature pyramid."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

BLOCKS = (3, 4, 14, 3)
WIDTHS = (64, 128, 256, 512)
EMBEDDING = 512
_FINAL_PLACES = 7 * 7
"""Places of the last map of a 112 px crop, which the published embedding layer reads."""


class IBasicBlock(nn.Module):
    """Normalise, 3x3, normalise, PReLU, 3x3, normalise, beside an identity (Duta et al. 2020's order)."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv1 = nn.Conv2d(inside, outside, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.prelu = nn.PReLU(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(outside)
        self.downsample = (
            nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))
            if stride != 1
            else None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inside, H, W) -> (N, outside, H / stride, W / stride)."""
        inner = self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x)))))
        kept = x if self.downsample is None else self.downsample(x)
        added: torch.Tensor = self.bn3(inner) + kept
        return added


def _stage(inside: int, outside: int, blocks: int) -> nn.Sequential:
    rest = (IBasicBlock(outside, outside, 1) for _ in range(blocks - 1))
    return nn.Sequential(IBasicBlock(inside, outside, 2), *rest)


class IResNet50(nn.Module):
    """The trunk of ArcFace, its four stages being the maps ASCCL, STCCL and CDRL compare.

    Its parameters have the names and shapes of InsightFace's ``backbone.pth``, the embedding layers included,
    so that the published file fits tensor for tensor; the maps do not read those layers.

    Args:
        size: pictures are resized to this side first, as the papers' pre-training does; None leaves them as
            they are, as their renderer does (256 px in the ASCCL repository).
        bgr: feed blue first, as the papers' code does, which reads with OpenCV and turns nothing round; False
            feeds red first, which is how InsightFace trained the network.
    """

    channels = WIDTHS

    def __init__(self, *, size: int | None = 224, bgr: bool = True) -> None:
        super().__init__()
        self.size, self.bgr = size, bgr
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.prelu = nn.PReLU(WIDTHS[0])
        self.layer1 = _stage(WIDTHS[0], WIDTHS[0], BLOCKS[0])
        self.layer2 = _stage(WIDTHS[0], WIDTHS[1], BLOCKS[1])
        self.layer3 = _stage(WIDTHS[1], WIDTHS[2], BLOCKS[2])
        self.layer4 = _stage(WIDTHS[2], WIDTHS[3], BLOCKS[3])
        self.bn2 = nn.BatchNorm2d(WIDTHS[3])
        self.fc = nn.Linear(WIDTHS[3] * _FINAL_PLACES, EMBEDDING)
        self.features = nn.BatchNorm1d(EMBEDDING)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(N, 3, H, W) RGB in [-1, 1] -> four maps; of 224 px 64x112x112, 128x56x56, 256x28x28, 512x14x14."""
        seen = pictures.flip(1) if self.bgr else pictures
        x = self.prelu(self.bn1(self.conv1(resized(seen, self.size))))
        first = self.layer1(x)
        second = self.layer2(first)
        third = self.layer3(second)
        return first, second, third, self.layer4(third)

    def embed(self, pictures: torch.Tensor) -> torch.Tensor:
        """(N, 3, 112, 112) RGB in [-1, 1] -> (N, 512) embeddings, for which ``size`` must be 112 or None."""
        vector: torch.Tensor = self.features(self.fc(self.bn2(self(pictures)[-1]).flatten(1)))
        return vector


def resized(pictures: torch.Tensor, size: int | None) -> torch.Tensor:
    """(N, C, H, W) at ``size`` x ``size`` px, bilinear with antialiasing; as they are where it is None."""
    if size is None or pictures.shape[-2:] == (size, size):
        return pictures
    return F.interpolate(pictures, (size, size), mode="bilinear", align_corners=False, antialias=True)


def load_iresnet50(path: Path, *, size: int | None = 224, bgr: bool = True) -> IResNet50:
    """The network with the tensors of ``backbone.pth`` (or the same as safetensors), in eval mode, frozen.

    Args:
        path: a state dict; a pickle of anything but tensors is refused.
        size: see `IResNet50`.
        bgr: see `IResNet50`.

    Raises:
        FileNotFoundError: there is no such file.
        pickle.UnpicklingError: the file holds more than tensors and could run code.
        RuntimeError: tensors are missing, left over or of another shape.
    """
    network = IResNet50(size=size, bgr=bgr)
    network.load_state_dict(_tensors(path))
    return network.eval().requires_grad_(False)


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    with path.open("rb") as file:
        safe = file.read(9)[8:] == b"{"
    if safe:
        from safetensors.torch import load_file

        return load_file(path)
    tensors: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return tensors


def random_file(path: Path, seed: int) -> None:
    """Write a file of the published format with seeded random weights, for trials of the machinery.

    Raises:
        OSError: the file cannot be written.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.save(IResNet50().state_dict(), path)
