import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from jaxmlp.sklearn.rows import as_float32, class_weights, merged, padded


def test_values_out_of_the_range_of_float32_are_refused():
    assert as_float32("X", np.array([[1e38, -0.5]])).tolist() == np.float32([[1e38, -0.5]]).tolist()
    with pytest.raises(
        ValueError, match=r"^X needs values within the range of float32, got 1e\+39$"
    ):
        as_float32("X", np.array([[1.0, 1e39]]))


def test_balanced_weights_are_scikit_learns():
    rows = np.array([0, 0, 1, 2, 2, 2])
    names = np.array(["a", "b", "c"])
    expected = compute_class_weight("balanced", classes=names, y=names[rows])
    np.testing.assert_allclose(class_weights("balanced", names, rows, np.ones(6)), expected)


def test_balanced_weights_balance_the_examples_own():
    weights = np.array([1.0, 3.0, 0.0, 2.0])
    rows = np.array([0, 0, 1, 2])
    found = class_weights("balanced", np.arange(3), rows, weights)
    assert found.tolist() == [0.75, 0.0, 1.5]  # a class without weight has no part
    assert np.bincount(rows, weights * found[rows]).tolist() == [3.0, 0.0, 3.0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"yes": 2}, r"^class_weight needs classes of y, \['a', 'b'\], got 'yes'$"),
        ("even", "^class_weight needs to be balanced, a dict or None, got 'even'$"),
        ({"b": -1}, "^class_weight needs finite numbers from 0 on, got -1 for 'b'$"),
        ({"a": np.nan}, "^class_weight needs finite numbers from 0 on, got nan for 'a'$"),
        ({"a": np.inf}, "^class_weight needs finite numbers from 0 on, got inf for 'a'$"),
        ({"a": "x"}, "^class_weight needs finite numbers from 0 on, got 'x' for 'a'$"),
        ({"a": None}, "^class_weight needs finite numbers from 0 on, got None for 'a'$"),
        ({"a": 1j}, "^class_weight needs finite numbers from 0 on, got 1j for 'a'$"),
        ({"a": 0, "b": 0}, "^class_weight needs a row that weighs more than 0, got {'a': 0, 'b'"),
        ([1, 2], r"^class_weight needs to be balanced, a dict or None, got \[1, 2\]$"),
    ],
)
def test_other_class_weights_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        class_weights(given, np.array(["a", "b"]), np.array([0, 1]), np.ones(2))


def test_numbers_of_any_kind_weigh_classes():
    given = {"a": np.float32(0.5), "b": 0, "c": True}
    names = np.array(["a", "b", "c", "d"])
    found = class_weights(given, names, np.arange(4), np.ones(4))
    assert (found.tolist(), found.dtype) == ([0.5, 0, 1, 1], np.float64)
    with pytest.raises(ValueError, match="needs a row that weighs more than 0"):
        class_weights({"a": 0}, names[:2], np.array([0, 1]), np.array([1.0, 0.0]))


def test_repeated_and_weighted_rows_become_the_same():
    random = np.random.default_rng(0)
    inputs, labels = random.normal(size=(6, 2)), random.normal(size=(6, 3))
    times = np.array([2, 1, 3, 1, 1, 4])
    repeated = [each.repeat(times, axis=0)[::-1] for each in (inputs, labels, np.ones(6))]
    for one, other in zip(merged(inputs, labels, times * 1.0), merged(*repeated), strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_that_differ_in_their_labels_stay_apart():
    inputs, labels, weights = merged(np.ones((3, 1)), np.array([1, 0, 1]), np.array([0.5, 1, 2]))
    assert inputs.tolist() == [[1], [1]]
    assert (labels.tolist(), weights.tolist()) == ([0, 1], [1.0, 2.5])


@pytest.mark.parametrize("count", [1, 7, 8, 9, 31, 32, 33, 40, 63, 64, 65, 80, 127, 128, 129, 200])
def test_padding_is_little_and_weighs_nothing(count):
    rows = np.ones((count, 2)), np.ones(count, np.int32), np.ones(count)
    inputs, labels, weights = padded(*rows)
    assert len(inputs) == len(labels) == len(weights)
    assert len(inputs) % 8 == 0
    assert len(inputs) <= max(1.25 * count, count + 7)
    assert labels.dtype == np.int32
    assert weights.tolist() == [1.0] * count + [0.0] * (len(inputs) - count)
    assert inputs[:count].all()


def test_the_folds_of_a_small_table_have_few_lengths():
    lengths = {len(padded(*np.zeros((3, n, 1)))[0]) for n in range(1, 201)}
    assert sorted(lengths) == [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224]
