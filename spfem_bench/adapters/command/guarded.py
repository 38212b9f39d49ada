"""What of a program must stay as it is while it runs: all of a clone, of one's own program what makes it.

Beside a program of one's own lie logs, results and whatever its owner is just writing, which are nobody's
fault. So only what its manifest names and what counts as its code (`contents`) is looked at there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from spfem_bench.adapters.command.contents import code_files, named_files
from spfem_bench.adapters.command.manifest import Manifest
from spfem_bench.adapters.command.places import Place
from spfem_bench.adapters.command.watch import Watched


def program_trees(manifest: Manifest, place: Place) -> list[Watched]:
    """What a program must not write to besides its own job's folder.

    Raises:
        UsageError: its code cannot be told (`code_files`).
    """
    is_clone = manifest.upstream.repository is not None
    checkouts = (place.checkout, place.checkout.resolve())  # files come by either name
    named: dict[Path, set[Path]] = {}
    for file in _program_files(manifest, place):
        known = (*checkouts, manifest.folder, manifest.folder.resolve())
        root = next((folder for folder in known if file.is_relative_to(folder)), file.parent)
        named.setdefault(root, set()).add(file)
    trees = [Watched(place.checkout, "checkout", manifest.writable)] if is_clone else []
    for root, files in named.items():
        if root not in checkouts:
            trees.append(Watched(root, "program", only=files))
        elif not is_clone:
            trees.append(Watched(root, "checkout", manifest.writable, files))
    return trees


def _program_files(manifest: Manifest, place: Place) -> Iterator[Path]:
    """What the manifest of one's own names, there or not, and the code beside it."""
    if manifest.is_shipped:
        return
    yield from (manifest.file, place.note)
    if manifest.bridge is not None:
        yield manifest.bridge
    yield from named_files(manifest, place)
    yield from code_files(manifest, place)
    yield from (place.asset(asset.path) for asset in manifest.needed_assets)
