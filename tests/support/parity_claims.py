"""What the tests of parity say they compare, read from their source without running them.

Metric and oracle are strings in the source, but for what a parameter or a package's version fills in: so a
claim is a pattern of each, and the rows of a table that was made are held against it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.parity import EXACT, Tolerance

Names = Mapping[str, ast.expr]
ANYTHING = ".+"
MEASURES = {"absolute": "", "of_largest": "the largest", "of_each": "each value"}


@dataclass(frozen=True)
class Claim:
    """Regular expressions of metric, oracle and tolerance as they stand in a row, and where it is said."""

    metric: str
    oracle: str
    tolerance: str
    line: int

    def made(self, metric: str, oracle: str, tolerance: str) -> bool:
        """Whether a row may come from it."""
        pairs = ((self.metric, metric), (self.oracle, oracle), (self.tolerance, tolerance))
        return all(re.fullmatch(pattern, text) for pattern, text in pairs)


def claims(path: Path) -> list[Claim]:
    """Of every call of the fixture `parity` in a file of tests."""
    module = ast.parse(path.read_text(encoding="utf8"))
    outside = dict(_assigned(module.body))
    found = []
    for function in (part for part in module.body if isinstance(part, ast.FunctionDef)):
        nodes = sorted(ast.walk(function), key=lambda node: getattr(node, "lineno", 0))
        for call in (node for node in nodes if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Name) and call.func.id == "parity":
                names = outside | dict(_assigned(n for n in nodes if getattr(n, "lineno", 0) < call.lineno))
                metric, oracle = (_text(argument, names) for argument in call.args[:2])
                found.append(Claim(metric, oracle, _tolerance(call.args[-1], names), call.lineno))
    return found


def _assigned(nodes: Iterator[ast.AST] | list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Names with what they are set to, one by one where a tuple is set to a tuple."""
    for node in nodes:
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Name):
            yield target.id, value
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for name, part in zip(target.elts, value.elts, strict=False):
                if isinstance(name, ast.Name):
                    yield name.id, part


def _text(node: ast.expr, names: Names) -> str:
    """A pattern of the string that an expression gives."""
    match node:
        case ast.Constant(value=str(text)):
            return re.escape(text)
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, names) for part in parts)
        case ast.FormattedValue(value=value):
            return _text(value, names)
        case ast.Call(func=ast.Name(id="release"), args=[package]):
            return rf"{_text(package, names)} [^ ,]+"
        case ast.Name(id=name) if name in names:
            return _text(names[name], names)
    return ANYTHING


def _tolerance(node: ast.expr, names: Names) -> str:
    match node:
        case ast.Name(id="EXACT"):
            return re.escape(str(EXACT))
        case ast.Name(id=name) if name in names:
            return _tolerance(names[name], names)
        case ast.Call(func=ast.Name(id=kind), args=[limit]) if kind in MEASURES:
            return re.escape(str(Tolerance(_number(limit, names), MEASURES[kind])))
        case ast.Call(func=ast.Name(id="of"), args=[limit, _, name]):
            return re.escape(f"{_number(limit, names):g} of ") + _text(name, names)
    raise ValueError(f"line {node.lineno}: this tolerance cannot be read: {ast.unparse(node)}")


def _number(node: ast.expr, names: Names) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name) if name in names:
            return _number(names[name], names)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _number(left, names) * _number(right, names)
    raise ValueError(f"line {node.lineno}: this number cannot be read: {ast.unparse(node)}")
