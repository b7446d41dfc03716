"""Numbers as texts."""

import numpy as np
import pytest

from experiments.scores.numerals import exact, plain


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *(
            (999.4, "999.4"),
            (999.6, "1,000"),
            (9999.7, "10,000"),
            (0.0, "0"),
            (-32410.0, "-32,410"),
        ),
        *((1e12, "1e+12"), (999999999999.0, "999,999,999,999"), (float("nan"), "nan")),
    ],
)
def test_no_digit_before_the_point_is_lost(value, text):
    assert plain(value) == text


def test_fewer_digits_where_fewer_are_asked_for():
    assert (plain(0.12345, 3), plain(123.4, 3)) == ("0.123", "123")


def test_a_float32_is_read_back():
    values = np.random.default_rng(0).normal(size=300) * 10.0 ** np.arange(-30, 30).repeat(5)
    for value in np.float32([*values, 0, -0.0, 3e38, 1.5e-45, np.inf]):
        assert np.float32(exact(value)) == value
    assert exact(398414.875) == "398414.88"
    assert exact(16777216.0) == "16777216"
