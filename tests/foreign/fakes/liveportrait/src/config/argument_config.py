"""The arguments that matter here, with the released defaults."""

import sys
from dataclasses import dataclass, fields

ALIASES = {"-s": "source", "-d": "driving", "-o": "output_dir"}
CHOICES = {
    "audio_priority": ("source", "driving"),
    "animation_region": ("exp", "pose", "lip", "eyes", "all"),
}


@dataclass
class ArgumentConfig:
    source: str = ""
    driving: str = ""
    output_dir: str = "animations/"
    flag_use_half_precision: bool = True
    flag_crop_driving_video: bool = False
    device_id: int = 0
    flag_force_cpu: bool = False
    flag_relative_motion: bool = True
    audio_priority: str = "driving"
    animation_region: str = "all"
    driving_smooth_observation_variance: float = 3e-7
    source_max_dim: int = 1280
    source_division: int = 2


def refuse(text):
    print(f"Unrecognized options: {text}", file=sys.stderr)
    raise SystemExit(2)


def parse(argv):
    """As tyro: --name value, and --flag / --no_flag for switches; anything else is refused."""
    kinds = {item.name: item.type for item in fields(ArgumentConfig)}
    config, rest = ArgumentConfig(), list(argv)
    while rest:
        word = rest.pop(0)
        name = ALIASES.get(word, word[2:] if word.startswith("--") else "")
        off = name.startswith("no_flag_")
        name = name[3:] if off else name
        if name not in kinds or (off and kinds[name] is not bool):
            refuse(word)
        if kinds[name] is bool:
            setattr(config, name, not off)
            continue
        if not rest:
            refuse(word)
        value = kinds[name](rest.pop(0))
        if value not in CHOICES.get(name, (value,)):
            refuse(f"{word} {value}")
        setattr(config, name, value)
    return config
