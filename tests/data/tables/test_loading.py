import json

import numpy as np
import pyarrow
import pytest
from pyarrow import csv, parquet
from sklearn import datasets

from experiments.data.idx import DataError
from experiments.data.tables import stored
from experiments.data.tables.loading import Options, load, prepare_rows
from experiments.data.tables.preparation import feature_names

BUNDLED = {  # rows, inputs, classes, test rows
    "breast_cancer": (569, 30, ("benign", "malignant"), 113),
    "wine": (178, 13, ("class_0", "class_1", "class_2"), 35),
    "diabetes": (442, 10, (), 88),
    "iris": (150, 4, ("setosa", "versicolor", "virginica"), 30),
    "digits": (1797, 61, (), 359),
}


def written(path, name):
    found = getattr(datasets, f"load_{name}")()
    target = found.target
    if name in ("breast_cancer", "wine", "iris"):
        target = np.array(found.target_names)[target]
    lines = [",".join([*found.feature_names, "target"])]
    lines += [
        ",".join([*map(repr, row), str(label)])
        for row, label in zip(found.data.tolist(), target, strict=True)
    ]
    path.write_text("\n".join(lines))
    return found


@pytest.mark.parametrize("name", BUNDLED)
def test_well_known_data_load_with_nothing_but_the_target(tmp_path, name):
    rows, inputs, class_names, tested = BUNDLED[name]
    path = tmp_path / f"{name}.csv"
    written(path, name)
    loaded = load(path, Options(("target",)))
    (data,) = loaded.datasets
    assert data.train_inputs.shape == (rows - tested, inputs)
    assert data.test_inputs.shape == (tested, inputs)
    assert data.class_names == class_names
    assert data.name == str(path)
    assert len(loaded.findings) <= 3
    assert loaded.task == ("regression" if name == "diabetes" else "classification")
    np.testing.assert_allclose(data.train_inputs.mean(axis=0), 0, atol=1e-5)
    deviations = data.train_inputs.std(axis=0)
    np.testing.assert_allclose(deviations[deviations > 0], 1, atol=2e-5)
    again = prepare_rows(path, loaded.preparations[0])
    np.testing.assert_array_equal(again.inputs[loaded.rows[0].test], data.test_inputs)
    np.testing.assert_array_equal(again.labels[loaded.rows[0].train], data.train_labels)
    with pytest.raises(DataError, match="--target needs one of .*, got nothing"):
        load(path, Options())


def dirty(count=400):
    """Missing values, mixed types, a constant, 40 categories, dates, a leak, and what is of no use.

    The target is what `leak` says, so that it is to be found.
    """
    random = np.random.default_rng(0)
    age = random.normal(40, 10, count).round(1).astype(str)
    age[::9], age[5], age[7] = "", "unknown", "?"
    ill = random.random(count) < 0.3
    return {
        "id": np.arange(1, count + 1).astype(str),
        "age": age,
        "town": np.where(
            np.arange(count) % 17 == 0, "", [f"town {i}" for i in random.integers(0, 40, count)]
        ),
        "since": [f"{1 + i % 28:02}/{1 + i % 12:02}/20{10 + i % 9}" for i in range(count)],
        "same": ["x"] * count,
        "empty": [""] * count,
        "user": [f"u{7 * i}" for i in range(count)],
        "income": np.exp(random.normal(0, 4, count)).round(3).astype(str),
        "smokes": random.choice(["yes", "no", ""], count),
        "leak": (np.where(ill, 3.5, 1.2) + random.random(count)).astype(str),
        "state": np.where(np.arange(count) == 3, "", np.where(ill, "ill", "well")),
    }


def write(path, columns):
    csv.write_csv(pyarrow.table({name: list(each) for name, each in columns.items()}), path)
    return path


