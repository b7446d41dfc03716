import json

import numpy as np
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from experiments.data.idx import DataError
from experiments.data.tables import stored
from experiments.data.tables.columns import describe
from experiments.data.tables.preparation import MOST, apply, encode, feature_names, fit, understand

NAN = float("nan")
TARGET = {"names": ["y"], "task": "classification", "class_names": []}


def prepared(table, rows=None, **options):
    found = describe(table)
    rows = [np.arange(table.num_rows)] if rows is None else rows
    made = [
        {"version": 1, "target": TARGET, "columns": each, "ignored": []}
        for each in fit(found, rows, **options)
    ]
    return stored.check(json.loads(json.dumps(made)), "it")


def mixed(count=200):
    random = np.random.default_rng(0)
    age = random.normal(40, 10, count).round(1)
    age[::7] = np.nan
    heavy = np.exp(random.normal(0, 4, count)) * random.choice([-1, 1], count)
    town = random.choice(["Bonn", "Köln", "Ulm"], count).astype(object)
    town[::11] = None
    return pyarrow.table(
        {
            "age": pyarrow.array(age, from_pandas=True),
            "heavy": heavy,
            "town": pyarrow.array(town, from_pandas=True),
            "ok": random.choice([True, False], count),
        }
    )


def test_features_are_those_of_scikit_learn():
    table, train = mixed(), np.arange(0, 200, 2)
    preparation = prepared(table, [train], log=["heavy"])[0]
    frame = table.to_pandas()
    frame["ok"] = frame["ok"].astype(float)
    logarithm = FunctionTransformer(lambda x: np.sign(x) * np.log1p(np.abs(x)))
    oracle = ColumnTransformer(
        [
            ("age", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), ["age"]),
            ("age missing", MissingIndicator(), ["age"]),
            ("heavy", make_pipeline(logarithm, StandardScaler()), ["heavy"]),
            ("town", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["town"]),
            ("ok", StandardScaler(), ["ok"]),
        ]
    ).fit(frame.iloc[train])
    np.testing.assert_allclose(
        apply(preparation, table), oracle.transform(frame), rtol=1e-6, atol=1e-6
    )
    assert feature_names(preparation) == [
        *("age", "age is missing", "heavy"),
        *("town = Bonn", "town = Köln", "town = Ulm", "town is missing", "ok"),
    ]


def test_literal_numbers():
    table = pyarrow.table({"x": ["1", "2", "6", ""], "when": ["1970-01-01", "1970-01-03"] * 2})
    (preparation,) = prepared(table)
    x, when = preparation["columns"]
    assert (x["fill"], x["mean"], x["low"], x["high"]) == (2, 2.75, 1, 6)
    assert x["scale"] == pytest.approx(np.std([1, 2, 6, 2]))
    assert (when["mean"], when["scale"], when["has_time"]) == (1, 1, False)
    inputs = apply(preparation, table)
    assert inputs.dtype == np.float32
    assert inputs[:, 1].tolist() == [0, 0, 0, 1]
    assert inputs[3, 0] == np.float32((2 - 2.75) / x["scale"])
    turns = 2 * np.pi * 2 / np.array([365.2425, 7])
    expected = [1, np.sin(turns[0]), np.cos(turns[0]), np.sin(turns[1]), np.cos(turns[1])]
    np.testing.assert_allclose(inputs[1, 2:], expected, atol=1e-7)
    assert feature_names(preparation)[2:] == [
        "when",
        *("when: sin of the year", "when: cos of the year"),
        *("when: sin of the week", "when: cos of the week"),
    ]


def test_a_time_of_day_is_a_turn_of_the_clock():
    table = pyarrow.table({"when": ["1970-01-01 06:00", "1970-01-02 12:00", ""]})
    (preparation,) = prepared(table)
    assert preparation["columns"][0]["has_time"]
    inputs = apply(preparation, table)
    np.testing.assert_allclose(inputs[:2, 5:7], [[1, 0], [0, -1]], atol=1e-6)
    assert inputs[:, 7].tolist() == [0, 0, 1]
    assert feature_names(preparation)[5:] == [
        *("when: sin of the day", "when: cos of the day", "when is missing")
    ]


def test_only_training_rows_are_learned_from():
    table = pyarrow.table({"x": [1.0, 3.0, 1e9, NAN], "c": ["a", "b", "z", None]})
    (preparation,) = prepared(table, [np.array([0, 1])])
    x, c = preparation["columns"]
    assert (x["mean"], x["scale"], x["high"], x["has_missing"]) == (2, 1, 3, False)
    assert (c["categories"], c["has_other"], c["has_missing"]) == (["a", "b"], False, False)
    inputs = apply(preparation, table)
    assert inputs[:, 0].tolist() == [-1, 1, np.float32(1e9 - 2), 0]  # missing: the median
    assert inputs[:, 1:].tolist() == [[1, 0], [0, 1], [0, 0], [0, 0]]  # unknown: none


