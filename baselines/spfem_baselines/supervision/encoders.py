"""Pictures and prompts in one space: CLIP whose text side also reads prompts that no word spells.

CERL and PCMECL learn parts of their prompts as vectors, so the text side is entered after the table of token
embeddings. `openai_encoders` is the networks of the papers, `supervisor_encoders` the small ones for rendered
faces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import torch
import torch.nn.functional as F

from spfem_baselines.supervision.interface import Frozen

if TYPE_CHECKING:
    from open_clip.model import CLIP

OPENAI = "ViT-B-32-quickgelu"
"""open_clip's name of the architecture of CDRL's networks with the activation OpenAI trained them with."""
OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)
"""Of values in 0..1 (repository openai/CLIP, ``clip/clip.py``)."""


class Prompts(NamedTuple):
    """Prompts as vectors.

    Attributes:
        embeddings: (N, L, E), from the start mark on; what lies after a prompt's end is not read.
        end: (N,) int64, where the end mark of each stands.
    """

    embeddings: torch.Tensor
    end: torch.Tensor


@runtime_checkable
class Encoders(Protocol):
    """A frozen module with a picture side and a text side that end in one space.

    Attributes:
        width: D of that space.
        token_width: E of a token's embedding.
        length: tokens that the text side reads at most, start and end counted.
    """

    width: int
    token_width: int
    length: int

    def image_features(self, pictures: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, H) RGB in [-1, 1], a face -> (N, D), of any length."""
        ...

    def embed(self, texts: Sequence[str]) -> Prompts:
        """Texts with start and end marks as embeddings, cut after the longest."""
        ...

    def text_features(self, prompts: Prompts, *, positions: bool = True) -> torch.Tensor:
        """Prompts -> (N, D), of any length; without ``positions`` the places of the tokens are not told."""
        ...


class ClipEncoders(Frozen):
    """Both sides of one of open_clip's networks, frozen; gradients reach pictures and embeddings.

    Args:
        network: open_clip's CLIP.
        tokenizer: texts -> (N, length) int64 with start and end marks.
        mean: of the values in 0..1 that the picture side learnt from.
        std: their deviation; 0.5 and 0.5 leave -1..1 as it is.
    """

    def __init__(
        self,
        network: CLIP,
        tokenizer: Callable[[Sequence[str]], torch.Tensor],
        *,
        mean: Sequence[float] = (0.5, 0.5, 0.5),
        std: Sequence[float] = (0.5, 0.5, 0.5),
    ) -> None:
        super().__init__()
        self.network, self.tokenizer = network, tokenizer
        self.token_width: int = network.token_embedding.embedding_dim
        self.length: int = network.context_length
        self.width: int = network.text_projection.shape[1]
        side = network.visual.image_size
        self.side: int = side if isinstance(side, int) else side[0]
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)
        self.freeze()

    def image_features(self, pictures: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, H) RGB in [-1, 1] -> (N, D).

        Other sizes than the network's are brought to it by CLIP's own bicubic, antialiased.

        Raises:
            ValueError: the pictures are not square.
        """
        height, width = pictures.shape[-2:]
        if height != width:
            raise ValueError(f"CLIP reads square pictures of a face, not {height} x {width}")
        if height != self.side:
            pictures = F.interpolate(pictures, size=(self.side, self.side), mode="bicubic", antialias=True)
        features: torch.Tensor = self.network.encode_image(((pictures + 1) / 2 - self.mean) / self.std)
        return features

    def embed(self, texts: Sequence[str]) -> Prompts:
        """Texts -> embeddings, (N, L, E) with L up to the last end mark."""
        tokens = self.tokenizer(texts).to(self.mean.device)
        end = self._ends(tokens)
        return Prompts(self.network.token_embedding(tokens[:, : int(end.max()) + 1]), end)

    def text_features(self, prompts: Prompts, *, positions: bool = True) -> torch.Tensor:
        """Prompts -> (N, D); attention looks back only, so what follows an end mark changes nothing.

        Raises:
            ValueError: longer than the network reads.
        """
        length = prompts.embeddings.shape[1]
        if length > self.length:
            raise ValueError(f"a prompt of {length} tokens; this CLIP reads {self.length}")
        x = prompts.embeddings
        if positions:
            x = x + self.network.positional_embedding[:length]
        x = self.network.transformer(x, attn_mask=self.network.attn_mask[:length, :length])
        last = x[torch.arange(len(x), device=x.device), prompts.end]
        features: torch.Tensor = self.network.ln_final(last) @ self.network.text_projection
        return features

    def _ends(self, tokens: torch.Tensor) -> torch.Tensor:
        """(N,) where the end mark stands, found as the network itself finds it."""
        if self.network.text_pool_type == "eos":
            tokens = (tokens == self.network.text_eos_id).int()
        return tokens.argmax(dim=-1)


def with_context(written: Prompts, context: torch.Tensor, length: int) -> Prompts:
    """Learnt vectors put between the start mark and the words (CoOp, Zhou et al. 2022, equation 2).

    Args:
        written: K prompts of words, from `Encoders.embed`.
        context: (..., K, M, E) learnt vectors; everything before K counts variants of the K prompts.
        length: tokens the text side reads.

    Returns:
        The variants one after the other, K of each.

    Raises:
        ValueError: words and learnt vectors together are longer than ``length``.
    """
    whole = context.shape[-2] + written.embeddings.shape[1]
    if whole > length:
        raise ValueError(f"a prompt of {whole} tokens with its learnt ones; this CLIP reads {length}")
    variants = context.shape[:-3]
    words = written.embeddings.expand(*variants, *written.embeddings.shape)
    joined = torch.cat([words[..., :1, :], context, words[..., 1:, :]], dim=-2)
    end = (written.end + context.shape[-2]).expand(*variants, -1)
    return Prompts(joined.flatten(0, -3), end.flatten())


def supervisor_encoders() -> ClipEncoders:
    """The supervisor ``clip``, for rendered faces of 64 px aligned by landmarks.

    Raises:
        FileNotFoundError: it was not trained yet; names the command.
    """
    from spfem_baselines.supervisors import supervisor
    from spfem_baselines.supervisors.tokenizer import Tokenizer

    return ClipEncoders(supervisor("clip"), Tokenizer.load())


def openai_encoders(path: Path, architecture: str = OPENAI) -> ClipEncoders:
    """OpenAI's CLIP, for pictures of real faces.

    Args:
        path: ``open_clip_model.safetensors`` of the architecture; every tensor is needed and no other taken.
        architecture: open_clip's name.

    Raises:
        FileNotFoundError: no such file.
        RuntimeError: the file is of another network.
        ValueError: open_clip has no such architecture.
    """
    from open_clip import get_model_config
    from open_clip.model import CLIP
    from open_clip.tokenizer import SimpleTokenizer
    from safetensors.torch import load_file

    config = get_model_config(architecture)
    if config is None:
        raise ValueError(f"open_clip has no architecture {architecture!r}")
    network = CLIP(**config)
    network.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    tokenizer = SimpleTokenizer(context_length=network.context_length)
    return ClipEncoders(network, tokenizer, mean=OPENAI_MEAN, std=OPENAI_STD)
