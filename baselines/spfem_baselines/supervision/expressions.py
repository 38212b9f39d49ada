"""Expression coefficients and captions in one space: the networks behind ExpCLIP, and how they learn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from spfem_baselines.supervision.interface import Supervised

COEFFICIENTS = 16
"""Action units that the supervisor ``expression`` reads from a face; any number will do."""
TEXT = 96
"""D of a caption's features by the supervisor ``clip``; 512 of CLIP ViT-B/32."""

PRETRAIN_RATE = 1e-3
"""Of Adam; the re-creation named at `Weights` has 1e-5 for 100 epochs of 40,000 expressions."""

_LEAST_SPREAD = 0.05
"""Coefficients that vary less are not blown up further."""


@dataclass(frozen=True)
class Sizes:
    """Sizes of the networks.

    Args:
        coefficients: K of an expression.
        text: W of a caption's features.
        code: D of the common space.
        hidden: width between.
    """

    coefficients: int = COEFFICIENTS
    text: int = TEXT
    code: int = 64
    hidden: int = 256


@dataclass(frozen=True)
class Weights:
    """Of the three terms; as in the re-creation AI-Unicamp/LLM-Generated-Dataset-WVH-SIBGRAPI-2025.

    Args:
        reconstruction: of the coefficients from their own code.
        alignment: of the text's code with the coefficients' code.
        translation: of the coefficients from the text's code.
    """

    reconstruction: float = 1.0
    alignment: float = 10.0
    translation: float = 10.0


@dataclass(frozen=True)
class Expressions:
    """Expressions with a caption each.

    Args:
        coefficients: (B, K), in any unit.
        texts: (B, W) features of the captions, of any length.
    """

    coefficients: torch.Tensor
    texts: torch.Tensor


@dataclass(frozen=True)
class Augmentation:
    """Expression prompt augmentation: how expressions are mixed and perturbed, with their prompts.

    Args:
        share: of a batch that is mixed with another of its expressions.
        noise: standard deviation added to every coefficient, in that coefficient's spreads.
        text_noise: standard deviation of what is added to the features, in shares of their length.
    """

    share: float = 0.5
    noise: float = 0.05
    text_noise: float = 0.02


class ExpressionCoder(nn.Module):
    """Autoencoder of expression coefficients with a projector of text features into its space.

    Args:
        sizes: of the networks.
    """

    def __init__(self, sizes: Sizes = Sizes()) -> None:
        super().__init__()
        self.sizes = sizes
        k, w, d, h = sizes.coefficients, sizes.text, sizes.code, sizes.hidden
        self.encoder = nn.Sequential(_mlp(k, h, d), nn.BatchNorm1d(d, affine=False))
        self.projector = _mlp(w, h, d)
        self.decoder = _mlp(d, h, k)
        self.register_buffer("mean", torch.zeros(k))
        self.register_buffer("spread", torch.ones(k))
        self.mean: torch.Tensor
        self.spread: torch.Tensor

    @torch.no_grad()
    def standardise(self, coefficients: torch.Tensor) -> None:
        """Take each coefficient's mean and spread from (N, K) of them; distances count in spreads.

        Raises:
            ValueError: of another K.
        """
        if coefficients.shape[1] != self.sizes.coefficients:
            raise ValueError(
                f"{coefficients.shape[1]} coefficients where {self.sizes.coefficients} are coded"
            )
        self.mean.copy_(coefficients.mean(dim=0))
        self.spread.copy_(coefficients.std(dim=0, correction=0).clamp_min(_LEAST_SPREAD))

    def scaled(self, coefficients: torch.Tensor) -> torch.Tensor:
        """(N, K) in their own unit -> (N, K) in spreads from the mean."""
        return (coefficients - self.mean) / self.spread

    def encode(self, coefficients: torch.Tensor) -> torch.Tensor:
        """(N, K) coefficients -> (N, D)."""
        code: torch.Tensor = self.encoder(self.scaled(coefficients))
        return code

    def project(self, texts: torch.Tensor) -> torch.Tensor:
        """(N, W) features of captions, of any length -> (N, D)."""
        code: torch.Tensor = self.projector(F.normalize(texts.float(), dim=-1))
        return code

    def decode(self, code: torch.Tensor) -> torch.Tensor:
        """(N, D) -> (N, K) coefficients in their own unit."""
        spread: torch.Tensor = self.decoder(code)
        return spread * self.spread + self.mean


def pretraining_loss(coder: ExpressionCoder, batch: Expressions, weights: Weights = Weights()) -> Supervised:
    """The three terms; differences are in the coefficients' spreads.

    Args:
        coder: E and D of the autoencoder, P the projector.
        batch: b and t, two expressions or more.
        weights: of the terms.

    Returns:
        The weighted sum, and as parts ``reconstruction``, mean square of D(E(b)) - b; ``alignment``, mean of
        1 - cos(P(t), E(b)); ``translation``, mean square of D(P(t)) - b.
    """
    code, told = coder.encode(batch.coefficients), coder.project(batch.texts)
    truth = coder.scaled(batch.coefficients)
    parts = {
        "reconstruction": F.mse_loss(coder.decoder(code), truth),
        "alignment": 1 - F.cosine_similarity(told, code, dim=1).mean(),
        "translation": F.mse_loss(coder.decoder(told), truth),
    }
    total = torch.stack([getattr(weights, name) * part for name, part in parts.items()]).sum()
    return Supervised(total, {name: part.detach() for name, part in parts.items()})