def test_rare_categories_share_a_feature_with_unknown_ones():
    texts = [f"c{i:02}" for i in range(MOST + 5) for _ in range(6 if i < MOST else 3)]
    (preparation,) = prepared(pyarrow.table({"c": texts}))
    (c,) = preparation["columns"]
    assert c["categories"] == [f"c{i:02}" for i in range(MOST)]
    assert c["has_other"]
    inputs = apply(preparation, pyarrow.table({"c": ["c00", "c53", "new"]}))
    assert np.flatnonzero(inputs[0]).tolist() == [0]
    assert inputs[1:].argmax(axis=1).tolist() == [MOST, MOST]
    assert inputs.sum() == 3


def test_folds_have_the_same_features():
    table = pyarrow.table({"c": ["a", "b", "a", "c"], "x": [1.0, 2.0, 3.0, NAN]})
    first, second = prepared(table, [np.array([0, 1, 2]), np.array([0, 2, 3])])
    assert first["columns"][0] == {
        **{"name": "c", "kind": "category", "has_missing": False, "has_other": False},
        **{"categories": ["a", "b", "c"], "unseen": ["c"], "commonest": "a"},
    }
    assert second["columns"][0]["unseen"] == ["b"]
    assert first["columns"][1]["has_missing"]
    assert (first["columns"][1]["mean"], second["columns"][1]["mean"]) == (2, 2)
    assert apply(first, table)[:, :3].tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert apply(second, table)[:, :3].tolist() == [[1, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 1]]


def test_the_commonest_category_of_each_folds_training_rows_is_kept():
    table = pyarrow.table({"c": ["a", "b", "b", "a", "a", None, None]})
    rows = [np.array([0, 1, 2]), np.array([2, 3, 4]), np.array([5, 6])]
    each = [preparation["columns"][0].get("commonest") for preparation in prepared(table, rows)]
    assert each == ["b", "a", None]


@settings(max_examples=30)
@given(st.randoms(use_true_random=False))
def test_columns_in_another_order_and_others_beside_give_the_same_bits(random):
    table = mixed(40)
    (preparation,) = prepared(table)
    names = [*table.column_names, "more"]
    random.shuffle(names)
    other = table.append_column("more", pyarrow.array(["?"] * 40)).select(names)
    np.testing.assert_array_equal(apply(preparation, other), apply(preparation, table))


def test_rows_one_by_one_are_the_rows_together():
    table = mixed(30)
    (preparation,) = prepared(table)
    whole = apply(preparation, table)
    for row in range(30):
        np.testing.assert_array_equal(apply(preparation, table.slice(row, 1))[0], whole[row])
    found = understand(preparation, table)
    places = np.array([7, 3])
    np.testing.assert_array_equal(encode(preparation, found, places), whole[places])


def test_a_missing_column_is_named():
    table = mixed(10)
    (preparation,) = prepared(table)
    with pytest.raises(
        DataError, match="new.csv: the network needs .* none called age, ok, of hea"
    ):
        understand(preparation, table.select(["heavy", "town"]), "new.csv")
    wrong = table.set_column(0, "age", pyarrow.array(["x"] * 10))
    with pytest.raises(DataError, match=r"new.csv: age: expected numbers, .* got x"):
        understand(preparation, wrong, "new.csv")


def test_what_is_infinite_is_refused_or_left():
    table = pyarrow.table({"x": [1.0, 2.0, np.inf]})
    (preparation,) = prepared(table)
    assert preparation["columns"][0]["mean"] == 1.5
    with pytest.raises(DataError, match="the table: expected finite .* got inf of x in row 3"):
        apply(preparation, table)
    found = understand(preparation, table)
    with pytest.raises(DataError, match="got inf of x in row 3"):
        encode(preparation, found, np.array([0, 2]))
    assert encode(preparation, found, check_finite=False)[2, 0] == np.inf


@pytest.mark.parametrize("value", [1e308, 1e200, 1e-300, 5e-324])
def test_extreme_numbers_are_scaled(value):
    table = pyarrow.table({"x": [0.0, value, value / 2]})
    (preparation,) = prepared(table)
    inputs = apply(preparation, table)
    assert np.isfinite(inputs).all()
    assert abs(inputs).max() <= 2


def test_what_does_not_differ_in_training_is_0():
    table = pyarrow.table({"x": [0.1] * 9 + [5.0], "big": [1e15 + 1] * 9 + [0.0]})
    (preparation,) = prepared(table, [np.arange(9)])
    assert [each["scale"] for each in preparation["columns"]] == [1, 1]
    np.testing.assert_allclose(apply(preparation, table)[:9], 0, atol=1e-6)


def test_a_category_is_the_same_number_however_it_is_written():
    about = {"name": "c", "kind": "category", "has_missing": False, "has_other": False}
    preparation = {"columns": [about | {"categories": ["1", "2", "02"]}]}
    inputs = apply(preparation, pyarrow.table({"c": ["2.0", "1", "1.0", "02", "3.0"]}))
    assert inputs.tolist() == [[0, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]]
