"""EfficientFace (Zhao, Liu and Zhou 2021): an expression network in the manner of ShuffleNet V2.

Three stages of shuffled units over a stem of 29 channels. After the first, the map is weighted by a channel
and a spatial gate (after BAM, Park et al. 2018), and the features of the stem's four quarters are added.
Module names follow the keys of the published file, so that loading is strict.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

SIDE = 224
"""px of the network's input."""
WIDTH = 1024
"""Values before the classifier."""

_STEM, _LOCAL = 29, 116
_QUARTERS = ((0, 0), (1, 0), (0, 1), (1, 1))
"""(row, column) of each quarter of the stem's map, in the order of their names"""


def _depthwise(inside: int, outside: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, 3, stride, 1, groups=inside, bias=False)


def _pointwise(inside: int, outside: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inside, outside, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU()


class _Unit(nn.Module):
    """A unit of ShuffleNet V2 (Ma et al. 2018): half the channels pass, or both branches halve the map."""

    def __init__(self, inside: int, outside: int, *, first: bool) -> None:
        super().__init__()
        half, stride = outside // 2, 2 if first else 1
        self.first = first
        if first:
            self.branch1 = nn.Sequential(
                _depthwise(inside, inside, stride), nn.BatchNorm2d(inside), *_pointwise(inside, half)
            )
        self.branch2 = nn.Sequential(
            *_pointwise(inside if first else half, half),
            _depthwise(half, half, stride),
            nn.BatchNorm2d(half),
            *_pointwise(half, half),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The input through the unit, channels of both halves in turn."""
        if self.first:
            halves = self.branch1(x), self.branch2(x)
        else:
            kept, deep = x.chunk(2, dim=1)
            halves = kept, self.branch2(deep)
        return torch.stack(halves, dim=2).flatten(1, 2)


def _stage(inside: int, outside: int, units: int) -> nn.Sequential:
    rest = [_Unit(outside, outside, first=False) for _ in range(units - 1)]
    return nn.Sequential(_Unit(inside, outside, first=True), *rest)


class _Local(nn.Module):
    """Two depthwise 3x3 over each quarter of the map, the first with stride 2, each normalised and rectified.

    The modules of quarter q are ``convq_1 bnq_1 convq_2 bnq_2``.
    """

    def __init__(self) -> None:
        super().__init__()
        for quarter in range(1, 5):
            for layer, inside, stride in ((1, _STEM, 2), (2, _LOCAL, 1)):
                setattr(self, f"conv{quarter}_{layer}", _depthwise(inside, _LOCAL, stride))
                setattr(self, f"bn{quarter}_{layer}", nn.BatchNorm2d(_LOCAL))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 29, 56, 56) -> (N, 116, 28, 28)."""
        half = x.shape[2] // 2
        parts = [
            self._quarter(number, x[:, :, row * half : (row + 1) * half, column * half : (column + 1) * half])
            for number, (row, column) in enumerate(_QUARTERS, start=1)
        ]
        left, right = torch.cat(parts[:2], dim=2), torch.cat(parts[2:], dim=2)
        return torch.cat([left, right], dim=3)

    def _quarter(self, number: int, x: torch.Tensor) -> torch.Tensor:
        for layer in (1, 2):
            conv, norm = getattr(self, f"conv{number}_{layer}"), getattr(self, f"bn{number}_{layer}")
            x = torch.relu(norm(conv(x)))
        return x


def _channel_gate() -> nn.Sequential:
    inner = _LOCAL // 16
    return nn.Sequential(
        OrderedDict(
            gate_c_fc_0=nn.Linear(_LOCAL, inner),
            gate_c_bn_1=nn.BatchNorm1d(inner),
            gate_c_relu_1=nn.ReLU(),
            gate_c_fc_final=nn.Linear(inner, _LOCAL),
        )
    )


def _spatial_gate() -> nn.Sequential:
    inner = _LOCAL // 16
    parts: dict[str, nn.Module] = {
        "gate_s_conv_reduce0": nn.Conv2d(_LOCAL, inner, 1),
        "gate_s_bn_reduce0": nn.BatchNorm2d(inner),
        "gate_s_relu_reduce0": nn.ReLU(),
    }
    for layer in (0, 1):
        parts[f"gate_s_conv_di_{layer}"] = nn.Conv2d(inner, inner, 3, padding=4, dilation=4)
        parts[f"gate_s_bn_di_{layer}"] = nn.BatchNorm2d(inner)
        parts[f"gate_s_relu_di_{layer}"] = nn.ReLU()
    parts["gate_s_conv_final"] = nn.Conv2d(inner, 1, 1)
    return nn.Sequential(OrderedDict(parts))


class _Modulator(nn.Module):
    """The map times the sigmoid of channel gate times spatial gate."""

    def __init__(self) -> None:
        super().__init__()
        self.channel_att = nn.ModuleDict({"gate_c": _channel_gate()})
        self.spatial_att = nn.ModuleDict({"gate_s": _spatial_gate()})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The weighted map."""
        channels = self.channel_att["gate_c"](x.mean(dim=(2, 3)))[:, :, None, None]
        y: torch.Tensor = torch.sigmoid(channels * self.spatial_att["gate_s"](x)) * x
        return y


class EfficientFace(nn.Module):
    """(N, 3, 224, 224) RGB, normalised -> (N, 1024) means before the classifier, none below 0.

    The classifier ``fc`` of seven expressions is part of the file, not of the features.
    """

    def __init__(self) -> None:
        super().__init__()
        stem = nn.Conv2d(3, _STEM, 3, 2, 1, bias=False)
        self.conv1 = nn.Sequential(stem, nn.BatchNorm2d(_STEM), nn.ReLU())
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.stage2, self.stage3 = _stage(_STEM, _LOCAL, 4), _stage(_LOCAL, 232, 8)
        self.stage4 = _stage(232, 464, 4)
        self.local, self.modulator = _Local(), _Modulator()
        self.conv5 = nn.Sequential(*_pointwise(464, WIDTH))
        self.fc = nn.Linear(WIDTH, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features of a batch."""
        stem = self.maxpool(self.conv1(x))
        deep = self.modulator(self.stage2(stem)) + self.local(stem)
        y: torch.Tensor = self.conv5(self.stage4(self.stage3(deep))).mean(dim=(2, 3))
        return y