def augmented(
    batch: Expressions,
    spread: torch.Tensor,
    generator: torch.Generator,
    how: Augmentation = Augmentation(),
) -> Expressions:
    """Expressions between those of a batch, perturbed, with features of prompts between theirs.

    Coefficients and unit features are mixed alike, a share of 0.5 to 1 of each row's own: half of a smile and
    half of a frown belongs to what lies halfway between the words for both.

    Args:
        batch: B expressions.
        spread: (K,) of each coefficient.
        generator: of the CPU; the only source of chance.
        how: see `Augmentation`.
    """
    count, device = len(batch.coefficients), batch.coefficients.device
    other = torch.randperm(count, generator=generator).to(device)
    mixed = torch.rand(count, 1, generator=generator) < how.share
    own = torch.where(mixed, 0.5 + 0.5 * torch.rand(count, 1, generator=generator), 1.0).to(device)
    texts = F.normalize(batch.texts.float(), dim=1)
    shaken = torch.randn(batch.coefficients.shape, generator=generator).to(device) * (how.noise * spread)
    off = torch.randn(texts.shape, generator=generator).to(device) * (how.text_noise / texts.shape[1] ** 0.5)
    coefficients = own * batch.coefficients + (1 - own) * batch.coefficients[other] + shaken
    return Expressions(coefficients, F.normalize(own * texts + (1 - own) * texts[other] + off, dim=1))


def learner(batch: Expressions, *, sizes: Sizes = Sizes(), seed: int = 0) -> ExpressionCoder:
    """An untrained coder of a batch's widths, on its device.

    Args:
        batch: gives the coefficients' means and spreads, so the larger the better.
        sizes: of the code and between; the other two are the batch's.
        seed: of the first weights.
    """
    k, w = batch.coefficients.shape[1], batch.texts.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        coder = ExpressionCoder(Sizes(k, w, sizes.code, sizes.hidden))
    coder.to(batch.coefficients.device).standardise(batch.coefficients)
    return coder.train()


def pretrain(
    batches: Iterable[Expressions],
    *,
    augmentation: Augmentation | None = Augmentation(),
    weights: Weights = Weights(),
    rate: float = PRETRAIN_RATE,
    seed: int = 0,
    watch: Callable[[int, Supervised], None] | None = None,
) -> dict[str, torch.Tensor]:
    """Learn the common space, one step of Adam on each batch.

    Args:
        batches: as many as there shall be steps; the first gives the coefficients' means and spreads.
        augmentation: expression prompt augmentation; None for none.
        weights: of the terms.
        rate: Adam's learning rate.
        seed: of first weights and augmentation.
        watch: told each step's number, from 0, and what `pretraining_loss` said.

    Returns:
        The state for `ExpCLIP`.

    Raises:
        ValueError: no batches.
    """
    generator, coder = torch.Generator().manual_seed(seed), None
    for step, batch in enumerate(batches):
        if coder is None:
            coder = learner(batch, seed=seed)
            optimiser = torch.optim.Adam(coder.parameters(), lr=rate)
        given = augmented(batch, coder.spread, generator, augmentation) if augmentation else batch
        said = pretraining_loss(coder, given, weights)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(said.total)
        optimiser.step()
        if watch is not None:
            watch(step, said)
    if coder is None:
        raise ValueError("ExpCLIP was given no expressions to learn from")
    return {name: value.detach().cpu().clone() for name, value in coder.state_dict().items()}


def restored(state: Mapping[str, torch.Tensor]) -> ExpressionCoder:
    """The coder of a state, its sizes read from it.

    Raises:
        ValueError: the state is of something else.
    """
    try:
        (h, k), d = state["encoder.0.0.weight"].shape, state["encoder.1.running_mean"].shape[0]
        coder = ExpressionCoder(Sizes(k, state["projector.0.weight"].shape[1], d, h))
        coder.load_state_dict(dict(state))
    except (KeyError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise ValueError(f"this is not the state of an expression coder ({first}): pretrain one") from error
    return coder


def _mlp(inside: int, hidden: int, outside: int) -> nn.Sequential:
    """Linear, normalised, ReLU, twice; then linear."""
    first = (nn.Linear(inside, hidden), nn.LayerNorm(hidden), nn.ReLU())
    second = (nn.Linear(hidden, hidden), nn.LayerNorm(hidden), nn.ReLU())
    return nn.Sequential(*first, *second, nn.Linear(hidden, outside))
