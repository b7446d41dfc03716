import datetime

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.data.tables.dates import (
    DAY_FIRST,
    FORMS,
    MONTH_FIRST,
    NAMED,
    YEAR_FIRST,
    parse,
    parsed_best,
)

EPOCH = datetime.date(1970, 1, 1)


def array(*texts):
    return pyarrow.array(texts, pyarrow.string())


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("1970-01-01", YEAR_FIRST, 0),
        ("1970/1/2", YEAR_FIRST, 1),
        ("1969-12-31", YEAR_FIRST, -1),
        ("1970-02", YEAR_FIRST, 31),
        ("1970-01-02T12:00", YEAR_FIRST, 1.5),
        ("1970-01-02 18:00:00", YEAR_FIRST, 1.75),
        ("1970-01-02T00:00:00.864", YEAR_FIRST, 1.00001),
        ("1970-01-02T00:00:00Z", YEAR_FIRST, 1),
        ("1970-01-02T12:00:00+06:00", YEAR_FIRST, 1.25),
        ("1970-01-02T12:00:00-0600", YEAR_FIRST, 1.75),
        ("2.1.1970", DAY_FIRST, 1),
        ("02/01/70", DAY_FIRST, 1),
        ("02-01-1970 06:00", DAY_FIRST, 1.25),
        ("1/2/70 6:00 PM", MONTH_FIRST, 1.75),
        ("1/2/70 12:00 AM", MONTH_FIRST, 1),
        ("1/2/69", MONTH_FIRST, 1 - 365),
        ("1/2/68", MONTH_FIRST, 35795),
        ("2 January 1970", NAMED, 1),
        ("2-Jan-1970", NAMED, 1),
        ("Jan 2, 1970", NAMED, 1),
        ("Friday, 2 Jan 1970", NAMED, 1),
        ("Sept 1 1970", NAMED, 243),
        ("2000-02-29", YEAR_FIRST, 11016),
        ("1900-02-29", YEAR_FIRST, None),
        ("1970-13-01", YEAR_FIRST, None),
        ("1970-00-01", YEAR_FIRST, None),
        ("1970-01-00", YEAR_FIRST, None),
        ("1970-04-31", YEAR_FIRST, None),
        ("1970-01-02 24:00", YEAR_FIRST, None),
        ("1970-01-02 13:00 PM", YEAR_FIRST, None),
        ("31/12", DAY_FIRST, None),
        ("2 Foo 1970", NAMED, None),
        ("19700102", YEAR_FIRST, None),
        ("1.2.3.4", DAY_FIRST, None),
    ],
)
def test_dates_are_read_by_their_form(text, form, expected):
    for others in ((), ("x", None)):
        found = parse(array(text, *others), form)[0]
        assert (
            found == pytest.approx(expected, abs=1e-9) if expected is not None else np.isnan(found)
        )


@given(st.lists(st.dates(datetime.date(1000, 1, 1)), min_size=1, max_size=9))
def test_every_date_is_read_in_every_form(dates):
    days = [(date - EPOCH).days for date in dates]
    names = ["January", "February", "March", "April", "May", "June", "July", "August"]
    names += ["September", "October", "November", "December"]
    written = {
        YEAR_FIRST: [date.isoformat() for date in dates],
        DAY_FIRST: [f"{date.day:02}.{date.month:02}.{date.year}" for date in dates],
        MONTH_FIRST: [f"{date.month}/{date.day}/{date.year}" for date in dates],
        NAMED: [f"{names[date.month - 1][:3]} {date.day}, {date.year}" for date in dates],
    }
    for form in FORMS:
        np.testing.assert_array_equal(parse(array(*written[form]), form), days)
    found, form, _ = parsed_best(array(*written[YEAR_FIRST]))
    assert form == YEAR_FIRST
    np.testing.assert_array_equal(found, days)


@pytest.mark.parametrize(
    ("texts", "day_first", "form", "is_doubtful"),
    [
        (["03/04/2024", "13/04/2024"], False, DAY_FIRST, False),
        (["03/04/2024", "04/13/2024"], True, MONTH_FIRST, False),
        (["03/04/2024", "01/02/2024"], False, MONTH_FIRST, True),
        (["03/04/2024", "01/02/2024"], True, DAY_FIRST, True),
        (["03.04.2024", "01.02.2024"], False, DAY_FIRST, False),
        (["03/03/2024"], False, MONTH_FIRST, False),  # the same day either way
        (["2024-01-02", None], False, YEAR_FIRST, False),
        (["no", "date"], False, "", False),
    ],
)
def test_the_form_that_fits_the_most_is_taken(texts, day_first, form, is_doubtful):
    assert parsed_best(array(*texts), day_first)[1:] == (form, is_doubtful)
