import json

import pytest

from experiments.data.idx import DataError
from experiments.data.tables.options import Options, check, from_record, record_of

FULL = Options(("y", "z"), "multilabel", ("a",), ("b",), ("c",), ("d",), None, "t", 0.25, 0.125, 0)


@pytest.mark.parametrize("options", [Options(), Options(("y",), folds=5, group="g"), FULL])
def test_options_are_kept_as_json(options):
    assert from_record(json.loads(json.dumps(record_of(options)))) == options


def test_an_older_record_means_the_defaults():
    assert from_record({"target": ["y"], "younger": 1}) == Options(("y",))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"test_fraction": 0.0}, "--test_fraction needs a number between 0 and 1, got 0.0"),
        ({"test_fraction": float("nan")}, "--test_fraction needs .* got nan"),
        ({"validation_fraction": 1.0}, "--validation_fraction needs .* got 1.0"),
        ({"folds": 1}, "--folds needs a whole number from 2 to 1000, or 0, got 1"),
        ({"folds": -2}, "--folds .* got -2"),
        ({"folds": 1001}, "--folds .* got 1001"),
        ({"task": "guess"}, "--task needs to be one of classification, .* got guess"),
        ({"group": "a", "time": "b"}, "by --group or by --time, got a and b"),
        ({"folds": 2, "time": "b"}, "--folds needs rows without an order, got --time"),
        ({"target": ("y", "y")}, "--target needs columns of its own, got y twice"),
        ({"ignore": ("y",)}, "--target needs columns of its own, got y"),
        ({"group": "y"}, "--target needs columns of its own, got y"),
        ({"ignore": ("a",), "log": ("a",)}, "--ignore needs columns that are no inputs, got a"),
        ({"ignore": ("a",), "include": ("a",)}, "--ignore needs columns that are no inputs, got a"),
    ],
)
def test_options_that_contradict_are_refused(change, expected):
    check(Options(("y",)))
    with pytest.raises(DataError, match=expected):
        check(Options(**{"target": ("y",), **change}))


@pytest.mark.parametrize(
    "record",
    [{}, {"target": "y"}, {"target": ["y"], "folds": 1.5}, {"target": ["y"], "task": "auto"}],
)
def test_what_is_no_record_is_refused(record):
    with pytest.raises(ValueError, match="the options of a table needs"):
        from_record(record)
