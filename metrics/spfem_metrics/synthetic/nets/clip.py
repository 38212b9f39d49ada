"""The judge of what a picture shows in words: CLIP (Radford et al. 2021) from open_clip's own classes, small.

A vision transformer of 64 px faces and a causal text transformer over whole words. The supervisor's pictures
go through a ResNet instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from spfem_metrics.synthetic.nets.tokenizer import CONTEXT, END, ENTRIES, PAD

if TYPE_CHECKING:
    from open_clip.model import CLIP

WIDTH = 64
"""D of an embedding."""


def build() -> CLIP:
    """The untrained network: `encode_image` (N, 3, 64, 64) in -1..1 and `encode_text` (N, 40) -> (N, 64)."""
    from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg

    vision = CLIPVisionCfg(layers=4, width=96, head_width=32, mlp_ratio=4.0, patch_size=8, image_size=64)
    text = CLIPTextCfg(
        context_length=CONTEXT,
        vocab_size=ENTRIES,
        width=64,
        heads=2,
        layers=2,
        pool_type="eos",
        eos_id=END,
        pad_id=PAD,
    )
    return CLIP(WIDTH, vision, text)


def images(network: torch.nn.Module, crops: torch.Tensor) -> torch.Tensor:
    """(N, 64, 64, 3) uint8 RGB heads -> (N, 64) of unit length."""
    pictures = crops.permute(0, 3, 1, 2).float() / 127.5 - 1
    return network.encode_image(pictures, normalize=True)  # type: ignore[operator,no-any-return]


def texts(network: torch.nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """(N, 40) int64 -> (N, 64) of unit length."""
    return network.encode_text(tokens, normalize=True)  # type: ignore[operator,no-any-return]
