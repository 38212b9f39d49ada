"""CCRL: the same words must look the same to a network that knows the sound, whatever the emotion.

The content half of CDRL (Chen et al., "Contrastive Decoupled Representation Learning and Regularization for
Speech-Preserving Facial Expression Manipulation", IJCV 2025).

    state = ccrl.pretrain(pairs, pyramid)           # once: pairs of the same words, and frames of other words
    supervision = CCRL(pyramid, state)
    loss = usual_losses + weight * supervision(generated, source, audio=audio).total
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F

from spfem_baselines.supervision.content import ContentNet, Shown
from spfem_baselines.supervision.interface import Frozen, Need, PairBatch, Supervised, require_given, views
from spfem_baselines.supervision.pyramid import Pyramid, map_shapes

STAGE = 2
"""Which map of the pyramid: the third, 256x28x28 of iResNet-50 at 224 px (repository jianmanlincjx/CDRL)."""
PRETRAIN_RATE = 1e-5
PRETRAIN_SEED = 42
"""Adam's learning rate and the seed (the same, ``CCRL``)."""
PUBLISHED_WEIGHT = 10.0
"""Of the loss beside NED's own: 2 in the list of losses times 5 in their sum (the same, branch NED_CDRL)."""
FLOOR = 0.05
"""The cosine below which -log goes on along its tangent; our choice, see `agreement_loss`."""


class CCRL(Frozen):
    """The content map of a generated frame must be that of its source frame, both under the frame's sound.

    Args:
        pyramid: the one of pre-training; it is frozen and put in eval mode.
        state: what `pretrain` returned.
        as_released: what the authors' plug-in computes: products of queries and keys divided by the root of
            the channels, where their training divides by that of the places, and `agreement_loss` likewise.

    Parts: ``content``, the loss; ``content/cosine``, the mean cosine of the maps.

    Raises:
        ValueError: the state is not of this network.
    """

    name = "ccrl"
    needs: frozenset[Need] = frozenset({"audio"})

    def __init__(
        self, pyramid: Pyramid, state: Mapping[str, torch.Tensor], *, as_released: bool = False
    ) -> None:
        super().__init__()
        self.pyramid, self.content = pyramid, ContentNet.of_state(state)
        self.as_released = as_released
        self.freeze()

    def content_map(self, pictures: torch.Tensor, sound: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) RGB in [-1, 1] and (N, A, W) -> (N, C, h, w), in float32 also under autocast."""
        features = self.pyramid(pictures)[STAGE].float()
        scale = math.sqrt(features.shape[1]) if self.as_released else None
        with torch.autocast(features.device.type, enabled=False):
            gathered: torch.Tensor = self.content(features, sound.float(), scale)
        return gathered

    def forward(
        self,
        generated: torch.Tensor,
        source: torch.Tensor,
        *,
        reference: torch.Tensor | None = None,  # noqa: ARG002 - one signature for all supervisions
        audio: torch.Tensor | None = None,
        emotion: torch.Tensor | None = None,  # noqa: ARG002
        text: Sequence[str] | None = None,  # noqa: ARG002
    ) -> Supervised:
        """The loss of clips (B, T, 3, H, W) with their frames' sounds (B, T, A, W); the rest is not read.

        Raises:
            ValueError: the shapes differ, there is no sound, or it or the pictures are of another size than
                those of pre-training.
        """
        require_given(self.name, self.needs, audio=audio)
        made, given = views(generated, source)
        sound = framed(audio, generated)
        with torch.no_grad():
            target = self.content_map(given, sound)
        cosine = cosines(self.content_map(made, sound), target)
        loss = agreement_loss(cosine, as_released=self.as_released)
        return Supervised(loss, {"content": loss.detach(), "content/cosine": cosine.detach().mean()})


def cosines(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) twice -> (N,) cosines of the flattened maps."""
    return F.cosine_similarity(one.flatten(1), two.flatten(1))


def agreement_loss(cosine: torch.Tensor, *, as_released: bool = False) -> torch.Tensor:
    """Mean binary cross entropy of cosines clamped to [0, 1] against 1, which is the mean of their -log.

    Args:
        cosine: (N,).
        as_released: torch's own: at most 100 a frame, and without gradient where a cosine is negative. By
            default -log goes on below `FLOOR` along its tangent, so that a frame whose content was lost
            still learns the way back, with a finite step.

    Returns:
        A scalar, 0 where all cosines are 1.
    """
    if as_released:
        return F.binary_cross_entropy(cosine.clamp(0, 1), torch.ones_like(cosine))
    return ((FLOOR - cosine).clamp_min(0) / FLOOR - cosine.clamp(FLOOR, 1).log()).mean()


def framed(audio: torch.Tensor | None, pictures: torch.Tensor) -> torch.Tensor:
    """The sounds of a batch as (N, A, W), without gradient.

    Args:
        audio: (B, T, A, W), or (B, A, W) where pictures are single.
        pictures: (B, T, 3, H, W) or (B, 3, H, W).

    Raises:
        ValueError: none, or not one sound for each picture.
    """
    frames = pictures.shape[:-3]
    if audio is None or audio.shape[:-2] != frames:
        shape = "nothing" if audio is None else tuple(audio.shape)
        raise ValueError(f"sound must be {tuple(frames)} times (A, W), one for each picture, not {shape}")
    return audio.detach().reshape(-1, *audio.shape[-2:])


