import pytest

from experiments.data.idx import DataError
from experiments.data.tables.naming import (
    find,
    like_values,
    listed,
    placed,
    several,
    shown,
    stripped,
)


def test_names_are_stripped_and_empty_ones_have_their_place():
    assert stripped([" a\n b ", "\ufeffc", ""]) == ["a b", "c", ""]
    assert placed(["a", "", ""]) == ["a", "column_2", "column_3"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["5.1", "3.5", "setosa"], "5.1, 3.5"),
        (["-1", "2,5"], "-1, 2,5"),
        (["0", "1", "2"], ""),
        (["2019", "2020"], ""),
        (["5.1", "a", "b"], ""),
    ],
)
def test_names_that_look_like_values(names, expected):
    assert like_values(names) == expected


def test_the_nearest_name_is_told_whatever_its_case():
    assert find(["b", "a"], ["a", "b"], "--log") == ["b", "a"]
    with pytest.raises(DataError, match="--log needs columns .* got TWON; did you mean Town?"):
        find(["TWON"], ["Age", "Town"], "--log")
    with pytest.raises(DataError, match="--log needs columns .* got zz; it has Age, Town"):
        find(["zz"], ["Age", "Town"], "--log")


def test_all_names_are_listed_of_many_the_last_too():
    assert listed([*"abcdefghijkl"]) == "a, b, c, d, e, f, g, h, i, j, k, l"
    assert listed([*"abcdefghijklm"]) == "a, b, c, d, e, f, ..., k, l, m (13 in all)"
    assert listed(["x" * 41]) == "x" * 40 + "..."
    with pytest.raises(DataError, match="it has a, .*, i$"):
        find(["zz"], [*"abcdefghi"], "--log")


def test_what_is_shown_is_one_short_line():
    assert shown("a\nb\x1b[31m") == "a?b?[31m"
    assert shown("x" * 41) == "x" * 40 + "..."
    assert several(["a" * 99, "b"]) == "a" * 40 + "..., b"
    assert several([*"abcdefg"]) == "a, b, c, d, e, f, ... (7 in all)"
