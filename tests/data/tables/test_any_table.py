"""Any table loads, and predicts what it was trained on, or is refused in one line."""

import csv
import io
import json

import numpy as np
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv as csv_of
from pyarrow import feather, parquet

from experiments.data.idx import DataError
from experiments.data.tables import reading, stored
from experiments.data.tables.columns import decimal_of
from experiments.data.tables.loading import Options, load, prepare_rows

CELLS = [
    *("", "0", "1", "2", "1.5", "1,5", "1.234", "1,234", "-3", "1e5", "01", "12%", "$5", "9" * 30),
    *(
        "1e-320",
        "inf",
        "NA",
        "?",
        "-",
        "nan",
        "None",
        "yes",
        "no",
        "TRUE",
        "2024-01-02",
        "3/4/2024",
    ),
    *("31.12.1999", "Jan 2, 2020", "a", "b", "ü", "x y", "  3 ", "'", '"', "a\nb", "<script>"),
]
ALIKE = [  # cells of one kind, written in several ways
    ["Yes", "yes", "NO", "no"],
    ["ja", "nein", "Nein"],
    ["1,000", "2,000", "3,000"],
    ["2 €", "3.5 €", "1,000 €"],
    ["0%", "1%"],
    ["1.00", "0", "+1"],
    ["3.0", "1", "-1"],
    ["1,5", "2,5", "0,25"],
]


@st.composite
def tables(draw):
    rows = draw(st.sampled_from([1, 5, 6, 12, 30]))
    columns = []
    for place in range(draw(st.integers(1, 4))):
        cells = draw(st.lists(st.sampled_from(CELLS), min_size=1, max_size=4, unique=True))
        random = np.random.default_rng(draw(st.integers(0, 9)))
        counted = [str(i) for i in range(rows)], [repr(each) for each in random.normal(size=rows)]
        of_few = [cells[i] for i in random.integers(0, len(cells), rows)]
        alike = draw(st.sampled_from(ALIKE))
        of_kind = [alike[i % len(alike)] for i in random.integers(0, 99, rows)]
        columns.append([f"c{place}", *draw(st.sampled_from([of_few, of_few, of_kind, *counted]))])
    file = io.StringIO()
    delimiter = draw(st.sampled_from(",;\t|"))
    csv.writer(file, delimiter=delimiter).writerows(zip(*columns, strict=True))
    return file.getvalue().encode(draw(st.sampled_from(["utf-8", "utf-16", "cp1252"])))


OPTIONS = st.builds(
    Options,
    target=st.sampled_from([("c0",), ("c0",), ("c1",), ("c0", "c1"), ("none",)]),
    task=st.sampled_from([None, None, None, "regression", "binary"]),
    include=st.sampled_from([(), (), ("c1",)]),
    category=st.sampled_from([(), (), ("c0",)]),
    group=st.sampled_from([None, None, None, "c2"]),
    validation_fraction=st.sampled_from([0.0, 0.2]),
    folds=st.sampled_from([0, 0, 2]),
)


@settings(max_examples=40, deadline=None)
@given(table=tables(), options=OPTIONS)
def test_any_table_loads_or_is_refused(tmp_path_factory, table, options):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(table)
    try:
        loaded = load(path, options)
    except DataError as error:
        said = str(error)
    else:
        said = "".join(loaded.findings)
        assert_predicts(path, loaded)
    assert "\n" not in said
    assert said.isprintable()


def assert_predicts(path, loaded):
    """The file gives the inputs again that it was trained on, and labels that agree."""
    json_of = json.loads(json.dumps(loaded.preparations))
    assert stored.check(json_of, "it") == loaded.preparations
    for data, rows, preparation in zip(
        loaded.datasets, loaded.rows, loaded.preparations, strict=True
    ):
        assert len(data.train_inputs)
        assert len(data.test_inputs)
        places = np.concatenate(rows)
        assert len(np.unique(places)) == len(places)
        try:
            found = prepare_rows(path, preparation)
        except DataError as error:  # in a row without a target
            assert str(error).count("finite") == 1  # noqa: PT017
            continue
        assert_same(found.inputs[rows.train], data.train_inputs)
        assert_same(found.inputs[rows.test], data.test_inputs)
        is_whole = not any("left out" in line for line in loaded.findings)
        assert (found.labels is not None) == is_whole, found.notes
        if is_whole:
            assert_same(found.labels[rows.train], data.train_labels)
            assert_same(found.labels[rows.test], data.test_labels)
        assert_no_news(path, data, rows.train, preparation)


def assert_no_news(path, data, places, preparation):
    """The training rows in a file of their own are the same, and nothing is new in them."""
    table = reading.read(path)
    alone = path.with_name("alone.csv")
    csv_of.write_csv(table.take(places).replace_schema_metadata(None), alone)
    sign = preparation["decimal"]
    if decimal_of(reading.read(alone), sign) != sign:
        return  # a table of both signs, of which these rows have the other
    found = prepare_rows(alone, preparation)
    assert_same(found.inputs, data.train_inputs)
    assert found.labels is not None, found.notes
    assert_same(found.labels, data.train_labels)
    assert not [note for note in found.notes if "train" in note or "new to" in note]


def assert_same(got, expected):
    """To the bit."""
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    assert got.tobytes() == np.ascontiguousarray(expected).tobytes()


def test_damaged_files_of_types_are_refused(tmp_path):
    table = pyarrow.table({"x": np.arange(40.0), "t": ["a", "b"] * 20, "y": ["p", "q"] * 20})
    for name, write in (("a.parquet", parquet.write_table), ("a.arrow", feather.write_feather)):
        path = tmp_path / name
        write(table, path)
        whole = path.read_bytes()
        for seed in range(25):
            random = np.random.default_rng(seed)
            data = np.frombuffer(whole, np.uint8).copy()
            data[random.integers(6, len(data), 3)] = random.integers(0, 256, 3)
            path.write_bytes(data.tobytes()[: random.choice([len(data), len(data) // 2])])
            try:
                load(path, Options(("y",)))
            except DataError as error:
                assert "\n" not in str(error)  # noqa: PT017


def test_a_table_of_one_row_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,y\n1,2\n")
    with pytest.raises(DataError, match="expected"):
        load(path, Options(("y",)))
