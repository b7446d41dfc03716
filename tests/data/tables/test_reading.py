import gzip
import io
import zipfile

import numpy as np
import pyarrow
import pytest
from pyarrow import feather, parquet

from experiments.data.idx import DataError
from experiments.data.tables.reading import delimiter_of, is_table, notes_of, read

EXPECTED = {"age": ["1,5", "2"], "town": ["Köln", "Bonn"]}


def table_of(path, content, **options):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read(path, **options)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_every_form_of_a_text_is_the_same_table(tmp_path, encoding, end, delimiter):
    lines = ["age;town", "1,5;Köln", "2;Bonn", ""]
    text = end.join(lines).replace(";", delimiter)
    table = table_of(tmp_path / "a.csv", text.encode(encoding))
    assert table.to_pydict() == EXPECTED
    assert delimiter_of(table) == delimiter
    notes = ["a.csv is read as Windows-1252, since line 2 is no UTF-8"]
    assert notes_of(table) == (
        []
        if encoding != "cp1252"
        else notes
        if end != "\r"
        else [notes[0].replace("line 2", "line 1")]
    )


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\nage;town\n1,5;Köln\n2;Bonn",
        '"sep=;"\r\nage;town\r\n1,5;Köln\r\n2;Bonn\r\n',
        " age ;town  \n\n1,5;Köln\n\n2;Bonn\n;\n;\n",  # spaces, empty lines and rows
        "age;town;;\n1,5;Köln;;\n2;Bonn;;\n",  # columns with nothing in them
        "age;town\n1,5;Köln;\n2;Bonn;;\n",  # fields that end in one more
        "age;town;\n1,5;Köln\n2;Bonn\n",
        '"age";"town"\n"1,5";"Köln"\n"2";"Bonn"\n',
        '\ufeffage;town\n"1,5";Köln\n2;Bonn',
    ],
)
def test_what_spreadsheets_write_is_mended(tmp_path, text):
    assert table_of(tmp_path / "a.csv", text).to_pydict() == EXPECTED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a,b\n"1\n2",x\n', {"a": ["1\n2"], "b": ["x"]}),
        ('a,b\n"1,2","say ""so"""\n', {"a": ["1,2"], "b": ['say "so"']}),
        ('"a\nb",c\n1,2\n', {"a b": ["1"], "c": ["2"]}),
        (",b\n1,2\n", {"column_1": ["1"], "b": ["2"]}),
        ("a,b\n1,\n,2\n", {"a": ["1", ""], "b": ["", "2"]}),
        ("sep=\t\na\tb\n1\t2", {"a": ["1"], "b": ["2"]}),
        ("a,b;c,d\n1,2;3,4\n", {"a": ["1"], "b;c": ["2;3"], "d": ["4"]}),
        ("a;b\n1,5;2,5\n1,25;3\n", {"a": ["1,5", "1,25"], "b": ["2,5", "3"]}),
    ],
)
def test_fields_are_as_written(tmp_path, text, expected):
    assert table_of(tmp_path / "a.csv", text).to_pydict() == expected


def test_typed_files_keep_their_types(tmp_path):
    table = pyarrow.table({"n": [1, None], "t": ["a", None], "empty": pyarrow.nulls(2)})
    for name, write in (("a.parquet", parquet.write_table), ("a.arrow", feather.write_feather)):
        write(table, tmp_path / name)
        found = read(tmp_path / name)
        assert found.column_names == ["n", "t", "empty"]
        assert found.column("n").type == pyarrow.int64()
        assert found.num_rows == 1  # an empty row is left out
        assert delimiter_of(found) == ""
    with pyarrow.OSFile(str(tmp_path / "b.csv"), "wb") as file:
        parquet.write_table(table, file)
    assert read(tmp_path / "b.csv").num_rows == 1  # known by its bytes, not by its name


def test_what_pandas_keeps_of_its_own_is_left_out(tmp_path):
    table = pyarrow.table({"a": [1], "b": [2], "__index_level_0__": [7]})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").column_names == ["a", "b"]


def test_names_that_look_like_values_are_pointed_at(tmp_path):
    table = table_of(tmp_path / "iris.data", "5.1,3.5,setosa\n4.9,3.0,setosa\n")
    assert notes_of(table) == [
        "columns are called 5.1, 3.5: is the first line of iris.data one of names?"
    ]
    assert notes_of(table_of(tmp_path / "a.csv", "0,1,2\n5,6,7\n")) == []


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    return file.getvalue()


def parquet_bytes(**columns):
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


