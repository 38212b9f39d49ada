"""A manifest in words, and the page of all shipped ones.

``python -m spfem_bench.adapters.command.describe > docs/baselines.md`` writes the page; a test holds the file
to it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from textwrap import wrap
from typing import Any

from spfem_baselines import SPACE_WORDS
from spfem_bench.adapters.command.manifest import Manifest, shipped, shipped_names
from spfem_bench.adapters.command.parts import Asset
from spfem_bench.adapters.command.steps.names import ABOUT, step_names
from spfem_bench.config import load_yaml

_HEAD = (
    "# Wrapped models\n\n"
    "Written by `python -m spfem_bench.adapters.command.describe > docs/baselines.md` from the manifests in\n"
    "`baselines/spfem_baselines/wrappers`; do not edit. Only manifests and bridge scripts travel with this\n"
    "project, never a model's code or weights: `spfem-bench baseline check NAME` says what to get and how.\n"
    "docs/foreign.md tells how models are installed and how to wrap another one.\n"
)
_WIDTH = 100
_FINDER = re.compile(r",finder:[^)]*")
_LENGTHS = {
    "source": "as long as the source",
    "shorter-of-both": "as long as the shorter of source and reference",
    "audio": "as long as the sound",
}
_CLASSES = {
    "permissive": "permissive",
    "share-alike": "share-alike",
    "non-commercial": "non-commercial: has to be accepted",
    "research-only": "research only: has to be accepted",
    "none-stated": "none stated",
}


def as_document(manifest: Manifest) -> dict[str, Any]:
    """The manifest as it is written, with what the harness makes of it.

    Raises:
        ConfigError: the manifest or its bridge is gone.
    """
    return {
        **load_yaml(manifest.file),
        "chosen-mode": manifest.mode,
        "adapter": manifest.system_name,
        "steps": list(manifest.steps),
        "time": time_rule(manifest),
        "digest": manifest.digest,
        "file": str(manifest.file),
    }


def as_text(manifest: Manifest) -> str:
    """The manifest for a reader in a terminal."""
    lines = [f"{manifest.system_name}: {manifest.title}"]
    lines += wrap(manifest.about, _WIDTH)
    for name, text in _facts(manifest):
        first, *rest = wrap(text, _WIDTH - 12) or [""]
        lines += ["", f"{name:<12}{first}"] if name else [f"{'':<12}{first}"]
        lines += [f"{'':<12}{line}" for line in rest]
    return "\n".join(lines)


def _facts(manifest: Manifest) -> Iterator[tuple[str, str]]:
    upstream, licence = manifest.upstream, manifest.licence
    if upstream.repository is not None:
        yield "upstream", f"{upstream.repository} at {upstream.commit or 'no pinned commit'}. {upstream.note}"
    yield "licence", f"{licence.code or 'none stated'} ({_CLASSES[licence.use]}). {licence.note}"
    yield "mode", f"{manifest.mode}" + _others(manifest)
    if manifest.labels:
        yield "labels", ", ".join(f"{emotion} = {word}" for emotion, word in manifest.labels.items())
    yield from _titled("input", [f"{_input_kind(manifest)}", *_step_lines(manifest)])
    yield "output", _output(manifest)
    yield "time", time_rule(manifest)
    if manifest.training is not None:
        yield "training", f"needed for a new person: {manifest.training.command}. {manifest.training.note}"
    yield from _titled("assets", [_asset_line(asset) for asset in manifest.assets])
    yield "environment", _environment(manifest)
    if manifest.options:
        yield "options", ", ".join(f"{name}={_value(value)}" for name, value in manifest.options.items())
    yield from _titled("known", [f"- {one.fact} ({one.source})" for one in manifest.known])


def _titled(name: str, lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for at, line in enumerate(lines):
        yield (name if at == 0 else ""), line


def _others(manifest: Manifest) -> str:
    others = [mode for mode in manifest.modes if mode != manifest.mode]
    return f"; also {', '.join(others)} (by ,mode={others[0]})" if others else ""


def _input_kind(manifest: Manifest) -> str:
    given = manifest.input
    forms = {"mp4": "an mp4", "mp4-lossless": "an mp4 without loss", "png": "numbered PNG files"}
    kinds = {"image-and-audio": "the first frame and the sound", "image": "the first frame"}
    return forms[given.form] if given.kind == "video" else kinds[given.kind]


def _step_lines(manifest: Manifest) -> list[str]:
    names = step_names(manifest.input)
    return [f"- {signed}: {ABOUT[name]}" for signed, name in zip(manifest.steps, names, strict=True)]


def _output(manifest: Manifest) -> str:
    made = manifest.output
    size = made.size if isinstance(made.size, str) else f"{made.size[0]}x{made.size[1]}"
    shown = f"{made.form} of {SPACE_WORDS[made.space]}, size {size}"
    return f"{shown}, seed {manifest.seed}, its own sound: {made.audio}"


def time_rule(manifest: Manifest) -> str:
    """How output frames answer to the source's, in a sentence."""
    made = manifest.output
    words = (("first", made.head), ("last", made.tail))
    dropped = [f"without the {word} {count}" for word, count in words if count]
    parts = [f"{_output_rate(manifest)}, {_LENGTHS[made.length]}", *dropped, "each result says which frames"]
    return "; ".join(parts)


