"""Against Keras's formulas in NumPy, and against Keras where it is there."""

import os

import foreign_networks as foreign
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from foreign_networks import INPUTS, MODELS, params_of

from jaxmlp import from_keras, mlp, to_keras
from jaxmlp.interop.keras import keras_names

FOLDED = [name for name in MODELS if "standardized" in name]
OF_KERAS = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
COUNTS = {None: 2, "layer": 4, "batch": 6}  # weights of a hidden layer


def weights_of(name):
    return to_keras(MODELS[name], params_of(name))


def by_formulas(name, weights):
    """What a `Sequential` makes of INPUTS: `Dense` is x W + b."""
    made, outputs = MODELS[name].architecture, np.float64(INPUTS)
    count, epsilon = COUNTS[made.norm], foreign.epsilon_of(name)
    weights = [np.float64(array) for array in weights]
    while len(weights) > 2:
        kernel, bias, *norm = weights[:count]
        outputs = outputs @ kernel + bias
        if len(norm) == 2:
            outputs = foreign.layer_normalized(outputs, *norm, epsilon)
        elif norm:
            gamma, beta, mean, var = norm
            outputs = foreign.normalized(outputs, mean, var, gamma, beta, epsilon)
        outputs, weights = foreign.activation_of(name)(outputs), weights[count:]
    return outputs @ weights[0] + weights[1]


@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_those_of_kerass_formulas(name):
    foreign.assert_equal_outputs(foreign.outputs_of(name), by_formulas(name, weights_of(name)))


def test_names_are_in_the_order_of_the_weights():
    assert keras_names(MODELS["plain"])[2:] == [
        *("dense_1/kernel", "dense_1/bias", "dense_2/kernel", "dense_2/bias"),
    ]
    norm = [f"batch_normalization_1/{n}" for n in ("gamma", "beta", "moving_mean")]
    assert keras_names(MODELS["batch"])[6:11] == ["dense_1/kernel", "dense_1/bias", *norm]
    assert keras_names(MODELS["layer"])[2:4] == [
        "layer_normalization/gamma",
        "layer_normalization/beta",
    ]
    for name, model in MODELS.items():
        assert len(keras_names(model)) == len(weights_of(name))


@pytest.mark.parametrize("name", [name for name in MODELS if name not in FOLDED])
def test_a_network_comes_back_to_the_bit(name):
    model, params = MODELS[name], params_of(name)
    found, back = from_keras(weights_of(name), model)
    assert found is model
    foreign.assert_same_trees(back, params)
    settings = {"norm_epsilon": foreign.epsilon_of(name)} if foreign.epsilon_of(name) else {}
    activation = model.architecture.activation
    found, back = from_keras(weights_of(name), activation=activation, **settings)
    foreign.assert_equal_outputs(
        jax.vmap(found.apply, (None, 0))(back, INPUTS), foreign.outputs_of(name)
    )


def test_layers_without_a_bias_are_taken_and_epsilon_is_kerass():
    kernels = [np.ones((4, 6), np.float32), jnp.ones((6, 3))]
    model, params = from_keras(kernels)
    assert (model, params[0].bias.tolist()) == (mlp((4, 6, 3)), [0] * 6)
    norm = [np.full(6, value, np.float32) for value in (2, 3, 4, 5)]
    model, params = from_keras([kernels[0], *norm, kernels[1]])
    assert model == mlp((4, 6, 3), norm="batch", norm_epsilon=1e-3)
    assert (params.trained[0].scale[0], params.trained[0].bias[0]) == (2, 3)
    assert (params.running[0]["mean"][0], params.running[0]["var"][0]) == (4, 5)
    model, params = from_keras([kernels[0], *norm[:2], kernels[1]])
    assert model == mlp((4, 6, 3), norm="layer", norm_epsilon=1e-3)


@pytest.mark.parametrize("form", ["sequential/{}", "{}:0"])
@pytest.mark.parametrize("name", [name for name in MODELS if name not in FOLDED])
def test_by_names_a_network_is_the_same(name, form):
    names = [form.format(each) for each in keras_names(MODELS[name])]
    foreign.assert_same_trees(
        from_keras(weights_of(name), MODELS[name], names=names)[1], params_of(name)
    )


