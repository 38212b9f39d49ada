"""The content map of CCRL: what in a face says the words, gathered with the sound as a guide.

After Chen et al., "Contrastive Decoupled Representation Learning and Regularization for Speech-Preserving
Facial Expression Manipulation", IJCV 2025, with the numbers of the authors' repository (jianmanlincjx/CDRL,
``CCRL/model.py``), written from the description.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

PRIOR = 512
"""Numbers of a frame's sound (repository jianmanlincjx/CDRL)."""
FILTERS = 64
"""Channels of the one-dimensional convolutions over them (the same)."""
HEARD = 0.1
"""First bias of the last of them, ours: behind it is a rectifier of a single channel, which random weights
may shut before anything is learnt, so that no sound is ever heard."""


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut.

    Their widths are the repository's; that they are normalised by group, so that no picture depends on the
    others of its batch, is our choice.
    """

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inside, outside, 3, padding=1, bias=False),
            nn.GroupNorm(1, outside),
            nn.ReLU(),
            nn.Conv2d(outside, outside, 3, padding=1, bias=False),
            nn.GroupNorm(1, outside),
        )
        self.short = nn.Conv2d(inside, outside, 1) if inside != outside else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inside, H, W) -> (N, outside, H, W)."""
        return F.relu(self.short(x) + self.body(x))


@dataclass(frozen=True)
class Shown:
    """What content maps take from N pictures; the costly half, which any number of sounds may ask.

    Args:
        key: (N, HW).
        value: (N, C, HW).
    """

    key: torch.Tensor
    value: torch.Tensor

    def split(self, count: int) -> tuple[Shown, ...]:
        """The same in parts of ``count`` pictures."""
        parts = zip(torch.split(self.key, count), torch.split(self.value, count), strict=True)
        return tuple(Shown(*part) for part in parts)

    def attention(self, query: torch.Tensor, scale: float | None = None) -> torch.Tensor:
        """(N, HW) queries -> (N, HW, HW), rows that sum to 1; see `ContentNet.attention`."""
        products = query[:, :, None] * self.key[:, None, :]
        return (products / (scale or math.sqrt(self.key.shape[1]))).softmax(dim=-1)

    def gathered(self, query: torch.Tensor, scale: float | None = None) -> torch.Tensor:
        """(N, HW) queries -> (N, C, HW) content maps."""
        return self.value @ self.attention(query, scale).transpose(1, 2)


class ContentNet(nn.Module):
    """c(f, a) of a picture's map f and a frame's sound a: attention over places, asked by the sound.

    The sound becomes a map that is the same in all channels. So the product of queries and keys over the
    channels, Q^T K, is the query of one place times the sum over channels of another's keys, and that is
    what is computed.

    Args:
        channels: C of the picture's map.
        places: H x W of it.
        sound: numbers of a frame's sound, A x W. They are brought to mean 0 and variance 1 (our choice) and
            by a linear layer to 512; in the repository that layer is part of a checkpoint that is not
            public.
    """

    def __init__(self, channels: int, places: int, sound: int) -> None:
        super().__init__()
        self.prior = nn.Sequential(nn.LayerNorm(sound, elementwise_affine=False), nn.Linear(sound, PRIOR))
        self.listen = nn.Sequential(
            *_heard(1, FILTERS), *_heard(FILTERS, FILTERS), *_heard(FILTERS, FILTERS), *_heard(FILTERS, 1)
        )
        nn.init.constant_(self.listen[-2].get_parameter("bias"), HEARD)
        self.place = nn.Linear(PRIOR, places)
        self.look = nn.Sequential(
            Residual(channels, 2 * channels),
            Residual(2 * channels, 2 * channels),
            Residual(2 * channels, channels),
            Residual(channels, channels),
        )
        self.query = nn.Linear(places, places)
        self.key = nn.Linear(places, places)
        self.value = nn.Linear(places, places)

    @classmethod
    def of_state(cls, state: Mapping[str, torch.Tensor]) -> ContentNet:
        """The network that a state fills, its sizes read from the tensors.

        Raises:
            ValueError: tensors are missing, left over, or of another shape.
        """
        try:
            channels, places = state["look.0.body.0.weight"].shape[1], len(state["query.weight"])
            network = cls(channels, places, state["prior.1.weight"].shape[1])
            network.load_state_dict(dict(state))
        except (KeyError, IndexError, RuntimeError) as error:
            raise ValueError(f"not a state of CCRL's content network: {error}") from error
        return network

    def asked(self, sound: torch.Tensor) -> torch.Tensor:
        """(N, A, W) -> (N, HW) queries: all that content maps take from sounds.

        Raises:
            ValueError: sounds of another size than the network's.
        """
        numbers = self.prior[1].in_features
        if sound[0].numel() != numbers:
            raise ValueError(
                f"this content network hears sounds of {numbers} numbers, not {sound[0].numel()}"
            )
        heard = self.listen(self.prior(sound.flatten(1))[:, None])[:, 0]
        query: torch.Tensor = self.query(self.place(heard))
        return query

    def shown(self, features: torch.Tensor) -> Shown:
        """(N, C, H, W) -> all that content maps take from pictures, whichever sounds ask.

        Raises:
            ValueError: maps of another size than the network's.
        """
        places = features[0, 0].numel()
        if places != self.key.in_features:
            raise ValueError(
                f"this content network reads maps of {self.key.in_features} places, not {places}"
            )
        key: torch.Tensor = self.key(self.look(features).flatten(2)).sum(dim=1)
        return Shown(key, self.value(features.flatten(2)))

    def attention(
        self, features: torch.Tensor, sound: torch.Tensor, scale: float | None = None
    ) -> torch.Tensor:
        """(N, C, H, W), (N, A, W) -> (N, HW, HW): row i says where place i gathers from; a row sums to 1.

        Raises:
            ValueError: a map or sounds of another size than the network's.
        """
        return self.shown(features).attention(self.asked(sound), scale)

    def forward(
        self, features: torch.Tensor, sound: torch.Tensor, scale: float | None = None
    ) -> torch.Tensor:
        """The content map.

        Args:
            features: (N, C, H, W) the pyramid's map of each picture.
            sound: (N, A, W) features of each frame's sound.
            scale: what products are divided by before the softmax; by default the root of H x W.

        Returns:
            (N, C, H, W).

        Raises:
            ValueError: see `attention`.
        """
        return self.shown(features).gathered(self.asked(sound), scale).view_as(features)


def _heard(inside: int, outside: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv1d(inside, outside, 3, padding=1), nn.ReLU()