def test_a_dirty_table_loads_well_and_says_all_that_is_to_be_known(tmp_path):
    path = write(tmp_path / "dirty.csv", dirty())
    loaded = load(path, Options(("state",), validation_fraction=0.1))
    said = "\n".join(loaded.findings)
    for line in (
        "state: text target with 2 values: classification",
        "1 row has no state and is left out: 4",
        "ignored, identifies rows: id;",
        "ignored, the same in all rows: same",
        "ignored, no value in any row: empty",
        "ignored, texts of their own in each row, or nearly so: user;",
        "age: 1 value is no number, taken as missing: unknown in row 6",
        "LEAK? leak alone gives state away",
        "some values of income are far from the others; --log=income",
    ):
        assert line in said, line
    (data,), (preparation,), (rows,) = loaded.datasets, loaded.preparations, loaded.rows
    kinds = {each["name"]: each["kind"] for each in preparation["columns"]}
    assert kinds == {
        **{"age": "number", "town": "category", "since": "date"},
        **{"income": "number", "smokes": "boolean", "leak": "number"},
    }
    assert len(preparation["columns"][1]["categories"]) == 40
    assert preparation["columns"][2]["form"] == "day first"
    assert [len(part) for part in rows] == [288, 32, 79]
    assert not np.isin(3, np.concatenate(rows))
    for part, labels in zip(
        rows, (data.train_labels, data.validation_labels, data.test_labels), strict=True
    ):
        assert [("ill", "well")[label] for label in labels] == dirty()["state"][part].tolist()
    inputs = [data.train_inputs, data.validation_inputs, data.test_inputs]
    assert all(np.isfinite(each).all() and each.dtype == np.float32 for each in inputs)
    assert data.train_inputs.shape[1] == len(feature_names(preparation))
    assert stored.check(json.loads(json.dumps(loaded.preparations)), "it") == loaded.preparations


def test_every_way_to_write_a_table_gives_the_same_inputs(tmp_path):
    columns = dirty()
    first = load(write(tmp_path / "a.csv", columns), Options(("state",))).datasets[0]
    names = list(columns)
    lines = [names, *zip(*columns.values(), strict=True)]
    excel = "\r\n".join(";".join(each).replace(".", ",") for each in lines)
    (tmp_path / "b.csv").write_bytes(("sep=;\r\n" + excel + "\r\n;;;;;;;;;;\r\n").encode("utf-16"))
    parquet.write_table(
        pyarrow.table({name: list(each) for name, each in columns.items()}), tmp_path / "c.parquet"
    )
    for name in ("b.csv", "c.parquet"):
        other = load(tmp_path / name, Options(("state",))).datasets[0]
        said = load(tmp_path / name, Options(("state",))).findings
        assert ("numbers are read with a decimal comma" in said) == (name == "b.csv")
        np.testing.assert_array_equal(other.train_inputs, first.train_inputs)
        np.testing.assert_array_equal(other.test_labels, first.test_labels)
        assert other.sha256 == first.sha256


@pytest.mark.parametrize(
    "text",
    [
        "a,b,y\n1,2,p\n2,1,q\n3,5,p\n4,4,q\n5,9,p\n",
        "a,b,y\n1,u,1.5\n2,v,2.5\n3,u,1\n4,w,2\n,x,4\n",
        "a,y\n1,p\n2,p\n3,p\n4,p\n5,q\n",
    ],
)
def test_five_rows_are_enough(tmp_path, text):
    path = tmp_path / "five.csv"
    path.write_text(text)
    loaded = load(path, Options(("y",)))
    (data,) = loaded.datasets
    assert (len(data.train_inputs), len(data.test_inputs)) == (4, 1)
    assert np.isfinite(data.train_inputs).all()
    assert loaded.findings[-1].startswith(("5 rows are few", "there is only one row"))


def test_columns_that_move_vanish_or_come_anew(tmp_path):
    columns = dirty(60)
    trained = load(write(tmp_path / "a.csv", columns), Options(("state",)))
    (preparation,) = trained.preparations
    del columns["state"]
    whole = prepare_rows(write(tmp_path / "b.csv", columns), preparation)
    assert whole.labels is None
    np.testing.assert_array_equal(
        whole.inputs[trained.rows[0].train], trained.datasets[0].train_inputs
    )
    moved = dict(reversed([*columns.items(), ("more", ["?"] * 60)]))
    again = prepare_rows(write(tmp_path / "c.csv", moved), preparation)
    np.testing.assert_array_equal(again.inputs, whole.inputs)
    columns["town"] = ["Rome", *columns["town"][1:]]
    columns["leak"] = ["", *columns["leak"][1:]]
    other = prepare_rows(write(tmp_path / "d.csv", columns), preparation)
    np.testing.assert_array_equal(other.inputs[1:], whole.inputs[1:])
    said = "\n".join(other.notes)
    assert "town: new to the network, and taken as none of those known: Rome, town " in said
    assert "leak: missing in 1 row, as never in training: taken as the median of training" in said
    del columns["income"]
    with pytest.raises(
        DataError, match="d.csv: the network needs .* got none called income, of id"
    ):
        prepare_rows(write(tmp_path / "d.csv", columns), preparation)


