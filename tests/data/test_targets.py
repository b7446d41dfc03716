"""Labels in all forms, and what they are for."""

import numpy as np
import pytest

from experiments.data.idx import DataError
from experiments.data.targets import as_labels, coarse, decided, infer, refuse_coarse
from jaxmlp.nn.scaling import Scaling


@pytest.mark.parametrize(
    ("values", "task", "why"),
    [
        (np.arange(11.0).repeat(9), "regression", "float target with 11 values"),
        (np.arange(10.0).repeat(9), "classification", "float target with 10 values"),
        ([0.5, 1, 1], "regression", "float target with 2 values"),
        ([0.0, 1.0], "classification", "float target with 2 values"),
        (np.arange(20), "classification", "whole-number target with 20 values"),
        (np.arange(21), "regression", "whole-number target with 21 values"),
        (np.arange(21).repeat(10), "classification", "whole-number target with 21 values"),
        (np.arange(21).repeat(10)[:-1], "regression", "whole-number target with 21 values"),
        ([-1, 1, 1], "classification", "whole-number target with 2 values"),
        (["a", "b"], "classification", "text target with 2 values"),
        (np.array(["a", "b"], object), "classification", "text target with 2 values"),
        ([True, False], "classification", "yes-or-no target with 2 values"),
        ([[0.5], [1], [1]], "regression", "float target with 2 values"),
        ([[0, 1], [1, 0]], "classification", "target of 2 columns, one-hot"),
        ([[0, 1], [1, 1]], "multilabel", "target of 2 columns of 0 and 1"),
        ([[0, 2], [1, 0]], "regression", "target of 2 columns"),
    ],
)
def test_what_labels_are_for(values, task, why):
    assert infer(np.asarray(values)) == (task, f"{why}: {task}")


@pytest.mark.parametrize(
    ("values", "labels", "names"),
    [
        ([0, 1, 2, 1], [0, 1, 2, 1], ()),
        ([0.0, 1.0, 1.0], [0, 1, 1], ()),
        ([1, 2, 3, 3], [0, 1, 2, 2], ("1", "2", "3")),
        ([-1, 1, -1], [0, 1, 0], ("-1", "1")),
        ([5.0, 10.0], [0, 1], ("5", "10")),
        ([0, 2], [0, 1], ("0", "2")),
        ([True, False], [1, 0], ("False", "True")),
        (["ulm", "bonn"], [1, 0], ("bonn", "ulm")),
        (np.array(["b", "a"], object), [1, 0], ("a", "b")),
        ([[1], [2]], [0, 1], ("1", "2")),
        ([[0, 1, 0], [0, 0, 1]], [1, 2], ()),
    ],
)
def test_classes_in_all_forms(values, labels, names):
    found = as_labels(np.asarray(values), "classification")
    assert found.labels.dtype == np.int32
    assert found.labels.tolist() == labels
    assert found.class_names == names
    assert bool(found.notes) == (bool(names) or (np.ndim(values) > 1 and np.shape(values)[1] > 1))


def test_a_task_that_is_named_is_said_in_the_words_of_one_that_is_inferred():
    values = np.arange(11.0)
    for task in (None, "regression"):
        assert decided(values, task) == ("regression", "float target with 11 values: regression")
    assert decided(values, "classification") == (
        "classification",
        "float target with 11 values: classification, as --task says",
    )


def test_labels_in_other_forms_are_taken_as_what_they_say():
    assert infer(np.array([1, 2.5], object))[0] == "regression"
    found = as_labels(np.array(["ä".encode(), b"a"]), "classification")
    assert (found.labels.tolist(), found.class_names) == ([1, 0], ("a", "ä"))
    for values in (np.array([]), np.array(["a", 1], object), np.array([b"\xff"])):
        with pytest.raises(DataError, match="^labels: expected "):
            infer(values)


def test_what_was_mapped_is_said():
    assert as_labels(np.array(list("dcba")), "classification").notes == (
        "labels a, b, c, ... are the classes 0 to 3",
    )
    assert as_labels(np.eye(3), "classification").notes == ("one-hot rows are the classes 0 to 2",)


