"""What the page's scripts compute; what they show is looked at in a browser."""

import pytest
from page_scripts import needs_node, run

pytestmark = needs_node


@pytest.mark.parametrize(
    ("low", "high", "count", "ticks"),
    [
        (0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.13, 0.57, 5, [0.2, 0.3, 0.4, 0.5]),
        (1, 40, 6, [10, 20, 30, 40]),
        (-3, 0.5, 4, [-3, -2, -1, 0]),
        (2, 2, 5, [2]),
    ],
)
def test_ticks_are_round_and_inside(low, high, count, ticks):
    given = [low, high, count]
    assert run("scales.js", "return evenTicks(...given);", given) == ticks


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.001, 1000, [0.001, 0.1, 10, 1000]),
        (0.04, 3, [0.05, 0.1, 0.2, 0.5, 1, 2]),
        (0.3, 0.45, [0.3, 0.35, 0.4, 0.45]),
    ],
)
def test_logarithmic_ticks_are_powers_of_ten_or_between(low, high, ticks):
    assert run("scales.js", "return logTicks(...given, 3);", [low, high]) == ticks


def test_scales_go_to_places_and_back():
    body = """
    const linear = linearScale(2, 4, 10, 110), log = logScale(0.01, 100, 0, 400);
    return [linear.at(3), linear.back(110), log.at(1), log.back(100)];
    """
    assert run("scales.js", body, None) == pytest.approx([60, 4, 200, 0.1])


@pytest.mark.parametrize(
    ("value", "is_share", "text"),
    [
        (0.98765, True, "98.77\u00a0%"),
        (0.123456, False, "0.1235"),
        (0, False, "0"),
        (0.00001234, False, "1.23e-5"),
        (1234567, False, "1.23e+6"),
        (None, False, "no value"),
    ],
)
def test_values_are_for_readers(value, is_share, text):
    assert run("scales.js", "return textOf(...given);", [value, is_share]) == text


@pytest.mark.parametrize(
    ("value", "span", "text"),
    [(-0.0001, 1, "0"), (-0.0, 100, "0"), (-0.012, 1, "-0.01"), (1234.5, 1000, "1,235")],
)
def test_answers_have_the_digits_that_a_reader_needs(value, span, text):
    assert run("answer.js", "return Answer.short(...given);", [value, span]) == text


def test_bounds_leave_room_but_shares_end_at_their_own():
    body = "return given.map(([values, isShare, isLog]) => bounds(values, isShare, isLog));"
    given = [
        [[0, 1, None], False, False],
        [[0.9, 1], True, False],
        [[3, 3], False, False],
        [[None], False, False],
        [[0.1, 10, 0], False, True],
    ]
    found = run("scales.js", body, given)
    expected = [[-0.06, 1.06], [0.894, 1], [2.7, 3.3], [0, 1], [0.1 / 1.08, 10.8]]
    for pair, numbers in zip(found, expected, strict=True):
        assert pair == pytest.approx(numbers)


def test_a_line_passes_over_what_is_no_number():
    body = """
    const x = linearScale(1, 4, 0, 30), y = linearScale(0, 1, 10, 0);
    const of = (values, isLog) => path(values, x, y, isLog);
    return [of([0, null, 1, 0.5], false), of([0, null], false), of([0], true)];
    """
    found = run("lines.js", body, None)
    assert found == ["M0.0 10.0L20.0 0.0L30.0 5.0", "M0.0 10.0h0.1", ""]


def test_sorting_has_numbers_before_texts_and_nothing_last():
    body = "return [sorted(given, false), sorted(given, true)];"
    up, down = run("settings.js", body, [10, 9, "", "relu", 0.5, ""])
    assert up == [4, 1, 0, 3, 2, 5]
    assert down == [0, 1, 4, 3, 2, 5]


def test_weights_are_blue_below_and_orange_above_none():
    found = run("paint.js", "return given.map(signedColour);", [0, -1, 1, 5, -0.5])
    none, pulls, drives, cut, half = found
    assert none == [247, 247, 247]
    assert pulls[2] > pulls[0]
    assert drives[0] > drives[2]
    assert cut == drives
    assert half == [124, 169, 199]
