import pytest

from experiments.data.tables.spelling import alike


@pytest.mark.parametrize(
    ("text", "known", "expected"),
    [
        ("1.0", ["1"], "1"),
        ("1", ["1.00"], "1.00"),
        ("-3,0", ["-3"], "-3"),
        ("1.0", ["1", "1.0"], "1.0"),  # what is known stays
        ("1.000", ["1"], "1.000"),  # perhaps a thousand
        ("01", ["1"], "01"),  # a code
        ("1.5", ["1"], "1.5"),
        ("a", ["b"], "a"),
    ],
)
def test_whole_numbers_are_alike_however_they_are_written(text, known, expected):
    assert alike([text], known) == (expected,)
