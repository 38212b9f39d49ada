"""``spfem-bench reproduce``: a published table beside a bundle."""

from __future__ import annotations

from pathlib import Path

import click

from spfem_bench.cli._frame import echo_json, json_option, verbose_option
from spfem_bench.errors import UsageError


@click.command("reproduce")
@click.argument("table", required=False)
@click.option("--bundle", type=click.Path(path_type=Path), help="What was measured; without it nothing was.")
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="METHOD=SYSTEM",
    help="A published method and the bundle's system that is it; needed where names differ.",
)
@click.option("--per-emotion", is_flag=True, help="Every cell, not only the averages.")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text")
@json_option
@verbose_option
def reproduce(
    table: str | None,
    bundle: Path | None,
    methods: tuple[str, ...],
    per_emotion: bool,
    form: str,
    as_json: bool,
) -> None:
    """Print the published TABLE (e.g. stccl-2026/mead-cross) beside a bundle: reported, measured, difference,
    verdict, and what differs in definition. Without TABLE: list the published tables.

    Rows that nobody ran say so. A printed average that its own cells contradict is marked. Exit code 4 where
    the bundle has none of the methods.
    """  # noqa: D205 - click prints the first paragraph whole
    from spfem_bench.reported.measured import read_measured
    from spfem_bench.reported.render import render_reproduction
    from spfem_bench.reported.reproduce import reproduce as beside
    from spfem_bench.reported.tables import list_tables, load_table

    if table is None:
        _list(as_json=as_json or form == "json")
        return
    published, systems = load_table(table), _pairs(methods)
    others = [load_table(name) for name in list_tables()]
    found = beside(published, read_measured(bundle) if bundle else None, systems, others)
    if as_json or form == "json":
        echo_json(found.plain())
    else:
        click.echo(render_reproduction(found, form, per_emotion=per_emotion).rstrip("\n"))


def _list(*, as_json: bool) -> None:
    from spfem_bench.reported.tables import list_tables, load_table

    titles = {name: load_table(name).title for name in list_tables()}
    if as_json:
        echo_json([{"table": name, "title": title} for name, title in titles.items()])
        return
    width = max(map(len, titles), default=0)
    click.echo("\n".join(f"{name:<{width}}  {title}" for name, title in titles.items()))


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    """``METHOD=SYSTEM`` options; methods hold no ``=``.

    Raises:
        UsageError: one is not of this form.
    """
    found = {}
    for text in given:
        method, separator, system = text.partition("=")
        if not (separator and method and system):
            raise UsageError(f"--method {text} is not METHOD=SYSTEM, e.g. --method NED=my-ned")
        found[method] = system
    return found
