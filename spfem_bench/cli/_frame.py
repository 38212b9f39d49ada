"""What every command stands in: the lazy group, the error boundary, and the options they share."""
# ruff: noqa: ARG002 - the signatures are click's

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from spfem_bench import __version__
from spfem_bench.cli._boundary import BROKEN_PIPE, report, silence_stdout
from spfem_bench.errors import ExitCode

PROGRAM = "spfem-bench"

COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("spfem_bench.cli.demo:demo", "A leaderboard on rendered clips: nothing to download."),
    "run": ("spfem_bench.cli.run:run", "Generate, measure and table what a run file names."),
    "generate": ("spfem_bench.cli.generate:generate", "Make a model's outputs and store them losslessly."),
    "score": ("spfem_bench.cli.score:score", "Score a folder of videos, no adapter code needed."),
    "table": ("spfem_bench.cli.table:table", "Print the leaderboard of one or more bundles."),
    "plot": ("spfem_bench.cli.plot:plot", "Draw bundles and certificates as pictures."),
    "compare": ("spfem_bench.cli.compare:compare", "Two bundles beside each other, trial by trial."),
    "gate": ("spfem_bench.cli.gate:gate", "Pass or fail a bundle against an accepted one."),
    "verify": ("spfem_bench.cli.verify:verify", "Check a bundle: digests from files, scores from rows."),
    "reproduce": ("spfem_bench.cli.reproduce:reproduce", "A published table beside a bundle."),
    "calibrate": ("spfem_bench.cli.calibrate:calibrate", "Measure the noise floor from repeated runs."),
    "train": ("spfem_bench.cli.train:train", "Train the networks that ship, on rendered people."),
    "certify": ("spfem_bench.cli.certify:certify", "Measure what the metrics of a suite see."),
    "data": ("spfem_bench.cli.data:data", "Index, verify, show and render datasets."),
    "weights": ("spfem_bench.cli.weights:weights", "List, fetch and verify the networks' files."),
    "baseline": ("spfem_bench.cli.baseline:baseline", "List, show and check the wrapped foreign models."),
    "ls": ("spfem_bench.cli.ls:ls", "List metrics, adapters, datasets, protocols, suites or weights."),
    "show": ("spfem_bench.cli.show:show", "Show what a bundle holds, or one trial of it."),
    "doctor": ("spfem_bench.cli.doctor:doctor", "Check this machine: packages, device, weights, plug-ins."),
    "init": ("spfem_bench.cli.init:init", "Write a new adapter, metric or dataset with its test."),
    "completion": ("spfem_bench.cli.completion:completion", "Print the completion script of a shell."),
}
"""Command -> (``module:attribute``, one line of help); ``--help`` needs no more than this table."""

MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.INTERNAL: "internal error: run again with -v for the traceback",
    ExitCode.USAGE: "bad argument, configuration, dataset layout or unknown name",
    ExitCode.REGRESSION: "a regression was found",
    ExitCode.NOT_COMPARABLE: "definitions, datasets or trials differ, or nothing to compare",
    ExitCode.INCOMPLETE: "trials failed beyond the allowed share, weights missing, disk full",
    ExitCode.INTEGRITY: "a digest does not match: dataset, weights or bundle",
    ExitCode.INTERRUPTED: "interrupted: what was finished is kept",
}
"""What the help says of each exit code."""

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass
class Session:
    """What one process knows beside a command's own options."""

    verbose: bool = False


