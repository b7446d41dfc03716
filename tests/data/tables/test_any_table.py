"""Any table loads, and predicts what it was trained on, or is refused in one line."""

import csv
import io
import json

import numpy as np
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather, parquet

from experiments.data.idx import DataError
from experiments.data.tables import stored
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


@st.composite
def tables(draw):
    rows = draw(st.sampled_from([1, 5, 6, 12, 30]))
    columns = []
    for place in range(draw(st.integers(1, 4))):
        cells = draw(st.lists(st.sampled_from(CELLS), min_size=1, max_size=4, unique=True))
        random = np.random.default_rng(draw(st.integers(0, 9)))
        counted = [str(i) for i in range(rows)], [repr(each) for each in random.normal(size=rows)]
        of_few = [cells[i] for i in random.integers(0, len(cells), rows)]
        columns.append([f"c{place}", *draw(st.sampled_from([of_few, of_few, *counted]))])
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
        np.testing.assert_array_equal(found.inputs[rows.train], data.train_inputs)
        np.testing.assert_array_equal(found.inputs[rows.test], data.test_inputs)
        if found.labels is not None:
            np.testing.assert_array_equal(found.labels[rows.test], data.test_labels)


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
