import numpy as np
import pytest

from experiments.data import own_labels
from experiments.data.idx import DataError


def read(train, test=(), task=None, names=()):
    sets = {"y": np.asarray(train)}
    if len(test):
        sets["y_test"] = np.asarray(test)
    return own_labels.read(sets, task, tuple(names), "a.npz")


@pytest.mark.parametrize(
    ("train", "test", "labels", "names"),
    [
        ([0, 1, 2, 1], [2, 0], [[0, 1, 2, 1], [2, 0]], ()),
        ([1, 2, 3], [3], [[0, 1, 2], [2]], ("1", "2", "3")),
        ([-1, 1], [1], [[0, 1], [1]], ("-1", "1")),
        ([0, 3, 7], [7], [[0, 1, 2], [2]], ("0", "3", "7")),
        (["b", "a"], ["b"], [[1, 0], [1]], ("a", "b")),
        ([b"b", b"\xc3\xa4"], [b"b"], [[0, 1], [0]], ("b", "ä")),
        ([True, False], [True], [[1, 0], [1]], ("False", "True")),
        (np.eye(3), np.eye(3)[:1], [[0, 1, 2], [0]], ()),
        ([[1], [2]], [[2]], [[0, 1], [1]], ("1", "2")),
        ([0.0, 1.0], [1.0], [[0, 1], [1]], ()),
    ],
)
def test_classes_in_all_forms_are_those_of_all_sets_together(train, test, labels, names):
    found = read(train, test, "classification")
    assert [each.tolist() for each in found.labels] == labels
    assert {each.dtype for each in found.labels} == {np.dtype("int32")}
    assert found.class_names == names
    assert bool(found.notes[1:]) == (bool(names) or np.ndim(train) == 2)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["ulm", "bonn", "jena"], [1, 0, 2]),  # in the order of the names, not of the letters
        ([2, 0, 1], [2, 0, 1]),
        ([3, 1, 2], [2, 0, 1]),
        ([[0, 0, 1], [1, 0, 0], [0, 1, 0]], [2, 0, 1]),
        ([[10], [-1], [5]], [2, 0, 1]),
    ],
)
def test_names_of_classes_are_in_the_order_of_the_classes(values, labels):
    found = read(values, task="classification", names=("bonn", "ulm", "jena"))
    assert found.labels[0].tolist() == labels
    assert found.class_names == ("bonn", "ulm", "jena")


def test_what_labels_are_for_is_said_with_the_flag_for_the_contrary():
    found = read(np.arange(214) / 2)
    assert found.task == "regression"
    assert found.notes == (
        "float target with 214 values: regression (--task=classification for classes)",
    )
    assert read([0, 1, 1], [1]).notes == (
        "whole-number target with 2 values: classification (--task=regression for values)",
    )
    assert read(["a", "b"]).notes[0] == "text target with 2 values: classification"
    assert read([[1, 1], [0, 1]]).task == "multilabel"
    assert read([0, 1, 1], task="classification").notes == read([0, 1, 1]).notes
    assert read([0, 1, 1], task="regression").notes == (
        "whole-number target with 2 values: regression, as --task says",
    )


def test_values_are_refused_by_all_sets_where_float32_does_not_tell_them_apart():
    near = [1e8 + 0.25, 1e8 + 0.75]
    read([0.5, 1e9 + 7], near)
    with pytest.raises(DataError, match=r"^\S*: expected values that float32 tells apart, got"):
        read([1e8, 1e8 + 0.5], near)


def test_values_keep_their_shape_and_names_are_left_out_with_a_word():
    found = read([[0.5], [1.5]], [[2]], "regression", ("a", "b"))
    assert [each.shape for each in found.labels] == [(2, 1), (1, 1)]
    assert found.class_names == ()
    assert found.notes[1:] == ("class_names are left out: there are no classes",)


def test_answers_have_the_names_of_their_questions():
    found = read([[1, 1], [0, 1]], [[0, 0]], names=("red", "round"))
    assert found.class_names == ("red", "round")
    assert [each.tolist() for each in found.labels] == [[[1, 1], [0, 1]], [[0, 0]]]
    with pytest.raises(
        DataError, match="a.npz: expected as many answers as class_names, got 2 and 3"
    ):
        read([[1, 1], [0, 1]], names="abc")


