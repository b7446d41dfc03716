import numpy as np
import pytest

from experiments.data.tables.columns import Column
from experiments.data.tables.features import logarithm, names, of

NAN = float("nan")
NUMBER = {"name": "x", "kind": "number", "fill": 2.0, "mean": 1.0, "scale": 0.5}


def features(about, values, categories=()):
    column = Column("x", about["kind"], np.array(values), categories)
    return of(about, column, column.values).tolist()


def test_numbers_are_scaled_and_filled():
    assert features({**NUMBER, "has_missing": True}, [1, 2, NAN]) == [[0, 0], [2, 0], [2, 1]]
    assert features({**NUMBER, "has_missing": False, "log": False}, [1, NAN]) == [[0], [2]]
    logs = features({**NUMBER, "has_missing": False, "log": True}, [np.e - 1, 1 - np.e, NAN])
    assert logs == [[0], [-4], [2]]  # what fills is a logarithm already


def test_logarithms_keep_their_sign():
    np.testing.assert_allclose(logarithm(np.array([-9, 0, 9])), [-np.log(10), 0, np.log(10)])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"has_other": False, "has_missing": False}, [[0, 1], [1, 0], [0, 0], [0, 0]]),
        ({"has_other": True, "has_missing": False}, [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0] * 3]),
        (
            {"has_other": False, "has_missing": True, "unseen": ["b"]},
            [[0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1]],
        ),
        (
            {"has_other": True, "has_missing": True, "unseen": ["b"]},
            [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
        ),
    ],
)
def test_categories_have_one_feature_each(options, expected):
    about = {"name": "x", "kind": "category", "categories": ["a", "b"], **options}
    assert features(about, [1, 0, 2, -1], ("a", "b", "new")) == expected
    assert len(names(about)) == len(expected[0])


def test_names_are_those_of_the_features():
    about = {"name": "x", "kind": "date", "has_time": True, "has_missing": True}
    values = {"fill": 0.0, "mean": 0.0, "scale": 1.0}
    assert len(features({**about, **values}, [0.5])[0]) == len(names(about)) == 8
