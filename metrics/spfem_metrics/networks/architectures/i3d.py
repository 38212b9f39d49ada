"""I3D (Carreira and Zisserman 2017): the Inception of 2014 inflated to three dimensions, for Kinetics-400.

``i3d_torchscript.pt``, the file by which FVD is computed in torch, calls its own class
``src.i3dpt_jit.I3D``: the port hassony2/kinetics_i3d_pytorch made fit for TorchScript, with the weights of
TensorFlow Hub's ``deepmind/i3d-kinetics-400/1``. So modules bear that port's names and do its arithmetic.
The tensors of the file itself were not at hand when this was written: should they bear other names, loading
refuses them and says so.

For the 16 pictures of 224x224 that this package feeds it, the port's arithmetic is TensorFlow's own; for
numbers of pictures that 8 does not divide, TensorFlow pads the pools at other ends.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from spfem_metrics.networks.architectures.mini_xception import same_padding

CLASSES = 400
Triple = tuple[int, int, int]

_MIXED: dict[str, tuple[int, tuple[int, int, int, int, int, int]]] = {
    "3b": (192, (64, 96, 128, 16, 32, 32)),
    "3c": (256, (128, 128, 192, 32, 96, 64)),
    "4b": (480, (192, 96, 208, 16, 48, 64)),
    "4c": (512, (160, 112, 224, 24, 64, 64)),
    "4d": (512, (128, 128, 256, 24, 64, 64)),
    "4e": (512, (112, 144, 288, 32, 64, 64)),
    "4f": (528, (256, 160, 320, 32, 128, 128)),
    "5b": (832, (256, 160, 320, 32, 128, 128)),
    "5c": (832, (384, 192, 384, 48, 128, 128)),
}
"""Block -> channels in; out of its four branches: 1x1, (1x1, 3x3), (1x1, 3x3), (pool, 1x1)."""


class Unit(nn.Module):
    """Convolution with TensorFlow's "same" padding, normalisation (eps 1e-3, Sonnet's default), ReLU.

    "Same" is asymmetric at stride 2: the first convolution (7 wide) pads two zeros before and three after.
    """

    def __init__(self, inside: int, outside: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(inside, outside, kernel, stride, bias=False)
        self.batch3d: nn.Module = nn.BatchNorm3d(outside, eps=1e-3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, T, H, W) through the unit."""
        kernel, stride = self.conv3d.kernel_size[0], self.conv3d.stride[0]
        if kernel > 1:
            pads = [same_padding(side, kernel, stride) for side in x.shape[:1:-1]]
            x = F.pad(x, [zeros for pair in pads for zeros in pair])
        return torch.relu_(self.batch3d(self.conv3d(x)))


class Pool(nn.Module):
    """Maximum over windows, zeros around the picture, which win over nothing since all values are >= 0.

    As many zeros as a side divisible by the stride needs for "same", and a last window that may reach out.
    """

    def __init__(self, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        spare = [k - s for k, s in zip(reversed(kernel), reversed(stride), strict=True)]
        self.pads = [zeros for total in spare for zeros in (total // 2, total - total // 2)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, T, H, W), values >= 0, to one smaller by the stride."""
        return F.max_pool3d(F.pad(x, self.pads), self.kernel, self.stride, ceil_mode=True)


class Mixed(nn.Module):
    """Four branches side by side."""

    def __init__(self, inside: int, out: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        self.branch_0 = Unit(inside, out[0])
        self.branch_1 = nn.Sequential(Unit(inside, out[1]), Unit(out[1], out[2], 3))
        self.branch_2 = nn.Sequential(Unit(inside, out[3]), Unit(out[3], out[4], 3))
        self.branch_3 = nn.Sequential(Pool((3, 3, 3), (1, 1, 1)), Unit(inside, out[5]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, T, H, W), values >= 0, to one of the same T, H and W."""
        branches = (self.branch_0, self.branch_1, self.branch_2, self.branch_3)
        return torch.cat([branch(x) for branch in branches], dim=1)


class Logits(nn.Module):
    """1x1 convolution with bias, nothing after it."""

    def __init__(self, inside: int, classes: int) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(inside, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, T, H, W) to (N, classes, T, H, W)."""
        y: torch.Tensor = self.conv3d(x)
        return y


class I3D(nn.Module):
    """(N, 3, T, 224, 224) RGB in [-1, 1], T >= 9 -> (N, 400) logits before the softmax, their mean over time.

    That is what the file gives for ``return_features=True``, and TensorFlow's ``RGB/inception_i3d/Mean:0``.
    Fewer than 9 pictures leave the last pool, 2 long, without a window.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv3d_1a_7x7 = Unit(3, 64, 7, 2)
        self.maxPool3d_2a_3x3 = Pool((1, 3, 3), (1, 2, 2))
        self.conv3d_2b_1x1 = Unit(64, 64)
        self.conv3d_2c_3x3 = Unit(64, 192, 3)
        self.maxPool3d_3a_3x3 = Pool((1, 3, 3), (1, 2, 2))
        self.mixed_3b, self.mixed_3c = _mixed("3b"), _mixed("3c")
        self.maxPool3d_4a_3x3 = Pool((3, 3, 3), (2, 2, 2))
        self.mixed_4b, self.mixed_4c, self.mixed_4d = _mixed("4b"), _mixed("4c"), _mixed("4d")
        self.mixed_4e, self.mixed_4f = _mixed("4e"), _mixed("4f")
        self.maxPool3d_5a_2x2 = Pool((2, 2, 2), (2, 2, 2))
        self.mixed_5b, self.mixed_5c = _mixed("5b"), _mixed("5c")
        self.avg_pool = nn.AvgPool3d((2, 7, 7), (1, 1, 1))
        self.conv3d_0c_1x1 = Logits(1024, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of clips."""
        for part in self.children():
            x = part(x)
        return x.mean(dim=(2, 3, 4))


def _mixed(block: str) -> Mixed:
    return Mixed(*_MIXED[block])
