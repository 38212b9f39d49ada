"""The commands and links that mend what `spfem_bench.adapters.command.check` found missing."""

from __future__ import annotations

from pathlib import Path

from spfem_bench.adapters.command.manifest import Manifest
from spfem_bench.adapters.command.parts import Asset
from spfem_bench.adapters.command.places import Place

_CREATE = {
    "conda": "conda env create -p {env} -f {checkout}/{file}",
    "venv": "python{python} -m venv {env} && {env}/bin/pip install -r {checkout}/{file}",
}


def clone(manifest: Manifest, place: Place) -> str:
    """The command that gets the code at its pinned commit."""
    upstream = manifest.upstream
    if upstream.repository is None:
        return f"put the program there, or name its folder as checkout in {place.note}"
    clone = f"git clone {upstream.repository} {place.checkout}"
    return clone if upstream.commit is None else f"{clone} && {switch(place.checkout, upstream.commit)}"


def switch(checkout: Path, commit: str) -> str:
    """The command that checks a commit out."""
    return f"git -C {checkout} checkout {commit}"


def create(manifest: Manifest, place: Place) -> str:
    """How the environment is made, and where to say that it is elsewhere."""
    wanted = manifest.environment
    elsewhere = f"or name an interpreter as python in {place.note}"
    if wanted.kind == "container":
        elsewhere = f"then say in {place.note} how it is started (docs/foreign.md, Places), {elsewhere}"
    usual = _CREATE.get(wanted.kind) if wanted.file is not None else None
    command = wanted.create or usual
    if command is None:
        needs = [
            f"Python {wanted.python or '3'}",
            *(f"{name} {version}".strip() for name, version in wanted.packages.items()),
        ]
        return f"make an environment at {place.env} with {', '.join(needs)}, {elsewhere}"
    values = {
        "{env}": str(place.env),
        "{checkout}": str(place.checkout),
        "{file}": wanted.file or "",
        "{python}": wanted.python or "3",
    }
    for name, value in values.items():
        command = command.replace(name, value)
    return f"{command}; {elsewhere}"


def get(asset: Asset, path: Path) -> str:
    """Where an asset is had, and where it goes."""
    if asset.url is not None:
        gate = f" ({asset.gated})" if asset.gated else ""
        return f"get {asset.url}{gate} and put it at {path}"
    return f"{asset.gated or asset.note}; put it at {path}"
