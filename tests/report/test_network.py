"""Networks in a page: their description, what rounding changes, and what the page answers."""

import base64
import functools
import json

import jax
import numpy as np
import optax
import page_scripts
import pytest
from page_scripts import needs_node

import jaxmlp
from experiments.report import network
from jaxmlp.types import Variables

ANSWER = """
  const net = Network.decode(given.network);
  return given.inputs.map((row) => [...Network.predict(net, row)]);
"""
answers = functools.partial(page_scripts.run, "network.js", ANSWER)
INPUTS = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
TASKS = {
    "softmax": jaxmlp.classification(4),
    "sigmoid": jaxmlp.binary_classification(num_outputs=4),
    "identity": jaxmlp.regression(4),
}


def recipe_of(model, task=TASKS["softmax"]):
    return jaxmlp.Recipe(model, task, optax.sgd, {"learning_rate": 0.1})


def drawn(model, seed=0):
    """Parameters of which none is what it is at the start: biases, scales and moments too."""
    random = np.random.default_rng(seed)

    def leaf(path, like):
        values = random.normal(size=like.shape)
        return (values**2 + 0.5 if "var" in jax.tree_util.keystr(path) else values).astype("f")

    like = jax.eval_shape(model.init, jax.random.key(0))
    return jax.tree_util.tree_map_with_path(leaf, like)


def said(recipe, params, dtype, inputs=INPUTS):
    """What the page says, and the library with the weights rounded alike."""
    made = network.encode(recipe, params, dtype)
    page = answers({"network": made, "inputs": np.asarray(inputs, np.float64).tolist()})
    with jax.enable_x64(False):
        library = jaxmlp.predict(recipe, network.rounded(params, dtype), inputs)
    return np.array(page), np.asarray(library)


@needs_node
@pytest.mark.parametrize("name", jaxmlp.activations.__all__)
def test_each_activation_in_the_page_is_the_librarys(name):
    model = jaxmlp.mlp((5, 7, 4), getattr(jaxmlp.activations, name))
    page, library = said(recipe_of(model, TASKS["identity"]), drawn(model), "float32")
    np.testing.assert_allclose(page, library, rtol=2e-6, atol=2e-6)


@needs_node
@pytest.mark.parametrize("link", TASKS)
@pytest.mark.parametrize("norm", [None, "batch", "layer"])
@pytest.mark.parametrize("dtype", network.DTYPES)
def test_each_norm_task_and_rounding_in_the_page_is_the_librarys(norm, link, dtype):
    model = jaxmlp.mlp((5, 7, 6, 4), jaxmlp.activations.tanh, norm=norm, norm_epsilon=norm and 0.1)
    page, library = said(recipe_of(model, TASKS[link]), drawn(model), dtype)
    np.testing.assert_allclose(page, library, rtol=0, atol=2e-6)


@needs_node
def test_scalings_of_inputs_and_outputs_and_a_linear_network():
    random = np.random.default_rng(1)
    inputs = jaxmlp.Scaling(random.normal(size=5), random.uniform(0.5, 2, 5))
    outputs = jaxmlp.Scaling([3.0, -1.0, 0.0, 5.0], [2.0, 1.0, 4.0, 0.5])
    model = jaxmlp.standardized(jaxmlp.mlp((5, 4)), inputs, outputs)
    page, library = said(recipe_of(model, TASKS["identity"]), drawn(model), "float16")
    np.testing.assert_allclose(page, library, rtol=1e-6, atol=3e-6)


@needs_node
@pytest.mark.parametrize("size", [1e6, 1e-9])
def test_weights_that_float16_could_not_hold_come_through(size):
    model = jaxmlp.mlp((5, 4))
    (layer,) = drawn(model)
    params = (layer._replace(kernel=layer.kernel * np.float32(size)),)
    page, library = said(recipe_of(model, TASKS["identity"]), params, "float16", INPUTS)
    np.testing.assert_allclose(page, library, rtol=1e-5)
    exact = jaxmlp.predict(recipe_of(model, TASKS["identity"]), params, INPUTS)
    np.testing.assert_allclose(library, exact, atol=5e-3 * float(abs(exact).max()))


@needs_node
def test_bfloat16_rounds_what_it_multiplies_in_the_page_as_well():
    model = jaxmlp.with_precision(jaxmlp.mlp((5, 7, 4)), "bfloat16")
    recipe = recipe_of(model, TASKS["identity"])
    page, library = said(recipe, drawn(model), "float32")
    np.testing.assert_allclose(page, library, rtol=1e-5, atol=1e-5)
    exact = recipe._replace(model=jaxmlp.with_precision(model, "float32"))
    assert abs(np.asarray(jaxmlp.predict(exact, drawn(model), INPUTS)) - library).max() > 1e-3


@needs_node
def test_halves_are_rounded_to_even_in_bfloat16():
    model = jaxmlp.with_precision(jaxmlp.mlp((1, 3)), "bfloat16")
    kernel = np.float32([[1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20]])
    params = (jaxmlp.Dense(kernel, np.zeros(3, np.float32)),)
    recipe = jaxmlp.Recipe(model, jaxmlp.regression(3), optax.sgd, {"learning_rate": 0.1})
    page, library = said(recipe, params, "float32", np.ones((1, 1), np.float32))
    assert page.tolist() == library.tolist() == [[1.0, 1.015625, 1.0078125]]


