"""What a manifest says, part by part: plain frozen records without files behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from spfem_baselines import Space

Mode = Literal["label", "reference", "action-units", "text"]
"""How the target emotion reaches a model."""

LicenceClass = Literal["permissive", "share-alike", "non-commercial", "research-only", "none-stated"]
"""What the strictest part of a model's licences allows."""

Option = str | int | float | bool
Rate = Fraction | Literal["source", "prepared"]
Size = tuple[int, int] | Literal["source", "prepared"]


@dataclass(frozen=True)
class Upstream:
    """Where the model's own code is.

    Args:
        repository: its address; None for a program that is nobody's upstream.
        commit: 40 hexadecimal digits; None where `note` says why there is none.
        note: what else is to be said.
    """

    repository: str | None = None
    commit: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Licence:
    """What a model may be used for.

    Args:
        code: SPDX name, or the licence's own; None where nothing is stated.
        use: what the strictest part allows.
        note: which part that is.
    """

    code: str | None = None
    use: LicenceClass = "none-stated"
    note: str = ""

    @property
    def must_be_accepted(self) -> bool:
        """Whether a person has to say that the use at hand is allowed."""
        return self.use in {"non-commercial", "research-only"}


@dataclass(frozen=True)
class Crop:
    """One square of every frame, the same for the whole clip.

    Args:
        rule: how the square is found.
        margin: share of the face's side added on each side of it.
        size: pixels a side after resampling; None keeps the square's own.
    """

    rule: Literal["face-static"]
    margin: float = 0.0
    size: int | None = None


@dataclass(frozen=True)
class Audio:
    """Sound as int16 mono.

    Args:
        rate: samples per second.
        muxed: whether the video carries it too.
    """

    rate: int
    muxed: bool = False


@dataclass(frozen=True)
class Input:
    """What the model is given of a clip.

    Args:
        kind: a video (file or frames), or its first frame with or without the sound.
        form: how frames are written.
        fps: exact rate; None for the clip's own.
        crop: None for the full frame.
        size: (width, height) in pixels; None for the clip's own.
        audio: None where the model hears nothing.
        extra: further named steps.
    """

    kind: Literal["video", "image-and-audio", "image"]
    form: Literal["mp4", "mp4-lossless", "png"] = "mp4"
    fps: Fraction | None = None
    crop: Crop | None = None
    size: tuple[int, int] | None = None
    audio: Audio | None = None
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class Produced:
    """What comes out, as far as it is known before a run; each result says the truth of its trial.

    Args:
        form: a video file, numbered pictures, or an array.
        space: the whole frame of the source, the prepared or the model's own crop of it, or a crop that the
            model itself aligned.
        fps: exact rate, or whose rate it is.
        head: prepared frames at the start that have no output.
        tail: prepared frames at the end that have none.
        length: what decides how long the output is.
        audio: what sound the model's own file carries; the harness replaces it.
        size: (width, height) in pixels, or whose size it is.
    """

    form: Literal["video", "frames", "array"]
    space: Space = "frame"
    fps: Rate = "prepared"
    head: int = 0
    tail: int = 0
    length: Literal["source", "shorter-of-both", "audio"] = "source"
    audio: Literal["none", "source", "driving"] = "none"
    size: Size = "source"


@dataclass(frozen=True)
class Asset:
    """A file or folder that the model needs besides its code.

    Args:
        name: key in the job's ``assets``.
        path: where it belongs in the checkout, relative to it.
        url: where it is had; None where `note` or `gated` says how else.
        sha256: hexadecimal digest of a file; None: unpinned, taken as it is.
        bytes: size of a file; None where nobody says.
        licence: its own; None where nothing is stated.
        gated: what a person must do to get it; None for a free download.
        note: why facts are missing, and what else is to be said.
        modes: the modes that need it; empty for all.
    """

    name: str
    path: str
    url: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    licence: str | None = None
    gated: str | None = None
    note: str = ""
    modes: tuple[Mode, ...] = ()


@dataclass(frozen=True)
class Environment:
    """The interpreter and packages a model runs in.

    Args:
        python: version, compared by as many parts as it has; None for any.
        packages: distribution -> version (empty for any).
        kind: what it is usually made with.
        file: what it is made from, relative to the checkout.
        create: the command that makes it, with ``{env}`` and ``{checkout}``; None for the kind's usual one.
        gpu: whether it runs without one.
        variables: environment variables let through beyond the usual ones.
        python_path: the interpreter, relative to the manifest; only for manifests outside this package.
    """

    python: str | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["conda", "venv", "container", "any"] = "any"
    file: str | None = None
    create: str | None = None
    gpu: Literal["required", "optional", "none"] = "none"
    variables: tuple[str, ...] = ()
    python_path: str | None = None


@dataclass(frozen=True)
class Timeout:
    """Seconds after which a process is ended.

    Args:
        start: for loading.
        trial: for each trial of the job.
    """

    start: float = 120.0
    trial: float = 600.0


@dataclass(frozen=True)
class Training:
    """What must be trained before a new person can be shown.

    Args:
        command: how the upstream does it.
        note: how long, on what.
    """

    command: str
    note: str = ""


@dataclass(frozen=True)
class Fact:
    """Something that bites, and where it can be read."""

    fact: str
    source: str
