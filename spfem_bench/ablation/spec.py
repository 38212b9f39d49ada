"""The run file of an ablation: a pinned YAML file under ``configs/runs``, unknown keys refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spfem_bench.config import check_schema, load_yaml, near_miss
from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import ConfigError

if TYPE_CHECKING:
    from spfem_bench.training.backbone.recipe import Recipe

_COUNT = {"type": "integer", "minimum": 1}
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_SHARE = {"type": "number", "exclusiveMinimum": 0}
_EMOTIONS = {"type": "array", "items": {"enum": list(SPFEM_EMOTIONS)}, "minItems": 1, "uniqueItems": True}
_VARIANTS = {"type": "object", "additionalProperties": _TEXTS, "propertyNames": {"pattern": "^[a-z0-9+-]+$"}}


def _object(required: Sequence[str], **properties: object) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "additionalProperties": False,
        "properties": properties,
    }


SCHEMA: Mapping[str, Any] = _object(
    ("ablation", "output", "title", "seeds", "warm", "tune", "variants", "shares", "validation", "test"),
    ablation={"const": "ablation@1"},
    about=_TEXT,
    output=_TEXT,
    title=_TEXT,
    seeds={
        "type": "array",
        "items": {"type": "integer", "minimum": 0},
        "minItems": 2,
        "uniqueItems": True,
    },
    warm=_object(("recipe",), recipe=_TEXT, steps=_COUNT),
    tune=_object(("recipe",), recipe=_TEXT, steps=_COUNT),
    variants=_VARIANTS,
    shares={"type": "array", "items": _SHARE, "minItems": 1, "uniqueItems": True},
    also_score={"type": "array", "items": _SHARE, "uniqueItems": True},
    scale_batches=_COUNT,
    also_pretrain=_TEXTS,
    validation=_object(("people", "sentences", "frames"), people=_COUNT, sentences=_COUNT, frames=_COUNT),
    test=_object(
        ("speakers", "sentences"),
        speakers=_COUNT,
        sentences=_COUNT,
        seconds={"type": "number", "exclusiveMinimum": 0},
        emotions=_EMOTIONS,
        protocol=_TEXT,
        suite=_TEXT,
        metrics=_TEXTS,
    ),
    strips=_object((), people=_COUNT, emotions=_EMOTIONS, frames=_COUNT, real=_TEXT),
    text=_object(
        ("prompts",),
        prompts={"type": "array", "items": _TEXT, "minItems": 2, "uniqueItems": True},
        people=_COUNT,
        variants=_VARIANTS,
        share=_SHARE,
    ),
    smoke={"type": "boolean"},
)


@dataclass(frozen=True)
class Training:
    """A recipe of the backbone by name, and how many steps of it (None for its own)."""

    recipe: str
    steps: int | None = None


@dataclass(frozen=True)
class Validation:
    """Rendered people by whom weights are chosen: how many, sentences of each, frames of each clip."""

    people: int
    sentences: int
    frames: int


@dataclass(frozen=True)
class Test:
    """Rendered people on whom everything is scored, and how; see `spfem_bench.synthetic.recipe.Recipe`."""

    __test__ = False  # no test case, whatever pytest thinks of the name

    speakers: int
    sentences: int
    seconds: float = 2.0
    emotions: tuple[str, ...] = SPFEM_EMOTIONS
    protocol: str = "paired@1"
    suite: str = "synthetic-v1"
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Strips:
    """Which outputs are shown as strips; ``real`` is a file below the folder of real clips."""

    people: int = 2
    emotions: tuple[str, ...] = ("angry", "happy", "surprised")
    frames: int = 6
    real: str = ""


@dataclass(frozen=True)
class Control:
    """The control by texts, apart from the ranking.

    Args:
        prompts: what is asked for.
        people: of the test people, whose neutral clips are edited.
        variants: name -> supervisions, trained for this block alone, once, at one share.
        share: that one.
    """

    prompts: tuple[str, ...] = ()
    people: int = 2
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    share: float = 0.3


@dataclass(frozen=True)
class Ablation:
    """Everything that decides an ablation.

    Args:
        title: of its table.
        output: folder of all that is kept.
        seeds: of training, at least two; the first is the one that weights are searched under.
        warm: what every variant starts from, once for each seed.
        tune: what is done from there.
        variants: name -> supervisions, in the order of the table; exactly one has none.
        shares: weights that are tried, as shares of the other losses' gradient at the output.
        also_score: of these, at which every variant of the first seed is scored in a block of its own,
            whatever was chosen.
        scale_batches: over which gradients are measured.
        also_pretrain: further states that are made and reported, such as ``asccl-true``.
        validation: whom weights are chosen by.
        test: whom everything is scored on.
        strips: what is shown.
        control: the block of texts.
        smoke: a tiny version of everything trained, which only shows that all runs.
    """

    title: str
    output: str
    seeds: tuple[int, ...]
    warm: Training
    tune: Training
    variants: Mapping[str, tuple[str, ...]]
    shares: tuple[float, ...]
    validation: Validation
    test: Test
    also_score: tuple[float, ...] = ()
    scale_batches: int = 8
    also_pretrain: tuple[str, ...] = ()
    strips: Strips = field(default_factory=Strips)
    control: Control = field(default_factory=Control)
    smoke: bool = False

    @cached_property
    def plain(self) -> str:
        """Name of the variant without supervision."""
        return next(name for name, members in self.variants.items() if not members)

    @cached_property
    def members(self) -> tuple[str, ...]:
        """Every supervision that some variant uses, the control's too, once."""
        every = (*self.variants.values(), *self.control.variants.values())
        return tuple(dict.fromkeys(name for members in every for name in members))

    def warm_recipe(self, seed: int) -> Recipe:
        """What the warm start of a seed is trained by."""
        return self._recipe(self.warm, seed)

    def tune_recipe(self, seed: int) -> Recipe:
        """What every variant of a seed is trained by, beside its supervisions."""
        return self._recipe(self.tune, seed)

    def _recipe(self, training: Training, seed: int) -> Recipe:
        from spfem_bench.training.backbone.recipe import load_recipe
        from spfem_bench.training.backbone.recipe import smoke as tiny

        recipe = load_recipe(training.recipe)
        recipe = tiny(recipe) if self.smoke else recipe
        steps = training.steps or recipe.schedule.steps
        every = min(recipe.schedule.every, steps)
        return replace(recipe, seed=seed, schedule=replace(recipe.schedule, steps=steps, every=every))


