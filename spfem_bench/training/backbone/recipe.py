"""How a backbone is trained: a pinned file under ``configs/train``, unknown keys refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from spfem_bench.config import check_schema, load_yaml
from spfem_bench.digest import digest_of
from spfem_bench.errors import ConfigError
from spfem_bench.resources import config_path

if TYPE_CHECKING:
    from spfem_baselines.backbone.generator import Shape

Kind = Literal["label", "reference", "text"]

TERMS = (
    "adversarial",
    "cycle",
    "style",
    "identity",
    "mouth",
    "sync",
    "paired",
    "perceptual",
    "motion",
    "smooth",
    "sparse",
)
"""The losses of `spfem_baselines.backbone.losses`, by name."""

NEEDS_POINTS = ("identity", "mouth", "sync", "motion")
NEEDS_PAIRS = ("paired", "perceptual", "motion")

_POSITIVE = {"type": "integer", "minimum": 1}
_SHARE = {"type": "number", "minimum": 0}


def _object(properties: Mapping[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


SCHEMA: Mapping[str, Any] = _object(
    {
        "format": {"const": "backbone-recipe@1"},
        "name": {"type": "string"},
        "about": {"type": "string"},
        "seed": {"type": "integer", "minimum": 0},
        "material": _object(
            {
                "kind": {"enum": ["rendered", "recorded"]},
                "dataset": {"type": "string"},
                "people": _POSITIVE,
                "sentences": _POSITIVE,
                "frames": {"type": "integer", "minimum": 2},
                "population": {"type": "integer", "minimum": 0},
                "level": {"type": "integer", "minimum": 1, "maximum": 3},
                "leave_out": {"type": "array", "items": {"type": "string"}},
            },
            ("kind", "frames"),
        ),
        "shape": _object(
            {
                "side": {"enum": [32, 64, 128, 256]},
                "widths": {"type": "array", "items": _POSITIVE, "minItems": 1},
                "depth": _POSITIVE,
                "style": _POSITIVE,
                "sound": _POSITIVE,
            },
            ("side", "widths"),
        ),
        "schedule": _object(
            {
                "steps": _POSITIVE,
                "batch": _POSITIVE,
                "frames": {"type": "integer", "minimum": 1},
                "looks": _POSITIVE,
                "lr": {"type": "number", "exclusiveMinimum": 0},
                "discriminator_lr": {"type": "number", "exclusiveMinimum": 0},
                "average": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
                "every": _POSITIVE,
                "low_precision": {"type": "boolean"},
            },
            ("steps", "batch", "frames"),
        ),
        "conditions": _object({"label": _SHARE, "reference": _SHARE, "text": _SHARE}),
        "losses": _object(dict.fromkeys(TERMS, _SHARE)),
    },
    ("format", "name", "material", "shape", "schedule", "conditions", "losses"),
)


@dataclass(frozen=True)
class Source:
    """Where the clips come from.

    Args:
        kind: ``rendered`` people, or a ``recorded`` dataset.
        frames: of each clip at most.
        people: rendered; how many.
        sentences: rendered; of each person.
        population: rendered; seed of the people.
        level: intensity shown.
        dataset: recorded; its name, whose folder the command line gives.
        leave_out: recorded; speakers that are not learnt from, because they are tested on.
    """

    kind: Literal["rendered", "recorded"]
    frames: int
    people: int = 0
    sentences: int = 1
    population: int = 10
    level: int = 3
    dataset: str = ""
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """How long, how fast, on how much at a time.

    Args:
        steps: of the optimisers.
        batch: clips in a batch.
        frames: of each clip.
        looks: frames of a reference.
        lr: of generator and styles, falling to a tenth as a cosine.
        discriminator_lr: likewise.
        average: weight of the past in the running average of the weights that generate.
        every: steps between checkpoints and sheets of samples.
        low_precision: convolutions in bfloat16.
    """

    steps: int
    batch: int
    frames: int
    looks: int = 4
    lr: float = 1e-3
    discriminator_lr: float = 4e-4
    average: float = 0.998
    every: int = 500
    low_precision: bool = True


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a backbone, but for its supervisions.

    Args:
        name: of the file.
        source: where the clips come from.
        shape: sizes of the networks.
        schedule: how long and how fast.
        conditions: shares of the steps whose style comes from a label, a reference clip, a caption.
        losses: name -> weight; what is not named, or has the weight 0, is not computed.
        seed: of first weights, batches and everything drawn.
        about: a sentence.
    """

    name: str
    source: Source
    shape: Mapping[str, Any]
    schedule: Schedule
    conditions: Mapping[Kind, float]
    losses: Mapping[str, float]
    seed: int = 0
    about: str = field(default="", compare=False)

    def as_json(self) -> dict[str, Any]:
        """Plain values, as checkpoints keep them."""
        return {key: value for key, value in asdict(self).items() if key != "about"}

    @property
    def digest(self) -> str:
        """Of all that decides the weights; the number of steps between checkpoints does not."""
        plain = self.as_json()
        plain["schedule"] = {key: v for key, v in plain["schedule"].items() if key != "every"}
        return digest_of(plain)

    def networks(self) -> Shape:
        """The sizes as the networks take them.

        Raises:
            ConfigError: no network has such sizes.
        """
        from spfem_baselines.backbone.generator import Shape

        try:
            return Shape(**{**self.shape, "widths": tuple(self.shape["widths"])})
        except ValueError as error:
            raise ConfigError(f"the recipe {self.name}: {error}") from error

    @property
    def wanted(self) -> dict[str, float]:
        """The losses that are computed."""
        return {name: self.losses[name] for name in TERMS if self.losses.get(name, 0) > 0}


