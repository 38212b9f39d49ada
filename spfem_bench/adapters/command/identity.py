"""All that can move a program's output besides the trial, as one document.

To what the manifest pins come the things of this machine that it cannot pin: the interpreter's version, the
launcher, the checkout's commit and what was changed in it since, the code of a program of one's own, the
content of assets, and the variables that are passed on by name. The document goes into the bundle, so it
holds no path of this machine; values of variables and the launcher's words stand in it as digests.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from spfem_bench.adapters.command.containers import ask
from spfem_bench.adapters.command.contents import (
    code_folders,
    content_of,
    digest_code,
    named_files,
    spared_paths,
)
from spfem_bench.adapters.command.manifest import Manifest
from spfem_bench.adapters.command.mends import get
from spfem_bench.adapters.command.parts import Asset
from spfem_bench.adapters.command.places import Place
from spfem_bench.adapters.command.probing import SECONDS, ProbeError, read_head
from spfem_bench.digest import digest_bytes, digest_file, digest_of
from spfem_bench.errors import UsageError

_SHOWN = 16
"""Hexadecimal digits of the digests of variables."""


def document_of(manifest: Manifest, place: Place) -> dict[str, Any]:
    """All that can move an output, as plain JSON values without a path of this machine.

    Raises:
        UsageError: the interpreter cannot be started, an asset is not there or not the pinned one, or the
            code of a program of one's own cannot be told.
    """
    is_clone = manifest.upstream.repository is not None
    spared = spared_paths(manifest, place)
    return {
        **manifest.document,
        "launcher": _launcher(place),
        "interpreter": _interpreter(manifest, place),
        "checkout": _checkout(manifest, place) if is_clone else None,
        "command-files": [digest_file(file) for file in named_files(manifest, place)],
        "code": [digest_code(folder, spared) for folder in code_folders(manifest, place)],
        "assets": [_asset(manifest, place, asset) for asset in manifest.needed_assets],
        "variables": {name: _value(name) for name in sorted(manifest.environment.variables)},
    }


def _launcher(place: Place) -> dict[str, str] | None:
    """Its program and a digest of its words, which may be folders and secrets."""
    if not place.launcher:
        return None
    return {"program": Path(place.launcher[0]).name, "sha256": digest_of(place.launcher)}


def _interpreter(manifest: Manifest, place: Place) -> dict[str, Any] | None:
    """The versions the interpreter says it and the named packages have; None where the command has none.

    Raises:
        UsageError: it cannot be started.
    """
    if not any("{python}" in word for word in manifest.command):
        return None
    try:
        found = ask(manifest, place)
    except ProbeError as error:
        raise UsageError(
            f"{manifest.name}: {error}; see `spfem-bench baseline check {manifest.reference}`"
        ) from error
    return {"python": found.python, "packages": dict(found.packages)}


def _checkout(manifest: Manifest, place: Place) -> dict[str, str | None]:
    """The commit, and a digest of what differs from it; without git the digest of its code.

    Raises:
        UsageError: git cannot say what was changed.
    """
    try:
        head = read_head(place.checkout)
    except ProbeError:
        changes = digest_code(place.checkout, spared_paths(manifest, place))
        return {"commit": None, "changes": changes}
    changed = digest_bytes(_changes(place.checkout)) if head.changed else None
    return {"commit": head.commit, "changes": changed}


def _changes(folder: Path) -> bytes:
    """What differs from the commit.

    Raises:
        UsageError: git cannot say it.
    """
    safe = ("-c", "core.fsmonitor=false", "diff", "--no-ext-diff", "--no-textconv", "--binary", "HEAD")
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *safe], capture_output=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(f"git cannot say what was changed in {folder}: mend the clone") from error
    return done.stdout


def _asset(manifest: Manifest, place: Place, asset: Asset) -> dict[str, str | None]:
    """Name, place, pinned and found digest; nothing is found where only a launcher's container has it.

    Raises:
        UsageError: it is not there, or not the pinned one.
    """
    path, told = place.asset(asset.path), {"name": asset.name, "path": asset.path, "pinned": asset.sha256}
    if place.launcher and asset.sha256 is not None and not place.checkout.is_dir():
        return {**told, "found": None}
    try:
        found = content_of(path)
    except OSError as error:
        raise UsageError(
            f"{manifest.name} needs {path} ({error.strerror}); "
            f"`spfem-bench baseline check {manifest.reference}` says where it is had"
        ) from error
    if asset.sha256 not in {None, found}:
        raise UsageError(
            f"{manifest.name} cannot run here, {path} has other bytes than those pinned: {get(asset, path)}"
        )
    return {**told, "found": found}


def _value(name: str) -> str | None:
    """The beginning of a digest of a variable's value; None where it is not set."""
    value = os.environ.get(name)
    return None if value is None else digest_bytes(os.fsencode(value))[:_SHOWN]
