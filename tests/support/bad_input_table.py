"""``python -m tests.support.bad_input_table``: the answer to each wrong input, as Markdown."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from tests.support.bad_input import CASES, Case, Said, World, meet


def main() -> None:
    """Run every case and print input, answer and exit code; exit 1 when one is not as documented."""
    wrong = 0
    print("| input | printed | exit code |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "world")
        world.root.mkdir()
        for number, item in enumerate(CASES):
            place = Path(folder) / f"case{number}"
            place.mkdir()
            said = meet(world, place, item)
            wrong += said.code != item.code
            print(f"| {item.title} | {_shown(_printed(item, said), folder)} | {said.code} |", flush=True)
    sys.exit(1 if wrong else 0)


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
