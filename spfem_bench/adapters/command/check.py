"""What a foreign model still lacks on this machine, each thing with the command or link that mends it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spfem_bench import weights
from spfem_bench.adapters.command.containers import ask
from spfem_bench.adapters.command.manifest import Manifest
from spfem_bench.adapters.command.mends import clone, create, get, switch
from spfem_bench.adapters.command.parts import Asset
from spfem_bench.adapters.command.places import Place
from spfem_bench.adapters.command.probing import ProbeError, has_nvidia_gpu, read_head
from spfem_bench.digest import digest_file
from spfem_bench.errors import UsageError

State = Literal["ok", "missing", "note"]
"""``note``: worth knowing, not in the way."""

_LANDMARKER = "mediapipe-face-landmarker"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        part: ``checkout``, ``commit``, ``python``, ``stop``, ``packages``, ``asset NAME``, ``gpu``,
            ``licence``, ``steps`` or ``identity-training``.
        state: how it stands.
        detail: what was found.
        mend: the command or link that mends it; empty where nothing is to be done.
    """

    part: str
    state: State
    detail: str
    mend: str = ""


@dataclass(frozen=True)
class Report:
    """All that was looked at for one model."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def missing(self) -> tuple[Finding, ...]:
        """What stands in the way."""
        return tuple(finding for finding in self.findings if finding.state == "missing")

    @property
    def is_complete(self) -> bool:
        """Whether nothing does."""
        return not self.missing


Digest = Callable[[Path], str]


def check(manifest: Manifest, place: Place) -> Report:
    """Look at everything: runs git and the model's interpreter, and reads the assets whole."""
    findings = [
        *_checkout(manifest, place, thorough=True),
        *_interpreter(manifest, place),
        *(_asset(asset, place, digest_file) for asset in manifest.needed_assets),
        *_gpu(manifest),
        *_licence(manifest, place),
        *_steps(manifest),
        *_training(manifest),
    ]
    return Report(manifest.system_name, tuple(findings))


def glance(manifest: Manifest, place: Place, digest: Digest | None = None) -> Report:
    """Whether the things are there at all; starts nothing, and reads pinned assets only by ``digest``."""
    findings = [
        *_checkout(manifest, place, thorough=False),
        *_program(manifest, place),
        *(_asset(asset, place, digest) for asset in manifest.needed_assets),
        *_licence(manifest, place),
        *_steps(manifest),
    ]
    return Report(manifest.name, tuple(findings))


def require_ready(manifest: Manifest, place: Place) -> None:
    """Refuse to begin where something is missing, or a pinned asset has other bytes.

    Another commit or environment than the pinned one does not keep a model from running: tables say it.

    Raises:
        UsageError: names what is missing, and the command that says how to mend it.
    """
    missing = glance(manifest, place, weights.digest).missing
    if missing:
        parts = ", ".join(finding.part for finding in missing[:4]) + (", ..." if len(missing) > 4 else "")
        raise UsageError(
            f"{manifest.name} cannot run here, {missing[0].detail} (missing: {parts}); "
            f"`spfem-bench baseline check {manifest.reference}` says how to mend each"
        )


def _checkout(manifest: Manifest, place: Place, *, thorough: bool) -> Iterator[Finding]:
    where, upstream = place.checkout, manifest.upstream
    if not where.is_dir():
        if place.launcher:
            yield Finding(
                "checkout", "note", f"{where} cannot be seen from here; {place.launcher[0]} may have it"
            )
        else:
            yield Finding("checkout", "missing", f"there is no checkout at {where}", clone(manifest, place))
        return
    yield Finding("checkout", "ok", str(where))
    if thorough and upstream.repository is not None:
        yield from _commit(manifest, where)


def _commit(manifest: Manifest, checkout: Path) -> Iterator[Finding]:
    wanted = manifest.upstream.commit
    if wanted is None:
        yield Finding("commit", "note", f"none is pinned: {manifest.upstream.note}")
        return
    try:
        head = read_head(checkout)
    except ProbeError as error:
        yield Finding("commit", "note", str(error))
        return
    if head.commit != wanted:
        mend = f"git -C {checkout} fetch && {switch(checkout, wanted)}"
        yield Finding("commit", "missing", f"{head.commit[:12]} is checked out, not {wanted[:12]}", mend)
        return
    yield Finding("commit", "ok", wanted[:12])
    if head.changed:
        detail = f"{head.changed} tracked files differ from the commit: outputs are not of the pinned code"
        yield Finding("commit", "note", detail, f"git -C {checkout} status")


def _program(manifest: Manifest, place: Place) -> Iterator[Finding]:
    """Whether there is something to start."""
    if not any("{python}" in word for word in manifest.command) and not place.launcher:
        program = manifest.command[0].replace("{checkout}", str(place.checkout))
        is_there = shutil.which(program) is not None or Path(program).is_file()
        detail = program if is_there else f"there is no program {program}"
        yield Finding("program", "ok" if is_there else "missing", detail, "" if is_there else "install it")
        return
    first = place.launcher[0] if place.launcher else place.python
    if shutil.which(first) is not None:
        yield Finding("python", "ok", first)
    else:
        what = "launcher" if place.launcher else "interpreter"
        yield Finding("python", "missing", f"there is no {what} at {first}", create(manifest, place))
    if place.stop and shutil.which(place.stop[0]) is None:
        detail = f"there is no {place.stop[0]}, which is to end what the launcher started"
        yield Finding("stop", "missing", detail, f"name another command as stop in {place.note}")


