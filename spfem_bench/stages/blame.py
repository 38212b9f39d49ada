"""Whose fault an unexpected error is: the file, trial or metric it concerns is put before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from spfem_bench.errors import BenchError, IntegrityError, OutOfMemoryError
from spfem_metrics import ResourceError, WeightsError


@contextmanager
def blamed(what: str, known: type[Exception] | tuple[()] = ()) -> Iterator[None]:
    """Name what was being worked on when foreign code fails; errors of this harness pass through.

    A metric or extractor that raises is broken, not the clip: the run stops, and goes on from there when it
    has been mended.

    Args:
        what: the file, trial or metric.
        known: a kind of error that the caller understands and that passes through too.

    Raises:
        IntegrityError: a network's file is not the network it is taken for, or unsafe to load.
        OutOfMemoryError: a network does not fit into memory; says what to make smaller.
        BenchError: the code raised anything else.
    """
    try:
        yield
    except (BenchError, OSError):
        raise
    except known:
        raise
    except WeightsError as error:
        raise IntegrityError(str(error)) from error
    except ResourceError as error:
        raise OutOfMemoryError(f"{what}: {error}") from error
    except Exception as error:
        raise BenchError(
            f"{what} failed with {type(error).__name__}: {first_line(error)}; "
            "run again with -v for the traceback"
        ) from error


def first_line(error: Exception) -> str:
    """What an error says, in one line of at most 300 characters."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else "no message"
