"""The one place where an exception becomes a sentence on stderr and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import Any, TextIO

import click

from spfem_bench.errors import BenchError, ExitCode

BROKEN_PIPE = 141
"""128 + SIGPIPE, as for a program ended by its reader; never 0, so that a gate cut short does not pass."""

_HELP: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""Raised by click from 8.2 on where a group is called bare; its message is the help page."""

_STORAGE = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.EACCES: "permission denied; change the permissions or choose another folder",
    errno.EPERM: "operation not permitted; change the permissions or choose another folder",
}


def report(error: BaseException, *, verbose: bool, stream: TextIO) -> int:
    """Say in one line what went wrong, with the traceback before it when asked.

    Returns:
        The process's exit code.
    """
    if isinstance(error, _HELP):
        stream.write(f"{error.format_message()}\n")
        return int(error.exit_code)
    sentence, code = explain(error)
    if verbose:
        traceback.print_exception(error, file=stream)
    stream.write(f"spfem-bench: {sentence}\n")
    return int(code)


def explain(error: BaseException) -> tuple[str, int]:
    """The sentence and the exit code of an exception."""
    if isinstance(error, click.Abort) and isinstance(error.__cause__, EOFError):
        return explain(error.__cause__)  # nothing here asks questions: a file ended early, nobody left
    if isinstance(error, BenchError):
        return _one_line(error), error.exit_code
    if isinstance(error, click.ClickException):
        return _usage(error), error.exit_code
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return (
            "interrupted; what was finished is kept, run the same command to go on",
            ExitCode.INTERRUPTED,
        )
    if isinstance(error, OSError) and error.errno in _STORAGE:
        return _storage(error), ExitCode.INCOMPLETE
    named = f"{type(error).__name__}: {_one_line(error)}".removesuffix(": ")
    return f"internal error, {named}; run again with -v for the traceback", ExitCode.INTERNAL


def silence_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not complain."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return


def _usage(error: click.ClickException) -> str:
    message = _one_line(error.format_message())
    ended = message if message.endswith(("?", ".")) else f"{message}."
    context = getattr(error, "ctx", None)
    return f"{ended} See '{context.command_path} --help'." if context else message


def _storage(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{_STORAGE[error.errno or 0]} and run the same command again; what was finished is kept"


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
