"""``spfem-bench data``: index, verify, show and render datasets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from spfem_bench.cli._frame import echo_json, json_option, output_option, verbose_option
from spfem_bench.cli.data_render import render
from spfem_bench.errors import IncompleteError, IntegrityError

if TYPE_CHECKING:
    from spfem_bench.datasets.index import Difference
    from spfem_bench.datasets.records import Dataset
    from spfem_bench.datasets.verify import Report

_F = TypeVar("_F", bound=Callable[..., Any])
_LINES = 20


@click.group(name="data")
def data() -> None:
    """Index, verify, show and render datasets.

    DATASET is mead:FOLDER, ravdess:FOLDER, folder:FOLDER or folder:MANIFEST, synthetic[:FOLDER],
    NAME:FOLDER of a plug-in, or module:reader:FOLDER.
    """


data.add_command(render)


def parse_fields(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """``("emotion=expression_seen",)`` as a mapping.

    Raises:
        click.BadParameter: a value is not ``FIELD=KEY``, or a field comes twice.
    """
    fields: dict[str, str] = {}
    for value in values:
        name, equals, key = value.partition("=")
        if not (name and equals and key) or name in fields:
            raise click.BadParameter(f"'{value}' is not FIELD=KEY, each field once: emotion=expression_seen")
        fields[name] = key
    return fields


def field_option(command: _F) -> _F:
    """``--field FIELD=KEY`` as ``fields``: how a folder's manifest calls a field."""
    return click.option(
        "--field",
        "fields",
        multiple=True,
        metavar="FIELD=KEY",
        callback=parse_fields,
        help="Read FIELD from the manifest's KEY, e.g. emotion=expression_seen (folder datasets only).",
    )(command)


@data.command()
@click.argument("dataset")
@output_option("Where to write the index (JSON lines).", required=True)
@field_option
@json_option
@verbose_option
def index(dataset: str, output: Path, fields: Mapping[str, str], as_json: bool) -> None:
    """Write what a dataset holds into an index file, without decoding a clip."""
    from spfem_bench.datasets import load_dataset
    from spfem_bench.datasets.index import write_index

    found = load_dataset(dataset, fields)
    digest = write_index(found, output)
    _say_notes(found)
    facts = {"index": str(output), "dataset": found.name, "clips": len(found.records), "digest": digest}
    if as_json:
        echo_json(facts)
    else:
        click.echo(f"{output}: {len(found.records)} clips of {found.name}, digest {digest}")


@data.command()
@click.argument("dataset")
@click.option(
    "--index",
    "index_file",
    type=click.Path(path_type=Path),
    help="An index written earlier, to compare the files with.",
)
@click.option("--deep", is_flag=True, help="Decode every frame; without, only names and sizes are looked at.")
@field_option
@json_option
@verbose_option
def verify(
    dataset: str, index_file: Path | None, deep: bool, fields: Mapping[str, str], as_json: bool
) -> None:
    """Check that every clip is there, decodes (--deep), and is the one of an index (--index).

    Exit code 5: clips are missing, empty or cannot be decoded. Exit code 6: the tree is not the one indexed.
    """
    from spfem_bench.datasets import load_dataset
    from spfem_bench.datasets.index import compare, read_index
    from spfem_bench.datasets.verify import verify as check
    from spfem_bench.progress import for_stream

    earlier = None if index_file is None else read_index(index_file)
    found = load_dataset(dataset, fields, require_files=False)
    with for_stream() as progress:
        progress.start("verify", len(found.records))
        report = check(found, deep, on_clip=lambda clip: progress.advance("verify", clip))
        progress.finish("verify")
    difference = None if earlier is None else compare(found, earlier)
    _say_notes(found)
    if as_json:
        echo_json(_verified(report, difference))
    else:
        click.echo("\n".join(_verified_lines(found, report, difference)))
    _raise_verdict(found, report, difference)


@data.command()
@click.argument("dataset")
@field_option
@json_option
@verbose_option
def show(dataset: str, fields: Mapping[str, str], as_json: bool) -> None:
    """Print how many clips there are by speaker, emotion and intensity, the licence and the notes."""
    from spfem_bench.datasets import dataset_digest, load_dataset
    from spfem_bench.datasets.summary import count_table, counts

    found = load_dataset(dataset, fields)
    if as_json:
        facts = {
            "dataset": found.name,
            "kind": found.kind,
            "licence": found.licence,
            "notes": list(found.notes),
        }
        echo_json(
            {**facts, "digest": dataset_digest(found), "clips": len(found.records), "counts": counts(found)}
        )
        return
    click.echo(f"{found.name} ({found.kind}): {len(found.records)} clips at {found.root}")
    click.echo(f"licence: {found.licence}")
    click.echo(f"digest: {dataset_digest(found)}")
    click.echo("\n".join(["", *count_table(found)]))
    click.echo("".join(f"\nnote: {note}" for note in found.notes), nl=bool(found.notes))


def _say_notes(found: Dataset) -> None:
    for note in found.notes:
        click.echo(f"note: {note}", err=True)


def _verified(report: Report, difference: Difference | None) -> dict[str, Any]:
    from dataclasses import asdict

    facts = {**asdict(report), "seconds": float(report.seconds), "ok": report.ok}
    return {**facts, "index": None if difference is None else asdict(difference)}


def _verified_lines(found: Dataset, report: Report, difference: Difference | None) -> list[str]:
    lines = [f"{found.name}: {report.clips} clips, digest {report.digest}"]
    if report.deep:
        rates = ", ".join(f"{rate} fps: {count}" for rate, count in report.rates.items()) or "none"
        lines.append(
            f"decoded: {report.frames} frames, {float(report.seconds):.1f} s; clips by rate: {rates}"
        )
        lines += [f"{len(report.variable)} of variable rate, {len(report.silent)} without sound"]
    lines += [f"{problem.kind}: {problem.reason}" for problem in report.problems[:_LINES]]
    lines += [f"gap: {sentence}" for sentence in report.gaps[:_LINES]]
    if difference is not None:
        lines += [f"index: {len(ids)} {what}{_some(ids)}" for what, ids in vars(difference).items()]
    return lines


def _some(ids: tuple[str, ...]) -> str:
    return f" ({', '.join(ids[:3])}{', ...' if len(ids) > 3 else ''})" if ids else ""


def _raise_verdict(found: Dataset, report: Report, difference: Difference | None) -> None:
    """Nothing where all is well.

    Raises:
        IntegrityError: the tree holds other clips, labels or bytes than the index.
        IncompleteError: clips are missing, empty or undecodable.
    """
    changed = () if difference is None else (*difference.added, *difference.relabelled, *difference.resized)
    lost = () if difference is None else difference.missing
    unusable = len({*lost, *(problem.clip for problem in report.problems)})
    changed = tuple(set(changed) - {problem.clip for problem in report.problems})
    if changed:
        raise IntegrityError(
            f"{found.root} is not the dataset that was indexed: {len(changed)} clips differ, the first is "
            f"{min(changed)}; restore them, or index the folder again"
        )
    if unusable:
        raise IncompleteError(
            f"{unusable} clips of {found.root} are missing, empty or undecodable; restore them"
        )
