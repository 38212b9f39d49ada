"""``python -m tests.support.bad_input_table``: the answer to each wrong input, as Markdown."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.bad_input import CASES, ONE, Case, Said, World, command, meet, run_args, surroundings
from tests.support.faults import filled, make_read_only, outputs_in, process, small_disk

Row = tuple[str, Said, str, int]
"""Input, what was said, the line to show, the documented exit code."""
SLOW = ("--adapter", "tests.support.adapters:slow")


def main() -> None:
    """Run every case and print input, answer and exit code; exit 1 when one is not as documented."""
    wrong = 0
    print("| input | printed | exit code |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "world")
        world.root.mkdir()
        for title, said, line, code in [*_cases(world, Path(folder)), *_faults(world, Path(folder))]:
            wrong += said.code != code
            print(f"| {title} | {_shown(line, folder)} | {said.code} |")
    sys.exit(1 if wrong else 0)


def _cases(world: World, folder: Path) -> Iterator[Row]:
    for number, item in enumerate(CASES):
        place = folder / f"case{number}"
        place.mkdir()
        said = meet(world, place, item)
        yield item.title, said, _printed(item, said), item.code


def _faults(world: World, folder: Path) -> Iterator[Row]:
    for number, fault in enumerate((_full, _read_only, _in_use, _interrupted)):
        place = folder / f"case{len(CASES) + number}"
        place.mkdir()
        with surroundings(world, place, {"SPFEM_BENCH_CACHE_DIR": "cache"}):
            yield from fault(world, place)


def _full(world: World, place: Path) -> Iterator[Row]:
    arguments = run_args(world, place, *SLOW, "-o", place / "disk" / "out")
    with small_disk(place / "disk") as permitted:
        if permitted:
            filler = filled(place / "disk", 8 << 10)
            said = command(*arguments)
            yield "full disk", said, said.sentence, 5
            filler.unlink()
            said = command(*arguments)
            yield "the same command with space again", said, said.out.splitlines()[0], 0


def _read_only(world: World, place: Path) -> Iterator[Row]:
    with small_disk(place / "disk") as permitted:
        if permitted:
            make_read_only(place / "disk")
            said = command(*run_args(world, place, *ONE, "-o", place / "disk" / "out"))
            yield "read-only file system", said, said.sentence, 5


def _in_use(world: World, place: Path) -> Iterator[Row]:
    first = process(*run_args(world, place, *SLOW))
    first.until((place / "out" / "spec.json").exists)
    second = command(*run_args(world, place, *SLOW))
    yield "a second run into one folder", second, second.sentence, 5
    said = first.finish()
    yield "the first of the two", said, said.out.splitlines()[0], 0


def _interrupted(world: World, place: Path) -> Iterator[Row]:
    running = process(*run_args(world, place, *SLOW))
    running.until(lambda: outputs_in(place / "cache") >= 2)
    running.interrupt(group=True)
    said = running.finish()
    yield "Ctrl-C", said, said.sentence, 130
    said = command(*run_args(world, place, *SLOW))
    yield "the same command after Ctrl-C", said, said.out.splitlines()[0], 0


def _printed(item: Case, said: Said) -> str:
    """The sentence; of a table, the line that tells of the fault."""
    if said.code:
        return said.sentence
    lines = said.out.splitlines()
    return next((line for line in lines if re.search(item.said, line)), lines[-1])


def _shown(text: str, folder: str) -> str:
    short = re.sub(rf"{re.escape(folder)}/(world|case\d+)/", "", text)
    return " ".join(short.split()).replace("|", "\\|")


if __name__ == "__main__":
    main()
