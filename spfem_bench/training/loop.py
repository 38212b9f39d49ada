"""The one training loop: AdamW, warm-up and cosine, averaged weights, the same result from the same seed."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from spfem_bench.fsio import storage_errors
from spfem_bench.prefetch import prefetch

Batch = Mapping[str, torch.Tensor]
Losses = Mapping[str, torch.Tensor]
StepLoss = Callable[[nn.Module, Batch], Losses]
"""(network, batch on the device) -> named scalar terms; their sum is minimised."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Args:
        steps: of the optimiser.
        lr: highest learning rate, reached at the end of the warm-up, then falling as a cosine to 1% of it.
        warmup: share of the steps in which the rate rises linearly.
        decay: AdamW's weight decay, for tensors of two or more axes (no biases, no norms).
        average: weight of the past in the running average of the weights that is returned.
        clip: largest norm of the gradient.
        low_precision: convolutions and products in bfloat16; twice as fast where the processor has it.
        seed: of what the network draws during training (dropout); the batches have seeds of their own.
    """

    steps: int
    lr: float = 2e-3
    warmup: float = 0.05
    decay: float = 0.02
    average: float = 0.998
    clip: float = 1.0
    low_precision: bool = True
    seed: int = 0

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        rise = max(1, round(self.warmup * self.steps))
        if step < rise:
            return self.lr * (step + 1) / rise
        along = (step - rise) / max(1, self.steps - rise)
        return self.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * along)))


def fit(
    net: nn.Module,
    step_loss: StepLoss,
    batches: Iterable[Batch],
    schedule: Schedule,
    *,
    device: str = "cpu",
    log: Path | None = None,
    on_step: Callable[[int], None] | None = None,
) -> nn.Module:
    """Train a network and give its averaged weights.

    Args:
        net: built by `seeded`, so that its first weights are fixed; changed in place.
        step_loss: the terms to minimise.
        batches: at least ``schedule.steps`` of them, tensors on the CPU.
        schedule: see `Schedule`.
        device: a torch device.
        log: CSV file to write every 20th step to: step, rate, seconds, the loss and its terms.
        on_step: told each step's number, for progress.

    Returns:
        A copy in eval mode on the CPU with the running average of weights and buffers.

    Raises:
        ValueError: too few batches, or a loss that is not finite.
        StorageError: the log cannot be written.
    """
    torch.manual_seed(schedule.seed)
    net = net.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimiser, mean = _optimiser(net, schedule), copy.deepcopy(net)
    done = 0
    with _Log.at(log) as journal, closing(_ahead(batches, schedule.steps)) as ready:
        for step, batch in enumerate(ready):
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate(step)
            terms = _step(net, step_loss, _moved(batch, device), optimiser, schedule)
            _average(mean, net, schedule.average, step)
            journal.write(step, schedule, terms)
            done = step + 1
            if on_step is not None:
                on_step(step)
    if done < schedule.steps:
        raise ValueError(f"{done} batches for {schedule.steps} steps")
    return mean.cpu().eval()


def seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """A network whose first weights depend on the seed and on nothing drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def apply(
    net: nn.Module, images: NDArray[np.uint8], forward: Callable[[nn.Module, torch.Tensor], torch.Tensor]
) -> NDArray[np.float32]:
    """Outputs for many images, 256 at a time, in full precision.

    Args:
        net: in eval mode.
        images: (N, H, W, 3) uint8; may be a memory map.
        forward: (network, (n, H, W, 3) uint8) -> (n, ...).

    Returns:
        (N, ...) float32.
    """
    parts = []
    with torch.inference_mode():
        for start in range(0, len(images), 256):
            block = torch.from_numpy(np.ascontiguousarray(images[start : start + 256]))
            parts.append(forward(net, block).float().numpy())
    return np.concatenate(parts)


def _ahead(batches: Iterable[Batch], steps: int) -> Generator[Batch, None, None]:
    """The batches, the next made while the network learns from one."""
    yield from prefetch(islice(batches, steps))


def _optimiser(net: nn.Module, schedule: Schedule) -> torch.optim.AdamW:
    heavy = [p for p in net.parameters() if p.ndim >= 2]
    light = [p for p in net.parameters() if p.ndim < 2]
    groups = [{"params": heavy, "weight_decay": schedule.decay}, {"params": light, "weight_decay": 0.0}]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=schedule.lr)


def _moved(batch: Batch, device: str) -> Batch:
    return batch if device == "cpu" else {name: value.to(device) for name, value in batch.items()}


def _step(
    net: nn.Module, step_loss: StepLoss, batch: Batch, optimiser: torch.optim.AdamW, schedule: Schedule
) -> Mapping[str, float]:
    kind = next(net.parameters()).device.type
    with torch.autocast(kind, torch.bfloat16, enabled=schedule.low_precision):
        terms = step_loss(net, batch)
        loss = torch.stack([term.float() for term in terms.values()]).sum()
    if not torch.isfinite(loss):
        raise ValueError(f"the loss is {loss.item()}: { ({k: v.item() for k, v in terms.items()}) }")
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(net.parameters(), schedule.clip)
    optimiser.step()
    return {"loss": loss.item(), **{name: float(term.detach()) for name, term in terms.items()}}


@torch.no_grad()
def _average(mean: nn.Module, net: nn.Module, past: float, step: int) -> None:
    """Move the running average; young averages forget faster, so that the first weights leave no trace."""
    share = 1 - min(past, (1 + step) / (10 + step))
    for slow, quick in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
        if slow.is_floating_point():
            slow.lerp_(quick, share)
        else:
            slow.copy_(quick)


class _Log:
    """A CSV file of the losses, or nothing."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream, self._begun = stream, time.monotonic()

    @classmethod
    def at(cls, path: Path | None) -> _Log:
        """Open the file, making its folder."""
        if path is None:
            return cls(None)
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            return cls(path.open("w", encoding="utf-8"))

    def __enter__(self) -> _Log:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()

    def write(self, step: int, schedule: Schedule, terms: Mapping[str, float]) -> None:
        """A line for every 20th step and the last."""
        if self._stream is None or (step % 20 and step + 1 < schedule.steps):
            return
        if step == 0:
            self._stream.write(",".join(["step", "rate", "seconds", *terms]) + "\n")
        spent = time.monotonic() - self._begun
        numbers = [f"{schedule.rate(step):.3g}", f"{spent:.1f}", *(f"{v:.5g}" for v in terms.values())]
        self._stream.write(",".join([str(step), *numbers]) + "\n")
        self._stream.flush()


def forever(make: Callable[[np.random.Generator], Batch], seed: int) -> Iterator[Batch]:
    """Endless batches, each from a stream of its own: batch i is the same however many were made before."""
    step = 0
    while True:
        yield make(np.random.default_rng((seed, step)))
        step += 1
