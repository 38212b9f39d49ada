"""The exception tree, and the exit code each branch ends the command with.

    BenchError                 1   internal: should not happen
    ├── UsageError             2   bad argument, configuration, dataset layout, unknown name
    │   ├── ConfigError        2   a pinned file is malformed or has an unknown key
    │   ├── DatasetError       2   a dataset is not where or what it is said to be
    │   ├── ClipError          2   a video cannot be decoded (within a run: that trial only)
    │   │   └── SilentClipError    it has no sound where sound is needed
    │   └── PluginError        2   an adapter, metric or dataset of that name cannot be had
    ├── NotComparableError     4   definitions, datasets or trials differ; nothing to compare
    ├── IncompleteError        5   more trials failed or are unscored than allowed
    │   └── OutOfMemoryError   5   a network does not fit into memory
    ├── StorageError           5   disk full, read-only folder, folder in use: nothing lost, run again
    ├── MissingWeightsError    5   a network's file is not here; names the command that gets it
    └── IntegrityError         6   a digest does not match: dataset, weights or bundle

Every message is one sentence that names the file or trial and how to mend it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the process's exit status means."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    REGRESSION = 3
    NOT_COMPARABLE = 4
    INCOMPLETE = 5
    INTEGRITY = 6
    INTERRUPTED = 130


class BenchError(Exception):
    """Base of every error this harness raises on purpose."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL


class UsageError(BenchError):
    """The call, a configuration or an input is wrong; nothing was done."""

    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """A pinned file is malformed, too large, or has an unknown key."""


class DatasetError(UsageError):
    """A dataset is not where, or not what, it is said to be."""


class ClipError(UsageError):
    """A video or audio file cannot be read. Inside a run it fails its own trial only."""


class SilentClipError(ClipError):
    """A clip has no sound where sound is needed: its trial is unscored, not failed."""


class PluginError(UsageError):
    """An adapter, metric, dataset or suite of that name cannot be had."""


class NotComparableError(BenchError):
    """Definitions, datasets or trials differ, or there is nothing to compare."""

    exit_code = ExitCode.NOT_COMPARABLE


class IncompleteError(BenchError):
    """More trials failed or are unscored than the caller allows."""

    exit_code = ExitCode.INCOMPLETE


class OutOfMemoryError(IncompleteError):
    """A network's chunk does not fit into memory; a run starts again with smaller ones by itself."""


class StorageError(BenchError):
    """The disk is full, the folder read-only or in use: nothing is lost, mend it and run again."""

    exit_code = ExitCode.INCOMPLETE


class MissingWeightsError(BenchError):
    """A network's file is not on this machine; the message names the command that gets it."""

    exit_code = ExitCode.INCOMPLETE


class IntegrityError(BenchError):
    """A digest does not match what was pinned or stored."""

    exit_code = ExitCode.INTEGRITY
