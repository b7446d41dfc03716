import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.data.tables import delimited
from experiments.data.tables.delimited import DELIMITERS, parsed

CELLS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=6)


@settings(max_examples=60)
@given(
    st.integers(2, 4).flatmap(
        lambda width: st.lists(
            st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=6
        )
    ),
    st.sampled_from(DELIMITERS),
    st.booleans(),
)
def test_what_python_writes_is_read(rows, delimiter, slow):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    names = [f"n{i}" for i in range(len(rows[0]))]
    writer.writerows([names, *rows])
    text = f"sep={delimiter}\n{file.getvalue()}" + (delimiter if slow else "")
    with pytest.MonkeyPatch.context() as patch:
        if slow:
            patch.setattr(delimited, "_quickly", lambda *args: None)
        table, found = parsed(text, Path("a.csv"))
    assert found == delimiter
    expected = [row for row in rows if not slow or any(row)]
    assert [list(row.values()) for row in table.to_pylist()] == expected


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n1;2\n", ";"),
        ("a\tb\n1, 2\t3;4\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ("a,b,c\n1;2;3,4,5\n", ","),
        ('a,b\n"1;2;3;4",5\n"1;2;3;4",5\n', ","),
        ("SEP=|\na|b\n", "|"),
        ("sep=\na\tb\n", "\t"),
    ],
)
def test_what_separates_fields_is_found(text, delimiter):
    assert parsed(text, Path("a.csv"))[1] == delimiter


def test_it_is_found_in_the_beginning_of_a_long_text():
    text = "a;b\n" + "1,5;2\n" * 20_000
    table, delimiter = parsed(text, Path("a.csv"))
    assert (delimiter, table.num_rows) == (";", 20_000)
    # Where a long text is cut, a line that is half there does not count.
    text = "a|b\n" + f"1,{'2' * 2**16}|3\n"
    assert parsed(text, Path("a.csv"))[1] == "|"
    text = "a;b\n" + "1,2,3;4\n" + "5,6,7;" + "8" * 2**16 + "\n"
    assert parsed(text, Path("a.csv"))[1] == ";"
