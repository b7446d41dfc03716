from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.data.idx import DataError
from experiments.data.tables.encodings import decoded

PATH = Path("a.csv")


@settings(max_examples=30)
@given(st.text(st.characters(codec="cp1252", min_codepoint=32), min_size=1, max_size=30))
def test_every_encoding_gives_the_text_again(text):
    whole = f"name,value\n{text}\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        assert decoded(whole.encode(encoding), PATH) == (whole, "")
    found, note = decoded((whole + "\xe9").encode("cp1252"), PATH)
    assert found == whole + "é"
    assert note.startswith("a.csv is read as Windows-1252, since line ")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_text_or_refused_in_one_line(data):
    try:
        text, said = decoded(data, PATH)
    except DataError as error:
        text, said = "refused", str(error)
    assert text
    assert "\n" not in said
    assert text != "refused" or said.startswith("a.csv: expected a table")


def test_a_control_character_here_and_there_is_no_harm():
    text = "a,b\n" + "1,2\n" * 999
    assert decoded((text + "\x01").encode(), PATH)[0] == text + "\x01"
    for size in (1, 200):  # one of 200 bytes is too many
        with pytest.raises(DataError, match="binary data"):
            decoded(b"a,b\n\x01,2\n" + b"0\n" * (size // 2), PATH)
