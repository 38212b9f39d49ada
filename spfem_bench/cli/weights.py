"""``spfem-bench weights``: what networks' files there are, where they are, and getting them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spfem_bench.cli._frame import echo_json, json_option
from spfem_bench.errors import BenchError, IntegrityError, MissingWeightsError, UsageError

if TYPE_CHECKING:
    from spfem_bench.weights import Entry

Row = dict[str, Any]


@click.group()
def weights() -> None:
    """List, fetch and verify the networks' files.

    They are looked for in the folders named by SPFEM_BENCH_WEIGHTS, then in the cache.
    """


@weights.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Every network file: what for, how large, its licence, where it is."""
    from spfem_bench.weights import registry

    rows = [_described(item) for item in registry().values()]
    if as_json:
        echo_json(rows)
        return
    for row in rows:
        click.echo(f"{row['name']}: {row['purpose']}")
        pin = _pin(row)
        click.echo(f"  {row['size']}, {row['licence']} ({row['licence_class']}), {row['format']}{pin}")
        click.echo(f"  {_place(row)}")
        if row["note"]:
            click.echo(f"  {row['note']}")


@weights.command()
@click.argument("names", nargs=-1)
@click.option("--suite", "suites", multiple=True, help="Every file that a suite needs; may be repeated.")
@json_option
def fetch(names: tuple[str, ...], suites: tuple[str, ...], as_json: bool) -> None:
    """Download files into the cache, go on where a download stopped, check the digests.

    Files that are here already are only verified.
    """
    from spfem_bench import weights as store

    wanted = _wanted(names, suites)

    def one(item: Entry) -> Path:
        with _progress(item) as report:
            return store.fetch(item.name, progress=report)

    _each(wanted, one, as_json=as_json)


@weights.command()
@click.argument("names", nargs=-1)
@json_option
def verify(names: tuple[str, ...], as_json: bool) -> None:
    """Read the files that are here again and compare size and digests with the pinned ones.

    Without NAMES, every file that is here. A named file that is missing is an error (exit code 5); one with
    other bytes is exit code 6.
    """
    from spfem_bench.weights import locate, registry, where
    from spfem_bench.weights import verify as check

    here = [item.name for item in registry().values() if where(item) is not None]

    def one(item: Entry) -> Path:
        path = where(item) or locate(item.name)
        check(item, path, fresh=True)
        return path

    _each([_entry(name) for name in names or here], one, as_json=as_json)


@weights.command("random")
@click.argument("names", nargs=-1)
@click.option("--suite", "suites", multiple=True, help="Every file that a suite needs; may be repeated.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write to."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of every number.")
@json_option
def random_(names: tuple[str, ...], suites: tuple[str, ...], output: Path, seed: int, as_json: bool) -> None:
    """Write files of the published form filled with random weights, to try a suite without the real ones.

    Name the folder by SPFEM_BENCH_WEIGHTS to use them. Every table made with them says that it is no result.
    Of a suite's files those are left out that have no random form; they must be fetched.
    """
    from spfem_bench.weights import write_random
    from spfem_bench.weights.random import MAKERS

    wanted = [item.name for item in _wanted(names, suites)]
    left = [name for name in wanted if name not in MAKERS and name not in names]
    written = write_random([name for name in wanted if name not in left], output, seed)
    for name in left:
        click.echo(f"{name}: no random form, `spfem-bench weights fetch {name}` gets it", err=True)
    if as_json:
        echo_json({name: str(file) for name, file in written.items()})
        return
    for name, file in written.items():
        click.echo(f"{name}: {file} (random, seed {seed})")


@weights.command()
@click.argument("name")
@json_option
def path(name: str, as_json: bool) -> None:
    """Print where a file is, after verifying it."""
    from spfem_bench.weights import locate

    found = locate(name)
    if as_json:
        echo_json({"name": name, "path": str(found)})
    else:
        click.echo(str(found))


def _entry(name: str) -> Entry:
    from spfem_bench.weights import entry

    return entry(name)


def _wanted(names: Sequence[str], suites: Sequence[str]) -> list[Entry]:
    asked = [*names, *(name for suite in suites for name in suite_weights(suite))]
    if not asked and not suites:
        raise UsageError(
            "Name the files to fetch, or a suite by --suite; `weights list` shows what there is."
        )
    return [_entry(name) for name in dict.fromkeys(asked)]


def suite_weights(suite: str) -> list[str]:
    """The names of the files a suite uses, sorted.

    Raises:
        ConfigError: there is no such suite.
    """
    from spfem_bench.suites import load_suite

    return load_suite(suite).weight_names


def _described(item: Entry) -> Row:
    from spfem_bench.weights import standing, verified, where

    found = where(item)
    stands = standing(item, found) if found else "pinned" if item.pinned else "unpinned"
    return {
        "name": item.name,
        "file": item.file,
        "purpose": item.purpose,
        "bytes": item.bytes,
        "size": item.size,
        "sha256": item.sha256,
        "git_blob": item.git_blob,
        "standing": stands,
        "format": item.format,
        "licence": item.licence,
        "licence_class": item.licence_class,
        "note": item.note,
        "by_hand": item.by_hand,
        "urls": list(item.urls),
        "path": str(found) if found else None,
        "verified": verified(item, found) if found else None,
    }


def _pin(row: Row) -> str:
    """What pins a file, where it is not its sha256."""
    if row["sha256"]:
        return ""
    return f", git blob {row['git_blob'][:12]}" if row["git_blob"] else ", unpinned"


def _place(row: Row) -> str:
    if row["path"] is None:
        how = f"spfem-bench weights fetch {row['name']}" if row["urls"] else row["by_hand"]
        return f"missing ({row['standing']}): {how}"
    if row["standing"] == "random":
        return f"{row['path']} (random weights, not a result)"
    said = {None: "not verified yet", True: "verified", False: "NOT the pinned bytes"}
    return f"{row['path']} ({said[row['verified']]})"


def _each(items: Sequence[Entry], action: Callable[[Entry], Path], *, as_json: bool) -> None:
    """Do all, say what became of each, then fail with the gravest error met."""
    rows: list[Row] = []
    errors: list[BenchError] = []
    for item in items:
        row: Row = {"name": item.name, "path": None, "ok": True, "error": None}
        try:
            row["path"] = str(action(item))
        except (MissingWeightsError, IntegrityError) as error:
            errors.append(error)
            row.update(ok=False, error=str(error))
        rows.append(row)
        if not as_json and row["ok"]:
            click.echo(f"{item.name}: {row['path']} (verified)")
    if as_json:
        echo_json(rows)
    _fail(errors)


def _fail(errors: Sequence[BenchError]) -> None:
    if not errors:
        return
    kind = type(max(errors, key=lambda error: error.exit_code))
    raise kind(" ".join(str(error) for error in errors))


@contextmanager
def _progress(item: Entry) -> Iterator[Callable[[int, int | None], None] | None]:
    """A bar on stderr where it is a terminal, one plain line at the end of a download where not."""
    if sys.stderr.isatty():
        with _bar(item) as report:
            yield report
        return
    last: list[int] = []
    yield lambda done, _total: last.__setitem__(slice(None), [done])
    if last:
        click.echo(f"fetched {item.file}: {last[0]} bytes", err=True)


@contextmanager
def _bar(item: Entry) -> Iterator[Callable[[int, int | None], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(item.file, total=item.bytes)
        yield lambda done, total: bars.update(task, completed=done, total=total)
