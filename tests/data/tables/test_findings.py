import shlex

import numpy as np
import pyarrow
import pytest

from experiments.app.command_line import NamesParser
from experiments.data.tables.columns import describe
from experiments.data.tables.findings import (
    classes,
    different,
    duplicates,
    few,
    identifies,
    leaks,
    tails,
)
from jaxmlp.types import Dataset

RANDOM = np.random.default_rng(0)
HALVES = np.arange(40) % 2
THIRDS = np.arange(60) % 3
NOISE = RANDOM.normal(size=60)
VALUES = RANDOM.normal(size=60).astype(np.float32)


def found_in(**columns):
    return describe(pyarrow.table(columns))


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("x", list(range(10)), True),
        ("x", list(range(1, 11)), True),
        ("x", [str(i) for i in range(10)], True),
        ("x", list(range(9)), False),  # too few to be sure
        ("x", list(range(1950, 1990)), False),  # years
        ("x", list(range(2090, 2110)), True),
        ("x", list(range(1490, 1510)), True),
        ("x", list(range(1000, 1060)), True),
        ("x", list(range(60, 0, -1)), True),
        ("x", [-5, *range(-4, 8)], True),
        ("x", [1, 2] * 5, False),
        ("x", [*range(9), 10], False),
        ("x", [*range(9), None], False),
        ("x", [0.0, 1.5, 2.0, *range(3, 10)], False),
        ("x", [f"{i}.0" for i in range(10)], False),
        ("id", [7, 3, 9], True),
        ("Passenger ID", [7, 3, 9], True),
        ("customerId", [7, 3, 9], True),
        ("column_1", [7, 3, 9], True),
        ("Nr", [7, 3, 9], True),
        ("customer_number", [7, 3, 9], True),
        ("customerNo", [7, 3, 9], True),
        ("zip code", [7, 3, 9], True),
        ("KEY", [7, 3, 9], True),
        ("number_of_rooms", [7, 3, 9], False),
        ("casino", [7, 3, 9], False),
        ("id", [7, 3, 7], False),
        ("grid", [7, 3, 9], False),
    ],
)
def test_numbers_that_identify_rows(name, values, expected):
    table = pyarrow.table({name: values})
    assert identifies(describe(table)[0], table) == expected


@pytest.mark.parametrize(
    ("values", "labels", "how"),
    [
        (HALVES * 2.0 + RANDOM.random(40), HALVES, "up to 0.966"),
        (THIRDS + 0.5 * RANDOM.random(60), THIRDS, "by thresholds"),
        ([f"c{i}" for i in THIRDS], THIRDS, "value by value"),
        ([f"c{i % 6}" for i in range(60)], THIRDS, "value by value"),
        ((THIRDS - 1.0) ** 2 + THIRDS * 0.0, THIRDS == 1, "value by value"),
        ([None if each else i for i, each in enumerate(HALVES)], HALVES, "whether it is missing"),
        ([*(HALVES * 1.0)[:30], *[None] * 10], HALVES, "up to 0 and from 1 on"),
    ],
)
def test_a_column_that_gives_the_class_away_is_named(values, labels, how):
    noise = NOISE[: len(labels)]
    column = pyarrow.array(values, from_pandas=True)
    found = leaks(found_in(noise=noise, given=column), np.asarray(labels), "y", "classification")
    (line,) = found
    assert line.startswith("LEAK? given alone gives y away, ")
    assert how in line
    assert line.endswith("--ignore=given")


@pytest.mark.parametrize(
    ("values", "how"),
    [
        (3 * VALUES - 7, "on a line"),
        (np.exp(-VALUES.astype(float)), "rises or falls"),
        ([f"{round(float(each), 0)}" for each in VALUES], None),
    ],
)
def test_a_column_that_gives_the_value_away_is_named(values, how):
    labels = VALUES if how else np.array([7 * float(each) ** 2 for each in values], np.float32)
    texts = values if how else [f"t{each}" for each in values]
    (line,) = leaks(found_in(noise=NOISE, given=texts), labels, "y", "regression")
    assert f"given alone gives y away, {how or 'value by value'}" in line.replace("since one ", "")


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (HALVES * 2.0 + RANDOM.random(40), np.where(np.arange(40) == 7, 1 - HALVES, HALVES)),
        ([1.0, 2.0, 3.0, 4.0], np.array([0, 0, 1, 1])),  # accident does that
        ([f"c{i}" for i in range(40)], HALVES),
        ([f"c{i % 7}" for i in range(40)], HALVES),
        (HALVES.astype(float), np.where(np.arange(40) == 6, 1, HALVES)),
    ],
)
def test_what_is_not_perfect_or_may_be_accident_is_no_leak(values, labels):
    assert leaks(found_in(given=values), labels, "y", "classification") == []


