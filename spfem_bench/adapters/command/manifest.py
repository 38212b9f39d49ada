"""The manifest of a foreign model: one YAML file, checked against the schema ``baseline@1``.

It says how a program is started, what it is given, what comes out, and what is known about it. What can move
an output stands in `Manifest.document`; prose, timeouts and batch sizes do not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from spfem_baselines import CannotGenerateError
from spfem_bench.adapters.command.parts import (
    Asset,
    Environment,
    Fact,
    Input,
    Licence,
    Mode,
    Option,
    Produced,
    Timeout,
    Training,
    Upstream,
)
from spfem_bench.adapters.command.reading import (
    BRIDGE,
    none_or,
    problems,
    read_asset,
    read_environment,
    read_input,
    read_licence,
    read_output,
)
from spfem_bench.adapters.command.steps.names import signatures
from spfem_bench.config import check_schema, load_yaml, near_miss
from spfem_bench.digest import canonical_json, digest_file, digest_of, portable
from spfem_bench.errors import ConfigError, UsageError
from spfem_bench.schemas import read_schema

FILE = "manifest.yaml"
SCHEMA = "baseline@1"
_CHOICE = re.compile(r",(?=[a-z][a-z0-9-]*=)")


@dataclass(frozen=True)
class Manifest:
    """A foreign model as its manifest says, in one chosen mode.

    Args:
        name: a-z, 0-9 and hyphens.
        file: the manifest itself.
        modes: how the emotion can be given; the first is the default.
        mode: the chosen one.
        input: what the model is given of a clip.
        output: what comes out.
        command: argv with ``{python}``, ``{bridge}``, ``{checkout}`` and ``{job}``.
        title: for people.
        about: one or two sentences.
        upstream: where its code is.
        licence: what it may be used for.
        labels: the harness's emotion -> the model's word.
        training: what a new person needs; None for nothing.
        seed: whether the job's seed decides what is drawn.
        assets: files it needs besides its code.
        environment: what it runs in.
        bridge: the script beside the manifest; None without one.
        batch: trials a process takes at most.
        timeout: seconds after which a process is ended.
        memory: GiB that its processes may hold together; None for no cap.
        concurrency: whether two jobs may run in one checkout.
        writable: places in the checkout that it writes, relative.
        min_frames: fewest prepared frames it takes.
        options: passed to the job.
        defaults: the options where nobody chooses others.
        known: facts that bite.
    """

    name: str
    file: Path
    modes: tuple[Mode, ...]
    mode: Mode
    input: Input
    output: Produced
    command: tuple[str, ...]
    title: str = ""
    about: str = ""
    upstream: Upstream = field(default_factory=Upstream)
    licence: Licence = field(default_factory=Licence)
    labels: Mapping[str, str] = field(default_factory=dict)
    training: Training | None = None
    seed: Literal["supported", "ignored"] = "ignored"
    assets: tuple[Asset, ...] = ()
    environment: Environment = field(default_factory=Environment)
    bridge: Path | None = None
    batch: int = 1
    timeout: Timeout = field(default_factory=Timeout)
    memory: float | None = None
    concurrency: Literal["free", "one-at-a-time"] = "free"
    writable: tuple[str, ...] = ()
    min_frames: int = 1
    options: Mapping[str, Option] = field(default_factory=dict)
    defaults: Mapping[str, Option] = field(default_factory=dict)
    known: tuple[Fact, ...] = ()

    @property
    def folder(self) -> Path:
        """Where the manifest lies."""
        return self.file.parent

    @property
    def system_name(self) -> str:
        """As in tables: the name, with the mode where it is not the default one."""
        return self.name if self.mode == self.modes[0] else f"{self.name}-{self.mode}"

    @property
    def is_shipped(self) -> bool:
        """Whether it travels with this project."""
        return self.file.is_relative_to(wrappers_dir())

    @property
    def reference(self) -> str:
        """What ``spfem-bench baseline check`` calls it: the name, or the path of the manifest."""
        return self.name if self.is_shipped else str(self.file)

    @property
    def needs_reference(self) -> bool:
        """Whether the chosen mode reads a clip that shows the emotion."""
        return self.mode in {"reference", "action-units"}

    @property
    def needed_assets(self) -> tuple[Asset, ...]:
        """The assets that the chosen mode needs."""
        return tuple(asset for asset in self.assets if not asset.modes or self.mode in asset.modes)

    @property
    def steps(self) -> tuple[str, ...]:
        """Every step that prepares an input, with its version and choices, in order.

        The finder of a crop is the one this machine has (`spfem_bench.adapters.command.steps.finding`).
        """
        if self.input.crop is None:
            return signatures(self.input)
        from spfem_bench.adapters.command.steps.finding import finder_name

        return signatures(self.input, finder_name())

    @property
    def document(self) -> dict[str, Any]:
        """All here that can move an output, as plain JSON values without a path of this machine.

        Raises:
            ConfigError: the bridge is gone.
        """
        wanted = self.environment
        plain = {
            "name": self.name,
            "upstream": {"repository": self.upstream.repository, "commit": self.upstream.commit},
            "modes": self.modes,
            "mode": self.mode,
            "labels": dict(self.labels) if self.mode == "label" else {},
            "steps": self.steps,
            "input": self.input.kind,
            "output": asdict(self.output),
            "seed": self.seed,
            "assets": [
                {"name": one.name, "path": one.path, "sha256": one.sha256} for one in self.needed_assets
            ],
            "environment": {"python": wanted.python, "packages": dict(wanted.packages)},
            "variables": sorted(wanted.variables),
            "command": self.command,
            "options": dict(self.options),
            "defaults": dict(self.defaults),
            "min-frames": self.min_frames,
            "bridge": [_script_digest(script) for script in self._scripts()],
        }
        return dict(json.loads(canonical_json(portable(plain))))

    @property
    def digest(self) -> str:
        """Of `document`: hexadecimal sha256.

        Raises:
            ConfigError: the bridge is gone.
        """
        return digest_of(self.document)

    def label(self, emotion: str) -> str | None:
        """The model's word for an emotion, None where the chosen mode gives no word.

        Raises:
            CannotGenerateError: the model has no word for it.
        """
        if self.mode != "label":
            return None
        if emotion not in self.labels:
            known = ", ".join(self.labels)
            raise CannotGenerateError(f"{self.name} has labels for {known}, not for {emotion}")
        return self.labels[emotion]

    def chosen(self, choices: Mapping[str, str]) -> Manifest:
        """The same model in another mode or with other options, given as text.

        Raises:
            UsageError: there is no such mode or option, or the value is of another kind.
        """
        options = dict(self.options)
        mode = self.mode
        for key, text in choices.items():
            if key == "mode":
                mode = _chosen_mode(self, text)
            elif key in options:
                options[key] = _as_kind(options[key], text, f"{self.name}: option {key}")
            else:
                known = ["mode", *options]
                raise UsageError(
                    f"{self.name} has no option '{key}'.{near_miss(key, known)} There are: {', '.join(known)}"
                )
        return replace(self, mode=mode, options=options)

    def _scripts(self) -> Iterator[Path]:
        if self.bridge is not None:
            yield self.bridge
        shared = wrappers_dir() / "bridging.py"
        if shared.is_file():
            yield shared


def wrappers_dir() -> Path:
    """The folder of the manifests that travel with this project."""
    import spfem_baselines

    return Path(spfem_baselines.__file__).parent / "wrappers"


def shipped_names() -> list[str]:
    """The names of the shipped manifests, sorted."""
    return sorted(path.parent.name for path in wrappers_dir().glob(f"*/{FILE}"))


def shipped(name: str) -> Manifest:
    """A shipped manifest by its name.

    Raises:
        UsageError: there is none of that name; lists those there are.
    """
    known = shipped_names()
    if name not in known:
        raise UsageError(
            f"there is no wrapper named '{name}'.{near_miss(name, known)} There are: "
            f"{', '.join(known) or 'none'}; your own is named command:PATH/TO/{FILE}"
        )
    return read_manifest(wrappers_dir() / name / FILE)


def from_text(text: str, *, is_file: bool) -> Manifest:
    """A manifest as adapters name it: ``ned``, ``ned,mode=reference`` or ``my/manifest.yaml,steps=20``.

    Args:
        text: a shipped name, or the path of a manifest or of the folder that holds one; choices follow.
        is_file: which of the two.

    Raises:
        UsageError: there is no such wrapper, mode or option.
        ConfigError: the manifest cannot be read or does not fit the schema.
    """
    what, *choices = _CHOICE.split(text)
    if is_file:
        path = Path(what).expanduser()
        manifest = read_manifest(path / FILE if path.is_dir() else path)
    else:
        manifest = shipped(what)
    return manifest.chosen(dict(choice.split("=", maxsplit=1) for choice in choices))


def read_manifest(file: Path) -> Manifest:
    """A manifest, checked.

    Raises:
        ConfigError: it cannot be read, does not fit the schema, or contradicts itself.
    """
    data = load_yaml(file)
    check_schema(data, read_schema(SCHEMA), str(file))
    manifest = _manifest(data, file.absolute())
    for problem in problems(manifest):
        raise ConfigError(f"{file}: {problem}.")
    return manifest


def _manifest(data: Mapping[str, Any], file: Path) -> Manifest:
    plain = {key.replace("-", "_"): data[key] for key in _PLAIN if key in data}
    return Manifest(
        file=file,
        modes=tuple(data["mode"]),
        mode=data["mode"][0],
        input=read_input(data["input"]),
        output=read_output(data["output"]),
        command=tuple(data["command"]),
        title=data.get("title", data["name"]),
        upstream=Upstream(**data.get("upstream", {})),
        licence=read_licence(data.get("licence", {})),
        training=none_or(data.get("identity-training", "none"), Training),
        assets=tuple(read_asset(asset) for asset in data.get("assets", ())),
        environment=read_environment(data.get("environment", {})),
        bridge=_bridge(data.get("bridge"), file.parent),
        timeout=Timeout(**data.get("timeout", {})),
        writable=tuple(data.get("writable", ())),
        defaults=dict(data.get("options", {})),
        known=tuple(Fact(**fact) for fact in data.get("known", ())),
        **plain,
    )


_PLAIN = ("name", "about", "labels", "seed", "batch", "memory", "concurrency", "min-frames", "options")


def _bridge(named: str | None, folder: Path) -> Path | None:
    if named is not None:
        return (folder / named).resolve()
    usual = folder / BRIDGE
    return usual.resolve() if usual.is_file() else None


def _script_digest(script: Path) -> str:
    try:
        return digest_file(script)
    except OSError as error:
        raise ConfigError(f"{script} cannot be read: {error.strerror}; put the bridge back.") from error


def _chosen_mode(manifest: Manifest, text: str) -> Mode:
    for mode in manifest.modes:
        if mode == text:
            return mode
    raise UsageError(
        f"{manifest.name} has no mode '{text}'.{near_miss(text, manifest.modes)} "
        f"There are: {', '.join(manifest.modes)}"
    )


def _as_kind(default: Option, text: str, what: str) -> Option:
    """Text as a value of the default's kind."""
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text]
        return type(default)(text)
    except (KeyError, ValueError):
        kind = "true or false" if isinstance(default, bool) else f"like {default!r}"
        raise UsageError(f"{what} must be {kind}, not {text!r}") from None
