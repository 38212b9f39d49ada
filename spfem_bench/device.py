"""Where networks run, and how they are made to give the same bits each time."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from spfem_bench.errors import UsageError

T = TypeVar("T")

_NAME = re.compile(r"auto|cpu|cuda(?::(\d{1,3}))?")


@dataclass(frozen=True)
class DeviceSpec:
    """A device that is there.

    Args:
        name: as torch names it: ``cpu`` or ``cuda:0``.
        kind: ``cpu`` or ``cuda``.
        label: the GPU's product name; ``cpu`` for a CPU.
        memory: bytes of GPU memory; None for a CPU.
    """

    name: str
    kind: Literal["cpu", "cuda"]
    label: str
    memory: int | None = None

    def __str__(self) -> str:
        return self.name


def resolve_device(text: str = "auto") -> DeviceSpec:
    """The device a user asked for: ``auto`` (the first GPU, else the CPU), ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        UsageError: another text, or a GPU that torch does not see; says why it may not.
    """
    match = _NAME.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError(f"There is no device '{text}': say auto, cpu, cuda, or cuda:N for the Nth GPU.")
    asked = match[0]
    if asked == "cpu" or (asked == "auto" and not _has_driver()):
        return _cpu()
    import torch

    if asked == "auto":
        return _gpu(0) if torch.cuda.is_available() else _cpu()
    return _asked_gpu(asked, int(match[1] or 0))


def _has_driver() -> bool:
    """Whether a GPU's driver is here; where none is, torch need not be imported to say so."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        ctypes.CDLL(library)
    except OSError:
        return Path("/dev/kfd").exists()  # AMD's, whose libraries come with torch
    return True


def _cpu() -> DeviceSpec:
    return DeviceSpec(name="cpu", kind="cpu", label="cpu")


def _gpu(index: int) -> DeviceSpec:
    import torch

    facts = torch.cuda.get_device_properties(index)
    return DeviceSpec(name=f"cuda:{index}", kind="cuda", label=facts.name, memory=facts.total_memory)


def _asked_gpu(asked: str, index: int) -> DeviceSpec:
    import torch

    if torch.version.cuda is None:
        raise UsageError(
            f"{asked} was asked for, but torch {torch.__version__} is built without CUDA: "
            "install a CUDA build of torch, or use --device cpu."
        )
    if not torch.cuda.is_available():
        raise UsageError(
            f"{asked} was asked for, but torch sees no GPU: check `nvidia-smi` and CUDA_VISIBLE_DEVICES, "
            "or use --device cpu."
        )
    count = torch.cuda.device_count()
    if index >= count:
        there = ", ".join(f"cuda:{i}" for i in range(count))
        raise UsageError(f"{asked} was asked for, but there is only {there}.")
    return _gpu(index)


@dataclass(frozen=True)
class ScoringMode:
    """What holds while networks run for a score.

    Args:
        device: ``cpu`` or ``cuda:N``.
        threads: torch's threads for one operation.
        tf32: whether matrix products and convolutions may round their inputs to TensorFloat-32.
        deterministic: whether only kernels are used that give the same bits each time.
        autotune: whether cuDNN picks kernels by timing them, which makes the choice a matter of chance.
    """

    device: str
    threads: int
    tf32: bool = False
    deterministic: bool = True
    autotune: bool = False


@contextmanager
def scoring_mode(device: DeviceSpec | str = "cpu", *, threads: int | None = None) -> Iterator[ScoringMode]:
    """Same input, same bits: TF32 off, deterministic kernels, no autotuning, a pinned number of threads.

    All is put back afterwards. The settings are torch's own and hold for the whole process, not one thread.
    An operation that has no deterministic kernel raises RuntimeError rather than return what may vary.

    Args:
        device: where the networks run.
        threads: for one operation on the CPU, because sums split otherwise round otherwise; None leaves it.
    """
    import torch

    name = str(device)
    if name.startswith("cuda"):
        # Read by cuBLAS when its first handle is made; without it matrix products may vary between runs.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    kernels, precision, before = _kernel_settings(), _precision(), torch.get_num_threads()
    try:
        _set_kernels(*_SAME_BITS)
        _full_precision()
        torch.set_num_threads(before if threads is None else threads)
        yield ScoringMode(device=name, threads=torch.get_num_threads())
    finally:
        torch.set_num_threads(before)
        _restore_precision(precision)
        _set_kernels(*kernels)


_SAME_BITS = (False, True, True, False)


def _kernel_settings() -> tuple[bool, bool, bool, bool]:
    """(cuDNN autotuning, deterministic cuDNN, deterministic everywhere, only warned about)."""
    import torch

    return (
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _set_kernels(benchmark: bool, cudnn: bool, everywhere: bool, warn_only: bool) -> None:
    import torch

    torch.backends.cudnn.benchmark = benchmark
    torch.backends.cudnn.deterministic = cudnn
    torch.use_deterministic_algorithms(everywhere, warn_only=warn_only)


def _precision_switches() -> list[Any]:
    """The objects that carry ``fp32_precision`` (torch 2.9 and later); none before."""
    import torch

    backends: Any = torch.backends
    if not hasattr(backends, "fp32_precision"):
        return []
    return [backends, backends.cuda.matmul, backends.cudnn, backends.cudnn.conv, backends.cudnn.rnn]


def _precision() -> tuple[list[str], str | None, bool | None]:
    """What decides about TF32: torch has an old and a new set of switches, kept apart.

    An old one cannot be read while the new ones contradict it; it then stays as it is (None).
    """
    import torch

    new = [switch.fp32_precision for switch in _precision_switches()]
    matmul = _readable(torch.get_float32_matmul_precision)
    return new, matmul, _readable(lambda: torch.backends.cudnn.allow_tf32)


def _readable(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except RuntimeError:
        return None


def _full_precision() -> None:
    """The new switches first: an old one set against them would leave the two in contradiction."""
    import torch

    for switch in _precision_switches():
        switch.fp32_precision = "ieee"
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False


def _restore_precision(before: tuple[list[str], str | None, bool | None]) -> None:
    import torch

    new, matmul, cudnn = before
    if matmul is not None:
        torch.set_float32_matmul_precision(matmul)
    if cudnn is not None:
        torch.backends.cudnn.allow_tf32 = cudnn
    for switch, value in zip(_precision_switches(), new, strict=True):
        switch.fp32_precision = value