def test_what_nearly_gives_a_value_away_is_no_leak():
    nearly = VALUES + 0.01 * NOISE
    assert leaks(found_in(given=nearly, other=NOISE), VALUES, "y", "regression") == []
    assert leaks(found_in(given=VALUES[:5]), VALUES[:5], "y", "regression") == []


def test_leaks_of_several_outputs_and_columns_are_in_one_line():
    answers = np.stack([HALVES, np.arange(40) // 20], axis=1)
    columns = {f"c{i}": [f"t{each}" for each in HALVES] for i in range(5)}
    (line,) = leaks(found_in(**columns), answers, "a, b", "multilabel")
    assert "c0, c1, c2, c3, c4 alone give a, b away" in line
    assert line.endswith("--ignore=c0 --ignore=c1 --ignore=c2")


@pytest.mark.parametrize("name", ["a <b>", "it's $(x)", 'say "no", not', "town, land", "x" * 99])
def test_what_is_advised_is_what_a_shell_and_the_flag_take(name):
    heavy = np.exp(4 * np.random.default_rng(1).normal(size=200))
    (tail,) = tails(found_in(**{name: heavy}), [])
    texts = [f"t{each}" for each in HALVES]
    (leak,) = leaks(found_in(**{name: texts}), HALVES, "y", "classification")
    advice = tail.partition("; ")[2].removesuffix(" takes the logarithm")
    for text, flag in ((advice, "log"), (leak.partition("is, ")[2], "ignore")):
        (word,) = shlex.split(text)
        assert NamesParser().parse(word.removeprefix(f"--{flag}=")) == [name]


def test_rows_of_training_in_the_test_are_counted():
    inputs, labels = np.float32([[0, 1], [2, 3]]), np.int32([0, 1])
    test_inputs, test_labels = np.float32([[-0.0, 1], [2, 3], [2, 4]]), np.int32([0, 0, 1])
    data = Dataset(inputs, labels, test_inputs, test_labels)
    (line,) = duplicates([data])
    assert line.startswith("1 of 3 test rows is in training too")
    (line,) = duplicates([data, data])
    assert line.startswith("2 of 6 test rows are in training too")
    assert duplicates([Dataset(inputs, labels, test_inputs[1:], test_labels[1:])]) == []


def test_heavy_tails_are_named_until_their_logarithm_is_taken():
    heavy = np.exp(4 * RANDOM.normal(size=200))
    found = found_in(heavy=heavy, plain=RANDOM.normal(size=200))
    assert tails(found, []) == [
        "some values of heavy are far from the others; --log=heavy takes the logarithm"
    ]
    assert tails(found, ["heavy"]) == []
    assert tails(found_in(heavy=-heavy), []) != []
    assert tails(found_in(heavy=heavy[:40], zero=[0.0] * 39 + [9.0]), []) == []


def test_rare_classes_and_few_rows_are_said():
    labels = np.array([0, 0, 0, 1, 2, 2])
    assert classes(labels, (), 2) == [
        "there is only one row of 1: too little to tell how well it is learned"
    ]
    assert classes(labels, ("a", "b", "c"), 3) == [
        "there are fewer than 3 rows of b, c: too little to tell how well it is learned"
    ]
    assert classes(labels, (), 1) == []
    assert few(49, 9) == ["49 rows are few, and a test of 9 says little; --folds=5 tests each"]
    assert few(50, 10) == []


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_what_is_infinite_leaks_as_anything_does(task):
    values = np.where(HALVES == 1, np.inf, -np.inf)
    (line,) = leaks(found_in(noise=NOISE[:40], given=values), HALVES, "y", task)
    assert "given alone gives y away" in line


def test_of_more_columns_accident_does_more():
    labels = np.repeat([0, 1], 9)
    given = labels + 0.5 * RANDOM.random(18)
    noise = {f"c{i}": RANDOM.normal(size=18) for i in range(2)}
    assert leaks(found_in(given=given), labels, "y", "classification")
    assert not leaks(found_in(given=given, **noise), labels, "y", "classification")


def test_whole_numbers_that_all_differ_are_named():
    columns = {"a": [3 * i for i in range(10)], "b": [i % 9 for i in range(10)]}
    table = pyarrow.table(
        {**columns, "c": [i / 3 for i in range(10)], "d": [i * i for i in range(10)]}
    )
    said = "a, d are of whole numbers that all differ: if they only name the rows, "
    assert different(describe(table), table) == [f"{said}--ignore=a --ignore=d"]
    fewer = table.slice(0, 9)
    assert different(describe(fewer), fewer) == []
    (line,) = different(describe(table.select(["d"])), table.select(["d"]))
    assert line.startswith("d is of whole numbers that all differ: ")
