"""What CERL and PCMECL say of the seven emotions, and where learnt vectors go into it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from spfem_baselines.supervision.encoders import Encoders, Prompts, with_context
from spfem_baselines.supervision.interface import EMOTIONS

CONTEXT = 8
"""Learnt vectors in a prompt (repository jianmanlincjx/CDRL, ``CERL``)."""
SPREAD = 0.02
"""Standard deviation of their first values (the same; CoOp, Zhou et al. 2022)."""

DESCRIPTIONS: Mapping[str, str] = {
    "neutral": "a calm face at rest, brows and lips relaxed, eyes open, no movement",
    "angry": "brows pulled down and in, eyes hard and staring, lids tightened, lips pressed thin",
    "disgusted": "nose wrinkled, upper lip raised, brows lowered, eyes narrowed",
    "fear": "inner brows raised and pulled in, eyes wide open, mouth stretched, lips parted",
    "happy": "corners of the mouth pulled up, a broad smile, cheeks raised, eyes squinting",
    "sad": "inner brows lifted, upper lids drooping, corners of the mouth turned down, chin wrinkled",
    "surprised": "brows arched and raised, eyes wide open, jaw dropped, lips parted",
}
"""What each emotion does to a face, after the action units of EMFACS (Ekman and Friesen), in our own words.

One sentence each, as in DFER-CLIP (Zhao and Patras 2023) and the CDRL repository, whose wordings are
others. No word is unknown to the supervisor ``clip``.
"""


class EmotionPrompts(nn.Module):
    """[start] + learnt vectors of an emotion + its description + [end], seven times.

    Args:
        encoders: read the prompts; not a part of this module, and not changed.
        positions: tell the text side the places of tokens; the released CERL does not.
        shared: the same learnt vectors for all emotions instead of own ones.
    """

    words: torch.Tensor
    ends: torch.Tensor

    def __init__(self, encoders: Encoders, *, positions: bool = True, shared: bool = False) -> None:
        super().__init__()
        rows = 1 if shared else len(EMOTIONS)
        self.context = nn.Parameter(SPREAD * torch.randn(rows, CONTEXT, encoders.token_width))
        self.positions, self.length = positions, encoders.length
        with torch.no_grad():
            written = encoders.embed([DESCRIPTIONS[name] for name in EMOTIONS])
        self.register_buffer("words", written.embeddings, persistent=False)
        self.register_buffer("ends", written.end, persistent=False)

    def forward(self, encoders: Encoders, added: torch.Tensor | None = None) -> torch.Tensor:
        """The features of the seven prompts, of any length.

        Args:
            encoders: those of the constructor.
            added: (N, E) put on every learnt vector of a variant (CoCoOp, Zhou et al. 2022, equation 3).

        Returns:
            (7, D), or (N, 7, D) of N variants.
        """
        context = self.context.expand(len(EMOTIONS), -1, -1)
        if added is not None:
            context = context + added[:, None, None, :]
        prompts = with_context(Prompts(self.words, self.ends), context, self.length)
        features = encoders.text_features(prompts, positions=self.positions)
        return features.reshape(*context.shape[:-2], -1)
