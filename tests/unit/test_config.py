"""Pinned files: what is refused, and how the refusal reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from spfem_bench.config import MAX_BYTES, check_schema, load_yaml, near_miss, parse_yaml
from spfem_bench.errors import ConfigError

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "count": {"type": "integer", "minimum": 1},
        "metrics": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"kind": {"enum": ["identity", "emotion"]}},
            },
        },
        "source": {
            "anyOf": [{"type": "string"}, {"type": "object", "properties": {"n": {"type": "integer"}}}]
        },
    },
}

_TEXT = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"], exclude_characters="\x7f"))
# YAML takes no key of over 1024 characters before its colon, whatever it stands for.
_KEYS = st.text(
    st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"], exclude_characters="\x7f"), max_size=80
)
_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=9,
)


@given(_TREES)
def test_what_json_can_say_comes_back_as_it_was(tree: object) -> None:
    assert parse_yaml(json.dumps(tree), "x.yaml") == tree


def test_scalars_are_read_as_json_reads_them() -> None:
    numbers = "a: 1e-3\nc: 010\nd: -2.5\nk: 1_000\nl: 7\nj: .nan\n"
    words = "b: no\ne: true\nf: null\ng:\nh: 2024-01-01\ni: 1:30\n"
    assert parse_yaml(numbers + words, "x.yaml") == {
        "a": 0.001,
        "b": "no",
        "c": "010",
        "d": -2.5,
        "e": True,
        "f": None,
        "g": None,
        "h": "2024-01-01",
        "i": "1:30",
        "j": ".nan",
        "k": "1_000",
        "l": 7,
    }


BOMB = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3", "line 3 is not valid here: the key 'a' stands here twice"),
        (BOMB, "line 1 is not valid here: anchors and aliases"),
        ("base: {a: 1}\nb:\n  <<: *base", "line 3 is not valid here: anchors and aliases"),
        ("a:\n\t- 1", "line 2 is not valid here: a tab; indent with spaces"),
        ("a: !!python/object/apply:os.system [ls]", "line 1 is not valid here: the tag"),
        ("1: a", "line 1 is not valid here: the key 1 is not text; put it in quotes"),
        ("[a]: b", "the key a list or mapping is not text"),
        ("a: [1,", "line 1"),
        ("a: 1\n---\nb: 2", "line 2"),
        ("a: 1e999", "too large for a number"),
        ("a: " + "9" * 5000, "cannot be read"),
        ("a: \x00", "a character YAML does not allow"),
        ("[" * 100 + "]" * 100, "nested deeper than 64 levels"),
    ],
)
def test_what_is_ambiguous_or_hostile_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_yaml(path)
    assert str(path) in str(caught.value)
    assert sentence in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_bomb_is_a_real_one() -> None:
    assert len(str(yaml.safe_load(BOMB))) > 100 * len(BOMB) / 20


def test_size_and_encoding_are_checked_before_parsing(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_bytes(b"a: 1\n#" + b"x" * MAX_BYTES)
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        load_yaml(path)
    path.write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(ConfigError, match="line 2 is not UTF-8"):
        load_yaml(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_yaml(tmp_path)
    with pytest.raises(ConfigError, match="No such file"):
        load_yaml(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            {"name": "x", "metrcs": []},
            "the file has the unknown key 'metrcs'. Did you mean 'metrics'? Known keys:",
        ),
        (
            {"name": "x", "metrics": [{"kind": "identty"}]},
            "'metrics[0].kind' may not be \"identty\". Did you mean",
        ),
        (
            {"name": "x", "metrics": [{}, {"kid": 1}]},
            "'metrics[1]' has the unknown key 'kid'. Did you mean 'kind'?",
        ),
        ({}, "the file lacks the key 'name'."),
        ({"name": 3}, "'name' must be text, not 3."),
        ({"name": "x", "count": 0}, "'count': 0 is less than the minimum of 1."),
        ({"name": "x", "count": True}, "'count' must be an integer, not true."),
        ({"name": "x", "source": 3}, "'source' must be text or a mapping, not 3."),
        ({"name": "x", "source": {"n": "a"}}, "'source.n' must be an integer, not \"a\"."),
        ([], "the file must be a mapping, not []."),
        (None, "the file must be a mapping, not null."),
    ],
)
def test_violations_name_the_place_and_what_is_allowed(data: object, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_schema(data, SCHEMA, "suite.yaml")
    assert str(caught.value).startswith("suite.yaml: ")
    assert sentence in str(caught.value)


def test_right_data_passes() -> None:
    check_schema(
        {"name": "x", "count": 2, "metrics": [{"kind": "emotion"}], "source": {"n": 1}}, SCHEMA, "s.yaml"
    )


def test_near_misses() -> None:
    known = ["copy-source", "Oracle", "noise"]
    assert near_miss("copy_source", known) == " Did you mean 'copy-source'?"
    assert near_miss("oracel", known) == " Did you mean 'Oracle'?"
    assert near_miss("xyzzy", known) == ""
    assert near_miss("noise", []) == ""