def test_float16_has_eleven_digits_and_int8_seven_of_the_largest():
    kernel = np.float32([[1.0, 1000.0, 0.0], [1 / 3, -1.0, 0.0]])
    params = (jaxmlp.Dense(kernel, np.zeros(3, np.float32)),)
    (half,), (byte,) = (network.rounded(params, dtype) for dtype in ("float16", "int8"))
    np.testing.assert_array_equal(half.kernel[:, :2], [[1, 1000], [0.333251953125, -1]])
    np.testing.assert_allclose(byte.kernel, [[1, 1000, 0], [42 / 127, 0, 0]], rtol=1e-6)
    (same,) = network.rounded(params, "float32")
    assert same.kernel.tobytes() == kernel.tobytes()


def test_running_statistics_and_norms_stay_as_they_are_where_weights_are_rounded():
    model = jaxmlp.mlp((5, 7, 4), norm="batch")
    params = drawn(model)
    rounded = network.rounded(params, "int8")
    assert isinstance(rounded, Variables)
    assert rounded.running is params.running
    assert rounded.trained[0].scale is params.trained[0].scale


def test_what_rounding_changes_is_measured():
    recipe = recipe_of(jaxmlp.mlp((2, 2)))
    kernel = np.float32([[1, 1], [0.3, 0.302]])  # in int8, both are 38 of 127
    params = (jaxmlp.Dense(kernel, np.zeros(2, np.float32)),)
    examples = np.float32([[0, 100], [0, -100], [0, 0]])
    found = network.harm(recipe, params, examples, "int8")
    assert (found.num_changed, found.num_examples) == (1, 3)
    assert found.difference == pytest.approx(1 / (1 + np.exp(-0.2)) - 0.5, rel=1e-4)
    assert not network.harmless(found)
    assert network.harm(recipe, params, examples, "float32") == (0.0, 0, 3)


def test_values_differ_by_a_share_of_their_own_deviation():
    recipe = recipe_of(jaxmlp.mlp((1, 1)), jaxmlp.regression(1))
    params = (jaxmlp.Dense(np.float32([[1.0 + 2**-11]]), np.zeros(1, np.float32)),)
    found = network.harm(recipe, params, np.float32([[-1e6], [1e6]]), "float16")
    assert found == (pytest.approx(2**-11, rel=0.01), 0, 2)


def test_yes_and_no_are_answers_of_their_own():
    recipe = recipe_of(jaxmlp.mlp((1, 2)), jaxmlp.binary_classification(num_outputs=2))
    kernel, bias = np.float32([[1.0, 1.0005]]), np.float32([0.0, -1.0007])
    found = network.harm(recipe, (jaxmlp.Dense(kernel, bias),), np.float32([[1.0]]), "float16")
    assert found.num_changed == 1


@pytest.mark.parametrize(
    ("weight", "limit", "dtype"),
    [
        (1000.5, 10**6, "float16"),
        (1000.3, 10**6, "float32"),  # 1000.5 in float16
        (1000.3, 40, "float16"),
        (1000.3, 30, "int8"),
        (1000.5, 20, None),
    ],
)
def test_the_smallest_weights_that_do_no_harm_are_chosen(weight, limit, dtype):
    recipe = recipe_of(jaxmlp.mlp((2, 2)))
    params = (jaxmlp.Dense(np.float32([[weight, 0], [-1000, 0]]), np.zeros(2, np.float32)),)
    chosen, found = network.choose(recipe, params, np.ones((3, 2), np.float32), limit)
    assert (chosen, found.num_examples) == (dtype, 3 if dtype else 0)
    assert (found.difference > 0.005) == (limit in (40, 30))


def test_the_length_of_a_network_in_a_page_is_foretold():
    recipe = recipe_of(jaxmlp.mlp((100, 50, 4), norm="batch"))
    params = drawn(recipe.model)
    for dtype in network.DTYPES:
        length = len(json.dumps(network.encode(recipe, params, dtype)))
        assert network.num_bytes(params, dtype) == pytest.approx(length, rel=0.1)


def test_arrays_are_little_endian_and_in_rows():
    kernel = np.float32([[1.0, 2.0], [3.0, 4.0]])
    recipe = recipe_of(jaxmlp.mlp((2, 2)))
    made = network.encode(recipe, (jaxmlp.Dense(kernel, np.float32([5.0, 6.0])),), "float32")
    (layer,) = made["layers"]
    assert np.frombuffer(base64.b64decode(layer["kernel"]), "<f4").tolist() == [1, 2, 3, 4]
    assert np.frombuffer(base64.b64decode(layer["bias"]), "<f4").tolist() == [5, 6]
    assert made["sizes"] == [2, 2]


@pytest.mark.parametrize("dtype", ["float64", "int4"])
def test_other_weights_are_refused(dtype):
    recipe = recipe_of(jaxmlp.mlp((2, 2)))
    with pytest.raises(ValueError, match="one of float16, int8, float32, got"):
        network.encode(recipe, drawn(recipe.model), dtype)


def test_a_network_that_diverged_is_refused():
    recipe = recipe_of(jaxmlp.mlp((2, 2)))
    params = jax.tree.map(lambda leaf: leaf * np.float32(np.nan), drawn(recipe.model))
    with pytest.raises(ValueError, match="finite numbers, got NaN"):
        network.encode(recipe, params)


def test_the_way_back_of_a_ladder_takes_no_room_in_a_page():
    plain, ladder = (jaxmlp.mlp((30, 20, 3), ladder=rate) for rate in (None, 1.0))
    sizes = [network.num_bytes(m.init(jax.random.key(0)), "int8") for m in (plain, ladder)]
    assert sizes[0] == sizes[1]
