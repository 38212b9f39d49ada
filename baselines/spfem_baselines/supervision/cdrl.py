"""CDRL: content supervision (CCRL) and emotion supervision (CERL) together (Chen et al., IJCV 2025).

supervision = CDRL(CCRL(pyramid, content), CERL(encoders, emotion))
said = supervision(generated, source, reference=clip, audio=audio, emotion=labels)
(usual_losses + said.total).backward()
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from spfem_baselines.supervision import ccrl, cerl
from spfem_baselines.supervision.interface import Frozen, Need, Supervised


class CDRL(Frozen):
    """The weighted sum of both losses.

    The released plug-in to NED applies them at different stages, content to the renderer's pictures with
    weight 10, emotion to renders of the manipulator's meshes with weight 50. On a backbone of one stage
    both meet the same pictures; the default weights are those two.

    Args:
        content: CCRL.
        emotion: CERL.
        content_weight: of the content loss.
        emotion_weight: of the emotion loss.

    Parts: those of both, before they are weighted.
    """

    name = "cdrl"
    needs: frozenset[Need] = ccrl.CCRL.needs | cerl.CERL.needs

    def __init__(
        self,
        content: ccrl.CCRL,
        emotion: cerl.CERL,
        *,
        content_weight: float = ccrl.PUBLISHED_WEIGHT,
        emotion_weight: float = cerl.PUBLISHED_WEIGHT,
    ) -> None:
        super().__init__()
        self.content, self.emotion = content, emotion
        self.content_weight, self.emotion_weight = content_weight, emotion_weight
        self.freeze()

    def forward(
        self,
        generated: torch.Tensor,
        source: torch.Tensor,
        *,
        reference: torch.Tensor | None = None,
        audio: torch.Tensor | None = None,
        emotion: torch.Tensor | None = None,
        text: Sequence[str] | None = None,  # noqa: ARG002 - one signature for all supervisions
    ) -> Supervised:
        """The loss; ``reference``, ``audio`` and ``emotion`` are needed.

        Raises:
            ValueError: one is missing or does not fit.
        """
        content = self.content(generated, source, audio=audio)
        emotional = self.emotion(generated, source, reference=reference, emotion=emotion)
        total = self.content_weight * content.total + self.emotion_weight * emotional.total
        return Supervised(total, {**content.parts, **emotional.parts})
