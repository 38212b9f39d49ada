"""The tensors of a TorchScript archive, read as data: none of the archive's code is compiled or run.

``torch.jit.load`` compiles the code in the archive and may run its ``__setstate__``, and
``torch.load(weights_only=True)`` refuses such archives. So their parts are read here one by one: the zip, the
pickle by its opcodes (which make records, call nothing and import nothing), and the tensors' bytes.
"""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spfem_metrics.errors import WeightsError

if TYPE_CHECKING:
    import torch

_STORAGES: Mapping[str, str] = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
_OF_FILES = (zipfile.BadZipFile, OSError, EOFError, StopIteration)
_OF_PICKLES = (IndexError, KeyError, TypeError, ValueError, AttributeError, RuntimeError)
"""What damage of the zip raises, and damage of the pickle: a stack that is empty, a part that is another."""
_DEEPEST = 64
_LARGEST = 16 * 2**20
"""Bytes of the pickle, which holds names and shapes only."""


@dataclass
class _Record:
    """What an opcode would have built: the name of a class or function, what it was given, its attributes."""

    what: str
    args: tuple[Any, ...] = ()
    state: Mapping[str, Any] = field(default_factory=dict)


class _DamagedError(Exception):
    """The archive cannot be read; the message says what of it."""


def is_archive(path: Path) -> bool:
    """Whether a file is a TorchScript archive: a zip with code beside its pickle."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False
    return any("/code/" in name for name in names) and any(name.endswith("/data.pkl") for name in names)


def archive_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Every tensor that the archived module and its parts hold, by dotted name, on the CPU.

    Args:
        path: what ``torch.jit.save`` of torch 1.4 or later wrote.

    Raises:
        WeightsError: damaged, or holding what such archives do not.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            root = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            module = _parsed(_member(archive, root, _LARGEST))
            return dict(_tensors(module, _Reader(archive, root.removesuffix("data.pkl"))))
    except _DamagedError as error:
        raise WeightsError(f"{path}: not a TorchScript archive that can be read: {error}") from error
    except (*_OF_FILES, *_OF_PICKLES) as error:
        raise WeightsError(f"{path}: damaged TorchScript archive ({type(error).__name__})") from error


def _member(archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    """One file of the archive, uncompressed as torch stores it, so that none can swell."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > largest:
        raise _DamagedError(f"{name} is compressed or longer than {largest} bytes")
    return archive.read(info)


