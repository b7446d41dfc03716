import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp import Batch, init_state, losses, make_update, metrics, mlp


def test_a_step_is_the_gradients_by_hand():
    """One weight, two examples, squared error: the mean gradient is 2 (w x - y) x over two."""
    model = mlp((1, 1), kernel_init=lambda *_: jnp.full((1, 1), 2.0))
    optimizer = optax.sgd(0.5)
    state = init_state(model.init(jax.random.key(0)), optimizer)
    batch = Batch(jnp.array([[1.0], [3.0]]), jnp.array([1.0, 4.0]))
    after, info = make_update(model.apply, losses.squared_error, optimizer)(state, batch)
    # errors 1 and 2: losses 1 and 4; gradient of the weight (2 + 12) / 2, of the bias (2 + 4) / 2
    assert info.loss == 2.5
    assert info.num_examples == 2
    assert info.grad_norm == pytest.approx((7**2 + 3**2) ** 0.5)
    assert after.params[0].kernel.item() == 2 - 0.5 * 7
    assert after.params[0].bias.item() == -0.5 * 3
    assert after.step == 1
    assert state.params[0].kernel.item() == 2


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ({"loss": "mse"}, "loss needs to be a function of outputs and label, got 'mse'"),
        ({"optimizer": optax.adam}, "optimizer needs to be one like optax.adam.*, got the .* adam"),
        ({"metrics": (metrics.accuracy,) * 2}, "metrics need names of their own, .*"),
    ],
)
def test_pieces_of_an_update_that_are_none_are_refused(pieces, message):
    given = {"loss": losses.squared_error, "optimizer": optax.sgd(0.1), **pieces}
    with pytest.raises(ValueError, match=f"^{message}$"):
        make_update(mlp((2, 1)).apply, **given)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (Batch([[1.0, 2.0]], np.zeros(1)), "a batch needs arrays, got a list of inputs"),
        (Batch(np.ones((1, 2)), [1.0]), "a batch needs arrays, got a list of labels"),
    ],
)
def test_a_batch_that_is_no_arrays_is_refused(batch, message):
    optimizer = optax.sgd(0.1)
    update = make_update(mlp((2, 1)).apply, losses.squared_error, optimizer)
    state = init_state(mlp((2, 1)).init(jax.random.key(0)), optimizer)
    with pytest.raises(ValueError, match=f"^{message}"):
        update(state, batch)
