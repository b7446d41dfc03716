"""A table's rows become a network's inputs in a page as they do in the programs."""

import functools
import json

import numpy as np
import page_scripts
import pytest
from page_scripts import needs_node

from experiments.data.tables.loading import Options, load, prepare_rows

apply = functools.partial(
    page_scripts.run,
    "preparation.js",
    "return given.rows.map((row) => [...Preparation.apply(given.preparation, row)]);",
)
DAY = np.timedelta64(1, "D")
TARGET = ["no", "yes"]


def days_of(text):
    return (np.datetime64(text) - np.datetime64("1970-01-01")) / DAY


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of columns of all kinds, some values missing, as text and as the form reads it."""
    random, count = np.random.default_rng(0), 400
    start = np.datetime64("2019-12-28T00:00")
    columns = {
        "size": random.normal(size=count).round(3).tolist(),
        "price": (10 ** random.uniform(-2, 5, count)).round(3).tolist(),
        "member": random.integers(0, 2, count).tolist(),
        "town": [f"t{i}" for i in random.zipf(1.3, count) % 90],
        "colour": random.choice(["red", "green", "<b>"], count).tolist(),
        "since": (start.astype("M8[D]") + random.integers(0, 900, count)).astype(str).tolist(),
        "seen": (start + random.integers(0, 10**6, count)).astype(str).tolist(),
    }
    for name in ("size", "price", "member", "colour", "since"):
        for row in random.choice(count, 40, replace=False):
            columns[name][row] = None
    texts = {**columns, "member": [None if m is None else TARGET[m] for m in columns["member"]]}
    texts["y"] = random.choice(["a", "b"], count).tolist()
    lines = [",".join(texts)]
    for row in zip(*texts.values(), strict=True):
        lines.append(",".join("" if value is None else str(value) for value in row))
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_text("\n".join(lines))
    for name in ("since", "seen"):
        columns[name] = [None if text is None else float(days_of(text)) for text in columns[name]]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return path, rows


@pytest.fixture(scope="module")
def loaded(table):
    path, _ = table
    return load(path, Options(("y",), log=("price",), folds=4))


def test_the_table_has_all_that_a_preparation_can_have(loaded):
    text = json.dumps(loaded.preparations)
    kinds = [column["kind"] for column in loaded.preparations[0]["columns"]]
    assert kinds == ["number", "number", "boolean", "category", "category", "date", "date"]
    for each in ('"log": true', '"has_other": true', '"has_time": true', '"unseen": ["', '"words"'):
        assert each in text


@needs_node
@pytest.mark.parametrize("fold", range(4))
def test_each_folds_preparation_in_the_page_is_the_programs(table, loaded, fold):
    path, rows = table
    preparation = loaded.preparations[fold]
    expected = prepare_rows(path, preparation).inputs
    got = np.float32(apply({"rows": rows, "preparation": preparation}))
    assert got.shape == expected.shape
    # Sines of days since 1970 by a second library; all else to the bit.
    np.testing.assert_allclose(got, expected, rtol=2e-7, atol=1e-7)


@needs_node
def test_unknown_values_are_another_or_none(loaded):
    preparation = loaded.preparations[0]
    columns = {column["name"]: column for column in preparation["columns"]}
    assert not columns["colour"]["has_other"]
    row = dict.fromkeys(columns) | {"town": "nowhere", "colour": "mauve"}
    body = """
      const parts = {};
      let start = 0;
      const all = [...Preparation.apply(given.preparation, given.row)];
      for (const column of given.preparation.columns) {
        const size = Preparation.width(column);
        parts[column.name] = all.slice(start, (start += size));
      }
      return { parts, all };
    """
    found = page_scripts.run("preparation.js", body, {"preparation": preparation, "row": row})
    assert len(found["all"]) == sum(map(len, found["parts"].values()))
    assert found["parts"]["town"] == [0] * len(columns["town"]["categories"]) + [1]
    assert found["parts"]["colour"] == [0] * len(columns["colour"]["categories"]) + [0]
    size = columns["size"]
    assert found["parts"]["size"] == pytest.approx(
        [(size["fill"] - size["mean"]) / size["scale"], 1]
    )


@needs_node
def test_rows_of_the_test_set_come_back_as_values(table, loaded):
    path, rows = table
    preparation = loaded.preparations[0]
    inputs = prepare_rows(path, preparation).inputs
    body = """
      const rows = given.inputs.map((row) => Preparation.undo(given.preparation, row));
      return rows.map((row) => [row, [...Preparation.apply(given.preparation, row)]]);
    """
    given = {"preparation": preparation, "inputs": np.float64(inputs[:60]).tolist()}
    unseen = {c["name"]: c.get("unseen", []) for c in preparation["columns"]}
    found = page_scripts.run("preparation.js", body, given)
    np.testing.assert_allclose([again for _, again in found], inputs[:60], atol=2e-5)
    for (got, _), row in zip(found, rows, strict=False):
        for name in ("size", "price", "member", "since"):
            known = row[name] and pytest.approx(row[name], rel=2e-4, abs=1e-5)
            assert got[name] == known, name
        assert got["seen"] == pytest.approx(row["seen"], abs=1e-9)
        known = {c["name"]: c.get("categories") for c in preparation["columns"]}
        for name in ("town", "colour"):
            is_known = row[name] in known[name] and row[name] not in unseen[name]
            unknown = row[name] and {"another": True}
            assert got[name] == (row[name] if is_known else unknown)


@needs_node
def test_what_is_close_together_far_from_0_keeps_its_digits():
    """Years, times and places have so many digits that the row asked about is the one meant."""
    around = {"kind": "number", "log": False, "has_missing": False, "scale": 26.0}
    stamp = around | {"name": "stamp", "mean": 1.70000004e9, "low": 1.7e9, "high": 1700000089.0}
    place = around | {"name": "place", "mean": 48.4, "scale": 3e-3, "low": 48.39, "high": 48.41}
    small = around | {"name": "small", "mean": 0.0, "scale": 1.0, "low": 0.0, "high": 3e-7}
    large = around | {"name": "large", "mean": 0.0, "scale": 1.0, "low": 0.0, "high": 1e30}
    seen = around | {"name": "seen", "kind": "date", "has_time": True, "mean": 18e3, "scale": 900}
    price = around | {"name": "price", "log": True, "mean": 5.0, "scale": 3.0, "low": 0.01}
    price |= {"high": 1e5}
    row = {
        "price": 12345.678,
        "stamp": 1700000033,
        "place": 48.401234,
        "small": 1.25e-7,
        "large": 1e30,
    }
    row["seen"] = days_of("2020-01-07T10:00:33")
    given = {"preparation": {"columns": [stamp, place, small, large, seen, price]}, "row": row}
    body = """
      const { preparation, row } = given;
      const again = Preparation.undo(preparation, Preparation.apply(preparation, row));
      const [stamp, , , , seen] = preparation.columns;
      const texts = [Form.written(stamp, again.stamp), Form.written(seen, again.seen)];
      return [again, texts, Form.read(seen, texts[1]), Form.mark(stamp, 0)];
    """
    again, texts, seconds, mark = page_scripts.run("form.js", body, given)
    large = again.pop("large")
    assert again.pop("price") == 12345.7
    assert again == pytest.approx({name: row[name] for name in again}, rel=1e-9)
    assert large == pytest.approx(1e30, rel=1e-6)
    assert texts == ["1700000033", "2020-01-07T10:00:33"]
    assert seconds == pytest.approx(row["seen"], abs=1e-9)
    assert mark == "outside 1,700,000,000 to 1,700,000,089, the range in training"


@needs_node
@pytest.mark.parametrize("has_other", [True, False])
@pytest.mark.parametrize("has_missing", [True, False])
def test_another_category_is_none_that_is_missing(has_other, has_missing):
    column = TOWN | {"has_other": has_other, "has_missing": has_missing}
    body = """
      const preparation = { columns: [given] };
      const row = [...Preparation.apply(preparation, { town: "Rome" })];
      const { town } = Preparation.undo(preparation, row);
      const text = Form.written(given, town);
      const again = [...Preparation.apply(preparation, { town: Form.read(given, text) })];
      return [row, town, text, again, Form.mark(given, town)];
    """
    row, town, text, again, mark = page_scripts.run("form.js", body, column)
    assert row == again == [0, 0, *([1] if has_other else []), *([0] if has_missing else [])]
    assert (town, text) == ({"another": True}, "another")
    rare = "new or rare" if has_other else "not"
    assert mark == f"{rare} among the training rows"


NUMBER = {"name": "age", "kind": "number", "log": False, "fill": 38.0, "has_missing": False}
NUMBER |= {"mean": 40.0, "scale": 10.0, "low": 1.0, "high": 90.0}
DATE = {**NUMBER, "kind": "date", "has_time": False, "low": 0.0, "high": 365.0, "fill": 31.0}
TOWN = {"name": "town", "kind": "category", "categories": ["Bonn", "Ulm"], "unseen": ["Ulm"]}


@needs_node
@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        (NUMBER, 90, ""),
        (NUMBER, 90.5, "outside 1 to 90, the range in training"),
        (NUMBER, -12345678, "outside 1 to 90, the range in training"),
        (NUMBER, None, "missing, as in no row of the training set: taken as 38"),
        (NUMBER | {"log": True, "fill": np.log(3)}, None, "missing, as in no row of the training "
         "set: taken as 2"),
        (NUMBER | {"has_missing": True}, None, "missing"),
        (NUMBER | {"kind": "boolean"}, 0, ""),
        (DATE, 366, "outside 1970-01-01 to 1971-01-01, the range in training"),
        (DATE, None, "missing, as in no row of the training set: taken as 1970-02-01"),
        (TOWN, "Bonn", ""),
        (TOWN, "Ulm", "not among the training rows"),
        (TOWN, "Rome", "not among the training rows"),
        (TOWN, None, "missing, as in no row of the training set"),
        (TOWN | {"has_missing": True}, None, "missing"),
    ],
)  # fmt: skip
def test_a_value_unlike_the_training_rows_is_marked(column, value, words):
    given = {"column": column, "value": value}
    assert (
        page_scripts.run("form.js", "return Form.mark(given.column, given.value);", given) == words
    )


@needs_node
def test_the_form_begins_in_the_middle():
    columns = [NUMBER, DATE | {"name": "since", "fill": 30.6}, TOWN]
    columns.append(NUMBER | {"name": "sum", "log": True, "fill": np.log(3)})
    columns.append(NUMBER | {"name": "member", "kind": "boolean", "fill": 0.0})
    body = "return Form.middle(given);"
    values = page_scripts.run("form.js", body, {"columns": columns})
    assert values == {"age": 38, "since": 31, "town": "Bonn", "sum": 2, "member": 0}
    towns = {"columns": [TOWN | {"commonest": "Ulm"}]}
    assert page_scripts.run("form.js", body, towns) == {"town": "Ulm"}
