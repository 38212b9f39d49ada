"""Any folder of clips with a manifest: one line of JSON or CSV a clip.

Fields (other spellings in `FIELDS`): ``id`` (default: the file without its extension), ``file``, ``speaker``,
``emotion``, ``intensity`` (1 to 3), ``sentence``, ``take`` and ``audio`` (a separate sound file; true or
false merely say whether the clip has sound). ``file`` and ``speaker`` are required. What else
a line holds is kept as text in `ClipRecord.extra`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, TypeVar

from spfem_bench.datasets.labels import canonical_emotion
from spfem_bench.datasets.manifest import Line, read_lines
from spfem_bench.datasets.records import ClipRecord, Dataset
from spfem_bench.datasets.scan import checked_root, with_takes
from spfem_bench.errors import DatasetError, UsageError

MANIFESTS = ("clips.jsonl", "manifest.jsonl", "manifest.csv")
"""Looked for in this order in a folder given without a manifest."""

FIELDS: Mapping[str, tuple[str, ...]] = {
    "id": ("id",),
    "file": ("file", "path", "video"),
    "speaker": ("speaker", "actor", "identity"),
    "emotion": ("emotion",),
    "intensity": ("intensity", "level"),
    "sentence": ("sentence",),
    "take": ("take",),
    "audio": ("audio",),
}
"""Field -> the keys it is read from, the first present one."""

_T = TypeVar("_T")
_FLAGS = {"true", "false", "yes", "no", "1", "0"}


@dataclass(frozen=True)
class _Reader:
    """One manifest being read: where it is, and which key each field comes from."""

    root: Path
    keys: Mapping[str, tuple[str, ...]]
    require_files: bool

    def value(self, line: Line, field: str) -> Any:
        """The field's raw value, None where no key of it is there or it is empty."""
        found = (line.values[key] for key in self.keys[field] if key in line.values)
        value = next(found, None)
        return None if isinstance(value, str) and not value.strip() else value

    def record(self, line: Line) -> ClipRecord:
        """One clip.

        Raises:
            DatasetError: a field is missing or wrong; names manifest, line and mend.
        """
        file = self._file(line, "file", self._required(line, "file"))
        return ClipRecord(
            id=self._text(line, "id") or str(PurePosixPath(file).with_suffix("")),
            path=file,
            speaker=str(self._required(line, "speaker")),
            emotion=self._checked(line, "emotion", lambda value: canonical_emotion(str(value))),
            intensity=self._checked(line, "intensity", _intensity),
            sentence=self._text(line, "sentence"),
            take=self._checked(line, "take", _positive) or 0,
            audio=self._audio(line),
            extra=self._extra(line),
        )

    def _required(self, line: Line, field: str) -> Any:
        value = self.value(line, field)
        if value is None:
            raise DatasetError(f"{line.where} has no {field}; {_hint(field, self.keys[field], line)}")
        return value

    def _text(self, line: Line, field: str) -> str | None:
        value = self.value(line, field)
        return None if value is None else str(value)

    def _checked(self, line: Line, field: str, parse: Callable[[Any], _T]) -> _T | None:
        value = self.value(line, field)
        try:
            return None if value is None else parse(value)
        except (ValueError, TypeError) as error:
            raise DatasetError(f"{line.where}, {field}: {error}") from error

    def _audio(self, line: Line) -> str | None:
        value = self.value(line, "audio")
        if value is None or str(value).lower() in _FLAGS:
            return None
        return self._file(line, "audio", value)

    def _file(self, line: Line, field: str, value: Any) -> str:
        text = str(value).replace("\\", "/")
        path = PurePosixPath(text)
        if path.is_absolute() or PureWindowsPath(text).drive or ".." in path.parts or "\0" in text:
            raise DatasetError(
                f"{line.where}: {field} '{value}' leaves the folder; give a path relative to {self.root}"
            )
        if self.require_files and not (self.root / path).is_file():
            raise DatasetError(
                f"{line.where}: {field} '{value}' is not a file in {self.root}; restore or remove it"
            )
        return str(path)

    def _extra(self, line: Line) -> dict[str, str]:
        used = {key for field in self.keys if field != "audio" for key in self.keys[field]}
        rest = {key: value for key, value in line.values.items() if key not in used and value is not None}
        return {key: _as_text(value) for key, value in rest.items()}


