"""Manifests, checkouts and interpreters for tests of foreign models; nothing here is anybody's model."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from spfem_bench.adapters.command.manifest import Manifest, read_manifest

SMALLEST: dict[str, Any] = {
    "format": "spfem-baseline@1",
    "name": "mine",
    "mode": ["label"],
    "labels": {"happy": "joy", "sad": "grief"},
    "input": {"kind": "video"},
    "output": {"as": "video"},
    "command": ["{python}", "{bridge}", "{job}"],
}

FREE = {"code": "MIT", "class": "permissive"}
"""A licence that nothing has to be accepted for."""

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
"""Of the interpreter that runs the tests."""


def pinned_asset(path: str, content: bytes) -> dict[str, Any]:
    """The asset ``net`` with the digest and size of its content."""
    return {
        "name": "net",
        "path": path,
        "url": f"https://example.org/{Path(path).name}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "licence": "MIT",
    }


def manifest_file(folder: Path, **changes: Any) -> Path:
    """``folder/manifest.yaml`` and a bridge beside it: the smallest, with changes (None removes a key)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bridge.py").write_text("print('bridge')\n")
    merged = {**SMALLEST, **{key.replace("_", "-"): value for key, value in changes.items()}}
    path = folder / "manifest.yaml"
    kept = {key: value for key, value in merged.items() if value is not None}
    path.write_text(json.dumps(kept, indent=1), encoding="utf-8")  # JSON is YAML
    return path


def manifest(folder: Path, **changes: Any) -> Manifest:
    """The same, read."""
    return read_manifest(manifest_file(folder, **changes))


def clone(folder: Path) -> str:
    """A git clone with one file and one commit; the commit."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.py").write_text("print('a model')\n")
    git(folder, "init", "--quiet")
    return commit(folder)


def commit(folder: Path) -> str:
    """Commit all that lies in a clone; the commit."""
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


def git(folder: Path, *words: str) -> str:
    """Run git in a clone, with nobody's configuration."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout.strip()


def script(path: Path, text: str) -> Path:
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def this_python(prefix: Path) -> Path:
    """``prefix/bin/python`` that is the interpreter of the tests."""
    return script(prefix / "bin" / "python", f'exec "{sys.executable}" "$@"')
