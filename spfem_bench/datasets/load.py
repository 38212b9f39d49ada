"""From ``mead:/data/MEAD`` to an indexed dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from spfem_bench.datasets.records import Dataset
from spfem_bench.errors import DatasetError, PluginError, UsageError

GROUP = "spfem_bench.datasets"
"""The entry point group of dataset readers: ``read(root: Path) -> Dataset``."""

READERS: Mapping[str, str] = MappingProxyType(
    {
        "mead": "spfem_bench.datasets.mead:read",
        "ravdess": "spfem_bench.datasets.ravdess:read",
        "folder": "spfem_bench.datasets.folder:read",
        "synthetic": "spfem_bench.synthetic.dataset:read",
    }
)
"""The readers of this package, by name."""


def load_dataset(
    spec: str, fields: Mapping[str, str] | None = None, *, require_files: bool = True
) -> Dataset:
    """Index a dataset.

    Args:
        spec: ``mead:FOLDER``, ``ravdess:FOLDER``, ``folder:FOLDER`` or ``folder:MANIFEST``, ``synthetic``
            (the cache's own) or ``synthetic:FOLDER``, ``NAME:FOLDER`` of a plug-in, ``module:reader:FOLDER``.
        fields: for ``folder``: field -> the manifest's key for it, e.g. ``{"emotion": "expression_seen"}``.
        require_files: for ``folder``: refuse a manifest that lists files which are not there.

    Raises:
        UsageError: the spec is not of that form, or ``fields`` is given for another reader.
        PluginError: no reader of that name.
        DatasetError: the folder is not such a dataset.
    """
    name, root = split_spec(spec)
    if name == "folder":
        from spfem_bench.datasets import folder

        return folder.read(root, fields, require_files=require_files)
    if fields:
        raise UsageError(
            f"--field maps the keys of a manifest and works with folder:PATH only, not with '{name}'"
        )
    return _checked(_reader(name)(root), spec)


def split_spec(spec: str) -> tuple[str, Path]:
    """The reader's name and the folder.

    Raises:
        UsageError: no folder is given where the reader needs one.
    """
    name, _, rest = spec.partition(":")
    if name not in READERS and ":" in rest:
        attribute, _, rest = rest.partition(":")
        name = f"{name}:{attribute}"
    if name == "synthetic" and not rest:
        from spfem_bench.paths import cache_dir

        return name, cache_dir() / "synthetic"
    if not rest:
        raise UsageError(f"'{spec}' names no folder; write for example mead:/data/MEAD or folder:./clips")
    return name, Path(rest).expanduser()


def _reader(name: str) -> Any:
    from spfem_bench.registry import resolve

    reader = resolve(GROUP, name, READERS)
    if not callable(reader):
        raise PluginError(f"the dataset reader '{name}' is not callable; it must be read(root) -> Dataset")
    return reader


def _checked(dataset: object, spec: str) -> Dataset:
    if not isinstance(dataset, Dataset):
        raise DatasetError(f"the reader of '{spec}' returned a {type(dataset).__name__}, not a Dataset")
    ids = [record.id for record in dataset.records]
    if ids != sorted(set(ids)):
        raise DatasetError(f"the reader of '{spec}' returned records that are not sorted by unique ids")
    return dataset
