"""ArcFace's ResNet-18 for gray pictures, as the repository arcface-pytorch names its tensors.

Four stages of two improved residual blocks (Duta et al. 2020, without squeeze-and-excitation) over a stem of
64 channels; the last 8x8 map of 512 channels is normalised, flattened and projected to 512 values. Module
names follow the keys of ``resnet18_110.pth``, so that loading is strict.
"""

from __future__ import annotations

import torch
from torch import nn

SIDE = 128
"""px of the network's input: the flat projection takes no other size."""
WIDTH = 512
"""Values of its output."""

_STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))
"""(channels, stride of the first block)"""


def _conv3(inside: int, outside: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, 3, stride, 1, bias=False)


class _Residual(nn.Module):
    """Normalise, 3x3, normalise, PReLU, strided 3x3, normalise; then the input added, and the same PReLU."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.bn0 = nn.BatchNorm2d(inside)
        self.conv1, self.bn1 = _conv3(inside, inside), nn.BatchNorm2d(inside)
        self.prelu = nn.PReLU()
        self.conv2, self.bn2 = _conv3(inside, outside, stride), nn.BatchNorm2d(outside)
        if stride != 1 or inside != outside:
            shortcut = nn.Conv2d(inside, outside, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outside))
        else:
            self.downsample = nn.Sequential()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The input through the block."""
        deep = self.prelu(self.bn1(self.conv1(self.bn0(x))))
        y: torch.Tensor = self.prelu(self.bn2(self.conv2(deep)) + self.downsample(x))
        return y


class ArcFaceResNet18(nn.Module):
    """(N, 1, 128, 128) in [-1, 1] -> (N, 512) after the last normalisation, not L2-normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1, self.prelu = _conv3(1, 64), nn.BatchNorm2d(64), nn.PReLU()
        self.maxpool = nn.MaxPool2d(2)
        inside = 64
        for number, (outside, stride) in enumerate(_STAGES, start=1):
            blocks = _Residual(inside, outside, stride), _Residual(outside, outside, 1)
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
            inside = outside
        self.bn4 = nn.BatchNorm2d(inside)
        self.fc5 = nn.Linear(inside * (SIDE // 16) ** 2, WIDTH)
        self.bn5 = nn.BatchNorm1d(WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features of a batch."""
        deep = self.maxpool(self.prelu(self.bn1(self.conv1(x))))
        for number in range(1, len(_STAGES) + 1):
            deep = getattr(self, f"layer{number}")(deep)
        y: torch.Tensor = self.bn5(self.fc5(self.bn4(deep).flatten(1)))
        return y