def _output_rate(manifest: Manifest) -> str:
    fps, given = manifest.output.fps, manifest.input.fps
    if isinstance(fps, Fraction):
        return f"at {fps} fps"
    return "at the source's rate" if fps == "source" or given is None else f"at the prepared {given} fps"


def _asset_line(asset: Asset) -> str:
    where = asset.gated or asset.url or "not public"
    pin = f"sha256 {asset.sha256[:12]}" if asset.sha256 else "unpinned"
    note = f" {asset.note}" if asset.note else ""
    return f"- {asset.name}: {asset.path}, {asset.licence or 'no licence stated'}, {pin}; {where}.{note}"


def _environment(manifest: Manifest) -> str:
    wanted = manifest.environment
    packages = ", ".join(f"{name} {version}".strip() for name, version in wanted.packages.items())
    python = f"Python {wanted.python}" if wanted.python else "any Python"
    return ", ".join(part for part in (python, packages, f"GPU {wanted.gpu}") if part)


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def page() -> str:
    """docs/baselines.md."""
    manifests = [shipped(name) for name in shipped_names()]
    return (
        "\n".join([_HEAD, *_table(manifests), *(line for one in manifests for line in _section(one))]) + "\n"
    )


def _table(manifests: Sequence[Manifest]) -> Iterator[str]:
    columns = ("name", "model", "mode", "input", "output", "rate", "dropped", "seed", "GPU", "licence")
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for one in manifests:
        yield f"| {' | '.join(_cells(one))} |"


def _cells(manifest: Manifest) -> tuple[str, ...]:
    made, given = manifest.output, manifest.input
    rate = str(made.fps) if isinstance(made.fps, Fraction) else str(given.fps or "source's")
    return (
        f"`{manifest.name}`",
        manifest.title,
        ", ".join(manifest.modes),
        _input_kind(manifest),
        SPACE_WORDS[made.space],
        rate,
        f"{made.head} + {made.tail}" if made.head or made.tail else "none",
        manifest.seed,
        manifest.environment.gpu,
        f"{manifest.licence.code or 'none stated'} ({manifest.licence.use})",
    )


def _section(manifest: Manifest) -> Iterator[str]:
    yield f"\n## {manifest.name}\n"
    if manifest.about:
        yield "\n".join(wrap(manifest.about, _WIDTH)) + "\n"
    for name, text in _page_facts(manifest):
        is_item = text.startswith("- ")
        if name:
            yield f"- **{name}**:" if is_item else f"- **{name}**: {text.strip()}"
        if is_item or not name:
            yield f"  {text.strip()}"


def _page_facts(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """The facts, without what depends on this machine (the finder of a crop)."""
    for name, text in _facts(manifest):
        yield name, _FINDER.sub("", text)


if __name__ == "__main__":
    sys.stdout.write(page())
