"""Bundles to judge: real runs of the tiny suite on tiny clips, and what can happen to them afterwards.

The tiny suite's ``luma-drift`` (lower is better) of a model that brightens by k is close to k.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spfem_baselines import CannotGenerateError, Frames, Output, Request
from spfem_bench.stages.run import Options, run
from spfem_bench.store.bundle import write_json, write_manifest
from spfem_metrics import Signature
from tests.support.adapters import Made
from tests.support.tiny import LumaDrift
from tests.support.worlds import tiny_spec

Edit = Callable[[dict[str, Any]], None]


def _shift(request: Request, size: float) -> Iterator[Frames]:
    for chunk in request.source.frames():
        yield np.clip(chunk + size, 0, 255).astype(np.uint8)


def _brighter(size: int) -> Made:
    return Made(f"by-{size}", lambda r: Output(_shift(r, size), r.source.fps), identity=f"by-{size}")


def by_10() -> Made:
    return _brighter(10)


def by_20() -> Made:
    return _brighter(20)


def by_30() -> Made:
    return _brighter(30)


def jitter() -> Made:
    """Brightens by 20 give or take a level, as the trial's seed says: a model that draws."""

    def work(request: Request) -> Output:
        size = 20 + np.random.default_rng(request.seed).integers(-2, 3)
        return Output(_shift(request, size), request.source.fps)

    return Made("jitter", work)


RUINED = "p0__happy__to__neutral__ref-p1--neutral"
"""A trial of the open protocol on the tiny dataset."""


def one_ruined() -> Made:
    """As ``by_20``, a little darker, but for a single trial that it ruins."""

    def work(request: Request) -> Output:
        ruined = request.trial == RUINED
        return Output(_shift(request, 70 if ruined else 14), request.source.fps)

    return Made("one-ruined", work)


def declines_some() -> Made:
    """As ``by_20``, but of the sad trials it makes none."""

    def work(request: Request) -> Output:
        if request.emotion == "sad":
            raise CannotGenerateError("this model knows no sadness")
        return Output(_shift(request, 20), request.source.fps)

    return Made("declines-some", work)


def crashes() -> Made:
    def work(request: Request) -> Output:
        raise RuntimeError("CUDA error")

    return Made("crashes", work)


@dataclass(frozen=True)
class Broken(LumaDrift):
    """`LumaDrift` after a change of its arithmetic that nobody declared."""

    def observe(self, observation: Any) -> Any:
        reading = super().observe(observation)
        return replace(reading, value=(reading.value or 0.0) * 1.1 + 0.5)


@dataclass(frozen=True)
class Redefined(LumaDrift):
    """The same name with another choice."""

    def signature(self, definitions: Any) -> Signature:
        return super().signature(definitions).with_choices(miss="worst")


def suite(folder: Path, *metrics: str) -> str:
    """A suite file of metrics of this module, named ``tiny`` like the one it stands in for."""
    path = folder / "tiny-variant.yaml"
    parts = [{"factory": f"tests.support.judging:{metric}"} for metric in metrics]
    plain = {
        "name": "tiny",
        "valid-on": ["real", "rendered"],
        "about": "For tests of judging.",
        "extractors": {"luma": {"factory": "tests.support.tiny:luma"}},
        "metrics": parts,
    }
    path.write_text(json.dumps(plain))  # JSON is YAML
    return str(path)


@dataclass(frozen=True)
class Runs:
    """Runs over one dataset, each made once.

    Args:
        manifest: of the dataset.
        folder: where bundles and their cache lie.
    """

    manifest: Path
    folder: Path

    def of(self, *adapters: str, options: Options | None = None, **more: Any) -> Path:
        """The bundle of these adapters of this module, ``NAME`` or ``ALIAS=NAME``."""
        given = [_full(adapter) for adapter in adapters]
        spec = tiny_spec(self.manifest, self.folder / "cache", **more)
        said = "+".join([*adapters, *(f"{k}={Path(str(v)).name}" for k, v in sorted(more.items()))])
        out = self.folder / (f"{said}+slim" if options and options.slim else said)
        if not out.exists():
            run(replace(spec, adapters=tuple(given)), out, options)
        return out


def _full(adapter: str) -> str:
    alias, _, name = adapter.rpartition("=")
    return f"{alias or name.replace('_', '-')}=tests.support.judging:{name}"


def copy_of(bundle: Path, to: Path) -> Path:
    """A bundle to be changed."""
    return Path(shutil.copytree(bundle, to))


def edit_rows(bundle: Path, edit: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Path:
    """Rewrite the stored rows, and the manifest with them: what an edit that covers its traces does."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(bundle / "rows.parquet")
    rows = edit(table.to_pylist())
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), bundle / "rows.parquet")
    write_manifest(bundle)
    return bundle


def edit_json(bundle: Path, name: str, edit: Edit) -> Path:
    """Rewrite a JSON file of a bundle, and the manifest with it."""
    plain = json.loads((bundle / name).read_text())
    edit(plain)
    write_json(bundle / name, plain)
    write_manifest(bundle)
    return bundle