def _interpreter(manifest: Manifest, place: Place) -> Iterator[Finding]:
    """What the interpreter says of itself, where there is one."""
    there = list(_program(manifest, place))
    if there[0].part == "program" or there[0].state == "missing":
        yield from there
        return
    yield from there[1:]
    wanted = manifest.environment
    try:
        found = ask(manifest, place)
    except ProbeError as error:
        yield Finding("python", "missing", str(error), create(manifest, place))
        return
    yield _python(manifest, place, found.python)
    for name, version in wanted.packages.items():
        yield _package(manifest, place, (name, version), found.packages.get(name))


def _python(manifest: Manifest, place: Place, found: str) -> Finding:
    wanted = manifest.environment.python
    if wanted is None or fits(found, wanted):
        return Finding("python", "ok", f"{found} ({place.python})")
    detail = f"{place.python} is Python {found}, not {wanted}"
    return Finding("python", "missing", detail, create(manifest, place))


def _package(manifest: Manifest, place: Place, wanted: tuple[str, str], found: str | None) -> Finding:
    name, version = wanted
    part = f"package {name}"
    if found is not None and fits(found, version):
        return Finding(part, "ok", found)
    detail = f"{name} is {'not installed' if found is None else found}" + (
        f", not {version}" if found else ""
    )
    exact = f"{name}=={version}" if version else name
    mend = f"{place.python} -m pip install '{exact}'"
    return Finding(part, "missing", detail, mend if not place.launcher else create(manifest, place))


def fits(found: str, wanted: str) -> bool:
    """Whether a version is the wanted one as far as that goes: 3.8.18 fits 3.8, 1.7.1+cu110 fits 1.7.1."""
    parts = wanted.split(".") if wanted else []
    return found.partition("+")[0].split(".")[: len(parts)] == parts if "+" not in wanted else found == wanted


def _asset(asset: Asset, place: Place, digest: Digest | None) -> Finding:
    path, part = place.asset(asset.path), f"asset {asset.name}"
    if place.launcher and not place.checkout.is_dir():
        return Finding(part, "note", f"{path} cannot be seen from here")
    wrong = _wrong(asset, path, digest)
    if wrong is not None:
        return Finding(part, "missing", wrong, get(asset, path))
    pinned = path.is_file() and asset.sha256 is not None
    return Finding(part, "ok", f"{path} ({'pinned' if pinned else 'unpinned'})")


def _wrong(asset: Asset, path: Path, digest: Digest | None) -> str | None:
    """What is wrong with an asset, None where nothing is; without ``digest`` its bytes are not read."""
    if path.is_dir():
        if asset.sha256 is not None:
            return f"{path} is a folder, and a file is pinned"
        return None if any(path.iterdir()) else f"{path} is empty"
    if not path.is_file():
        return f"there is no {path}"
    size = path.stat().st_size
    if asset.bytes is not None and size != asset.bytes:
        return f"{path} has {size} bytes, not {asset.bytes}"
    if digest is not None and asset.sha256 is not None and digest(path) != asset.sha256:
        return f"{path} has other bytes than those pinned"
    return None


def _gpu(manifest: Manifest) -> Iterator[Finding]:
    wanted = manifest.environment.gpu
    if wanted == "none":
        return
    if has_nvidia_gpu():
        yield Finding("gpu", "ok", "the driver lists one")
    elif wanted == "required":
        yield Finding(
            "gpu",
            "missing",
            "it needs an NVIDIA GPU and the driver lists none",
            "run it on a machine with one",
        )
    else:
        yield Finding("gpu", "note", "the driver lists none: it runs on the CPU, slowly")


def _licence(manifest: Manifest, place: Place) -> Iterator[Finding]:
    licence = manifest.licence
    named = f"{licence.code or 'none stated'} ({licence.use})"
    if licence.must_be_accepted and not place.accepts_licence:
        mend = f"if your use is allowed, write `accepts-licence: true` into {place.note}"
        yield Finding("licence", "missing", f"{named} is not accepted for the use at hand", mend)
    elif licence.use == "none-stated" and manifest.upstream.repository is not None:
        yield Finding("licence", "note", f"{named}: what states no licence is its authors' alone; ask them")
    else:
        yield Finding("licence", "ok", named + (", accepted" if licence.must_be_accepted else ""))


def _steps(manifest: Manifest) -> Iterator[Finding]:
    """Whether the networks that prepare its inputs are here."""
    from spfem_bench.weights import entry, where

    if "openface-aus" in manifest.input.extra:
        if where(entry(_LANDMARKER)) is None:
            mend = f"spfem-bench weights fetch {_LANDMARKER}"
            yield Finding("steps", "missing", "openface-aus needs MediaPipe's landmarker", mend)
        else:
            yield Finding("steps", "ok", "openface-aus: MediaPipe's landmarker is here")
    if manifest.input.crop is not None:
        if where(entry("yunet")) is None:
            detail = "face-crop finds rendered faces only: YuNet is not here"
            yield Finding("steps", "note", detail, "spfem-bench weights fetch yunet")
        else:
            yield Finding("steps", "ok", "face-crop: YuNet is here")


def _training(manifest: Manifest) -> Iterator[Finding]:
    if manifest.training is not None:
        detail = f"a new person must be trained for. {manifest.training.note}".rstrip()
        yield Finding("identity-training", "note", detail, manifest.training.command)
