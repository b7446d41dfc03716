"""An mlp in Flax, with everything that it may have."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from flax_modules import inputs_of

from jaxmlp import Context, Variables, activations, initializers, mlp, to_flax
from jaxmlp.interop.flax import flax_module

RATES = {"dropout": 0.5, "input_dropout": 0.2}


def drawn(model):
    """Parameters by NumPy, which compiles nothing; statistics as before any training."""
    random = np.random.default_rng(0)
    params = jax.eval_shape(model.init, jax.random.key(0))
    trained = jax.tree.map(
        lambda leaf: random.normal(size=leaf.shape).astype(leaf.dtype),
        params.trained if isinstance(params, Variables) else params,
    )
    if not isinstance(params, Variables):
        return trained
    ones = jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), params.running)
    return Variables(trained, ones)


@pytest.mark.parametrize(
    ("sizes", "norm", "rates"),
    [
        *itertools.product([(4, 8, 6, 3)], [None, "layer", "batch"], [{}, RATES]),
        ((4, 3), None, {}),
        ((4, 3), None, {"input_dropout": 0.2, "input_noise": 0.1}),
        ((4, 8, 3), "batch", {"norm_epsilon": 0.1, "dropout": 0.0}),
        ((4, 8, 3), "layer", {"norm_epsilon": 0.1}),
        ((4, 1, 1), None, {"activation": activations.tanh}),
    ],
)
def test_the_same_function_of_the_same_parameters(sizes, norm, rates):
    model = mlp(sizes, bias_init=initializers.gaussian(), norm=norm, **rates)
    inputs = inputs_of(7)

    @jax.jit
    def both(params):
        if norm == "batch":
            context = Context(jax.random.key(1), jnp.ones(7, bool))
            params = params._replace(running=model.train(params, inputs, context)[1])
        variables = to_flax(model, params)
        ours = jax.vmap(model.apply, (None, 0))(params, inputs)
        return variables, (ours, flax_module(model).apply(variables, inputs))

    variables, (ours, theirs) = both(drawn(model))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)
    made = jax.eval_shape(flax_module(model).init, jax.random.key(0), inputs)
    assert jax.tree.structure(variables) == jax.tree.structure(made)
    assert set(variables) == ({"params", "batch_stats"} if norm == "batch" else {"params"})


def test_a_variance_far_below_the_square_of_the_mean_is_the_same():
    def nearly_one(key, shape, dtype):
        return 1.0 + 0.01 * jax.random.normal(key, shape, dtype)

    model = mlp((4, 8, 3), kernel_init=nearly_one, norm="layer")
    params, inputs = model.init(jax.random.key(0)), jnp.full((1, 4), 30.0)
    theirs = flax_module(model).apply(to_flax(model, params), inputs)
    np.testing.assert_allclose(model.apply(params, inputs[0]), theirs[0], rtol=1e-4)


def test_it_goes_on_in_training_as_it_would_here():
    """Outputs and running statistics, without dropout, which draws other numbers there."""
    model = mlp((4, 8, 6, 3), norm="batch", norm_momentum=0.7, norm_epsilon=0.01)
    inputs = inputs_of(7)

    @jax.jit
    def both(params):
        variables = to_flax(model, params)
        context = Context(jax.random.key(1), jnp.ones(7, bool))
        outputs, running = model.train(params, inputs, context)
        after = to_flax(model, Variables(params.trained, running))
        module = flax_module(model, training=True)
        theirs, changed = module.apply(variables, inputs, mutable=["batch_stats"])
        return (outputs, after["batch_stats"]), (theirs, changed["batch_stats"])

    ours, theirs = both(drawn(model))
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), ours, theirs)


def test_the_module_reads_as_one_would_write_it():
    module = flax_module(mlp((4, 8, 3), norm="batch", **RATES), training=True)
    drop, dense, norm, relu, hidden, last = module.layers
    assert (drop.rate, drop.deterministic, hidden.rate) == (0.2, False, 0.5)
    assert (dense.features, dense.use_bias, last.features, last.use_bias) == (8, False, 3, True)
    assert (norm.momentum, norm.epsilon, norm.use_running_average) == (0.9, 1e-5, False)
    assert relu is linen.relu
    assert dense.kernel_init is initializers.he
    evaluated = flax_module(mlp((4, 8, 3), norm="batch", **RATES)).layers
    assert (evaluated[0].deterministic, evaluated[2].use_running_average) == (True, True)
    assert evaluated[4].deterministic


def test_dropout_drops_there_at_its_rate():
    module = flax_module(mlp((4, 3), input_dropout=0.25), training=True)
    kernel = {"layers_1": {"kernel": jnp.ones((4, 3)), "bias": jnp.zeros(3)}}
    rngs = {"dropout": jax.random.key(0)}
    outputs = module.apply({"params": kernel}, jnp.ones((4000, 4)), rngs=rngs)
    np.testing.assert_allclose(outputs.mean(), 4.0, atol=0.05)
    np.testing.assert_allclose(outputs.var(), 4 * (1 / 0.75 - 1), atol=0.1)


def test_noise_of_the_inputs_has_no_layer_there():
    model = mlp((4, 3), input_noise=0.1)
    message = r"^flax_module needs no input_noise in training, got 4-3, input_noise=0\.1$"
    with pytest.raises(ValueError, match=message):
        flax_module(model, training=True)
    assert len(flax_module(model).layers) == 1
