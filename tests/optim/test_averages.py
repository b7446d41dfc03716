import jax
import numpy as np

from jaxmlp import TrainState
from jaxmlp.optim.averages import eval_params

STATE = TrainState({"kernel": np.float32([1, 2])}, (np.float32([3, 6]),), np.int32(1))


def halved(state):
    return jax.tree.map(lambda leaf: leaf / 2, state.opt_state[0])


def test_without_a_function_the_trained_parameters_are_evaluated():
    assert eval_params(None, STATE) is STATE.params


def test_a_function_makes_them_of_the_state_compiled_once():
    calls = []

    def counted(state):
        calls.append(state)
        return halved(state)

    assert [eval_params(counted, STATE).tolist() for _ in range(3)] == [[1.5, 3.0]] * 3
    assert len(calls) == 1
