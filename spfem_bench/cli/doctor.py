"""``doctor``: whether this machine can do the main job, and what to mend where not."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click

from spfem_bench.cli._frame import echo_json, json_option, verbose_option
from spfem_bench.errors import ExitCode

State = Literal["ok", "note", "fail"]
_LEAST_FREE = 1 << 30
_CODECS = {"ffv1": "w", "h264": "r", "aac": "r", "pcm_s16le": "w"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        area: ``python``, ``packages``, ``device``, ``video``, ``storage``, ``weights``, ``plug-ins`` or
            ``environment``.
        name: what exactly.
        state: ``fail`` keeps the main job from running, ``note`` does not.
        detail: what was found, and the mend where it is not ``ok``.
    """

    area: str
    name: str
    state: State
    detail: str


@click.command()
@json_option
@verbose_option
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Check this machine: packages, device, video, storage, weights, plug-ins.

    Exits with 0 when the main job can run here and with 5 when something named `fail` is in its way. Weights
    that are not here are no failure: one command, which is named, fetches them.
    """
    findings = [finding for look in LOOKS for finding in look()]
    failed = any(finding.state == "fail" for finding in findings)
    if as_json:
        echo_json({"ready": not failed, "findings": [asdict(finding) for finding in findings]})
    else:
        click.echo("\n".join(lines(findings)))
    context.exit(ExitCode.INCOMPLETE if failed else ExitCode.OK)


def lines(findings: list[Finding]) -> Iterator[str]:
    """One line per finding, grouped by area."""
    width = max(len(finding.name) for finding in findings)
    for area in dict.fromkeys(finding.area for finding in findings):
        yield area
        own = (finding for finding in findings if finding.area == area)
        yield from (f"  {f.state:<4}  {f.name:<{width}}  {f.detail}".rstrip() for f in own)
    failures = [finding.name for finding in findings if finding.state == "fail"]
    yield f"not ready: {', '.join(failures)}" if failures else "ready"


def python() -> Iterator[Finding]:
    """The interpreter and the platform."""
    fine = sys.version_info >= (3, 11)
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding(
        "python", "python", "ok" if fine else "fail", detail if fine else f"{detail}; 3.11 is the least"
    )


def packages() -> Iterator[Finding]:
    """The required packages with their versions."""
    from importlib.metadata import PackageNotFoundError, version

    for name in required_packages():
        try:
            yield Finding("packages", name, "ok", version(name))
        except PackageNotFoundError:
            yield Finding("packages", name, "fail", f"not installed: pip install {name}")


def required_packages() -> list[str]:
    """Names of this distribution's dependencies without extras, sorted."""
    from importlib.metadata import requires

    plain = (line for line in requires("spfem-bench") or () if "extra ==" not in line)
    return sorted(re.split(r"[\s<>=!~;\[]", line, maxsplit=1)[0] for line in plain)


def device() -> Iterator[Finding]:
    """What torch sees; networks run on the CPU where there is no GPU."""
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding("device", "torch", "fail", f"cannot be imported ({error}); install torch again")
        return
    yield Finding("device", "torch", "ok", f"{torch.__version__}, {torch.get_num_threads()} threads")
    if not torch.cuda.is_available():
        yield Finding("device", "cuda", "note", "no GPU: networks run on the CPU")
    for index in range(torch.cuda.device_count()):
        yield Finding("device", f"cuda:{index}", "ok", torch.cuda.get_device_name(index))


def video() -> Iterator[Finding]:
    """The FFmpeg libraries PyAV brought, and the codecs that the stages need."""
    try:
        import av
    except ImportError as error:
        yield Finding("video", "av", "fail", f"cannot be imported ({error}); pip install av")
        return
    libraries = ", ".join(
        f"{name} {'.'.join(map(str, numbers))}"
        for name, numbers in sorted(av.library_versions.items())
        if name in {"libavcodec", "libavformat", "libswscale"}
    )
    yield Finding("video", "libraries", "ok", libraries)
    for name, mode in _CODECS.items():
        there = _has_codec(name, mode)
        what = "encoder" if mode == "w" else "decoder"
        yield Finding(
            "video", name, "ok" if there else "fail", what if there else f"no {what}: install av again"
        )


def _has_codec(name: str, mode: str) -> bool:
    from av.codec import Codec
    from av.error import FFmpegError

    try:
        Codec(name, "w" if mode == "w" else "r")
    except (FFmpegError, ValueError):
        return False
    return True


def storage() -> Iterator[Finding]:
    """The cache folder: writable, with room."""
    from spfem_bench.paths import cache_dir

    folder = cache_dir()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if not os.access(existing, os.W_OK):
        mend = "cannot be written: set SPFEM_BENCH_CACHE_DIR"
        yield Finding("storage", "cache", "fail", f"{folder} {mend}")
    elif free < _LEAST_FREE:
        yield Finding("storage", "cache", "fail", f"{folder}: {free / 2**30:.1f} GiB free, 1 is the least")
    else:
        yield Finding("storage", "cache", "ok", f"{folder}: {free / 2**30:.1f} GiB free")


def weights() -> Iterator[Finding]:
    """Each network's file: here, or the command that fetches it."""
    from spfem_bench.weights import registry, where

    for entry in registry().values():
        path = where(entry)
        missing = f"missing: spfem-bench weights fetch {entry.name}"
        yield Finding("weights", entry.name, "ok" if path else "note", str(path) if path else missing)


def plugins() -> Iterator[Finding]:
    """Every plug-in, and what of this package cannot be imported."""
    from spfem_bench.adapters.load import BUILTIN
    from spfem_bench.datasets.load import READERS
    from spfem_bench.registry import GROUPS, survey

    own = {"spfem_bench.adapters": BUILTIN, "spfem_bench.datasets": READERS}
    for group in GROUPS:
        builtin = own.get(group, {})
        for status in survey(group, builtin):
            kind = group.rpartition(".")[2].removesuffix("s")
            if not status.ok:
                state: State = "fail" if status.name in builtin else "note"
                yield Finding("plug-ins", f"{kind} {status.name}", state, status.error)
            elif status.name not in builtin:
                yield Finding("plug-ins", f"{kind} {status.name}", "ok", status.origin)


def environment() -> Iterator[Finding]:
    """The documented variables: set to what, or what they are for."""
    from spfem_bench.paths import ENVIRONMENT

    for name, purpose in ENVIRONMENT.items():
        value = os.environ.get(name)
        yield Finding("environment", name, _state(name, value), value or f"not set ({purpose})")


def _state(name: str, value: str | None) -> State:
    folders = name in {"SPFEM_BENCH_FIXTURES", "SPFEM_BENCH_WEIGHTS"}
    gone = folders and value and not all(Path(part).is_dir() for part in value.split(os.pathsep))
    return "note" if gone else "ok"


LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    python,
    packages,
    device,
    video,
    storage,
    weights,
    plugins,
    environment,
)
"""What is looked at, in order."""