def test_values_and_answers():
    values = as_labels(np.array([[1, 2], [3, 4]]), "regression")
    assert values.labels.dtype == np.float32
    assert values.labels.tolist() == [[1, 2], [3, 4]]
    assert as_labels(np.array([[3], [4]]), "regression").labels.tolist() == [3, 4]
    answers = as_labels(np.array([[1.0, 1], [0, 1]]), "multilabel").labels
    assert (answers.dtype, answers.tolist()) == (np.int32, [[1, 1], [0, 1]])
    assert as_labels(np.array([-1, 1]), "binary").labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        ([0.0, np.nan], "classification", "y: expected finite labels, got nan in row 1"),
        ([[0, 1], [1, np.inf]], "regression", "y: expected finite labels, got .* in row 1"),
        ([0.5, 1.0], "classification", "y: expected classes as texts or whole numbers, got 0.5"),
        ([[1, 1], [0, 1]], "classification", "y: expected classes .* or one-hot rows, got int64"),
        (np.zeros((2, 2, 2)), "classification", "y: expected classes .*, got float64"),
        (["a", "b"], "regression", "y: expected values .*, got <U1"),
        ([1e300, 0], "regression", "y: expected finite float32 values, got 1e.300 in row 0"),
        ([], "regression", "y: expected labels, got none"),
        ([], "classification", "y: expected labels, got none"),
        (np.array(["a", 1], object), "classification", "y: .* all texts or all numbers, got str"),
        (np.array([b"a", b"\xff"]), "classification", "y: expected texts in UTF-8, got"),
        ([0, 1], "multilabel", "y: expected labels .N, answers. of 0 and 1, got int64"),
        ([[0, 2], [1, 0]], "multilabel", "y: expected labels .N, answers. of 0 and 1, got int64"),
        ([0, 1, 2], "binary", "y: expected two classes for --task=binary, got 3"),
        ([1j, 2], "classification", "y: expected classes .*, got complex128"),
    ],
)
def test_labels_that_are_none_of_a_task(values, task, message):
    with pytest.raises(DataError, match=message):
        as_labels(np.asarray(values), task, "y")


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (300.0, "a deviation of 300 where its steps are 128: subtract 1599999700 from all$"),
        (10.0, "a deviation of 10 where its steps are 128: subtract 1599999990 from all$"),
        (127e2, "a deviation of 1.27e.04 where its steps are 128: "),
        (129e2, None),
    ],
)
def test_values_that_float32_does_not_tell_apart_are_refused(size, said):
    values = 1.6e9 + size * np.tile([-1.0, 1.0], 30)
    both = np.stack([values * 0, np.tile([-1.0, 1.0], 30), values], axis=1)
    for each in (values, values.astype(np.int64), values[:, None], both):
        if said is None:
            refuse_coarse(each, "y")
            continue
        with pytest.raises(DataError, match=f"^y: expected values that .* apart, got {said}"):
            refuse_coarse(each, "y")


def test_values_that_are_float32_already_or_all_alike_are_taken():
    coarse = np.float32(1.6e9) + np.float32([0, 128] * 9)
    for each in (coarse, coarse.astype(np.float64), coarse.astype(np.int64), np.full(9, 1.6e9 + 1)):
        refuse_coarse(each, "y")


def test_a_coarse_scaling_is_near_and_of_few_bits():
    random = np.random.default_rng(0)
    scale, mean = 10.0 ** random.uniform(-5, 5, 200), random.normal(0, 1e4, 200)
    rough = coarse(Scaling(tuple(mean), tuple(scale)))
    ratio = np.array(rough.scale) / scale
    assert ((ratio > 0.7) & (ratio < 1.42)).all()
    assert (abs(np.array(rough.mean) - mean) <= np.array(rough.scale) / 2).all()
    assert (np.log2(rough.scale) % 1 == 0).all()
