"""Wrong inputs, each with the call that meets it: for the tests of the command line and for their table."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from click.testing import CliRunner

from spfem_bench.cli import main
from spfem_bench.digest import digest_file
from spfem_bench.stages.workbench import open_workbench
from tests.support.clips import make_clip, moving_box
from tests.support.worlds import TINY, make_folder, tiny_spec

PROTOCOL = "open/cross-id@1"
ONE = ("--adapter", "copy-source")
SUITE = Path(TINY).read_text()
"""The tiny suite, to be spoilt."""
_PROGRESS = re.compile(r"(measure|generate|certify): |bundle: |\S+ left out: ")


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line of the error on stderr.

        Raises:
            AssertionError: there is a traceback, no such line, or more than one.
        """
        # click ends the terminal's line after a ^C
        lines = [line for line in self.err.splitlines() if line and not _PROGRESS.match(line)]
        assert len(lines) == 1, f"one sentence is due, not:\n{self.err}"
        assert lines[0].startswith("spfem-bench: "), self.err
        return lines[0].removeprefix("spfem-bench: ")


def command(*arguments: object) -> Said:
    """Run ``spfem-bench`` in this process, as a fresh one would: nothing indexed before is remembered."""
    open_workbench.cache_clear()
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return Said(done.exit_code, done.stdout, done.stderr)


def tree(folder: Path) -> dict[str, str]:
    """Relative path -> digest of every file below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): digest_file(path) for path in files}


@dataclass(frozen=True)
class World:
    """A small dataset, and a model's good outputs for it.

    Args:
        root: a folder of its own.
    """

    root: Path

    @cached_property
    def manifest(self) -> Path:
        """The dataset: two people in three emotions."""
        return make_folder(self.root / "data", speakers=2)

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """Trial id -> id of its source clip."""
        plan = open_workbench(tiny_spec(self.manifest, self.root / "plan-cache", "copy-source")).plan
        return {trial.id: trial.source.id for trial in plan.trials}

    @cached_property
    def trials(self) -> list[str]:
        """All trial ids."""
        return list(self.sources)

    @cached_property
    def good(self) -> Path:
        """An output for every trial, shorter than any source."""
        folder = self.root / "good"
        folder.mkdir()
        for trial in self.trials:
            make_clip(folder / f"{trial}.mp4", moving_box(12, (32, 32)))
        return folder

    def outputs(self, place: Path) -> Path:
        """A copy of the good outputs."""
        return Path(shutil.copytree(self.good, place / "model"))

    def data(self, place: Path) -> Path:
        """A copy of the dataset; its manifest."""
        return Path(shutil.copytree(self.manifest.parent, place / "clips")) / self.manifest.name

    def first(self, folder: Path) -> Path:
        """The output of the first trial in a folder of outputs."""
        return folder / f"{self.trials[0]}.mp4"


Arguments = Sequence[object]
Make = Callable[[World, Path], Arguments]


@dataclass(frozen=True)
class Case:
    """One wrong input.

    Args:
        title: what is wrong, for the table.
        make: prepares it in an empty folder and returns the command's arguments.
        code: the documented exit code.
        said: a regular expression that the sentence (with code 0: the table) holds.
        environ: variables of the call, relative to the folder where they name one.
    """

    title: str
    make: Make
    code: int
    said: str
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The title as a test's id."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


CASES: list[Case] = []


def case(title: str, code: int, said: str, **environ: str) -> Callable[[Make], Make]:
    """Add a case whose function prepares the input."""

    def add(make: Make) -> Make:
        CASES.append(Case(title, make, code, said, environ))
        return make

    return add


def score(world: World, place: Path, folder: Path, *more: object, dataset: Path | None = None) -> Arguments:
    """``score`` on the tiny suite, without bounds, into ``place/out``."""
    where = f"folder:{dataset or world.manifest}"
    asked = ("--suite", TINY) if "--suite" not in more else ()
    common = ("--dataset", where, "--protocol", PROTOCOL, "--no-bounds", "-o", place / "out")
    return ("score", folder, *common, *asked, *more)


def run_args(world: World, place: Path, *more: object) -> Arguments:
    """``run`` with the given options."""
    asked = () if "--suite" in more else ("--suite", TINY)
    own = () if "--dataset" in more else ("--dataset", f"folder:{world.manifest}")
    under = () if "--protocol" in more else ("--protocol", PROTOCOL)
    into = () if "-o" in more else ("-o", place / "out")
    return ("run", *own, *under, "--no-bounds", *into, *asked, *more)


@contextmanager
def surroundings(world: World, place: Path, environ: Mapping[str, str]) -> Iterator[None]:
    """The variables of a case; the world's own cache, and no network file but those the case brings."""
    given = {name: str(place / value) for name, value in environ.items()}
    wanted = {
        "SPFEM_BENCH_CACHE_DIR": str(world.root / "cache"),
        "SPFEM_BENCH_WEIGHTS": str(place / "no-weights"),
        "SPFEM_BENCH_OFFLINE": "1",
        **given,
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def meet(world: World, place: Path, wrong: Case) -> Said:
    """Prepare a case and run it."""
    with surroundings(world, place, wrong.environ):
        return command(*wrong.make(world, place))
