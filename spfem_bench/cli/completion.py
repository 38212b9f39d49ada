"""``completion SHELL``: the script that completes commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from spfem_bench.cli._frame import PROGRAM
from spfem_bench.errors import UsageError

_VARIABLE = "_SPFEM_BENCH_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    For bash: spfem-bench completion bash > ~/.local/share/bash-completion/completions/spfem-bench
    """
    made = get_completion_class(shell)
    if made is None:
        raise UsageError(f"this version of click completes no {shell}: install click 8.1 or newer")
    click.echo(made(context.find_root().command, {}, PROGRAM, _VARIABLE).source())