def read(root: Path, fields: Mapping[str, str] | None = None, *, require_files: bool = True) -> Dataset:
    """Index a folder by its manifest.

    Args:
        root: the folder, or the manifest itself; paths in it are relative to its folder.
        fields: field -> the manifest's key for it, where that differs from `FIELDS`.
        require_files: refuse a manifest that lists files which are not there.

    Raises:
        DatasetError: no manifest, or a line of it is wrong; names the line.
        UsageError: ``fields`` names an unknown field.
    """
    manifest = _manifest(Path(root).expanduser())
    reader = _Reader(manifest.parent, _keys(fields or {}), require_files)
    lines = read_lines(manifest)
    records = _distinct([(line, reader.record(line)) for line in lines])
    notes = _notes(reader, lines, records)
    return Dataset("folder", manifest.parent, records, licence=_licence(records), notes=notes)


def _manifest(root: Path) -> Path:
    if root.is_file():
        return root
    folder = checked_root(root, f"a manifest ({', '.join(MANIFESTS)})")
    found = [folder / name for name in MANIFESTS if (folder / name).is_file()]
    if not found:
        raise DatasetError(
            f"{folder} has no manifest; write one of {', '.join(MANIFESTS)} there, one clip a line"
        )
    return found[0]


def _keys(fields: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    from spfem_bench.config import near_miss

    for name in fields:
        if name not in FIELDS:
            raise UsageError(f"no field '{name}'.{near_miss(name, FIELDS)} Fields are {', '.join(FIELDS)}")
    return {name: (fields[name],) if name in fields else keys for name, keys in FIELDS.items()}


def _distinct(read_lines: list[tuple[Line, ClipRecord]]) -> list[ClipRecord]:
    first: dict[str, Line] = {}
    for line, record in read_lines:
        if record.id in first:
            raise DatasetError(
                f"{line.where}: line {first[record.id].number} has the id '{record.id}' too; make ids unique"
            )
        first[record.id] = line
    return with_takes(sorted((record for _, record in read_lines), key=lambda record: record.id))


def _notes(reader: _Reader, lines: list[Line], records: list[ClipRecord]) -> tuple[str, ...]:
    unlabelled = sum(record.emotion is None for record in records)
    if not unlabelled:
        return ()
    labelled = f"{unlabelled} of {len(records)} clips have no emotion."
    keys = {key for line in lines for key in line.values}
    if unlabelled == len(records) and not keys & set(reader.keys["emotion"]):
        names = ", ".join(sorted(keys))
        return (
            f"{labelled} The manifest has no key 'emotion'; name one by --field emotion=KEY (keys: {names}).",
        )
    return (labelled,)


def _licence(records: list[ClipRecord]) -> str:
    licences = sorted({record.extra.get("licence", "unknown") for record in records})
    return "; ".join(licences) if licences else "unknown"


def _hint(field: str, keys: tuple[str, ...], line: Line) -> str:
    from spfem_bench.config import near_miss

    likely = next(filter(None, (near_miss(key, line.values) for key in keys)), "").strip()
    there = ", ".join(line.values) or "none"
    return f"add it, or name its key by --field {field}=KEY. {likely} Keys here: {there}".replace("  ", " ")


def _intensity(value: Any) -> int:
    number = int(str(value).removeprefix("level_"))
    if number not in (1, 2, 3):
        raise ValueError(f"'{value}' is not 1, 2 or 3")
    return number


def _positive(value: Any) -> int:
    number = int(value)
    if number < 1:
        raise ValueError(f"'{value}' is not a count from 1")
    return number


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