def dashed(token: str) -> str:
    """Options and commands are kebab-case; ``--dry_run`` is taken for ``--dry-run``."""
    return token.replace("_", "-")


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used, and turns errors into exit codes."""

    def __init__(self, table: Mapping[str, tuple[str, str]], **attributes: Any) -> None:
        super().__init__(**attributes)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the table's order, which is the order of work."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module, or None for a name that is not in the table."""
        entry = self.table.get(dashed(cmd_name))
        if entry is None:
            return None
        module, _, attribute = entry[0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but an unknown name is answered with the nearest ones."""
        if args and args[0][:1] != "-" and dashed(args[0]) not in self.table:
            ctx.fail(unknown_command(args[0], self.table))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table's lines, without importing a command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.table.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The exit codes."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), MEANINGS[code]) for code in ExitCode])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Command names from the table, without importing a command."""
        names = [
            CompletionItem(name, help=text)
            for name, (_, text) in self.table.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        """As click does; a reader who went away ends the command quietly."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            silence_stdout()
            ctx.exit(BROKEN_PIPE)
        return result

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line and leave the process with the documented exit code."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        session = Session()
        try:
            result = super().main(args, PROGRAM, complete_var, False, obj=session, **extra)
        except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - the one process boundary
            sys.exit(report(error, verbose=session.verbose, stream=sys.stderr))
        sys.exit(int(result) if isinstance(result, int) else 0)


def unknown_command(name: str, known: Iterable[str]) -> str:
    """A sentence with the nearest names, or with where to see them all."""
    near = get_close_matches(dashed(name), known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
    return f"there is no command '{name}': {hint}"


def _set_verbose(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    session = ctx.find_object(Session)
    if session is not None and value:
        session.verbose = True


def verbose_option(command: _F) -> _F:
    """``-v/--verbose``: the traceback of an error; the command's function does not see it."""
    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_set_verbose,
        help="Print the traceback of an error.",
    )(command)


def json_option(command: _F) -> _F:
    """``--json`` as ``as_json``: the result as one JSON document on stdout (see `echo_json`)."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def device_option(command: _F) -> _F:
    """``--device auto|cpu|cuda[:n]`` as ``device``."""
    return click.option(
        "--device",
        default="auto",
        show_default=True,
        metavar="auto|cpu|cuda[:N]",
        help="Where networks run.",
    )(command)


def output_option(what: str, *, required: bool = False) -> Callable[[_F], _F]:
    """``-o/--output PATH`` as ``output`` (a `pathlib.Path` or None), described by ``what``."""
    from pathlib import Path

    return click.option("-o", "--output", type=click.Path(path_type=Path), required=required, help=what)


def dry_run_option(command: _F) -> _F:
    """``--dry-run`` as ``dry_run``."""
    return click.option(
        "--dry-run", is_flag=True, help="Print the plan, cache hits and missing weights; do nothing."
    )(command)


def limit_option(command: _F) -> _F:
    """``--limit N`` as ``limit``, at least 1, None for all."""
    return click.option(
        "--limit", type=click.IntRange(min=1), help="At most N trials, chosen deterministically."
    )(command)


def overwrite_option(command: _F) -> _F:
    """``--overwrite never|missing|always`` as ``overwrite``."""
    return click.option(
        "--overwrite",
        type=click.Choice(["never", "missing", "always"]),
        default="missing",
        show_default=True,
        help="What to do with results that are already there.",
    )(command)


def echo_json(document: object) -> None:
    """One JSON document on stdout: sorted keys, finite numbers only, a newline at the end.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    import json

    click.echo(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False))


def screen() -> tuple[int | None, bool]:
    """Width and colour of stdout, as `spfem_bench.tables.render` takes them.

    Returns:
        The terminal's width in characters and whether colour is welcome; (None, False) where stdout is no
        terminal, and no colour under ``NO_COLOR`` or ``TERM=dumb``.
    """
    import os
    import shutil

    if not sys.stdout.isatty():
        return None, False
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return shutil.get_terminal_size().columns, not plain


def root(table: Mapping[str, tuple[str, str]] = COMMANDS) -> LazyGroup:
    """The top-level command over a table of commands."""
    group = LazyGroup(
        table,
        name=PROGRAM,
        help="Evaluate speech-preserving facial expression manipulation: every number travels with the "
        "definition that made it. Results go to stdout, progress and warnings to stderr.",
        context_settings={
            "token_normalize_func": dashed,
            "help_option_names": ["-h", "--help"],
            "max_content_width": 100,
        },
        no_args_is_help=True,
    )
    return click.version_option(__version__, prog_name=PROGRAM)(verbose_option(group))
