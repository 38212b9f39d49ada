"""Rendered trees in the layouts of recorded datasets.

    ROOT/RENDERED.json          the marker: parameters, every clip; tells readers that nothing is recorded
    ROOT/truth/clips.jsonl      what is said when, by whom, in every clip
    ROOT/truth/<clip>.npz       the truth of every frame, where asked for
    ROOT/...                    clips and tables as the layout has them

The marker is there before the first clip and says at the end that the tree is finished.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from spfem_bench.config import near_miss
from spfem_bench.datasets import mead, ravdess
from spfem_bench.datasets.records import Dataset
from spfem_bench.datasets.rendered import MARKER, TRUTH, Rendering, read_marker
from spfem_bench.errors import DatasetError, UsageError
from spfem_bench.fsio import folder_lock, write_atomically
from spfem_bench.progress import Progress, SilentProgress
from spfem_bench.synthetic import mead_like, ravdess_like
from spfem_bench.synthetic.building import made, remove_parts, require_own, require_same
from spfem_bench.synthetic.recipe import Recipe, Row, Rows
from spfem_bench.synthetic.truths import CLIPS, write_curves, write_timing


@dataclass(frozen=True)
class Layout:
    """One recorded dataset's way of laying out clips.

    Args:
        rows: the clips of a recipe.
        store: renders one of them into a tree.
        describe: writes the tables beside them.
        read: the reader of the recorded dataset.
    """

    rows: Callable[[Recipe], list[Row]]
    store: Callable[[Path, Row], None]
    describe: Callable[[Path, Rows], None]
    read: Callable[[Path], Dataset]


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "mead": Layout(mead_like.rows, mead_like.store, mead_like.describe, mead.read),
        "ravdess": Layout(ravdess_like.rows, ravdess_like.store, ravdess_like.describe, ravdess.read),
    }
)
"""The layouts, by the name of the reader."""


def export(
    root: Path,
    layout: str,
    recipe: Recipe,
    *,
    progress: Progress | None = None,
    truths: bool = False,
    workers: int = 1,
) -> Dataset:
    """Render a tree in the layout of a recorded dataset, or what is missing of it.

    Args:
        root: folder to make or to complete.
        layout: ``mead`` or ``ravdess``.
        recipe: what to render; ``seconds=None`` leaves every take its own length.
        progress: told of every clip.
        truths: also write the truth of every frame below ``truth``.
        workers: processes.

    Returns:
        The tree as the dataset's own reader indexes it.

    Raises:
        DatasetError: the folder holds other files or other parameters, or there is nothing to render.
        StorageError: the folder cannot be written or is in use; what was finished is kept.
        UsageError: no such layout, it has no room for the recipe, or the size is odd.
    """
    shape = _layout(layout)
    if recipe.size % 2:
        raise UsageError(f"a side of {recipe.size} px is odd, and H.264 takes even ones: give an even size")
    wanted = shape.rows(recipe)
    if not wanted:
        raise DatasetError(f"nothing to render into {root}: give at least one speaker, sentence and emotion")
    require_own(root, MARKER, TRUTH)
    mark = Rendering({**recipe.as_json(), "layout": layout})
    with folder_lock(root / TRUTH):
        known = read_marker(root)
        require_same(root, known.recipe if known else None, mark.recipe)
        remove_parts(root)
        _write_marker(root, mark)
        for _ in made(_Work(root, shape, truths), wanted, progress or SilentProgress(), workers):
            pass
        shape.describe(root, wanted)
        write_timing(root / TRUTH / CLIPS, wanted)
        _write_marker(root, replace(mark, clips=tuple(row[0].path for row in wanted), finished=True))
    return shape.read(root)


def _layout(name: str) -> Layout:
    if name not in LAYOUTS:
        known = ", ".join(LAYOUTS)
        raise UsageError(f"no layout '{name}'.{near_miss(name, LAYOUTS)} There are {known}")
    return LAYOUTS[name]


def _write_marker(root: Path, mark: Rendering) -> None:
    write_atomically(root / MARKER, json.dumps(mark.as_json(), sort_keys=True, indent=1) + "\n")


@dataclass(frozen=True)
class _Work:
    """Makes one clip; sent to the workers."""

    root: Path
    layout: Layout
    truths: bool

    def __call__(self, row: Row) -> None:
        self.layout.store(self.root, row)
        if self.truths:
            write_curves((self.root / TRUTH / row[0].path).with_suffix(".npz"), row[1])
