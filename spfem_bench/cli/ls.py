"""``ls KIND``: what there is to run, from this package and from plug-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from spfem_bench.cli._frame import echo_json, json_option, verbose_option

if TYPE_CHECKING:
    from spfem_bench.registry import PluginStatus
    from spfem_bench.suites.load import Part, Suite

Rows = list[dict[str, str]]

_WIDEST = 90
"""Characters of a cell that still stand in the table."""


@click.command()
@click.argument(
    "kind", type=click.Choice(["metrics", "adapters", "datasets", "protocols", "suites", "weights"])
)
@json_option
@verbose_option
def ls(kind: str, as_json: bool) -> None:
    """List metrics, adapters, datasets, protocols, suites or weights.

    What cannot be used is listed with the reason.
    """
    rows = LISTERS[kind]()
    if as_json:
        echo_json(rows)
        return
    click.echo(_table(rows) if rows else f"no {kind}")


def _table(rows: Rows) -> str:
    """Aligned columns; what would make one too wide stands below, under a number."""
    from textwrap import fill

    from tabulate import tabulate

    long = list(dict.fromkeys(text for row in rows for text in row.values() if len(text) > _WIDEST))
    keys = {text: f"[{number}]" for number, text in enumerate(long, start=1)}
    body = [[keys.get(text, text) for text in row.values()] for row in rows]
    table = tabulate(body, list(rows[0]), tablefmt="simple", disable_numparse=True)
    notes = [
        fill(f"{key} {text}", 100, subsequent_indent="    ", break_on_hyphens=False)
        for text, key in keys.items()
    ]
    return "\n".join([table, *([""] if notes else []), *notes])


def metrics() -> Rows:
    """Every metric of every suite, then those that only plug-ins bring."""
    from spfem_bench.registry import survey
    from spfem_bench.resources import list_configs
    from spfem_bench.suites.load import load_suite

    suites = [load_suite(name) for name in list_configs("suites")]
    rows = [_metric(suite, part) for suite in suites for part in suite.metrics]
    rows += [_left_out(suite, name, why) for suite in suites for name, why in suite.left_out]
    return rows + [_plugin_metric(status) for status in survey("spfem_bench.metrics", {})]


def _metric(suite: Suite, part: Part) -> dict[str, str]:
    from spfem_bench.errors import BenchError
    from spfem_bench.registry import resolve

    try:
        info = resolve("spfem_bench.metrics", part.factory, {})(**part.options).info
    except BenchError as error:
        return _metric_row(part.factory, suite.name, state=str(error))
    return _metric_row(info.name, suite.name, f"{info.direction} is better", info.unit, info.weak and "weak")


def _metric_row(
    name: str, suite: str, direction: str = "", unit: str = "", state: str = ""
) -> dict[str, str]:
    return {"metric": name, "suite": suite, "direction": direction, "unit": unit, "state": state or "ok"}


def _left_out(suite: Suite, name: str, why: str) -> dict[str, str]:
    return _metric_row(name, suite.name, state=f"left out: {why}")


def _plugin_metric(status: PluginStatus) -> dict[str, str]:
    return _metric_row(status.name, status.origin, state=status.error)


def adapters() -> Rows:
    """Bounds, models and plug-ins."""
    from spfem_bench.adapters.load import BOUNDS, BUILTIN, GROUP

    return _surveyed("adapter", GROUP, BUILTIN, lambda name: "bound" if name in BOUNDS else "model")


def datasets() -> Rows:
    """Readers of dataset layouts."""
    from spfem_bench.datasets.load import GROUP, READERS

    return _surveyed("dataset", GROUP, READERS, lambda _: "reader")


def _surveyed(what: str, group: str, builtin: Mapping[str, str], role: Callable[[str], str]) -> Rows:
    from spfem_bench.registry import survey

    return [
        {what: s.name, "role": role(s.name), "origin": s.origin, "state": s.error or "ok"}
        for s in survey(group, builtin)
    ]


def protocols() -> Rows:
    """The pinned protocol files."""
    return [
        {"protocol": name, "about": _sentence(data.get("about", ""))} for name, data in _files("protocols")
    ]


def suites() -> Rows:
    """The pinned suite files."""
    return [
        {
            "suite": name,
            "valid on": ", ".join(data.get("valid-on", ())),
            "metrics": str(len(data.get("metrics", ()))),
            "about": _sentence(data.get("about", "")),
        }
        for name, data in _files("suites")
    ]


def _files(kind: str) -> Iterable[tuple[str, dict[str, Any]]]:
    from spfem_bench.config import load_yaml
    from spfem_bench.resources import config_path, list_configs

    return ((name, load_yaml(config_path(kind, name))) for name in list_configs(kind))


def _sentence(text: object, limit: int = 90) -> str:
    """The first sentence, on one line."""
    first = " ".join(str(text).split()).split(". ")[0].rstrip(".")
    return first if len(first) <= limit else f"{first[: limit - 3]}..."


def weights() -> Rows:
    """The networks' files, and whether they are on this machine."""
    from spfem_bench.weights import registry, where

    return [
        {
            "weights": entry.name,
            "purpose": _sentence(entry.purpose, 50),
            "licence": entry.licence,
            "state": "here" if where(entry) else f"missing: spfem-bench weights fetch {entry.name}",
        }
        for entry in registry().values()
    ]


LISTERS: Mapping[str, Callable[[], Rows]] = {
    "metrics": metrics,
    "adapters": adapters,
    "datasets": datasets,
    "protocols": protocols,
    "suites": suites,
    "weights": weights,
}
