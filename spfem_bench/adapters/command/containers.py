"""What a launcher is told of one process: a container inherits no folder, no variable and no end.

The words of a launcher, and of the command that ends what it started, may hold placeholders:

- ``{name}``: a name that no other process has, for the container;
- ``{room}``: the job's folder, where all it reads and writes lies besides the checkout;
- ``{folder}``: its working directory, in the room;
- ``{checkout}``: the upstream's clone;
- ``{bridges}``: where the bridge lies: in the room for a shipped wrapper, else the folder of one's own;
- ``{user}``: this user and group by number, ``1000:1000``: what another user wrote could not be removed;
- ``{variable}``: a word with it is repeated for each variable of the program, as ``NAME=VALUE``.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from spfem_bench.adapters.command import reaper
from spfem_bench.adapters.command.launch import surroundings
from spfem_bench.adapters.command.manifest import Manifest
from spfem_bench.adapters.command.places import Place
from spfem_bench.adapters.command.probing import Interpreter, ask_interpreter

_VARIABLE = "{variable}"
_OF_THIS_MACHINE = frozenset({"PATH", "LD_LIBRARY_PATH"})
"""Variables that name folders of this machine: a container has its own."""


@dataclass(frozen=True)
class Berth:
    """What one process below a launcher is given.

    Args:
        name: its own.
        room: the job's folder.
        folder: its working directory.
        bridges: the folder of the bridge.
        environ: its variables.
    """

    name: str
    room: Path
    folder: Path
    bridges: Path
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Launch:
    """How one process is started and ended.

    Args:
        argv: the launcher's words and the program's.
        environ: what the first of them gets.
        stop: the words that end what the launcher started; none without such a command.
    """

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    stop: tuple[str, ...] = ()


def new_name(name: str) -> str:
    """A name for one container of a model: letters, digits and hyphens."""
    return f"spfem-{name}-{uuid.uuid4().hex[:12]}"


def aboard(place: Place, words: Sequence[str], berth: Berth, named: Sequence[str] = ()) -> Launch:
    """A program's words below the launcher of its place.

    Where the launcher has ``{variable}`` the program's variables go that way alone, and the launcher itself
    is started with this user's own: it finds its settings and images by them.

    Args:
        place: where the launcher is said.
        words: that start the program, in the container.
        berth: what it is given.
        named: variables that are handed on even where they name folders of this machine.
    """
    values = _values(place, berth)
    carried = [
        f"{name}={value}"
        for name, value in berth.environ.items()
        if name in named or name not in _OF_THIS_MACHINE
    ]
    launcher = _filled(place.launcher, values, carried)
    environ = dict(os.environ) if carries_variables(place) else berth.environ
    return Launch((*launcher, *words), environ, tuple(_filled(place.stop, values, ())))


def carries_variables(place: Place) -> bool:
    """Whether the launcher hands the program its variables by name."""
    return any(_VARIABLE in word for word in place.launcher)


def ask(manifest: Manifest, place: Place) -> Interpreter:
    """The versions that the model's interpreter has, below its launcher as a job would be.

    Raises:
        ProbeError: it does not start, does not answer, or is no Python.
    """
    packages = sorted(manifest.environment.packages)
    if not place.launcher:
        return ask_interpreter([place.python], packages)
    with TemporaryDirectory(prefix="spfem-probe-") as folder:
        room = Path(folder)
        environ = surroundings(room, room, None, manifest.environment.variables)
        berth = Berth(new_name(manifest.name), room, room, bridges_of(manifest, room), environ)
        started = aboard(place, [place.python], berth, manifest.environment.variables)
        try:
            return ask_interpreter(started.argv, packages)
        finally:
            reaper.stop(started.stop)


def bridges_of(manifest: Manifest, copies: Path) -> Path:
    """The folder that the bridge is started from: ``copies`` where it travels with this project."""
    if manifest.is_shipped:
        return copies
    return manifest.folder if manifest.bridge is None else manifest.bridge.parent


def _values(place: Place, berth: Berth) -> dict[str, str]:
    return {
        "name": berth.name,
        "room": str(berth.room),
        "folder": str(berth.folder),
        "checkout": str(place.checkout.absolute()),
        "bridges": str(berth.bridges),
        "user": f"{os.getuid()}:{os.getgid()}",
    }


def _filled(words: Sequence[str], values: Mapping[str, str], variables: Sequence[str]) -> Iterator[str]:
    """The words with what their placeholders stand for; braces of any other kind stay as they are."""
    for word in words:
        told = re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), word)
        if _VARIABLE in word:
            yield from (told.replace(_VARIABLE, variable) for variable in variables)
        else:
            yield told
