"""``init KIND NAME``: a new adapter, metric or dataset, with its test, that works as written."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

import click

from spfem_bench.cli._frame import verbose_option
from spfem_bench.errors import UsageError

Kind = Literal["adapter", "metric", "dataset"]
_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_PACKAGE = "spfem_bench.testing.skeletons"
_USE = {
    "adapter": "spfem-bench run --adapter {module}:{module} ...",
    "metric": "a suite file: metrics: [{{factory: '{module}:{module}'}}]",
    "dataset": "spfem-bench data show {module}:{module}:FOLDER",
}


@click.command()
@click.argument("kind", type=click.Choice(get_args(Kind)))
@click.argument("name")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="The folder to write to."
)
@verbose_option
def init(kind: Kind, name: str, into: Path) -> None:
    """Write a new adapter, metric or dataset with its test.

    NAME.py works as written; change it step by step while test_NAME.py keeps passing.
    """
    module = module_name(name)
    texts = {into / f"{module}.py": skeleton(kind, module), into / f"test_{module}.py": test_of(kind, module)}
    for path in texts:
        if path.exists():
            raise UsageError(f"{path} exists already: choose another name, or another folder with --into")
    into.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        path.write_text(text, encoding="utf8")
        click.echo(f"wrote {path}")
    click.echo(_next_steps(kind, module, into))


def module_name(name: str) -> str:
    """The module that a name gives: ``my-model`` is ``my_model``.

    Raises:
        UsageError: the name cannot be a module's, or is one of Python's own.
    """
    module = name.replace("-", "_")
    if not _NAME.fullmatch(name) or keyword.iskeyword(module):
        raise UsageError(
            f"'{name}' cannot name a module: use small letters, digits and hyphens, as in my-model"
        )
    if module in sys.stdlib_module_names or module in _dependencies():
        raise UsageError(f"'{name}' is the name of an installed module: choose another, as in my-{name}")
    return module


def _dependencies() -> set[str]:
    from importlib.metadata import packages_distributions

    return set(packages_distributions())


def skeleton(kind: Kind, module: str) -> str:
    """The text of the new module."""
    return _renamed(_source(f"{kind}.py"), kind, module)


def test_of(kind: Kind, module: str) -> str:
    """The text of its test."""
    return _renamed(_source(f"{kind}_test.py"), kind, module)


def _source(name: str) -> str:
    return files(_PACKAGE).joinpath(name).read_text(encoding="utf8")


def _renamed(text: str, kind: Kind, module: str) -> str:
    """The skeleton with its own names put in place of ``my_adapter``, ``my-adapter`` and ``MyAdapter``."""
    camel = "".join(part.capitalize() for part in module.split("_"))
    return (
        text.replace(f"{_PACKAGE}.{kind}", module)
        .replace(f"my_{kind}", module)
        .replace(f"my-{kind}", module.replace("_", "-"))
        .replace(f"My{kind.capitalize()}", camel)
    )


def _next_steps(kind: Kind, module: str, into: Path) -> str:
    entry = f'{module.replace("_", "-")} = "{module}:{module}"'
    return "\n".join(
        [
            f"try it:  cd {into} && python -m pytest test_{module}.py",
            f"use it:  {_USE[kind].format(module=module)}",
            "install it by name, in its pyproject.toml:",
            f'  [project.entry-points."spfem_bench.{kind}s"]',
            f"  {entry}",
        ]
    )
