"""Files that travel with the package: configurations and published numbers.

A wheel carries them under ``spfem_bench/_shipped``; a source checkout has them beside the package.
"""

from __future__ import annotations

import os
from pathlib import Path

from spfem_bench.config import near_miss
from spfem_bench.errors import ConfigError

PACKAGE = Path(__file__).resolve().parent


def config_path(kind: str, name: str) -> Path:
    """The configuration file of a name.

    Args:
        kind: the folder under ``configs``: ``suites``, ``protocols``, ``datasets``, ``runs``, ``train``.
        name: the file's name without ``.yaml``, where ``/`` may stand for ``-`` (``spfem/cross-id@1``);
            or a file's path: it ends in ``.yaml`` or ``.yml``, or has a path separator and exists.

    Raises:
        ConfigError: no such file; lists the names there are, the likeliest first.
    """
    given = Path(name).expanduser()
    if given.suffix in {".yaml", ".yml"}:
        return _existing(given)
    if os.sep in name and given.is_file():
        return given
    stem = name.replace("/", "-")
    found = _find(Path("configs", kind, f"{stem}.yaml"), Path("configs", kind).parts)
    if found is None:
        raise ConfigError(_unknown(kind, name, stem))
    return found


def list_configs(kind: str) -> list[str]:
    """The names of one kind of configuration, sorted."""
    folder = _find(Path("configs", kind))
    return sorted(path.stem for path in folder.glob("*.yaml")) if folder else []


def shipped(relative: str) -> Path:
    """A file or folder that travels with the package, for example ``configs/weights.yaml``.

    Raises:
        ConfigError: it is not there: the installation is broken.
    """
    found = _find(Path(relative))
    if found is None:
        raise ConfigError(f"{relative} is missing from {PACKAGE}; install spfem-bench again.")
    return found


def reported_dir() -> Path:
    """The folder of published numbers."""
    return shipped("leaderboards/reported")


def roots() -> tuple[Path, ...]:
    """Where shipped files are looked for: inside the installed package, then the source checkout."""
    checkout = PACKAGE.parent
    is_checkout = (checkout / "pyproject.toml").is_file()
    return (PACKAGE / "_shipped", checkout) if is_checkout else (PACKAGE / "_shipped",)


def _find(relative: Path, inside: tuple[str, ...] = ()) -> Path | None:
    """The first root that has it; with ``inside``, never a file that leaves that folder (``../x``)."""
    for root in roots():
        path = root / relative
        if path.exists() and path.resolve().is_relative_to(root.joinpath(*inside).resolve()):
            return path
    return None


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ConfigError(f"{path} does not exist; give the path of a YAML file or a shipped name.")
    return path


def _unknown(kind: str, name: str, stem: str) -> str:
    known = list_configs(kind)
    singular = kind.removesuffix("s")
    listing = f"There are: {', '.join(known)}." if known else f"No {kind} are installed."
    return f"There is no {singular} named '{name}'.{near_miss(stem, known)} {listing}"
