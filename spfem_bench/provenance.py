"""What made a result: code, packages, kernels.

Two parts. ``identity`` is what can move a digit: versions, code, the kind of processor. It is hashed with the
bundle, so it holds no host or user name, no absolute path and no time, and two machines of one kind with one
installation have the same. ``circumstances`` is everything else worth knowing, and is never hashed.

GPU: its product name, compute capability, and the CUDA and cuDNN versions torch was built with choose the
kernels and are identity; the driver, the memory and the GPU's number among its neighbours are circumstances.
CPU: the instruction set that torch dispatches on is identity; the product name is a circumstance, and so is
torch's own number of threads, since a run pins the number it scores with in its specification.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spfem_bench import __version__
from spfem_bench.digest import digest_of
from spfem_bench.errors import StorageError
from spfem_bench.paths import cache_dir
from spfem_bench.repository import Repository, repository
from spfem_bench.resources import PACKAGE
from spfem_bench.store.objects import ObjectStore

if TYPE_CHECKING:
    from spfem_bench.device import DeviceSpec

DISTRIBUTION = "spfem-bench"

_CODE = ("spfem_bench", "metrics", "baselines", "configs", "leaderboards/reported", "pyproject.toml")
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_UNUSED_EXTRAS = re.compile(r"""extra\s*==\s*['"](test|dev)['"]""")


def environment(device: DeviceSpec | str = "cpu") -> dict[str, dict[str, Any]]:
    """The facts about this process, as plain JSON values.

    Args:
        device: where the networks run; facts about GPUs are given for ``cuda`` devices only.

    Returns:
        ``identity`` (hashed) and ``circumstances`` (not hashed), see the module.
    """
    return {"identity": identity(device), "circumstances": circumstances(device)}


def identity(device: DeviceSpec | str = "cpu") -> dict[str, Any]:
    """What can move a digit of a result."""
    return {
        "harness": harness(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "packages": packages(),
        "torch": _torch_facts(),
        "device": _gpu_identity(str(device)) if _is_gpu(device) else {"kind": "cpu"},
    }


def circumstances(device: DeviceSpec | str = "cpu") -> dict[str, Any]:
    """What is worth knowing and moves nothing: time, host, processor, driver."""
    facts = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "platform": platform.platform(),
        "cpu": _cpu_name(),
        "cpus": os.cpu_count(),
        "torch_threads": _torch_threads(),
        "executable": sys.executable,
        "harness_path": str(PACKAGE),
    }
    return facts | ({"gpu": _gpu_circumstances(str(device))} if _is_gpu(device) else {})


def harness() -> dict[str, Any]:
    """This package: version, digest of its sources, and the git commit where it runs from a checkout."""
    found = harness_repository()
    return {
        "version": __version__,
        "sources": _sources_digest(),
        "commit": found.commit if found else None,
        "dirty": found.dirty if found else None,
    }


def harness_repository() -> Repository | None:
    """The checkout this package runs from; None when installed from a wheel.

    A wheel may lie in an environment inside somebody's repository: that one is not ours, so the package must
    sit at the top of the repository and be tracked by it. Changes count where code and configurations lie: a
    bundle written into the checkout does not make it another harness.
    """
    return repository(PACKAGE.parent, only=_CODE, must_track=f"{PACKAGE.name}/__init__.py")


@cache
def packages() -> dict[str, str]:
    """Versions of every installed package that this one needs, directly or not, by normalised name, sorted.

    Installed extras count, but not those for tests and development.
    """
    found: dict[str, str] = {}
    waiting = list(_requirements(DISTRIBUTION, root=True))
    while waiting:
        name = waiting.pop()
        if name in found or name == DISTRIBUTION:
            continue
        version = _version(name)
        if version is not None:
            found[name] = version
            waiting.extend(_requirements(name))
    return dict(sorted(found.items()))


def _version(name: str) -> str | None:
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return None


def _requirements(name: str, *, root: bool = False) -> Iterator[str]:
    """Names a package requires; markers of platforms go unread, for what they exclude is not installed."""
    try:
        lines = distribution(name).requires or []
    except PackageNotFoundError:
        lines = []
    for line in lines:
        requirement, _, marker = line.partition(";")
        skipped = _UNUSED_EXTRAS.search(marker) if root else "extra" in marker
        match = _REQUIREMENT.match(requirement)
        if match and not skipped:
            yield re.sub(r"[-_.]+", "-", match[1]).lower()


def _sources_digest() -> str:
    from spfem_bench.digest import digest_sources

    return digest_sources(*_source_roots())


def _source_roots() -> list[Path]:
    """The three import packages; the other two are found as imported, without importing them."""
    specs = [find_spec(name) for name in ("spfem_bench", "spfem_metrics", "spfem_baselines")]
    return [Path(spec.origin).parent for spec in specs if spec is not None and spec.origin is not None]


def _torch_facts() -> dict[str, Any]:
    """What torch says of itself; remembered, because importing it takes longer than a warm run."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return {}
    origin = Path(spec.origin)
    kernels = os.environ.get("ATEN_CPU_CAPABILITY")
    key = digest_of([packages(), str(origin), origin.stat().st_mtime_ns, _cpu_name(), kernels])
    store = ObjectStore(cache_dir() / "machine")
    known: dict[str, Any] | None = store.get_json("torch", key)
    if known is None:
        known = _ask_torch()
        with suppress(StorageError):
            store.put_json("torch", key, known)
    return known


def _ask_torch() -> dict[str, Any]:
    import torch

    backends: Any = torch.backends
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": backends.cudnn.version(),
        "cpu_capability": backends.cpu.get_cpu_capability(),
        "mkldnn": backends.mkldnn.is_available(),
    }


def _torch_threads() -> int | None:
    torch = sys.modules.get("torch")  # None: no network ran in this process
    return None if torch is None else int(torch.get_num_threads())


def _is_gpu(device: DeviceSpec | str) -> bool:
    return str(device).startswith("cuda")


def _gpu_identity(name: str) -> dict[str, Any]:
    import torch

    facts = torch.cuda.get_device_properties(name)
    return {"kind": "cuda", "name": facts.name, "capability": f"{facts.major}.{facts.minor}"}


def _gpu_circumstances(name: str) -> dict[str, Any]:
    import torch

    return {
        "device": name,
        "memory": torch.cuda.get_device_properties(name).total_memory,
        "driver": _driver_version(),
    }


def _driver_version() -> str | None:
    """The NVIDIA driver's version as its kernel module states it; None where there is none."""
    try:
        text = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"Kernel Module\D*([\d.]+)", text)
    return found[1] if found else None


def _cpu_name() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.processor()