def test_folds_share_their_features_and_test_each_row_once(tmp_path):
    path = write(tmp_path / "a.csv", dirty(101))
    loaded = load(path, Options(("state",), folds=5))
    assert len({data.train_inputs.shape for data in loaded.datasets}) == 1
    tested = np.concatenate([rows.test for rows in loaded.rows])
    assert sorted(tested) == [row for row in range(101) if row != 3]
    for data, preparation in zip(loaded.datasets, loaded.preparations, strict=True):
        assert feature_names(preparation) == feature_names(loaded.preparations[0])
        assert data.train_inputs.shape[1] == len(feature_names(preparation))
    means = {each["columns"][0]["mean"] for each in loaded.preparations}
    assert len(means) == 5  # of each fold's own training rows
    assert len({data.sha256 for data in loaded.datasets} | {loaded.sha256}) == 6
    assert load(path, Options(("state",), folds=5)).sha256 == loaded.sha256


def test_groups_and_times_divide_the_rows(tmp_path):
    columns = dirty(200)
    columns["clinic"] = [f"c{i % 20}" for i in range(200)]
    columns["clinic"][3] = ""  # a row without a target needs no group
    path = write(tmp_path / "a.csv", columns)
    loaded = load(path, Options(("state",), group="clinic"))
    train, _, test = ({each % 20 for each in part} for part in loaded.rows[0])
    assert not train & test
    assert {"name": "clinic", "why": "divides the rows"} in loaded.preparations[0]["ignored"]
    loaded = load(path, Options(("state",), time="since", include=("since",)))
    years = np.array([int(date[-4:]) for date in columns["since"]])
    assert years[loaded.rows[0].train].max() <= years[loaded.rows[0].test].min()
    assert "since" in [each["name"] for each in loaded.preparations[0]["columns"]]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"time": "town"}, "expected dates or numbers in the --time town, got texts"),
        ({"group": "town"}, "expected a value of the --group town in row 1$"),
        ({"group": "same"}, "expected at least 2 groups"),
        ({"folds": 400}, "expected at least 400 rows for 400 folds, got 399"),
        ({"validation_fraction": 0.001}, "expected at least 1000 examples"),
    ],
)
def test_rows_that_cannot_be_divided_are_said(tmp_path, options, expected):
    path = write(tmp_path / "a.csv", dirty())
    with pytest.raises(DataError, match=f"{path}: {expected}"):
        load(path, Options(("state",), **options))


def test_options_reach_the_preparation(tmp_path):
    path = write(tmp_path / "a.csv", dirty())
    options = Options(
        ("state",), ignore=("leak",), include=("id",), log=("income",), category=("smokes",)
    )
    loaded = load(path, options)
    about = {each["name"]: each for each in loaded.preparations[0]["columns"]}
    assert list(about) == ["id", "age", "town", "since", "income", "smokes"]
    assert about["income"]["log"]
    assert not about["age"]["log"]
    assert about["smokes"]["categories"] == ["no", "yes"]
    assert not any("LEAK" in line or "far from" in line for line in loaded.findings)


