"""The same suite with smaller network chunks, for machines with less memory."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace

from spfem_bench.registry import resolve
from spfem_bench.suites.load import Part, Suite


def with_smaller_chunks(suite: Suite, halvings: int) -> Suite:
    """Halve the ``chunk`` option of every extractor and pair extractor that has one.

    A chunk stands in its extractor's definition, so the signatures of the metrics that rest on it change.

    Args:
        suite: as read.
        halvings: how many times; 0 changes nothing.
    """
    if not halvings:
        return suite
    return replace(suite, extractors=_all(suite.extractors, halvings), pairs=_all(suite.pairs, halvings))


def _all(parts: Mapping[str, Part], halvings: int) -> dict[str, Part]:
    return {name: _halved(part, halvings) for name, part in parts.items()}


def _halved(part: Part, halvings: int) -> Part:
    factory = resolve("spfem_bench.extractors", part.factory, {})
    known = inspect.signature(factory).parameters.get("chunk")
    if known is None:
        return part
    chunk = int(part.options.get("chunk", known.default))
    return replace(part, options={**part.options, "chunk": max(1, chunk >> halvings)})
