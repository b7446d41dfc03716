import jax
import numpy as np
import pytest

from jaxmlp import Dense, Variables
from jaxmlp.runtime.leaves import named_leaves
from jaxmlp.storage.trees import KINDS, check_same, tree_of

TREES = {
    "layers": (Dense(1, 2), Dense(3, 4)),
    "running statistics": Variables((Dense(1, 2),), ({"mean": 3, "var": 4},)),
    "running statistics of a module": Variables({"Dense_0": {"kernel": 1}}, {"BatchNorm_0": 2}),
    "one leaf": 7,
    "deep": {"a": ({"b": (1, 2)}, 3)},
}


@pytest.mark.parametrize("name", TREES)
def test_a_tree_comes_back_from_the_names_of_its_leaves(name):
    assert tree_of(dict(named_leaves(TREES[name]))) == TREES[name]
    assert str(tree_of(dict(named_leaves(TREES[name])))) == str(TREES[name])  # a tuple is no Dense


@pytest.mark.parametrize("kind", KINDS.values())
def test_a_dict_with_the_fields_of_a_named_tuple_stays_one(kind):
    tree = dict.fromkeys(kind._fields, 1.0)
    assert type(tree_of(dict(named_leaves(tree)))) is dict
    assert type(tree_of(dict(named_leaves(kind(*tree.values()))))) is kind


@pytest.mark.parametrize(
    ("got", "expected", "message"),
    [
        ({"0": 1.0}, (1.0,), r"\(0,\) would be \(\"'0'\",\)"),
        ({"a": {"b": 1.0}}, {"a": {"b": 1.0}, "c": ()}, "of 4 nodes 3 would be left"),
    ],
)
def test_trees_that_differ_are_told(got, expected, message):
    with pytest.raises(ValueError, match=message):
        check_same(got, expected)


def test_lists_and_tuples_are_the_same_here():
    check_same((np.ones(1), (jax.numpy.zeros(2),)), [np.ones(1), [np.zeros(2)]])