def test_what_is_infinite_is_refused_unless_asked(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b,y\n" + "1,2,p\n2,inf,q\n3,1,p\n4,5,q\n" * 3)
    with pytest.raises(DataError, match="a.csv: expected finite .* got inf of b in row 2"):
        load(path, Options(("y",)))
    assert np.isinf(load(path, Options(("y",)), check_finite=False).datasets[0].train_inputs).any()


def test_a_record_says_where_data_are_from(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.csv", dirty(60))
    loaded = load("a.csv", Options(("state",)))
    (data,) = loaded.datasets
    assert data.name == str(tmp_path / "a.csv")
    assert data.source == f"the table a.csv, 59 rows, {data.train_inputs.shape[1]} inputs"
    assert data.num_classes == 2
    assert loaded.sha256 == data.sha256
    held_out = load("a.csv", Options(("state",), validation_fraction=0.2)).datasets[0]
    assert held_out.sha256 != data.sha256


def test_what_needs_more_than_the_memory_is_refused(tmp_path, monkeypatch):
    path = write(tmp_path / "a.csv", dirty(60))
    limits = iter([2**30, 2**10])
    monkeypatch.setattr("jaxmlp.runtime.memory.available", lambda device: next(limits))
    with pytest.raises(DataError, match="expected inputs for the memory, got some that need"):
        load(path, Options(("state",)))


def test_what_is_said_of_folds_is_of_folds(tmp_path):
    columns = {"x": [repr(i / 7) for i in range(24)], "y": ["a"] * 11 + ["b"] * 10 + ["c"] * 3}
    path = write(tmp_path / "a.csv", columns)
    rare = "there are fewer than 5 rows of c: too little to tell how well it is learned"
    folds = load(path, Options(("y",), folds=5)).findings
    assert rare in folds
    assert not any("rows are few," in line for line in folds)
    alone = load(path, Options(("y",))).findings
    assert rare not in alone
    assert any("24 rows are few" in line for line in alone)


def test_the_digest_knows_the_validation_set(tmp_path):
    columns = {"x": [repr(i / 7) for i in range(50)], "y": ["a", "b"] * 25}
    options = Options(("y",), validation_fraction=0.2)
    first = load(write(tmp_path / "a.csv", columns), options)
    columns["x"][first.rows[0].validation[0]] = "3.14"
    second = load(write(tmp_path / "a.csv", columns), options)
    np.testing.assert_array_equal(second.datasets[0].train_inputs, first.datasets[0].train_inputs)
    assert second.sha256 != first.sha256


def test_what_one_fold_has_not_seen_is_new_to_it(tmp_path):
    columns = {"c": ["rare", *"uv" * 12], "y": ["a", *"ab" * 12]}
    path = write(tmp_path / "a.csv", columns)
    loaded = load(path, Options(("y",), folds=5))
    for rows, preparation in zip(loaded.rows, loaded.preparations, strict=True):
        notes = prepare_rows(path, preparation).notes
        assert any("new to the network" in note for note in notes) == (0 in rows.test)


def test_the_decimal_sign_of_training_is_kept(tmp_path):
    lines = [f"{i},{i % 7}\t{'ab'[i % 2]}" for i in range(40)]
    path = tmp_path / "a.tsv"
    path.write_text("\n".join(["x\ty", *lines]))
    (preparation,) = load(path, Options(("y",))).preparations
    assert preparation["decimal"] == ","
    later = tmp_path / "b.tsv"
    for text, value, said in (
        ("1,234", 1.234, ["numbers are read with a decimal comma"]),
        ("1.5", 1.5, ["numbers are read with a decimal point, unlike those of training"]),
    ):
        later.write_text(f"x\tz\n{text}\tq\n")
        found = prepare_rows(later, preparation)
        assert found.columns[0].values.tolist() == [value]
        assert found.notes == said


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pyarrow.array([9000] * 40, pyarrow.timestamp("s")), "date"),
        (pyarrow.array([True] * 40), "boolean"),
        (pyarrow.array([7] * 40), "number"),
    ],
)
def test_a_constant_that_is_kept_is_read_again(tmp_path, values, kind):
    path = tmp_path / "a.parquet"
    columns = {"x": values, "z": [i / 7 for i in range(40)], "y": ["a", "b"] * 20}
    parquet.write_table(pyarrow.table(columns), path)
    loaded = load(path, Options(("y",), include=("x",)))
    again = prepare_rows(path, loaded.preparations[0])
    assert again.notes == []
    assert loaded.preparations[0]["columns"][0]["kind"] == kind
    np.testing.assert_array_equal(
        again.inputs[loaded.rows[0].train], loaded.datasets[0].train_inputs
    )
    assert "decimal" not in loaded.preparations[0]


def test_groups_are_names_also_where_most_are_numbers(tmp_path):
    groups = [str(1 + i % 12) for i in range(72)]
    groups[5::12] = ["A7"] * 6
    columns = {"x": [repr(i / 7) for i in range(72)], "g": groups, "y": ["a", "b"] * 36}
    path = write(tmp_path / "a.csv", columns)
    for options in ({}, {"folds": 3}, {"folds": 3, "validation_fraction": 0.3}):
        loaded = load(path, Options(("y",), group="g", **options))
        for rows in loaded.rows:
            sets = [{groups[row] for row in part} for part in rows]
            assert sum(map(len, sets)) == len(set.union(*sets)) == 12


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["7"] * 40, "dates or numbers in the --time t, got the same in all rows"),
        ([""] * 40, "dates or numbers in the --time t, got no value in any row"),
        ([*map(str, range(39)), "soon"], "a value of the --time t in row 40, got soon"),
        (["", *map(str, range(39))], "a value of the --time t in row 1$"),
    ],
)
def test_a_time_that_is_none_is_said(tmp_path, values, said):
    columns = {"x": [repr(i / 7) for i in range(40)], "t": values, "y": ["a", "b"] * 20}
    path = write(tmp_path / "a.csv", columns)
    with pytest.raises(DataError, match=f"{path}: expected {said}"):
        load(path, Options(("y",), time="t"))
