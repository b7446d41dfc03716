"""What a JSON text has to be."""

import json

import pytest

from experiments.folder.schema import (
    FACT,
    FLAG,
    TEXT,
    Each,
    Fields,
    check,
    number,
    one_of,
    parse,
    whole,
)


@pytest.mark.parametrize("value", [{"a": [1, -2, 0.1, 1e-05, 1e30, True, None, "ü\n"]}, [], "x"])
def test_what_python_writes_is_read(value):
    assert parse(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("NaN", "expected finite numbers as Python writes them, got NaN"),
        ("[-Infinity]", "got -Infinity"),
        ("1e999", "got 1e999"),
        ("0.10", "got 0.10"),
        ("0.49086772100507052", "got 0.49086772100507052"),  # the value of ...053
        ("1E30", "got 1E30"),
        ("-0", "got -0"),
        ("9" * 5000, f"got {'9' * 60}$"),
        ('{"a": 1, "a": 1}', "a field is there twice"),
        ("[" * 100_000 + "]" * 100_000, "it is nested too deeply"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "it is nested too deeply"),
    ],
)
def test_what_it_does_not_write_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)


SCHEMA = Fields(
    {"epoch": whole(1), "loss": number(0, 2).optional},
    {"inner": Fields({"flag": FLAG}), "texts": [TEXT], "facts": Each(FACT), "kind": one_of(["a"])},
)
GOOD = {"epoch": 3, "loss": None}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"loss": 2, "unknown": [{}]},
        {"inner": {"flag": False}, "texts": ["x"], "facts": {"a": [1, None]}, "kind": "a"},
    ],
)
def test_a_record_of_the_schema_is_taken(more):
    check({**GOOD, **more}, SCHEMA, "file")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "file needs an object, got a list"),
        ({}, "file needs the field epoch, got none"),
        ({**GOOD, "epoch": 0}, "file needs a whole number from 1 to .* as epoch, got 0"),
        ({**GOOD, "epoch": True}, "as epoch, got True"),
        ({**GOOD, "epoch": 1.0}, "as epoch, got 1.0"),
        ({**GOOD, "epoch": {"a": 1}}, "as epoch, got an object"),
        ({**GOOD, "loss": 2.5}, "a number of at least 0 and at most 2 or null as loss, got 2.5"),
        ({**GOOD, "loss": False}, "as loss, got False"),
        ({**GOOD, "inner": {}}, "file needs the field inner.flag, got none"),
        ({**GOOD, "inner": {"flag": 1}}, "needs true or false as inner.flag, got 1"),
        ({**GOOD, "texts": ["x", 1]}, r"needs a text as texts\[1\], got 1"),
        ({**GOOD, "texts": "x"}, "needs a list as texts, got 'x'"),
        ({**GOOD, "facts": {"a": [[]]}}, "as facts.a, got a list"),
        ({**GOOD, "kind": ["a"]}, "needs one of a as kind, got a list"),
        ({**GOOD, "kind": "b" * 999}, r"as kind, got 'b{59}\.\.\.$"),
    ],
)
def test_another_is_refused_by_the_field_that_is_wrong(record, message):
    with pytest.raises(ValueError, match=f"^{message}" if message[0] == "f" else message):
        check(record, SCHEMA, "file")


def test_fields_that_contradict_each_other_are_refused():
    def agree(record):
        if record["low"] > record["high"]:
            raise ValueError(f"low up to {record['high']}, got {record['low']}")

    pair = Fields({"low": whole(0), "high": whole(0)}, agree=agree)
    check({"low": 1, "high": 2}, pair, "file")
    with pytest.raises(ValueError, match="^file needs low up to 2, got 3"):
        check({"low": 3, "high": 2}, pair, "file")