def load_recipe(name: str) -> Recipe:
    """A recipe by its name under ``configs/train``, or by its path.

    Raises:
        ConfigError: no such file, or not such a file.
    """
    path = config_path("train", name)
    return parse_recipe(load_yaml(path), path)


def parse_recipe(data: Any, path: Path) -> Recipe:
    """A recipe from the content of its file.

    Raises:
        ConfigError: an unknown key, a value out of range, or parts that contradict each other.
    """
    check_schema(data, SCHEMA, str(path))
    source = dict(data["material"])
    recipe = Recipe(
        name=data["name"],
        source=Source(**{**source, "leave_out": tuple(source.get("leave_out", ()))}),
        shape=data["shape"],
        schedule=Schedule(**data["schedule"]),
        conditions=data["conditions"],
        losses=data["losses"],
        seed=data.get("seed", 0),
        about=data.get("about", ""),
    )
    _check(recipe, path)
    return recipe


def _check(recipe: Recipe, path: Path) -> None:
    """Nothing where the parts fit.

    Raises:
        ConfigError: they contradict each other.
    """
    source, wanted = recipe.source, recipe.wanted
    if source.kind == "rendered" and not source.people:
        raise ConfigError(f"{path}: rendered material needs the number of people")
    if source.kind == "recorded" and not source.dataset:
        raise ConfigError(f"{path}: recorded material needs the name of its dataset")
    unknown = [name for name in wanted if name in (*NEEDS_POINTS, *NEEDS_PAIRS)]
    if source.kind == "recorded" and unknown:
        raise ConfigError(
            f"{path}: {', '.join(unknown)} needs true pairs, or networks that know rendered faces only: "
            "leave it out, and supervise with --supervision"
        )
    if source.frames < recipe.schedule.frames:
        raise ConfigError(f"{path}: clips of {source.frames} frames cannot give {recipe.schedule.frames}")
    if sum(recipe.conditions.values()) <= 0:
        raise ConfigError(f"{path}: no condition has a share")
    if recipe.schedule.frames < 5 and "sync" in wanted:
        raise ConfigError(
            f"{path}: sync reads 5 frames at a time, and the clips have {recipe.schedule.frames}"
        )
    recipe.networks()


def smoke(recipe: Recipe) -> Recipe:
    """A tiny version that only shows that everything runs; its pictures mean nothing."""
    source = replace(recipe.source, people=min(recipe.source.people, 4), sentences=1, frames=6)
    frames = min(recipe.schedule.frames, 6)
    schedule = replace(recipe.schedule, steps=4, batch=2, frames=frames, looks=2, every=2)
    shape = {"side": 32, "widths": [16, 16], "depth": 1, "style": 16, "sound": 16}
    return replace(recipe, name=f"{recipe.name}-smoke", source=source, schedule=schedule, shape=shape)
