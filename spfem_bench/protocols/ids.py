"""Trial ids and orders that depend on names only: no clock, no random state, no machine."""

from __future__ import annotations

import hashlib
import re

from spfem_bench.datasets.records import ClipRecord

MAX_LENGTH = 120
_UNSAFE = re.compile(r"[^A-Za-z0-9._=+-]")
_TAIL = 10


def hash_order(*parts: str) -> str:
    """A sort key that looks random and never changes: sha256 over the parts."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "backslashreplace")).hexdigest()


def safe(text: str) -> str:
    """Letters, digits and ``._=+-`` only; others become ``-``; no dot or hyphen in front."""
    return _UNSAFE.sub("-", text).lstrip(".-")


def clip_tag(record: ClipRecord) -> str:
    """A clip's name within its speaker: ``neutral-037`` for MEAD, else its id without the speaker's name."""
    number = record.extra.get("number")
    if number is not None and record.emotion:
        return f"{record.emotion}-{number}"
    return record.id.removeprefix(record.speaker).lstrip("/")


def trial_id(source: ClipRecord, emotion: str, reference: ClipRecord | None) -> str:
    """Such as ``M003__neutral-037__to__happy__ref-W015-012``; at most `MAX_LENGTH` characters.

    Where a name holds characters that a file name part should not, or the id would be too long, it ends in
    ten hexadecimal digits of the sha256 over the clips' full ids.
    """
    parts = [source.speaker, clip_tag(source), "to", emotion]
    if reference is not None:
        short = reference.extra.get("number") or clip_tag(reference)
        parts.append("ref-" + "-".join(filter(None, (reference.speaker, short))))
    full = (source.id, emotion, reference.id if reference else "")
    return _bounded(parts, *full)


def real_id(record: ClipRecord) -> str:
    """Such as ``real__M003__happy-025``; no trial id starts so unless a speaker is called ``real``."""
    return _bounded(["real", record.speaker, clip_tag(record)], "real", record.id)


def tailed(name: str, *full: str) -> str:
    """The name, cut to fit, with a digest of what it stands for."""
    tail = hash_order(*full)[:_TAIL]
    return f"{name[: MAX_LENGTH - _TAIL - 2].rstrip('._-')}__{tail}"


def _bounded(parts: list[str], *full: str) -> str:
    name = "__".join(safe(part) for part in parts if safe(part))
    lossy = any(_UNSAFE.search(part.replace("/", "-")) for part in parts)
    return tailed(name, *full) if lossy or len(name) > MAX_LENGTH else name
