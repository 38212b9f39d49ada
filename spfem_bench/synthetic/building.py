"""How a folder of rendered clips is filled: no foreign files touched, clips made by several processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from spfem_bench.engine import LocalEngine
from spfem_bench.errors import DatasetError
from spfem_bench.fsio import remove_leftovers
from spfem_bench.progress import Progress
from spfem_bench.synthetic.recipe import Row, Rows

Result = TypeVar("Result")


def require_own(root: Path, statement: str, locked: str = "") -> None:
    """Nothing where a folder is new, empty, or says by its file ``statement`` that it was rendered.

    Args:
        root: the folder.
        statement: name of the first file a rendering writes.
        locked: name of the folder that is made before it, to hold the lock.

    Raises:
        DatasetError: it holds something else, which rendering would mix with.
    """
    if not root.is_dir() or (root / statement).is_file():
        return
    others = sorted(path.name for path in root.iterdir() if path.name[0] != "." and path.name != locked)
    if others:
        raise DatasetError(
            f"{root} holds other files ({others[0]}, ...) and was not rendered: give a new or empty folder"
        )


def require_same(root: Path, known: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> None:
    """Nothing where a folder's recipe, if it has one, is the wanted one.

    Raises:
        DatasetError: it has another; names what differs.
    """
    if known is None or known == wanted:
        return
    names = sorted(name for name in {*known, *wanted} if known.get(name) != wanted.get(name))
    raise DatasetError(
        f"{root} holds a rendered dataset of other parameters ({', '.join(names)}): "
        "give another folder or remove it"
    )


def remove_parts(root: Path) -> None:
    """Remove what a killed run left half-written; call it only under the folder's lock."""
    remove_leftovers(root)
    for path in root.rglob(".*.part"):
        path.unlink(missing_ok=True)


def made(
    work: Callable[[Row], Result], rows: Rows, progress: Progress, workers: int = 1
) -> Iterator[tuple[Row, Result]]:
    """Each row with what the work made of it, in order; the work must be picklable for several workers."""
    progress.start("render", len(rows))
    for row, result in zip(rows, LocalEngine(workers).map(work, rows), strict=True):
        yield row, result
        progress.advance("render", row[0].id)
    progress.finish("render")


def recipe_in(path: Path) -> Mapping[str, Any] | None:
    """The recipe in a file of its own, None where there is none.

    Raises:
        DatasetError: it is damaged.
    """
    if not path.is_file():
        return None
    try:
        return dict(json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise DatasetError(f"{path} is damaged ({error}): remove the folder and render it again") from error
