"""The supervisor of text control: CLIP (Radford et al. 2021) from open_clip's own classes, small.

Its pictures go through open_clip's modified ResNet with attention pooling, where the judge has a transformer.
Use ``network.encode_image`` on (N, 3, 64, 64) faces in -1..1 and ``network.encode_text`` on the tokens of
`spfem_baselines.supervisors.tokenizer.Tokenizer`; both take ``normalize=True``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spfem_baselines.supervisors.tokenizer import CONTEXT, END, ENTRIES, PAD

if TYPE_CHECKING:
    from open_clip.model import CLIP

WIDTH = 96
"""D of an embedding."""


def build() -> CLIP:
    """The untrained network."""
    from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg

    vision = CLIPVisionCfg(layers=(2, 2, 2, 2), width=8, head_width=64, image_size=64)
    text = CLIPTextCfg(
        context_length=CONTEXT,
        vocab_size=ENTRIES,
        width=64,
        heads=4,
        layers=2,
        pool_type="eos",
        eos_id=END,
        pad_id=PAD,
    )
    return CLIP(WIDTH, vision, text)
