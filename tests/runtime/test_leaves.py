import numpy as np
import optax

from jaxmlp import Dense, TrainState, Variables
from jaxmlp.runtime.leaves import named_leaves


def test_a_leaf_goes_by_its_path_whatever_its_nodes_are():
    params = Variables((Dense(1.0, 2.0),), {"layer_0": [3.0]})
    state = TrainState(params, optax.sgd(0.1, momentum=0.9).init({"w": np.float32(4)}), 5)
    assert named_leaves(state) == [
        ("params/trained/0/kernel", 1.0),
        ("params/trained/0/bias", 2.0),
        ("params/running/layer_0/0", 3.0),
        ("opt_state/0/trace/w", 0.0),
        ("step", 5),
    ]


def test_one_array_has_an_empty_name_and_nothing_has_none():
    assert named_leaves(7.0) == [("", 7.0)]
    assert named_leaves(((), {}, None)) == []
