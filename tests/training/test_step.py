import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from noisy_models import CENTRED, NOISY, PLAIN

from jaxmlp import Batch, digest, init_state, losses, make_update, metrics, mlp
from jaxmlp.training.step import descend


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


def stepped(model, batches, key, seed=0):
    optimizer = optax.sgd(0.1)
    update = make_update(model, losses.softmax_cross_entropy, optimizer)
    state = init_state(model.init(jax.random.key(seed)), optimizer)
    for batch in batches:
        state, info = update(state, batch, key)
    return state, info


BATCHES = [
    Batch(np.random.default_rng(step).normal(size=(6, 4)).astype(np.float32), np.arange(6) % 3)
    for step in range(3)
]


def test_a_model_is_taken_as_its_apply_is():
    model, optimizer = mlp((4, 6, 3)), optax.sgd(0.1)
    by_apply = make_update(model.apply, losses.softmax_cross_entropy, optimizer)
    state = init_state(model.init(jax.random.key(0)), optimizer)
    assert digest(by_apply(state, BATCHES[0])) == digest(
        make_update(model, losses.softmax_cross_entropy, optimizer)(state, BATCHES[0])
    )


def test_the_noise_of_a_step_is_a_function_of_key_and_step():
    keys = [jax.random.key(seed) for seed in (0, 1)]
    first, again, other = (
        digest(stepped(NOISY, BATCHES, key)[0]) for key in (keys[0], keys[0], keys[1])
    )
    assert first == again != other


def test_each_step_draws_anew_whatever_it_did_before():
    """With a learning rate of 0 nothing but the noise can differ."""
    optimizer, key = optax.sgd(0.0), jax.random.key(0)
    update = make_update(NOISY, losses.softmax_cross_entropy, optimizer)
    state = init_state(NOISY.init(jax.random.key(0)), optimizer)
    found = []
    for _ in range(4):
        state, info = update(state, BATCHES[0], key)
        found.append(info.loss.item())
    assert len(set(found)) == 4
    again, info = update(state._replace(step=jnp.int32(2)), BATCHES[0], key)
    assert info.loss.item() == found[2]
    assert again.step == 3


def test_running_statistics_go_along_and_are_no_part_of_the_gradient():
    state, info = stepped(CENTRED, BATCHES, jax.random.key(0))
    mean = np.zeros(4)
    for batch in BATCHES:
        mean = 0.9 * mean + 0.1 * batch.inputs.mean(axis=0)
    np.testing.assert_allclose(state.params.running["mean"], mean, rtol=1e-5)

    weights = CENTRED.init(jax.random.key(0)).trained
    for batch in BATCHES:

        def loss(weights, batch=batch):
            inputs = batch.inputs - batch.inputs.mean(axis=0)
            outputs = jax.vmap(PLAIN.apply, (None, 0))(weights, inputs)
            return jax.vmap(losses.softmax_cross_entropy)(outputs, batch.labels).mean()

        gradient = jax.grad(loss)(weights)
        weights = jax.tree.map(lambda w, g: w - 0.1 * g, weights, gradient)
    for ours, theirs in zip(
        jax.tree.leaves(state.params.trained), jax.tree.leaves(weights), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(info.grad_norm, optax.tree.norm(gradient), rtol=1e-5)


def test_a_search_along_a_line_sees_the_noise_of_its_step():
    optimizer = optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(20))
    update = make_update(NOISY, losses.softmax_cross_entropy, optimizer)
    state = init_state(NOISY.init(jax.random.key(0)), optimizer)
    found = []
    for _ in range(5):
        state, info = update(state, BATCHES[0], jax.random.key(0))
        found.append(info.loss.item())
    assert np.isfinite(found).all()


def test_running_statistics_are_not_trained_by_an_apply_alone():
    optimizer = optax.sgd(0.1)
    state = init_state(CENTRED.init(jax.random.key(0)), optimizer)
    update = make_update(CENTRED.apply, losses.softmax_cross_entropy, optimizer)
    with pytest.raises(ValueError, match=r"^parameters with running .*: make_update\(model, ...\)"):
        update(state, BATCHES[0])


def test_an_optimizer_is_told_what_it_asks_for():
    seen = {}

    def update(gradient, state, params=None, *, value=None, **others):
        seen.update(value=value, **others)
        return jax.tree.map(lambda g: -g, gradient), state

    optimizer = optax.GradientTransformationExtraArgs(lambda params: (), update)
    after, _ = descend(optimizer, jnp.ones(2), (), jnp.zeros(2), 3.0, jnp.sum)
    assert after.tolist() == [-1, -1]
    assert seen["value"] == 3.0
    assert set(seen) == {"value", "grad", "value_fn"}


def test_a_key_that_is_a_seed_is_refused():
    optimizer = optax.sgd(0.1)
    state = init_state(NOISY.init(jax.random.key(0)), optimizer)
    update = make_update(NOISY, losses.softmax_cross_entropy, optimizer)
    with pytest.raises((ValueError, TypeError), match="key"):
        update(state, BATCHES[0], 3)
