"""The code of supervisions as part of what a result is made of.

A training's own record names its recipe, material, states and the code of the backbone, but a supervision's
loss is code of its own: with other formulas the same folder would hold another result.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from spfem_bench.ablation.home import read_plain, write_plain
from spfem_bench.digest import digest_sources
from spfem_bench.errors import UsageError

FILE = "supervision.json"


def supervision_code() -> str:
    """Digest of what computes a supervision's loss: methods, supervisors' networks, how they are built."""
    import spfem_baselines.supervision as methods
    import spfem_baselines.supervisors as networks

    folders = [Path(str(package.__file__)).parent for package in (methods, networks)]
    return digest_sources(*folders, Path(__file__).with_name("helpers.py"))


def claim(folder: Path, members: Collection[str]) -> None:
    """Keep beside a training by what code of supervisions it is made, or find that it was by the same.

    A training without supervision has no such code. What was not begun is claimed anew.

    Args:
        folder: of the training's checkpoint.
        members: its supervisions.

    Raises:
        UsageError: the folder holds a checkpoint that other code made, or that nobody claimed.
        IntegrityError: the file is damaged.
        StorageError: it cannot be written.
    """
    from spfem_baselines.backbone.checkpoint import FILE as CHECKPOINT

    if not members:
        return
    key = supervision_code()
    if read_plain(folder / FILE, key) is not None:
        return
    if (folder / CHECKPOINT).is_file():
        raise UsageError(
            f"{folder} holds a checkpoint made by other code of its supervisions "
            f"({', '.join(members)}): delete it and run again"
        )
    write_plain(folder / FILE, {"key": key})
