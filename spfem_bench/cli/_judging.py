"""Options that ``compare`` and ``gate`` share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from spfem_bench.errors import UsageError

if TYPE_CHECKING:
    from spfem_bench.judging.compare import Options
    from spfem_bench.judging.files import Allowed
    from spfem_bench.judging.gate import Decision
    from spfem_bench.judging.model import Comparison

_F = TypeVar("_F", bound=Callable[..., Any])
FORMATS = ("text", "markdown", "json")

_OPTIONS = (
    click.option(
        "--mode",
        type=click.Choice(["regression", "superiority"]),
        default="regression",
        show_default=True,
        help="regression: did these numbers move too far; superiority: would it hold in general.",
    ),
    click.option(
        "--question",
        type=click.Choice(["these-actors", "any-actors"]),
        default="any-actors",
        show_default=True,
        help="What superiority is about: other clips of these actors, or other actors.",
    ),
    click.option(
        "--alpha",
        type=click.FloatRange(0, 0.5, min_open=True),
        default=0.05,
        show_default=True,
        help="Error rate of superiority, over the whole table (Holm).",
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="Of what superiority draws."),
    click.option(
        "--pair", "pairs", multiple=True, metavar="BASELINE=CANDIDATE", help="Compare systems of other names."
    ),
    click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Compare this metric only."),
    click.option(
        "--tolerance",
        "stated",
        multiple=True,
        metavar="METRIC=SIZE[%]",
        help="How far a score may move, in its unit or per cent of the baseline; * for all metrics.",
    ),
    click.option(
        "--inputs",
        type=click.Choice(["identical", "rendered"]),
        default="identical",
        show_default=True,
        help="rendered: join clips rendered from one recipe on two machines by id, not by digest.",
    ),
    click.option("--noise", type=click.Path(path_type=Path), help="Noise floor, as calibrate writes it."),
    click.option(
        "--certificates",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        help="Folder of certificates; default: those that travel with the package.",
    ),
    click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True),
    click.option("--json", "as_json", is_flag=True, help="The same as --format json."),
)


def judging_options(command: _F) -> _F:
    """All of them, in this order."""
    return reduce(lambda made, option: option(made), reversed(_OPTIONS), command)


def allowed_of(given: Mapping[str, Any]) -> Allowed:
    """Where allowances come from, from the options' values."""
    from spfem_bench.judging.files import Allowed

    return Allowed(given["stated"], given["noise"], given["certificates"])


def options_of(given: Mapping[str, Any]) -> Options:
    """What is asked, from the options' values; tolerances are read apart.

    Raises:
        UsageError: a pair that cannot be read.
    """
    from spfem_bench.judging.compare import Options

    return Options(
        mode=given["mode"],
        pairs=pairs_of(given["pairs"]),
        metrics=given["metrics"],
        question=given["question"],
        alpha=given["alpha"],
        seed=given["seed"],
        inputs=given["inputs"],
    )


def pairs_of(texts: Sequence[str]) -> dict[str, str]:
    """Name in the baseline -> name in the candidate.

    Raises:
        UsageError: no ``=``, or a name twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        one, mark, two = text.partition("=")
        if not (one and mark and two) or one in found:
            raise UsageError(f"--pair {text}: write BASELINE=CANDIDATE, each baseline once")
        found[one] = two
    return found


def rendered(comparison: Comparison, decision: Decision | None, form: str) -> str:
    """The result in one of `FORMATS`, without a newline at the end."""
    import json

    from spfem_bench.judging.report import to_document, to_markdown, to_text

    if form == "json":
        document = to_document(comparison, decision)
        return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    draw = to_markdown if form == "markdown" else to_text
    return draw(comparison, decision).rstrip("\n")


def put(text: str, output: Path | None) -> None:
    """On stdout, or into a file.

    Raises:
        StorageError: it cannot be written.
    """
    if output is None:
        click.echo(text)
        return
    from spfem_bench.fsio import write_atomically

    write_atomically(output, text + "\n")
