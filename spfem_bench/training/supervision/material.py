"""What the supervisions learn from, made when first asked for: pairs, expressions, networks behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from spfem_baselines.supervision.encoders import ClipEncoders, supervisor_encoders
from spfem_baselines.supervision.expclip import SupervisorText
from spfem_baselines.supervision.features import clip_features
from spfem_baselines.supervision.interface import EMOTIONS, PairBatch
from spfem_baselines.supervision.pyramid import SupervisorPyramid
from spfem_bench.training.supervision import described, pairs

if TYPE_CHECKING:
    from spfem_bench.progress import Progress

LEARNT = pairs.Plan(people=300, groups=900, frames=9)
"""900 pairs of 300 people of the supervisors' population, 9 frames of each: STCCL's window."""
TOLD = described.Plan(count=12_000)
"""The expressions that ExpCLIP learns from."""
_TINY, _TINY_TOLD = replace(LEARNT, people=6, groups=6, frames=3), replace(TOLD, count=24)
_AT_ONCE = 32


@dataclass(frozen=True)
class Job:
    """One supervision to be pre-trained.

    Args:
        method: one of `spfem_bench.training.supervision.learners.RECIPES`.
        work: folder of rendered material, checkpoints and logs, kept between runs.
        out: folder for the file and its card.
        how: pairs aligned by sound, or rendered in step.
        steps: instead of the recipe's.
        seed: of first weights, batches and whatever else is drawn.
        device: a torch device.
        smoke: a tiny version that only shows that everything runs; its numbers mean nothing.
    """

    method: str
    work: Path
    out: Path
    how: pairs.How = "dtw"
    steps: int | None = None
    seed: int = 42
    device: str = "cpu"
    smoke: bool = False

    @property
    def name(self) -> str:
        """Of the file: the method, and how pairs were made where it is not as the papers make them."""
        paired = self.how == "dtw" or self.method == "expclip"
        return self.method if paired else f"{self.method}-{self.how}"

    @property
    def path(self) -> Path:
        """Of the state; its card lies beside it with the suffix ``.json``."""
        return self.out / f"{self.name}.safetensors"

    @property
    def pairs(self) -> pairs.Plan:
        """Which pairs are learnt from."""
        return replace(_TINY if self.smoke else LEARNT, how=self.how)

    @property
    def told(self) -> described.Plan:
        """Which expressions are learnt from."""
        return _TINY_TOLD if self.smoke else TOLD


@dataclass(frozen=True)
class Material:
    """Everything a learner may ask for.

    Args:
        job: whose material.
        progress: told what is rendered.
    """

    job: Job
    progress: Progress

    @cached_property
    def pairs(self) -> pairs.Pairs:
        """The pairs, rendered where they are not there yet."""
        return pairs.pairs(self.job.pairs, self.job.work, self.progress)

    @cached_property
    def told(self) -> described.Described:
        """Expressions with captions."""
        return described.described(self.job.told, SupervisorText())

    @cached_property
    def pyramid(self) -> SupervisorPyramid:
        """The maps of the supervisor ``identity``."""
        return SupervisorPyramid().to(self.job.device)

    @cached_property
    def encoders(self) -> ClipEncoders:
        """The supervisor ``clip``."""
        return supervisor_encoders().to(self.job.device)

    def drawn(self, step: int) -> np.random.Generator:
        """The stream of a step: the same however many steps came before."""
        return np.random.default_rng((self.job.seed, step))

    def batch(self, step: int, size: int, length: int) -> PairBatch:
        """The pairs of a step, on the job's device."""
        made = self.pairs.batch(self.drawn(step), size, length)
        moved = {name: value.to(self.job.device) for name, value in vars(made).items() if value is not None}
        return PairBatch(**moved)

    @cached_property
    def features(self) -> Mapping[int, torch.Tensor]:
        """Emotion -> (N, D) picture features of all frames that show it, by the frozen encoders."""
        found: dict[int, list[torch.Tensor]] = {label: [] for label in range(len(EMOTIONS))}
        for start in range(0, len(self.pairs), _AT_ONCE):
            rows = list(range(start, min(start + _AT_ONCE, len(self.pairs))))
            felt = self.pairs.columns["emotion"][rows]
            for role, labels in (("neutral", np.zeros_like(felt)), ("emotional", felt)):
                seen = self._seen(role, rows)
                for label in np.unique(labels):
                    found[int(label)].append(seen[torch.from_numpy(labels == label)].flatten(0, 1))
        return {label: torch.cat(parts) for label, parts in found.items()}

    @torch.no_grad()
    def _seen(self, role: str, rows: list[int]) -> torch.Tensor:
        return clip_features(self.encoders, self.pairs.clip(role, rows).to(self.job.device)).cpu()