def test_by_names_a_norm_may_lack_what_it_does_not_have():
    ends = [np.ones((4, 6), np.float32), np.ones((6, 3), np.float32)]
    bias, beta, mean, var = (np.full(6, value, np.float32) for value in (7, 3, 4, 5))
    names = [f"n/{each}" for each in ("kernel", "bias", "beta", "moving_mean", "moving_variance")]
    model, params = from_keras(
        [ends[0], bias, beta, mean, var, ends[1]], names=[*names, "last/kernel"]
    )
    assert model == mlp((4, 6, 3), norm="batch", norm_epsilon=1e-3)
    assert (params.trained[0].scale[0], params.trained[0].bias[0]) == (1, 3)
    assert (params.running[0]["mean"][0], params.running[0]["var"][0]) == (4 - 7, 5)
    names = ["a/kernel", "a/bias", "b/gamma", "c/kernel"]
    model, params = from_keras([ends[0], 0 * bias, beta, ends[1]], names=names)
    assert model == mlp((4, 6, 3), norm="layer", norm_epsilon=1e-3)
    assert (params[0].scale[0], params[0].bias[0]) == (3, 0)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("kernel", "names needs one for each of 3 weights, got kernel"),
        (["kernel"], "names needs one for each of 3 weights, got 1"),
        (["kernel", "bias", "b/x"], r"names\[2\] needs to end in one of kernel, .*, got b/x"),
        (["bias", "bias", "gamma"], r"names\[0\] needs to be that of \(4, 6\), got bias"),
        (["kernel", "a/kernel", "beta"], r"names\[1\] needs to be that of \(6,\), got a/kernel"),
        (["kernel", "bias", "bias"], r"weights\[0\] needs one of each after it, got .*"),
        (["kernel", "bias", "moving_mean"], r"weights\[0\] needs a mean and a var .* no var"),
        (["kernel", "bias", "beta"], r"weights\[2\], of a norm, needs a hidden layer, got .*"),
    ],
)
def test_names_that_do_not_fit_are_refused_in_a_line(names, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        from_keras([KERNEL, VECTOR, VECTOR], names=names)


KERNEL, VECTOR = np.ones((4, 6), np.float32), np.ones(6, np.float32)


@pytest.mark.parametrize(
    ("weights", "model", "message"),
    [
        ([], None, "from_keras needs a list of weights, got a list"),
        ({"a": KERNEL}, None, "from_keras needs a list of weights, got a dict"),
        ([VECTOR, KERNEL], None, r"weights\[0\] needs to be a kernel .*, got \(6,\)"),
        ([VECTOR], None, r"weights\[0\] needs to be a kernel \(inputs, outputs\), got \(6,\)"),
        (
            [KERNEL, *[VECTOR] * 6],
            None,
            r"weights\[0\] needs at most 5 weights after it before the next kernel, got 6",
        ),
        (
            [KERNEL, VECTOR[:5]],
            None,
            r"weights\[1\], a bias, needs the shape \(6,\), got \(5,\)",
        ),
        (
            [KERNEL, VECTOR, KERNEL],
            None,
            r"weights\[2\], a kernel, needs the shape \(6, 6\), got \(4, 6\)",
        ),
        ([KERNEL, VECTOR.astype(int)], None, r"weights\[1\] needs float32, got int64 \(6,\)"),
        ([KERNEL, ["a"]], None, r"weights\[1\] needs float32, got <U1 \(1,\)"),
        ([KERNEL, [[1], [1, 2]]], None, r"weights\[1\] needs an array of numbers, got .*"),
        ([KERNEL, VECTOR], mlp((5, 6)), r".*, a kernel, needs the shape \(5, 6\), got \(4, 6\)"),
        ([KERNEL, VECTOR, VECTOR], None, ".*, a scale, needs a hidden layer, got a norm of .*"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(weights, model, message):
    with pytest.raises(ValueError, match=f"^{message}$") as refused:
        from_keras(weights, model)
    assert "\n" not in str(refused.value)


@pytest.fixture
def keras(monkeypatch):
    if "KERAS_BACKEND" not in os.environ:
        monkeypatch.setenv("KERAS_BACKEND", "jax")
    package = pytest.importorskip("keras")
    package.utils.clear_session()
    package.utils.set_random_seed(0)
    with jax.numpy_rank_promotion("allow"):  # which Keras's own math needs
        yield package


def keras_model(keras, name, **settings):
    """The network as it would be written in Keras."""
    made = MODELS[name].architecture
    layers = [keras.Input((made.sizes[0],))]
    norms = {"batch": keras.layers.BatchNormalization, "layer": keras.layers.LayerNormalization}
    for outputs in made.sizes[1:-1]:
        layers.append(keras.layers.Dense(outputs))
        layers += [norms[made.norm](**settings)] if made.norm else []
        layers.append(keras.layers.Activation("tanh" if name == "tanh" else "relu"))
        layers += [keras.layers.Dropout(made.dropout)] if made.dropout is not None else []
    return keras.Sequential([*layers, keras.layers.Dense(made.sizes[-1])])


@OF_KERAS
@pytest.mark.parametrize("name", MODELS)
def test_keras_takes_it_and_gives_it_back(name, keras):
    model = keras_model(keras, name, epsilon=foreign.epsilon_of(name))
    assert [weight.path.removeprefix("sequential/") for weight in model.weights] == keras_names(
        MODELS[name]
    )
    model.set_weights(weights_of(name))
    foreign.assert_equal_outputs(
        foreign.outputs_of(name), np.asarray(model(INPUTS, training=False))
    )
    if name not in FOLDED:
        _, params = from_keras(model.get_weights(), MODELS[name])
        foreign.assert_same_trees(params, params_of(name))


@OF_KERAS
@pytest.mark.parametrize("name", ["plain", "batch", "layer"])
def test_what_keras_made_computes_the_same_here(name, keras):
    module = keras_model(keras, name)
    if name == "batch":
        module(10 * INPUTS, training=True)  # moves the statistics
    model, params = from_keras(module.get_weights())
    ours = jax.vmap(model.apply, (None, 0))(params, INPUTS)
    foreign.assert_equal_outputs(ours, np.asarray(module(INPUTS, training=False)))


@OF_KERAS
@pytest.mark.parametrize("norm", ["batch", "layer"])
@pytest.mark.parametrize("lacks", ["scale", "center"])
def test_a_norm_of_keras_may_lack_a_half(norm, lacks, keras):
    settings = {lacks: False, "gamma_initializer": "random_normal"}
    module = keras_model(keras, norm, beta_initializer="random_normal", **settings)
    if norm == "batch":
        module(10 * INPUTS, training=True)  # moves the statistics
    names = [weight.path for weight in module.weights]
    model, params = from_keras(module.get_weights(), names=names)
    ours = jax.vmap(model.apply, (None, 0))(params, INPUTS)
    foreign.assert_equal_outputs(ours, np.asarray(module(INPUTS, training=False)))
