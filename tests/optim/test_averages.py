import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp import TrainState, Variables, digest
from jaxmlp.optim.averages import averaged, averaging, eval_params

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


# --- an average that an optimizer keeps


def moved(optimizer, updates, params):
    """The parameters and the optimizer's state after each update."""
    state, seen = optimizer.init(params), []
    for update in updates:
        taken, state = optimizer.update(update, state, params)
        params = optax.apply_updates(params, taken)
        seen.append((params, state))
    return seen


UPDATES = [{"kernel": row} for row in np.random.default_rng(0).normal(size=(5, 2)).astype("f")]


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 1.0])
def test_averages_are_those_of_numpy(decay):
    seen = moved(averaging(decay), UPDATES, {"kernel": jnp.array([100.0, -100.0])})
    kernels = np.float32([params["kernel"] for params, _ in seen])
    for step, (params, state) in enumerate(seen, start=1):
        weights = decay ** np.arange(step)[::-1]
        expected = (weights[:, None] * kernels[:step]).sum(0) / weights.sum()
        np.testing.assert_allclose(state.params["kernel"], expected, rtol=1e-6)
        assert params["kernel"].tolist() == kernels[step - 1].tolist()
    assert digest(seen[0][1].params) == digest(seen[0][0])  # the initial ones have no part in it


def test_an_average_is_the_one_of_optax_with_its_bias_corrected():
    theirs = optax.ema(0.9, debias=True)
    state = theirs.init({"kernel": jnp.zeros(2)})
    for params, ours in moved(averaging(0.9), UPDATES, {"kernel": jnp.ones(2)}):
        average, state = theirs.update(params, state)
        np.testing.assert_allclose(ours.params["kernel"], average["kernel"], rtol=1e-5)


def test_averaging_changes_no_step():
    params = {"kernel": jnp.ones(2)}
    chain = optax.chain(optax.adam(0.1), averaging(0.9))
    ours = moved(chain, UPDATES, params)
    theirs = moved(optax.adam(0.1), UPDATES, params)
    assert digest([params for params, _ in ours]) == digest([params for params, _ in theirs])


def test_an_average_of_parameters_with_few_bits_loses_no_small_change():
    params = {"kernel": jnp.ones(2, jnp.bfloat16)}
    update = {"kernel": jnp.full(2, 0.5, jnp.bfloat16)}  # to 1.5, where the rest of them stays
    still = {"kernel": jnp.zeros(2, jnp.bfloat16)}
    average = averaging(0.999)
    last, state = moved(average, [still] * 300 + [update], params)[-1]
    assert state.params["kernel"].dtype == average.init(params).params["kernel"].dtype == "float32"
    np.testing.assert_allclose(state.params["kernel"], 1 + 0.5 / state.weight, rtol=1e-5)
    found = averaged(TrainState(last, (state,), jnp.int32(301)))
    assert found["kernel"].dtype == jnp.bfloat16


def test_a_step_leaves_the_dtypes_of_an_average_as_they_are():
    with jax.enable_x64(True):
        params, average = {"kernel": jnp.ones(2, jnp.float64)}, averaging(jnp.float64(0.9))
        start = average.init(params)
        _, after = average.update(params, start, params)
        for state in (start, after):
            assert [leaf.dtype for leaf in jax.tree.leaves(state)] == ["float64", "float32"]


def test_an_average_takes_the_place_of_what_is_trained_alone():
    trained, running = {"kernel": jnp.ones(2)}, {"mean": jnp.zeros(2)}
    (_, state), *_ = moved(optax.chain(optax.sgd(1.0), averaging(0.9)), UPDATES, trained)
    found = averaged(TrainState(Variables(trained, running), state, jnp.int32(1)))
    assert found.running is running
    assert found.trained["kernel"].tolist() == (1 - UPDATES[0]["kernel"]).tolist()


def test_before_the_first_step_it_is_the_initial_parameters():
    params = {"kernel": jnp.arange(2.0)}
    state = TrainState(params, averaging(0.9).init(params), jnp.int32(0))
    assert averaged(state)["kernel"].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("optimizer", "count"), [(optax.adam(0.1), 0), (None, 2)])
def test_one_average_is_needed(optimizer, count):
    optimizer = optimizer or optax.chain(averaging(0.9), averaging(0.5))
    state = TrainState({}, optimizer.init({"kernel": jnp.ones(2)}), jnp.int32(0))
    with pytest.raises(ValueError, match=rf"^averaged needs an optimizer .*, got {count}$"):
        averaged(state)
