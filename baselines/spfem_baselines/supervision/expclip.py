"""ExpCLIP: words for an expression, and the expression's coefficients, in one space. A reconstruction.

After Zhong, Wei, Yang and Wang, "ExpCLIP: Bridging Text and Facial Expressions via Semantic Alignment" (AAAI
2024, arXiv 2308.14448), whose code, weights and data are not public. It drives faces from speech and is no
method of expression manipulation: here it turns a prompt into coefficients, scores how well a face follows
its prompt, and as a loss holds a generated face to its prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import nn
from torch.nn import functional as F

from spfem_baselines.supervision.expressions import restored
from spfem_baselines.supervision.interface import Frozen, Need, Supervised, require_given, views

_SIDE = 64


class TextEncoder(Protocol):
    """The text half of a CLIP."""

    def text_features(self, texts: Sequence[str]) -> torch.Tensor:
        """N captions -> (N, W)."""
        ...


class ActionUnits(nn.Module):
    """Action units of faces by the supervisor ``expression``.

    Args:
        network: (N, 3, 64, 64) in -1..1 -> (N, 7 + K), classes first; by default the one that ships.
        classes: how many columns to leave out.
    """

    def __init__(self, network: nn.Module | None = None, classes: int = 7) -> None:
        super().__init__()
        if network is None:
            from spfem_baselines.supervisors.files import supervisor

            network = supervisor("expression")
        self.network, self.classes = network, classes

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) RGB in -1..1, aligned by their rigid points as the supervisors' crop is -> (N, K)."""
        if faces.shape[-2:] != (_SIDE, _SIDE):
            faces = F.interpolate(faces, (_SIDE, _SIDE), mode="bilinear", antialias=True)
        outputs: torch.Tensor = self.network(faces)
        return outputs[:, self.classes :]


class SupervisorText(nn.Module):
    """Features of captions by the supervisor ``clip``; words outside its list are unknown to it."""

    def __init__(self) -> None:
        super().__init__()
        from spfem_baselines.supervisors.files import supervisor
        from spfem_baselines.supervisors.tokenizer import Tokenizer

        self.network, self.tokenizer = supervisor("clip"), Tokenizer.load()

    def text_features(self, texts: Sequence[str]) -> torch.Tensor:
        """N captions -> (N, 96) of unit length."""
        device = next(self.network.parameters()).device
        encode = self.network.encode_text
        found: torch.Tensor = encode(self.tokenizer(texts).to(device), normalize=True)  # type: ignore[operator]
        return found


class ExpCLIP(Frozen):
    """Holds a generated face to a prompt: its coefficients must mean, and be, what the prompt says.

    What the paper's abstract fixes: a CLIP-like model whose text and expression embeddings are aligned; an
    autoencoder of expression coefficients and prompts in natural language; expression prompt augmentation;
    captions written for expressions (TEAD) as its data. What we chose: the three terms and their weights
    (those of a public re-creation, see `Weights`); perceptrons for both halves, since a transformer has
    nothing to attend to in a sequence of one; codes standardised by batch normalisation, without which all
    codes point one way and a cosine tells nothing; features, not sentences, are what augmentation mixes; and
    this loss, since the paper has none on pictures.

    Parts: ``alignment``, 1 - cosine of the prompt's code and the code of the clip's mean coefficients;
    ``coefficients``, mean square of their difference from those the prompt decodes to, in spreads. Speech
    moves the mouth's coefficients, so a clip is judged by its mean.

    Args:
        state: what `pretrain` returned.
        reader: (N, 3, H, W) -> (N, K) coefficients; by default `ActionUnits`.
        texts: of captions; by default `SupervisorText`.
        alignment: weight of the part.
        coefficients: weight of the part.
    """

    name = "expclip"
    needs: frozenset[Need] = frozenset({"text"})

    def __init__(
        self,
        state: Mapping[str, torch.Tensor],
        *,
        reader: nn.Module | None = None,
        texts: TextEncoder | None = None,
        alignment: float = 1.0,
        coefficients: float = 0.1,
    ) -> None:
        super().__init__()
        self.coder = restored(state)
        self.reader = reader if reader is not None else ActionUnits()
        self.texts = texts if texts is not None else SupervisorText()
        self.weights = {"alignment": alignment, "coefficients": coefficients}
        self.freeze()

    def forward(
        self,
        generated: torch.Tensor,
        source: torch.Tensor,
        *,
        reference: torch.Tensor | None = None,  # noqa: ARG002 - one signature for all
        audio: torch.Tensor | None = None,  # noqa: ARG002
        emotion: torch.Tensor | None = None,  # noqa: ARG002
        text: Sequence[str] | None = None,
    ) -> Supervised:
        """See `Supervision`; ``source`` is looked at for its shape only.

        Raises:
            ValueError: no captions, or not one for each clip.
        """
        require_given(self.name, self.needs, text=text)
        faces, _ = views(generated, source)
        captions = list(text or ())
        if len(captions) != len(generated):
            raise ValueError(f"{len(captions)} captions for {len(generated)} clips: one is needed for each")
        shown = self.reader(faces).unflatten(0, (len(captions), -1)).mean(dim=1)
        return self._said(shown, self.style(captions))

    def _said(self, shown: torch.Tensor, told: torch.Tensor) -> Supervised:
        with torch.no_grad():
            wanted = self.coder.scaled(self.coder.decode(told))
        parts = {
            "alignment": 1 - F.cosine_similarity(self.coder.encode(shown), told, dim=1).mean(),
            "coefficients": F.mse_loss(self.coder.scaled(shown), wanted),
        }
        total = sum((self.weights[name] * part for name, part in parts.items()), shown.new_zeros(()))
        return Supervised(total, {name: part.detach() for name, part in parts.items()})

    @torch.no_grad()
    def style(self, texts: Sequence[str]) -> torch.Tensor:
        """N prompts -> (N, D) codes, a condition for a generator."""
        return self.coder.project(self.texts.text_features(texts).to(self.coder.mean.device))

    @torch.no_grad()
    def coefficients(self, texts: Sequence[str]) -> torch.Tensor:
        """N prompts -> (N, K) coefficients in their own unit."""
        return self.coder.decode(self.style(texts))

    @torch.no_grad()
    def alignment(self, texts: Sequence[str], coefficients: torch.Tensor) -> torch.Tensor:
        """How well expressions follow prompts.

        Args:
            texts: N prompts.
            coefficients: (M, K).

        Returns:
            (N, M) cosines of each prompt's code with each expression's, -1 to 1.
        """
        told, shown = self.style(texts), self.coder.encode(coefficients)
        return F.normalize(told, dim=1) @ F.normalize(shown, dim=1).T