WHOLE = parquet_bytes(a=[1.5, 2.5], y=["p", "q"])
BAD = {
    "empty": (b"", "got an empty file"),
    "blank": ("\n \n\t\n", "got an empty file"),
    "mark alone": (b"\xef\xbb\xbf", "got an empty file"),
    "separator alone": ("sep=;\n", "got an empty file"),
    "names alone": ("a,b,y\n", "expected rows below the names, got none"),
    "names and no end": ("a,b,y", "expected rows below the names, got none"),
    "names and empty rows": ("a,b\n,\n,\n", "expected rows below the names, got none"),
    "one column": ("y\n1\n", "got one column: y"),
    "spaces": ("a b y\n1 2 3\n", "got one column: a b y"),
    "a field more": ("a,b\n1,2\n1,2,3\n", "expected 2 fields in line 3, .* got 3"),
    "a field less": ("a,b\n1,2\n\n1\n", "expected 2 fields in line 4, .* got 1"),
    "row names": ("a,b\n1,2,3\n1,2,3\n", "expected 2 fields in line 2, .* got 3"),
    "one name twice": ("a,b,a\n1,2,3\n", "name of its own .* got a for columns 1 and 3"),
    "one name but for spaces": ("a, a \n1,2\n", "got a for columns 1 and 2"),
    "an open quote": ('a,b\n1,"2\n3,4\n', "in line 3; is a quote left open"),
    "an open quote at the end": ('a,b\n1,2\n3,"4\n', "is a quote left open"),
    "text after a quote": ('a,b\n1,"2"x\n3\n', "is a quote left open"),
    "a field without end": ('a,b\n1,"' + "x" * 200_000 + "\n1,2\n", "field limit.* quote left"),
    "every byte": (bytes(range(256)) * 9, "neither UTF-8 nor Windows-1252 in line 2"),
    "zeros": (b"a,b\0,y\n1,2,3\n", "got binary data"),
    "controls": (b"a,b\n" + b"\1\2,\3\n" * 9, "got binary data"),
    "noise": (np.random.default_rng(0).bytes(999), "expected a table as text, Parquet or Arrow"),
    "half of UTF-16": ("a,b\n1,2\n".encode("utf-16")[:-1], "utf-16 that is damaged at byte"),
    "zip": (zipped(), "a zip archive or an Excel workbook: save the sheet as CSV"),
    "old Excel": (b"\xd0\xcf\x11\xe0 ", "an old Excel workbook: save the sheet as CSV"),
    "gzip": (gzip.compress(b"a,b\n1,2"), "a gzip archive: unpack it"),
    "PDF": (b"%PDF-1.7", "got a PDF"),
    "SQLite": (b"SQLite format 3\0", "export the table as CSV"),
    "NumPy": (b"\x93NUMPY", "numpy.savez"),
    "PNG": (b"\x89PNG\r\n", "got a picture"),
    "JSON": ('{"a": 1}', "JSON: write the table as CSV"),
    "JSON rows": ('[{"a": 1}]', "JSON"),
    "HTML": ("<!DOCTYPE html><table>", "XML or HTML"),
    "ARFF": ("@RELATION iris\n", "ARFF"),
    "half of Parquet": (WHOLE[:-30], "expected a Parquet file, got"),
    "broken Parquet": (WHOLE[:40] + b"\xff" * 40 + WHOLE[80:], "expected a Parquet file, got"),
    "no rows in Parquet": (parquet_bytes(a=pyarrow.nulls(0), b=pyarrow.nulls(0)), "expected rows"),
    "one column of Parquet": (parquet_bytes(a=[1]), "got one column: a"),
    "half of Arrow": (b"ARROW1\0\0" + b"x" * 99, "expected an Arrow file, got"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_end_in_one_clear_line(tmp_path, name):
    content, expected = BAD[name]
    path = tmp_path / "bad.csv"
    with pytest.raises(DataError, match=expected) as caught:
        table_of(path, content)
    assert str(caught.value).startswith(f"{path}: expected ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 250


def test_what_is_no_file_is_said(tmp_path):
    with pytest.raises(DataError, match="expected a table, got a folder"):
        read(tmp_path)
    with pytest.raises(DataError, match="expected a table, got no such file"):
        read(tmp_path / "a.csv")


def test_a_table_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("jaxmlp.runtime.memory.available", lambda device: 20)
    with pytest.raises(DataError, match="expected a table for the memory, got one that needs"):
        table_of(tmp_path / "a.csv", "a,b\n1,2\n")
    packed = parquet_bytes(a=[1] * 100_000, b=[2] * 100_000)
    limit = 5 * len(packed)
    monkeypatch.setattr("jaxmlp.runtime.memory.available", lambda device: limit)
    with pytest.raises(DataError, match="expected a table for the memory, got one that needs"):
        table_of(tmp_path / "a.parquet", packed)


def test_one_column_may_be_enough(tmp_path):
    assert table_of(tmp_path / "a.csv", "a\n1\n2\n", least=1).to_pydict() == {"a": ["1", "2"]}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.csv", True), ("A.TSV", True), ("a.feather", True), ("a.npz", False), ("csv", False)],
)
def test_tables_are_known_by_their_names(name, expected):
    assert is_table(name) == expected


def test_thousands_of_columns_and_rows_longer_than_a_block_are_read(tmp_path):
    wide = ",".join(f"c{i}" for i in range(3000)) + "\n" + ",".join(["1"] * 3000)
    assert table_of(tmp_path / "a.csv", wide).num_columns == 3000
