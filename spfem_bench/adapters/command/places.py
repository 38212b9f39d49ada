"""Where a foreign model is installed on this machine.

A shipped wrapper ``NAME`` is looked for in the folder ``NAME`` below `baselines_dir`: the clone of its
repository in ``checkout``, its environment (a prefix) in ``env``, and, where either is elsewhere or the
program runs through something else, ``place.yaml``::

    checkout: /data/clones/NED
    python: /opt/conda/envs/ned/bin/python
    launcher: [docker, run, --rm, --name, "{name}", -v, "{room}:{room}", -v, "{checkout}:{checkout}",
               -w, "{folder}", --user, "{user}", "--env={variable}", ned-image]
    stop: [docker, rm, -f, "{name}"]
    accepts-licence: true

A launcher is put before the command. What its placeholders stand for is said in
`spfem_bench.adapters.command.containers`; ``stop`` is run whatever way a process ended, since killing the
client of a container leaves the container.

A manifest of one's own (``command:FILE``) is its own place: the checkout is its folder, the interpreter
``environment.python-path`` or the one that runs the harness; a ``place.yaml`` beside it is read too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spfem_bench.adapters.command.manifest import Manifest
from spfem_bench.config import check_schema, load_yaml
from spfem_bench.paths import baselines_dir

PLACE = "place.yaml"
_PLACE_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "checkout": {"type": "string", "minLength": 1},
        "python": {"type": "string", "minLength": 1},
        "launcher": {"type": "array", "items": {"type": "string", "minLength": 1}},
        "stop": {"type": "array", "items": {"type": "string", "minLength": 1}},
        "accepts-licence": {"type": "boolean"},
    },
}
_PYTHONS = ("bin/python", "python.exe", "Scripts/python.exe")


@dataclass(frozen=True)
class Place:
    """Where one model is; nothing here is known to exist.

    Args:
        folder: what relative paths are relative to.
        checkout: the upstream's clone, or the folder of a program of one's own.
        python: the interpreter: a path, or with a launcher whatever names it there.
        launcher: words before the command, for containers and environment managers.
        accepts_licence: whether a person said that the use at hand is allowed.
        stop: the command that ends what the launcher started; empty where killing the launcher does.
    """

    folder: Path
    checkout: Path
    python: str
    launcher: tuple[str, ...] = ()
    accepts_licence: bool = False
    stop: tuple[str, ...] = ()

    @property
    def env(self) -> Path:
        """Where the environment's prefix is expected."""
        return self.folder / "env"

    @property
    def note(self) -> Path:
        """The file that says what is elsewhere; it need not be there."""
        return self.folder / PLACE

    def asset(self, path: str) -> Path:
        """The place of an asset by its path in the manifest."""
        return self.checkout / path

    def words(self, manifest: Manifest, job: Path, bridge: Path | None = None) -> list[str]:
        """The words that start the program on a job file, without the launcher's.

        Args:
            manifest: whose command it is.
            job: the job file.
            bridge: the script in place of the manifest's.
        """
        values = {
            "{python}": self.python,
            "{bridge}": str(bridge or manifest.bridge),
            "{checkout}": str(self.checkout),
            "{job}": str(job),
        }
        return [_filled(word, values) for word in manifest.command]


def find_place(manifest: Manifest) -> Place:
    """Where a model is, or would be.

    Raises:
        ConfigError: its ``place.yaml`` is malformed.
    """
    is_shipped = manifest.is_shipped
    folder = baselines_dir() / manifest.name if is_shipped else manifest.folder
    told = _told(folder / PLACE)
    launcher = tuple(told.get("launcher", ()))
    checkout = folder / told["checkout"] if "checkout" in told else _usual_checkout(folder, is_shipped)
    python = told.get("python") or _usual_python(manifest, folder, is_shipped, bool(launcher))
    if not launcher:
        python = str((folder / Path(python).expanduser()).absolute())
    accepts, stop = told.get("accepts-licence", False), tuple(told.get("stop", ()))
    return Place(folder, checkout.expanduser(), python, launcher, accepts, stop)


def _told(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    data = load_yaml(file)
    check_schema(data, _PLACE_SCHEMA, str(file))
    return dict(data)


def _usual_checkout(folder: Path, is_shipped: bool) -> Path:
    return folder / "checkout" if is_shipped else folder


def _usual_python(manifest: Manifest, folder: Path, is_shipped: bool, is_launched: bool) -> str:
    if is_launched:
        return "python"
    if not is_shipped:
        return manifest.environment.python_path or sys.executable
    found = [folder / "env" / name for name in _PYTHONS if (folder / "env" / name).is_file()]
    return str(found[0] if found else folder / "env" / (_PYTHONS[-1] if os.name == "nt" else _PYTHONS[0]))


def _filled(word: str, values: Mapping[str, str]) -> str:
    for placeholder, value in values.items():
        word = word.replace(placeholder, value)
    return word
