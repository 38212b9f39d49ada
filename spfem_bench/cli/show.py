"""``show BUNDLE``: a run bundle in words, or one trial of it; ``show --schema NAME``: a file's schema."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from spfem_bench.cli._frame import echo_json, json_option, screen, verbose_option
from spfem_bench.errors import IntegrityError, UsageError

_ROW = ("system", "metric", "trial", "state", "value", "reason")
_STATES = ("scored", "unscored", "failed")
_REASONS = 3


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.option("--trial", metavar="ID", help="Show the rows of this trial only.")
@click.option("--schema", metavar="NAME", help="Show a published schema instead, e.g. scores.")
@json_option
@verbose_option
def show(bundle: Path | None, trial: str | None, schema: str | None, as_json: bool) -> None:
    """Show what a run bundle holds, one trial of it, or what a file of it may hold."""
    if schema:
        _show_schema(schema, as_json=as_json)
        return
    if bundle is None:
        raise UsageError("give the folder of a run bundle, or --schema NAME")
    if not bundle.is_dir():
        raise UsageError(f"{bundle} is not a folder: give the folder of a run bundle")
    document = _trial(bundle, trial) if trial else _summary(bundle)
    if as_json:
        echo_json(document)
        return
    click.echo("\n".join(_trial_lines(document) if trial else _summary_lines(bundle, document)))


def _show_schema(name: str, *, as_json: bool) -> None:
    from spfem_bench.schemas import explain_schema, read_schema

    if as_json:
        echo_json(read_schema(name))
    else:
        click.echo(explain_schema(name).rstrip("\n"))


def _summary(bundle: Path) -> dict[str, Any]:
    """What the bundle is, as plain values; the leaderboard only where the run is finished."""
    from spfem_bench.store.bundle import MANIFEST, is_whole, read_json

    whole = is_whole(bundle)
    files = len((bundle / MANIFEST).read_bytes().splitlines()) if whole else 0
    document: dict[str, Any] = {
        "bundle": str(bundle),
        "finished": whole,
        "files": files,
        "spec": read_json(bundle / "spec.json"),
        "outcomes": outcomes(read_rows(bundle)),
    }
    if whole:
        from spfem_bench.stages.render import leaderboard_of
        from spfem_bench.tables.data import as_document

        document["leaderboard"] = as_document(leaderboard_of(bundle))
    return document


def read_rows(bundle: Path) -> list[dict[str, Any]]:
    """The bundle's rows without feature matrices, as plain values; none before the run has measured.

    Raises:
        IntegrityError: the file of rows is damaged.
    """
    path = bundle / "rows.parquet"
    if not path.is_file():
        return []
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[dict[str, Any]] = pq.read_table(path, columns=list(_ROW)).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise IntegrityError(f"{path} cannot be read ({error}): the bundle was damaged, run again") from error
    return rows


def outcomes(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """System -> how many rows were scored, unscored and failed, and the commonest reasons."""
    found: dict[str, dict[str, Any]] = {}
    for system in dict.fromkeys(row["system"] for row in rows):
        own = [row for row in rows if row["system"] == system]
        states = Counter(row["state"] for row in own)
        reasons = Counter(row["reason"] for row in own if row["reason"])
        counts = {state: states.get(state, 0) for state in _STATES}
        found[system] = {
            **counts,
            "reasons": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        }
    return found


def _summary_lines(bundle: Path, document: Mapping[str, Any]) -> Iterator[str]:
    yield f"bundle    {document['bundle']}"
    files = document["files"]
    yield f"state     {f'finished, {files} files' if document['finished'] else 'unfinished'}"
    yield from (f"{key:<9} {value}" for key, value in _flat(document["spec"]))
    for system, counts in document["outcomes"].items():
        yield f"{system}: {', '.join(f'{counts[state]} {state}' for state in _STATES)}"
        yield from _reason_lines(counts["reasons"])
    if document["finished"]:
        from spfem_bench.stages.render import leaderboard_of
        from spfem_bench.tables import render

        yield ""
        width, colour = screen()
        yield render(leaderboard_of(bundle), width=width, colour=colour).rstrip("\n")
    else:
        yield "run its command again to finish it"


def _reason_lines(reasons: Mapping[str, int]) -> Iterator[str]:
    items = list(reasons.items())
    yield from (f"    {count} x {reason}" for reason, count in items[:_REASONS])
    if len(items) > _REASONS:
        yield f"    {sum(count for _, count in items[_REASONS:])} x {len(items) - _REASONS} other reasons"


def _flat(value: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested mappings as dotted keys, so that a specification of any version can be shown."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _trial(bundle: Path, trial: str) -> dict[str, Any]:
    """The plan's line of one trial and every row of it.

    Raises:
        UsageError: the bundle has no such trial.
    """
    rows = [row for row in read_rows(bundle) if row["trial"] == trial]
    plan = _plan_lines(bundle)
    planned = next((line for line in plan if line.get("id") == trial), None)
    if not rows and planned is None:
        near = get_close_matches(trial, [str(line.get("id")) for line in plan], n=1, cutoff=0.3)
        hint = f"; did you mean '{near[0]}'?" if near else ", see trials.jsonl for those it has"
        raise UsageError(f"{bundle} has no trial '{trial}'{hint}")
    return {"trial": trial, "plan": planned or {}, "rows": rows}


def _plan_lines(bundle: Path) -> list[dict[str, Any]]:
    path = bundle / "trials.jsonl"
    if not path.is_file():
        return []
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]
    except ValueError as error:
        raise IntegrityError(
            f"{path} is not JSON lines ({error}): the bundle was damaged, run again"
        ) from error
    return [line for line in lines if isinstance(line, dict)]


def _trial_lines(document: Mapping[str, Any]) -> Iterator[str]:
    from tabulate import tabulate

    yield f"trial     {document['trial']}"
    yield from (f"{key:<9} {value}" for key, value in _flat(document["plan"]) if key != "id")
    shown = ("system", "metric", "state", "value", "reason")
    body = [[_shown(row[key]) for key in shown] for row in document["rows"]]
    yield ""
    yield tabulate(body, list(shown), tablefmt="simple", disable_numparse=True) if body else "no rows yet"


def _shown(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value or "")
