"""The marker at the root of a rendered tree: what tells the readers of real datasets that it is not real.

A rendered tree in MEAD's or RAVDESS's layout is read by the readers of those, unchanged but for this: its
kind is ``rendered``, its licence this project's, and what belongs to the rendering is no stray file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spfem_bench.datasets.records import Dataset
from spfem_bench.errors import DatasetError

MARKER = "RENDERED.json"
TRUTH = "truth"
"""Folder of what is known of a rendered tree's clips; no reader looks into it."""

_SHOWN = 3


@dataclass(frozen=True)
class Rendering:
    """What the marker says.

    Args:
        recipe: parameters of the tree, with the layout and the renderer's version.
        clips: paths of all its clips, relative to the root; empty until it is finished.
        finished: whether every clip was rendered.
    """

    recipe: Mapping[str, Any]
    clips: tuple[str, ...] = ()
    finished: bool = False

    def as_json(self) -> dict[str, Any]:
        """The marker's content."""
        return {
            "schema_version": 1,
            "about": "Rendered talking heads, not recordings: no evidence about real faces.",
            "recipe": dict(self.recipe),
            "finished": self.finished,
            "clips": list(self.clips),
        }


def read_marker(root: Path) -> Rendering | None:
    """The marker of a tree, None where there is none.

    Raises:
        DatasetError: it is damaged.
    """
    path = root / MARKER
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Rendering(
            dict(content["recipe"]), tuple(map(str, content["clips"])), content["finished"] is True
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path} cannot be read ({error}): render the tree again") from error


def finished_marker(root: Path) -> Rendering | None:
    """The marker of a tree that may be read, None where there is none.

    Raises:
        DatasetError: it is damaged, or the tree was not finished.
    """
    marker = read_marker(root)
    if marker is not None and not marker.finished:
        raise DatasetError(
            f"{root} is a rendered tree that was not finished: run the same `spfem-bench data render` again"
        )
    return marker


def as_rendered(dataset: Dataset, marker: Rendering | None) -> Dataset:
    """The dataset with its true kind and licence; unchanged without a marker."""
    if marker is None:
        return dataset
    version, seed = marker.recipe.get("renderer"), marker.recipe.get("seed")
    note = f"Rendered by version {version} from seed {seed} in the layout of {dataset.name}: not recordings."
    return replace(dataset, kind="rendered", licence="Apache-2.0", notes=(note, *dataset.notes))


def belongs_to_rendering(path: Path, root: Path) -> bool:
    """Whether an entry of a tree is its marker, or the folder of its truth."""
    return (root / MARKER).is_file() and path in (root / MARKER, root / TRUTH)


def lost_clips(dataset: Dataset) -> list[str]:
    """A sentence on the clips that were rendered into a tree and are gone; none where all are there."""
    marker = read_marker(dataset.root)
    here = {record.path for record in dataset.records}
    lost = [path for path in (marker.clips if marker else ()) if path not in here]
    if not lost:
        return []
    more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
    return [f"{len(lost)} of the clips rendered here are gone: {', '.join(lost[:_SHOWN])}{more}."]
