"""What came of verifying a bundle, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from spfem_bench.errors import ExitCode

State = Literal["verified", "unverifiable", "failed"]

SCHEMA_NAME = "spfem-bench/verification@1"
_ORDER: tuple[State, ...] = ("verified", "unverifiable", "failed")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it should be.

    Args:
        subject: the file, trial or score.
        detail: what is wrong with it.
        state: ``failed`` where it contradicts the rest; ``unverifiable`` where nobody can tell here.
    """

    subject: str
    detail: str
    state: Literal["unverifiable", "failed"] = "failed"


@dataclass(frozen=True)
class Check:
    """One kind of check over the whole bundle.

    Args:
        name: ``files``, ``documents``, ``rows``, ``clips``, ``scores`` or ``table``.
        what: what the good ones are, to follow ``12 of 12``.
        good: how many passed.
        total: of how many.
        problems: the others, in the bundle's order.
        notes: what a reader must know beside the counts.
    """

    name: str
    what: str
    good: int
    total: int
    problems: Sequence[Problem] = ()
    notes: Sequence[str] = ()

    @property
    def state(self) -> State:
        """The worst of its problems."""
        return worst([problem.state for problem in self.problems])


@dataclass(frozen=True)
class Verification:
    """A bundle's checks.

    Args:
        bundle: the folder as it was given.
        title: of its table, empty where that could not be read.
        checks: in order.
    """

    bundle: str
    title: str
    checks: Sequence[Check]

    @property
    def state(self) -> State:
        """The worst of its checks."""
        return worst([check.state for check in self.checks])

    @property
    def exit_code(self) -> ExitCode:
        """0 verified, 6 something contradicts, 5 part of it cannot be told here."""
        codes = {
            "verified": ExitCode.OK,
            "unverifiable": ExitCode.INCOMPLETE,
            "failed": ExitCode.INTEGRITY,
        }
        return codes[self.state]

    def plain(self) -> dict[str, Any]:
        """As JSON values, ``verification@1`` of the published schemas."""
        return {
            "schema": SCHEMA_NAME,
            "bundle": self.bundle,
            "title": self.title,
            "state": self.state,
            "checks": [_plain(check) for check in self.checks],
        }


def worst(states: Sequence[State]) -> State:
    """The worst of several states, ``verified`` of none."""
    return max(states, key=_ORDER.index, default="verified")


def _plain(check: Check) -> dict[str, Any]:
    problems = [{"subject": p.subject, "detail": p.detail, "state": p.state} for p in check.problems]
    return {
        "name": check.name,
        "state": check.state,
        "what": check.what,
        "good": check.good,
        "total": check.total,
        "problems": problems,
        "notes": list(check.notes),
    }