@pytest.mark.parametrize(
    ("train", "test", "task", "names", "message"),
    [
        ([0, 1], [2], None, (), "a.npz: expected classes in y_test that y has, got 2$"),
        (["a", "b"], ["c"], None, (), "in y_test that y has, got c$"),
        ([0, 1], [-1, 7], None, (), "in y_test that y has, got -1, 7$"),
        ([0, 1], ["a"], None, (), "expected labels alike in y and y_test, got int64 .2,. and <U1"),
        (np.eye(3), np.eye(4), None, (), r"alike in y and y_test, got .* \(3, 3\) and .* \(4, 4\)"),
        (np.eye(3)[:2], (), None, (), None),
        (np.eye(3)[[0, 2]], (), None, (), r"0, 1, ... to 2 each to have an example in y, .* of 1$"),
        ([0, 1, 1], (), None, "abc", "to 2 each to have an example in y, got none of c$"),
        ([1, 2, 2], (), None, "abc", "each to have an example in y, got none of a$"),
        ([1, 2, 3, 4], (), None, "abc", "expected as many classes as class_names, got 4, 3$"),
        (np.eye(4), (), None, "abc", "expected as many classes as class_names, got 4, 3$"),
        (["a", "d"], (), None, "abc", "expected labels of class_names, a, b, c, got d$"),
        ([0, 1], (), "binary", "abc", "expected two class_names for --task=binary, got 3"),
        ([0, 1, 2], (), "binary", (), "expected two classes for --task=binary, got 3"),
        ([0, 0.5], (), "classification", (), "expected classes as texts or whole .*, got 0.5"),
        ([0, np.nan], (), None, (), "expected finite labels, got nan in row 1"),
        (["a", "b"], (), "regression", (), "y: expected values"),
        ([0, 1], (), "multilabel", (), r"y: expected labels \(N, answers\) of 0 and 1"),
        (
            np.zeros((2, 2, 2)),
            (),
            None,
            (),
            r"y: expected numbers or texts \(N,\), or .* \(2, 2, 2\)",
        ),
        ([b"\xff", b"a"], (), None, (), "y: expected texts in UTF-8, got"),
        ([1j, 2], (), None, (), "y: expected numbers or texts .*, got complex128"),
    ],
)
def test_labels_that_are_none(train, test, task, names, message):
    if message is None:
        assert read(train, test, task, names).labels[0].tolist() == [0, 1]
        return
    with pytest.raises(DataError, match=message) as caught:
        read(train, test, task, names)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2], r"a: expected a text for each class, got int64 \(2,\)"),
        ([["a"]], r"got <U1 \(1, 1\)"),
        ([" ", "a"], "expected names of classes that print, got ' '"),
        (["a\n", "b"], r"that print, got 'a\\n'"),
        (["a", "b", "a"], "expected a name for each class, got a twice"),
        ([b"\xff"], "expected texts in UTF-8"),
    ],
)
def test_names_that_are_none(values, message):
    with pytest.raises(DataError, match=message):
        own_labels.checked_names(np.array(values), "a")
    assert own_labels.checked_names(np.array([b"<b>", b"\xc3\xa4"]), "a") == ("<b>", "ä")


ABC = ("a", "b", "c")


@pytest.mark.parametrize(
    ("values", "names", "classes"),
    [
        (["c", "a"], ABC, [2, 0]),
        ([["c"], ["a"]], ABC, [2, 0]),
        ([b"c", b"a"], ABC, [2, 0]),
        ([2, 0, 1], ABC, [2, 0, 1]),
        ([3, 1, 2, 1], ABC, [2, 0, 1, 0]),  # all three are there, and none is 0
        ([2, 1], ABC, [2, 1]),
        ([7, 9], ABC, [7, 9]),  # refused by who knows how many there are
        ([2, 1, 2], ("1", "2", "3"), [1, 0, 1]),
        ([2.0, 1_000_000], ("1", "2", "1000000"), [1, 2]),
        ([1, -1], ("-1", "1", "5"), [1, 0]),
        ([[0, 0, 1], [1, 0, 0]], ABC, [2, 0]),
        ([[0, 0, 1], [1, 0, 0]], (), [2, 0]),
        ([1, 2], (), [1, 2]),
        ([True, False], ("False", "True", "x"), [1, 0]),
    ],
)
def test_labels_of_further_examples_are_those_of_the_network(values, names, classes):
    found = own_labels.classes_of(np.asarray(values), names, 3, "a.npz")
    assert found.astype(int).tolist() == classes


@pytest.mark.parametrize(
    ("values", "names", "message"),
    [
        (
            ["a", "d"],
            ABC,
            "a.npz: expected labels of the network's classes, a, b, c, got d in row 1",
        ),
        ([1, 0], ("1", "2"), "classes, 1, 2, got 0 in row 1"),
        ([1, 1.5], ("1", "2"), "classes, 1, 2, got 1.5 in row 1"),
        ([1, np.nan], ("1", "2"), "classes, 1, 2, got nan in row 1"),
        (["a"], (), "classes, 0 to 2, got a in row 0"),
    ],
)
def test_labels_of_no_class_are_refused(values, names, message):
    with pytest.raises(DataError, match=message):
        own_labels.classes_of(np.asarray(values), names, 3, "a.npz")


def test_rows_that_are_not_one_hot_stay_as_they_are():
    for rows in ([[1, 1, 0]], [[0, 0, 0]], [[0, 2, 0]], [[0, 1]]):
        assert own_labels.classes_of(np.array(rows), ABC, 3, "a").tolist() == rows


def test_minus_one_and_one_have_their_names():
    found = read([-1, 1, -1], task="binary", names=("no", "yes"))
    assert found.labels[0].tolist() == [0, 1, 0]
    assert found.class_names == ("no", "yes")
