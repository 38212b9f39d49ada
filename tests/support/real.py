"""Small datasets of the real clips."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FACES: Mapping[str, str | None] = {
    "edge-single_face": "happy",
    "expressive-sadgirl_clip1": "sad",
    "grid-bbaf2n": None,
}
"""The shortest clips that show a happy, a sad and a neutral speaking person, with the emotion seen."""


def rows_of(fixtures: Path) -> dict[str, dict[str, Any]]:
    """What is known of each clip, by its id."""
    lines = (fixtures / "clips.jsonl").read_text().splitlines()
    return {row["id"]: row for row in map(json.loads, lines)}


def linked(folder: Path, fixtures: Path, emotions: Mapping[str, str | None]) -> str:
    """A ``folder`` dataset of links to some of the clips, labelled with the emotions given."""
    rows = rows_of(fixtures)
    folder.mkdir()
    with (folder / "clips.jsonl").open("w") as manifest:
        for name, emotion in emotions.items():
            source = (fixtures / rows[name]["file"]).resolve()
            (folder / source.name).symlink_to(source)
            row = {"id": name, "file": source.name, "speaker": rows[name]["speaker"], "emotion": emotion}
            manifest.write(json.dumps(row) + "\n")
    return f"folder:{folder}"
