"""``spfem-bench baseline``: the wrapped foreign models, what is known of them, and what they lack here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from spfem_bench.cli._frame import echo_json, json_option, verbose_option
from spfem_bench.errors import IncompleteError, UsageError

if TYPE_CHECKING:
    from spfem_bench.adapters.command.check import Report
    from spfem_bench.adapters.command.manifest import Manifest
    from spfem_bench.testing import Conformance

_SIGNS = {"ok": "ok     ", "missing": "MISSING", "note": "note   "}


@click.group()
def baseline() -> None:
    """List, show and check the wrapped foreign models.

    They are looked for in the folder named by SPFEM_BENCH_BASELINES. NAME is one of `baseline list`, or the
    path of a manifest of your own; `NAME,mode=reference` is another mode of it.
    """


@baseline.command("list")
@json_option
@verbose_option
def list_(as_json: bool) -> None:
    """Every wrapped model: its modes, what its licence allows, whether it is here."""
    rows = [_row(name) for name in _names()]
    if as_json:
        echo_json(rows)
        return
    from tabulate import tabulate

    click.echo(tabulate(rows, headers="keys", tablefmt="simple", disable_numparse=True))


@baseline.command()
@click.argument("name")
@json_option
@verbose_option
def show(name: str, as_json: bool) -> None:
    """All that the manifest says: labels, inputs and their steps, how time is mapped, facts that bite."""
    from spfem_bench.adapters.command.describe import as_document, as_text

    manifest = _manifest(name)
    if as_json:
        echo_json(as_document(manifest))
    else:
        click.echo(as_text(manifest))


@baseline.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Every wrapped model.")
@click.option("--conformance", is_flag=True, help="Then run what is complete on two rendered people.")
@json_option
@verbose_option
def check(names: tuple[str, ...], everything: bool, conformance: bool, as_json: bool) -> None:
    """Look for checkout, commit, environment, assets, GPU and licence; say how to mend what is missing.

    Exit code 5 where something is missing. Runs git and the model's own interpreter, nothing of the model;
    with --conformance the model too, and exit code 5 where its outputs cannot be relied on.
    """
    if everything == bool(names):
        raise UsageError("Name the models to check, or all of them by --all; `baseline list` shows them.")
    asked = names or _names()
    reports = [_checked(name) for name in asked]
    whole = [name for name, report in zip(asked, reports, strict=True) if report.is_complete]
    tried = {name: _tried(name) for name in whole} if conformance else {}
    if as_json:
        extra = {name: {"conformance": one.plain()} for name, one in tried.items()}
        documents = zip(asked, map(_document, reports), strict=True)
        echo_json([document | extra.get(name, {}) for name, document in documents])
    else:
        click.echo("\n\n".join(_text(report) for report in reports))
        for name, one in tried.items():
            click.echo("\n".join(["", f"{name}:", *(f"  {line}" for line in one.lines())]))
    _require_complete(reports)
    unsound = [name for name, one in tried.items() if not one.passed]
    if unsound:
        raise IncompleteError(
            f"{', '.join(unsound)}: mend the faults said above (docs/foreign.md explains them)"
        )


def _tried(text: str) -> Conformance:
    """What the conformance kit says of it."""
    from spfem_bench.adapters import load_system
    from spfem_bench.testing import check_conformance

    kind, _, _ = text.partition(":")
    named = (
        text if kind in {"baseline", "command"} else f"{'command' if _is_file(text) else 'baseline'}:{text}"
    )
    return check_conformance(load_system(named).adapter, text=named)


def _require_complete(reports: Sequence[Report]) -> None:
    """Nothing where nothing is missing.

    Raises:
        IncompleteError: something is; names the models.
    """
    lacking = [report for report in reports if not report.is_complete]
    if lacking:
        count = sum(len(report.missing) for report in lacking)
        named = ", ".join(report.name for report in lacking)
        raise IncompleteError(
            f"{count} thing{'s are' if count > 1 else ' is'} missing for {named}: mend each as said above"
        )


def _names() -> list[str]:
    from spfem_bench.adapters.command.manifest import shipped_names

    return shipped_names()


def _manifest(text: str) -> Manifest:
    """The manifest of a name or path; the prefixes of adapters are taken too."""
    from spfem_bench.adapters.command.manifest import from_text

    kind, _, rest = text.partition(":")
    if kind in {"baseline", "command"} and rest:
        return from_text(rest, is_file=kind == "command")
    return from_text(text, is_file=_is_file(text))


def _is_file(text: str) -> bool:
    """Whether it is the path of a manifest, not the name of a wrapped model."""
    what = text.partition(",")[0]
    return os.sep in what or what.endswith((".yaml", ".yml")) or what in {".", ".."}


def _row(name: str) -> dict[str, Any]:
    from spfem_bench.adapters.command.check import glance
    from spfem_bench.adapters.command.places import find_place

    manifest = _manifest(name)
    place = find_place(manifest)
    report = glance(manifest, place)
    missing = [finding.part for finding in report.missing]
    state = f"lacks {', '.join(missing)}" if missing else "ready"
    if "checkout" in missing:
        state = "not installed"
    return {
        "name": name,
        "mode": ", ".join(manifest.modes),
        "licence": f"{manifest.licence.code or 'none stated'} ({manifest.licence.use})",
        "state": state,
    }


def _checked(text: str) -> Report:
    from spfem_bench.adapters.command.check import check as look
    from spfem_bench.adapters.command.places import find_place

    manifest = _manifest(text)
    return look(manifest, find_place(manifest))


def _document(report: Report) -> dict[str, Any]:
    return {
        "name": report.name,
        "complete": report.is_complete,
        "findings": [
            {"part": one.part, "state": one.state, "detail": one.detail, "mend": one.mend or None}
            for one in report.findings
        ],
    }


def _text(report: Report) -> str:
    lines = [f"{report.name}: {'ready' if report.is_complete else f'{len(report.missing)} missing'}"]
    width = max(len(finding.part) for finding in report.findings)
    for one in report.findings:
        lines.append(f"  {_SIGNS[one.state]}  {one.part:<{width}}  {one.detail}")
        if one.mend:
            lines.append(f"  {'':7}  {'':<{width}}  -> {one.mend}")
    return "\n".join(lines)