def is_ablation(data: object) -> bool:
    """Whether the content of a run file is one of these."""
    return isinstance(data, Mapping) and "ablation" in data


def load_ablation(path: Path) -> Ablation:
    """Read a run file.

    Raises:
        ConfigError: an unknown key, a value out of range, or parts that contradict each other.
    """
    data = load_yaml(path)
    check_schema(data, SCHEMA, f"run file {path}")
    rest = {key: data[key] for key in ("scale_batches", "smoke") if key in data}
    found = Ablation(
        title=" ".join(data["title"].split()),
        output=data["output"],
        seeds=tuple(data["seeds"]),
        warm=Training(**data["warm"]),
        tune=Training(**data["tune"]),
        variants=_named(data["variants"]),
        shares=tuple(map(float, sorted(data["shares"]))),
        also_score=tuple(map(float, sorted(data.get("also_score", ())))),
        validation=Validation(**data["validation"]),
        test=Test(**_tuples(data["test"])),
        also_pretrain=tuple(data.get("also_pretrain", ())),
        strips=Strips(**_tuples(data.get("strips", {}))),
        control=_control(data.get("text", {})),
        **rest,
    )
    _check(found, path)
    return found


def _named(data: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(members) for name, members in data.items()}


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}


def _control(data: Mapping[str, Any]) -> Control:
    return Control(**{**_tuples(data), "variants": _named(data.get("variants", {}))})


def _check(found: Ablation, path: Path) -> None:
    """Nothing where the parts fit.

    Raises:
        ConfigError: they contradict each other; names the key.
    """
    from spfem_bench.ablation.helpers import KNOWN

    plain = [name for name, members in found.variants.items() if not members]
    if len(plain) != 1:
        raise ConfigError(f"{path}: exactly one of the variants has no supervision, not {len(plain)}")
    unknown = [name for name in found.members if name not in KNOWN]
    if unknown:
        hint = near_miss(unknown[0], KNOWN)
        raise ConfigError(f"{path}: no supervision '{unknown[0]}'.{hint} There are {', '.join(KNOWN)}")
    untried = [f"{share:g}" for share in found.also_score if share not in found.shares]
    if untried:
        raise ConfigError(f"{path}: also_score: {untried[0]} is none of the shares that are tried")
    both = sorted(set(found.variants) & set(found.control.variants))
    if both or not all(found.control.variants.values()):
        wrong = both[0] if both else next(k for k, v in found.control.variants.items() if not v)
        raise ConfigError(f"{path}: text.variants: '{wrong}' needs a name and supervisions of its own")
    if found.strips.people > found.test.speakers or found.control.people > found.test.speakers:
        raise ConfigError(f"{path}: strips and text show at most the {found.test.speakers} test people")