def triplet(anchor: torch.Tensor, same: torch.Tensor, other: torch.Tensor) -> Supervised:
    """The emotion-aware contrast of content maps: 1 - cos(anchor, same) + cos(anchor, other), each in [0, 1].

    Args:
        anchor: (N, C, H, W) of neutral frames.
        same: of frames in an emotion that say the same.
        other: of frames in that emotion that say something else.

    Returns:
        The total, and as parts the mean clamped cosines ``same`` and ``other``.
    """
    near = cosines(anchor, same).clamp(0, 1).mean()
    far = cosines(anchor, other).clamp(0, 1).mean()
    return Supervised(1 - near + far, {"same": near.detach(), "other": far.detach()})


@dataclass(frozen=True)
class Contrast:
    """Which maps are held against each other in pre-training; by default those of the released training.

    Args:
        heard: whose sound asks the frame of other words for its map. As released its ``own``: then the sounds
            alone, which differ, tell other words from the same, and the loss falls to nothing without a look
            at a mouth. Ours, ``anchor``: that of the frame it is held against, as `CCRL` asks both the
            generated and the source frame, so that only pictures can tell them apart.
        both_ways: ours: whether emotional frames are anchors too, under their own sound. Then what keeps the
            emotion and changes the words must lie further off than what keeps the words alone.
    """

    heard: Literal["own", "anchor"] = "own"
    both_ways: bool = False


RELEASED = Contrast()
SEEN = Contrast("anchor", both_ways=True)
"""Ours: words must be told apart by what is seen, whichever of the two frames is the source."""


def pretraining_loss(
    network: ContentNet, pyramid: Pyramid, batch: PairBatch, contrast: Contrast = RELEASED
) -> Supervised:
    """The triplets of a batch; the sound of an anchor guides both frames of its pair.

    Args:
        network: learns.
        pyramid: does not.
        batch: with ``audio_neutral`` and ``other``; with ``audio_other`` where frames of other words are
            asked by their own sound, with ``audio_emotional`` where the contrast goes both ways.
        contrast: by default as released.

    Returns:
        The mean of the triplets, and as parts the mean cosines ``same`` and ``other``; both ways also those
        of emotional anchors, ``same/emotional`` and ``other/emotional``.

    Raises:
        ValueError: something of the batch is missing.
    """
    if batch.other is None:
        raise ValueError("CCRL learns against frames of other words: the pairs have no `other`")
    clips = (batch.neutral, batch.emotional, batch.other)
    with torch.no_grad():
        features = pyramid(torch.cat([clip.flatten(0, 1) for clip in clips]))[STAGE]
    neutral, emotional, other = network.shown(features).split(len(features) // len(clips))
    own = network.asked(framed(batch.audio_other, batch.other)) if contrast.heard == "own" else None

    def against(anchor: Shown, same: Shown, sound: torch.Tensor) -> Supervised:
        query = network.asked(sound)
        far = other.gathered(query if own is None else own)
        return triplet(anchor.gathered(query), same.gathered(query), far)

    said = against(neutral, emotional, framed(batch.audio_neutral, batch.neutral))
    if not contrast.both_ways:
        return said
    back = against(emotional, neutral, framed(batch.audio_emotional, batch.emotional))
    parts = {**said.parts, **{f"{name}/emotional": part for name, part in back.parts.items()}}
    return Supervised((said.total + back.total) / 2, parts)


def learner(pyramid: Pyramid, batch: PairBatch, *, seed: int = PRETRAIN_SEED) -> ContentNet:
    """An untrained network for batches like this one, on their device.

    Raises:
        ValueError: the batch has no ``audio_neutral``.
    """
    sound = framed(batch.audio_neutral, batch.neutral)[0].numel()
    channels, height, width = map_shapes(pyramid, batch.neutral.shape[-1])[STAGE]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ContentNet(channels, height * width, sound)
    return network.to(batch.neutral.device)


def pretrain(
    batches: Iterable[PairBatch],
    pyramid: Pyramid,
    *,
    contrast: Contrast = RELEASED,
    rate: float = PRETRAIN_RATE,
    seed: int = PRETRAIN_SEED,
    watch: Callable[[int, Supervised], None] | None = None,
) -> dict[str, torch.Tensor]:
    """Learn content maps, one step of Adam on each batch.

    Args:
        batches: as many as there shall be steps, with what `pretraining_loss` asks for.
        pyramid: frozen, in eval mode. (In the released training its normalisation by batch is left in
            training mode; not here.)
        contrast: which maps are held against each other; by default as released.
        rate: Adam's learning rate; the authors' is for 100 epochs of MEAD in batches of 16.
        seed: of the first weights.
        watch: told each step's number, from 0, and what `pretraining_loss` said.

    Returns:
        The state for `CCRL`.

    Raises:
        ValueError: no batches, or they lack something.
    """
    network: ContentNet | None = None
    for step, batch in enumerate(batches):
        if network is None:
            network = learner(pyramid, batch, seed=seed)
            optimiser = torch.optim.Adam(network.parameters(), lr=rate)
        said = pretraining_loss(network, pyramid, batch, contrast)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(said.total)
        optimiser.step()
        if watch is not None:
            watch(step, said)
    if network is None:
        raise ValueError("CCRL was given no pairs to learn from")
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