class _Stack:
    """The pickle machine's stack and memo."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def since_mark(self) -> list[Any]:
        """What was pushed since the last mark, taken off."""
        start = self.marks.pop()
        taken = self.items[start:]
        del self.items[start:]
        return taken

    def last(self, count: int) -> tuple[Any, ...]:
        """The last items, taken off."""
        return tuple(reversed([self.items.pop() for _ in range(count)]))


def _made(stack: _Stack) -> None:
    what, args = stack.last(2)
    stack.items.append(_Record(what.what, tuple(args)))


def _set_state(stack: _Stack) -> None:
    record, state = stack.last(2)
    if not isinstance(record, _Record) or not isinstance(state, dict):
        raise _DamagedError("a part of it has a state that is not named attributes")
    stack.items.append(record)
    record.state = state


def _set_items(stack: _Stack) -> None:
    pairs = stack.since_mark()
    stack.items[-1].update(zip(pairs[::2], pairs[1::2], strict=True))


def _set_item(stack: _Stack) -> None:
    key, value = stack.last(2)
    stack.items[-1][key] = value


def _append(stack: _Stack) -> None:
    (value,) = stack.last(1)
    stack.items[-1].append(value)


def _extend(stack: _Stack) -> None:
    values = stack.since_mark()
    stack.items[-1].extend(values)


_PLAIN: Mapping[str, Callable[[_Stack], None]] = {
    "MARK": lambda stack: stack.marks.append(len(stack.items)),
    "NONE": lambda stack: stack.items.append(None),
    "NEWTRUE": lambda stack: stack.items.append(True),
    "NEWFALSE": lambda stack: stack.items.append(False),
    "EMPTY_DICT": lambda stack: stack.items.append({}),
    "EMPTY_LIST": lambda stack: stack.items.append([]),
    "EMPTY_TUPLE": lambda stack: stack.items.append(()),
    "TUPLE": lambda stack: stack.items.append(tuple(stack.since_mark())),
    "TUPLE1": lambda stack: stack.items.append(stack.last(1)),
    "TUPLE2": lambda stack: stack.items.append(stack.last(2)),
    "TUPLE3": lambda stack: stack.items.append(stack.last(3)),
    "NEWOBJ": _made,
    "REDUCE": _made,
    "BUILD": _set_state,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "APPEND": _append,
    "APPENDS": _extend,
    "BINPERSID": lambda stack: stack.items.append(_Record("storage", stack.last(1)[0])),
}
_FRAMING = ("PROTO", "STOP")
_WITH_VALUE: Mapping[str, Callable[[_Stack, Any], None]] = {
    **dict.fromkeys(
        ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE"),
        lambda stack, value: stack.items.append(value),
    ),
    **dict.fromkeys(
        ("BINPUT", "LONG_BINPUT"), lambda stack, value: stack.memo.update({value: stack.items[-1]})
    ),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda stack, value: stack.items.append(stack.memo[value])),
    "GLOBAL": lambda stack, value: stack.items.append(_Record(value.replace(" ", "."))),
}


def _parsed(pickled: bytes) -> _Record:
    """The archived module as records."""
    stack = _Stack()
    for opcode, value, _ in pickletools.genops(pickled):
        if opcode.name in _FRAMING:
            continue
        if opcode.name in _PLAIN:
            _PLAIN[opcode.name](stack)
        elif opcode.name in _WITH_VALUE:
            _WITH_VALUE[opcode.name](stack, value)
        else:
            raise _DamagedError(f"its pickle holds {opcode.name}, which no module needs")
    if len(stack.items) != 1 or not isinstance(stack.items[0], _Record):
        raise _DamagedError("its pickle does not hold one module")
    return stack.items[0]


@dataclass(frozen=True)
class _Reader:
    """Makes tensors from the archive's bytes."""

    archive: zipfile.ZipFile
    root: str

    def tensor(self, record: _Record) -> torch.Tensor:
        """A tensor of its own memory; `torch.as_strided` refuses what reaches beyond the bytes."""
        storage, offset, size, stride = record.args[:4]
        return self._storage(*storage.args).as_strided(size, stride, offset).clone()

    def _storage(self, kind: str, of: _Record, key: str, device: str, count: int) -> torch.Tensor:
        """The numbers of one storage, in a row, wherever they lay when they were saved."""
        import torch

        del kind, device
        name = of.what.rpartition(".")[2]
        if name not in _STORAGES:
            raise _DamagedError(f"a tensor is of {of.what}")
        dtype: torch.dtype = getattr(torch, _STORAGES[name])
        wanted = count * dtype.itemsize
        raw = _member(self.archive, f"{self.root}data/{key}", wanted)
        if len(raw) != wanted:
            raise _DamagedError(f"{self.root}data/{key} holds {len(raw)} bytes, not {wanted}")
        return torch.frombuffer(bytearray(raw), dtype=dtype) if count else torch.empty(0, dtype=dtype)


def _tensors(module: _Record, reader: _Reader) -> Iterator[tuple[str, torch.Tensor]]:
    """Name and tensor of every one that the module and its parts hold, in the order of the archive."""
    for name, record in _leaves(module, "", {id(module)}):
        yield name, reader.tensor(record)


def _leaves(module: _Record, prefix: str, seen: set[int]) -> Iterator[tuple[str, _Record]]:
    """The records of tensors. A part is entered once only, or a small file could name endlessly many."""
    if prefix.count(".") > _DEEPEST:
        raise _DamagedError("its modules lie too deep in one another")
    for name, value in module.state.items():
        if not isinstance(value, _Record):
            continue
        if value.what == "torch._utils._rebuild_tensor_v2":
            yield f"{prefix}{name}", value
        elif id(value) not in seen:
            seen.add(id(value))
            yield from _leaves(value, f"{prefix}{name}.", seen)
