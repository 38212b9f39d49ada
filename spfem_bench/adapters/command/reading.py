"""From the plain values of a manifest to its records, and what a schema cannot say about them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from spfem_bench.adapters.command.parts import Asset, Audio, Crop, Environment, Input, Licence, Produced

if TYPE_CHECKING:
    from spfem_bench.adapters.command.manifest import Manifest

BRIDGE = "bridge.py"
PLACEHOLDERS = frozenset({"python", "bridge", "checkout", "job"})
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def read_input(data: Mapping[str, Any]) -> Input:
    """``input`` of a manifest."""
    crop = data.get("crop", "none")
    size, rate = data.get("size", "source"), data.get("fps", "source")
    return Input(
        kind=data["kind"],
        form=data.get("as", "mp4"),
        fps=None if rate == "source" else Fraction(rate),
        crop=None if crop == "none" else Crop(crop["rule"], float(crop["margin"]), _side(crop["size"])),
        size=None if size == "source" else (size[0], size[1]),
        audio=none_or(data.get("audio", "none"), Audio),
        extra=tuple(data.get("steps", ())),
    )


def _side(size: int | str) -> int | None:
    return size if isinstance(size, int) else None


def read_output(data: Mapping[str, Any]) -> Produced:
    """``output`` of a manifest."""
    rate, size = data.get("fps", "prepared"), data.get("size", "source")
    dropped = data.get("dropped", {})
    named = {key: data[key] for key in ("space", "length", "audio") if key in data}
    return Produced(
        form=data["as"],
        fps=rate if rate in {"source", "prepared"} else Fraction(rate),
        head=dropped.get("head", 0),
        tail=dropped.get("tail", 0),
        size=size if isinstance(size, str) else (size[0], size[1]),  # type: ignore[arg-type]  # the schema has two words
        **named,
    )


def read_licence(data: Mapping[str, Any]) -> Licence:
    """``licence`` of a manifest."""
    return Licence(data.get("code"), data.get("class", "none-stated"), data.get("note", ""))


def read_asset(data: Mapping[str, Any]) -> Asset:
    """One of ``assets``."""
    plain = {key: value for key, value in data.items() if key != "mode"}
    return Asset(**plain, modes=tuple(data.get("mode", ())))


def read_environment(data: Mapping[str, Any]) -> Environment:
    """``environment`` of a manifest."""
    plain = {key.replace("-", "_"): value for key, value in data.items() if key != "variables"}
    return Environment(**plain, variables=tuple(data.get("variables", ())))


def none_or(data: Any, kind: Any) -> Any:
    """None for the word ``none``, else the record of a mapping."""
    return None if data == "none" else kind(**data)


def problems(manifest: Manifest) -> Iterator[str]:
    """What a schema cannot say."""
    yield from _unexplained(manifest)
    given = manifest.input
    if "label" in manifest.modes and not manifest.labels:
        yield "mode label needs 'labels', the model's word for each emotion"
    if "action-units" in manifest.modes and "openface-aus" not in given.extra:
        yield "mode action-units needs the step openface-aus in 'input.steps'"
    if given.crop is not None and given.size is not None:
        yield "'input.crop' and 'input.size' are both given; the crop has its own size"
    if given.crop is not None and manifest.output.space == "frame":
        yield "'input.crop' is given, so 'output.space' has to be crop (or aligned-crop)"
    if given.audio is not None and given.audio.muxed and not _has_video(given):
        yield "'input.audio.muxed' needs a video file"
    if manifest.writable and manifest.concurrency == "free":
        yield "'writable' places in the checkout need 'concurrency: one-at-a-time'"
    yield from _command_problems(manifest)
    names = [asset.name for asset in manifest.assets]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"two assets are named '{name}'"


def _has_video(given: Input) -> bool:
    return given.kind == "video" and given.form != "png"


def _unexplained(manifest: Manifest) -> Iterator[str]:
    """Facts that are missing without a word why."""
    upstream, licence = manifest.upstream, manifest.licence
    if upstream.repository is not None and upstream.commit is None and not upstream.note:
        yield "'upstream.commit' is null: say why in 'upstream.note'"
    if upstream.repository is not None and licence.code is None and not licence.note:
        yield "'licence.code' is null: say why in 'licence.note'"
    for asset in manifest.assets:
        missing = [key for key in ("url", "sha256", "bytes", "licence") if getattr(asset, key) is None]
        if missing and not asset.note:
            yield f"the asset {asset.name} has no {', '.join(missing)}: say why in its 'note'"


def _command_problems(manifest: Manifest) -> Iterator[str]:
    used = {name for word in manifest.command for name in _PLACEHOLDER.findall(word)}
    for name in sorted(used - PLACEHOLDERS):
        known = ", ".join(f"{{{one}}}" for one in sorted(PLACEHOLDERS))
        yield f"'command' has {{{name}}}, which means nothing; there are {known}"
    if "job" not in used:
        yield "'command' lacks {job}, so the program would not know what to do"
    if "bridge" in used and manifest.bridge is None:
        yield f"'command' has {{bridge}}, but there is no {BRIDGE} beside the manifest"
    if manifest.bridge is not None and not manifest.bridge.is_file():
        yield f"the bridge {manifest.bridge} does not exist"
