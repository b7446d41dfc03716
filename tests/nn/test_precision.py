"""Networks in another arithmetic: what of them is rounded, and that all else is as it was."""

import os
import tempfile

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import optax
import pytest
from flax import linen

import jaxmlp
from jaxmlp import Model, Recipe, Scaling, from_flax, mlp, standardized, with_precision
from jaxmlp.nn import precision
from jaxmlp.nn.mlp import architecture_of, variant
from jaxmlp.nn.precision import has_precision, precision_of, refuse_precision
from jaxmlp.training.identity import recipe_record

PLAIN = mlp((64, 70, 10))  # one layer that is multiplied from the right, and one from the left
ROUNDED = with_precision(PLAIN, "bfloat16")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 64)).astype(np.float32)
LAYER = linen.Dense(3)
FLAX = from_flax(LAYER, np.zeros(4, np.float32))


def rounded(values):
    return np.asarray(values).astype(ml_dtypes.bfloat16).astype(np.float32)


def recipe_of(model, num_epochs=4):
    adam = {"learning_rate": 3e-3}
    return Recipe(model, jaxmlp.classification(10), optax.adam, adam, 64, num_epochs)


def all_bits(run):
    return jaxmlp.digest((run.params, run.state, dict(run.history)))


@pytest.fixture(scope="module")
def runs(digits):
    return {model: jaxmlp.train(recipe_of(model), digits, seed=3) for model in (PLAIN, ROUNDED)}


def test_a_network_of_bfloat16_is_the_equation_with_rounded_operands():
    params = ROUNDED.init(jax.random.key(0))
    assert jaxmlp.digest(params) == jaxmlp.digest(PLAIN.init(jax.random.key(0)))
    (one, bias), (two, last) = jax.tree.map(lambda leaf: np.asarray(leaf) + 0.01, params)
    params = jax.tree.map(lambda leaf: leaf + 0.01, params)
    hidden = np.maximum(rounded(X) @ rounded(one) + bias, 0)
    outputs = jax.vmap(ROUNDED.apply, (None, 0))(params, X)
    np.testing.assert_allclose(outputs, rounded(hidden) @ rounded(two) + last, atol=3e-4)

    def loss(params):
        return jnp.vdot(jax.vmap(ROUNDED.apply, (None, 0))(params, X), slopes)

    slopes = RNG.normal(size=(12, 10)).astype(np.float32)
    found = jax.grad(loss)(params)
    back = (rounded(slopes) @ rounded(two).T) * (hidden > 0)
    expected = (
        (rounded(X).T @ rounded(back), back.sum(axis=0)),
        (rounded(hidden).T @ rounded(slopes), slopes.sum(axis=0)),
    )
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=1e-2, atol=1e-2)  # a sum may round otherwise
        assert np.abs(ours - theirs).mean() < 1e-4


@pytest.mark.parametrize("given", [{"norm": "batch"}, {"norm": "layer", "dropout": 0.5}])
def test_training_passes_are_rounded_as_evaluation_is(given):
    model = mlp((64, 70, 10), **given)
    context = jaxmlp.Context(jax.random.key(1), jnp.ones(12, bool))

    def dots(model, function, *arguments):
        text = str(jax.make_jaxpr(function)(model.init(jax.random.key(0)), *arguments))
        return text.count("bfloat16_product["), text.count("dot_general[")

    other = with_precision(model, "bfloat16")
    assert dots(model, model.train, X, context) == dots(model, model.apply, X[0]) == (0, 2)
    assert dots(other, other.train, X, context) == dots(other, other.apply, X[0]) == (2, 0)


def test_digits_are_learnt_as_well(runs):
    plain, other = (run.history["test_accuracy"][-1] for run in runs.values())
    assert plain > 0.9
    assert abs(plain - other) < 0.03
    assert all_bits(runs[PLAIN]) != all_bits(runs[ROUNDED])


def test_all_that_is_kept_is_float32(runs):
    run = runs[ROUNDED]
    kinds = {leaf.dtype for leaf in jax.tree.leaves((run.params, run.state.opt_state))}
    assert kinds == {np.dtype(np.float32), np.dtype(np.int32)}  # and Adam's count
    assert {values.dtype for values in run.history.values()} == {np.dtype(np.float32)}
    kernel = np.asarray(run.params[0].kernel)
    assert (kernel != rounded(kernel)).mean() > 0.9


def test_a_member_of_bfloat16_has_the_bits_of_its_solo_run(digits, runs):
    sweep = {"precision": ["bfloat16", "float32"]}
    many = jaxmlp.train_many(recipe_of(PLAIN), digits, seeds=[5, 3], sweep=sweep, mode="exact")
    for model in runs:
        member = many.member(precision=precision_of(model), seed=3)
        assert jaxmlp.digest(member.params) == jaxmlp.digest(runs[model].params)
        assert member.history["test_loss"].tolist() == runs[model].history["test_loss"].tolist()


def test_a_training_in_bfloat16_goes_on_to_the_same_bits(digits, runs):
    kept = []
    jaxmlp.train(
        recipe_of(ROUNDED), digits, seed=3, block_every=7, on_block=lambda at: kept.append(at)
    )
    again = jaxmlp.train(recipe_of(ROUNDED), digits, seed=3, start=kept[5])
    assert all_bits(again) == all_bits(runs[ROUNDED])


def test_a_saved_network_is_of_its_precision(runs, digits):
    path = os.path.join(tempfile.mkdtemp(), "network.npz")
    jaxmlp.save(path, ROUNDED, runs[ROUNDED].params, jaxmlp.classification(10))
    network = jaxmlp.load(path)
    assert network.model is ROUNDED
    found = jaxmlp.predict(recipe_of(ROUNDED), runs[ROUNDED].params, digits.test_inputs)
    assert network.predict(digits.test_inputs).tolist() == found.tolist()


def test_it_is_a_part_of_the_description_and_none_of_a_plain_one():
    assert with_precision(ROUNDED, "float32") is PLAIN is with_precision(PLAIN, "float32")
    assert with_precision(PLAIN, "bfloat16") is ROUNDED is variant(PLAIN, precision="bfloat16")
    assert variant(ROUNDED, hidden_sizes=(4,)).architecture.precision == "bfloat16"
    with pytest.raises(ValueError, match="^precision needs to be one of .*, got 'half'$"):
        variant(PLAIN, precision="half")
    assert PLAIN.apply.keywords.keys() == {"sizes", "activation"}
    assert ROUNDED.init is PLAIN.init
    assert str(ROUNDED.architecture) == "64-70-10, relu, precision=bfloat16"
    assert architecture_of(ROUNDED).precision == "bfloat16"
    scaled = standardized(ROUNDED, Scaling((0.0,) * 64, (1.0,) * 64))
    assert precision_of(scaled) == "bfloat16"
    assert jaxmlp.summary(ROUNDED).total.flops == jaxmlp.summary(PLAIN).total.flops == 10360


def test_the_flops_of_another_network_of_its_products_are_counted():
    own = Model(ROUNDED.init, lambda params, x: ROUNDED.apply(params, x))
    assert jaxmlp.summary(own, X[0]).total.flops == 10360


HIGHEST = (jax.lax.Precision.HIGHEST,) * 2
TF32 = jax.lax.DotAlgorithmPreset.TF32_TF32_F32


def precisions(function, *arguments):
    def walk(jaxpr):
        for equation in jaxpr.eqns:
            if equation.primitive.name == "dot_general":
                yield equation.params["precision"]
            for value in equation.params.values():
                yield from walk(value.jaxpr) if hasattr(value, "jaxpr") else ()

    return list(walk(jax.make_jaxpr(function)(*arguments)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("float32", HIGHEST), ("tf32", TF32)],
)
def test_anothers_network_takes_what_jax_can_be_asked_for(name, expected):
    model = with_precision(FLAX, name)
    params = model.init(jax.random.key(0))
    assert precisions(FLAX.apply, params, jnp.ones(4)) == [None]
    for found in (
        precisions(model.apply, params, jnp.ones(4)),
        precisions(jax.grad(lambda *given: model.apply(*given).sum(), (0, 1)), params, jnp.ones(4)),
    ):
        assert set(found) == {expected}
    assert precision_of(model) == name
    assert model.architecture is None  # it is no more what its description says
    assert precision_of(FLAX) == "float32"
    assert with_precision(model, name).apply is model.apply
    back = with_precision(with_precision(model, "tf32"), "float32")
    assert precisions(back.apply, params, jnp.ones(4)) == [HIGHEST]


def test_a_pass_of_ones_own_is_wrapped_too():
    plain = mlp((4, 3))
    own = Model(plain.init, plain.apply, lambda params, xs, context: (xs @ params[0].kernel, ()))
    model = with_precision(own, "tf32")
    context = jaxmlp.Context(jax.random.key(0), jnp.ones(2, bool))
    params = plain.init(jax.random.key(0))
    assert precisions(model.train, params, jnp.ones((2, 4)), context) == [TF32]
    assert with_precision(FLAX, "tf32").train is None


@pytest.mark.parametrize(
    ("model", "name", "message"),
    [
        (PLAIN, "float16", "precision needs to be one of float32, bfloat16, tf32, got 'float16'"),
        (PLAIN, None, "precision needs to be one of float32, bfloat16, tf32, got None"),
        (FLAX, "bfloat16", "bfloat16 needs a model made by mlp, whose .* dtype=jax.numpy.bfloat16"),
        (LAYER, "float32", "with_precision needs a Model, such as mlp makes, got .*"),
    ],
)
def test_what_there_is_not_is_refused_in_one_line(model, name, message):
    with pytest.raises(ValueError, match=f"^{message}$") as refused:
        with_precision(model, name)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("make", [lambda: mlp((4, 8, 3)), lambda: FLAX])
def test_trainings_in_folders_are_told_apart_by_it(make):
    task, adam = jaxmlp.classification(3), {"learning_rate": 0.1}
    plain, other = (
        recipe_record(Recipe(model, task, optax.adam, adam))
        for model in (make(), with_precision(make(), "tf32"))
    )
    assert plain != other


def test_a_number_that_is_none_is_found_in_its_layer(blobs):
    large = blobs._replace(train_inputs=1e38 * blobs.train_inputs)
    model = with_precision(mlp((4, 8, 3)), "bfloat16")
    recipe = recipe_of(model)._replace(task=jaxmlp.classification(3), batch_size=16)
    with pytest.raises(jaxmlp.TrainingFault) as stopped:
        jaxmlp.train(recipe, large, seed=0)
    fault = stopped.value.fault
    assert (fault.step, fault.kind, fault.layer) == (0, "forward pass", "layer_0")


REFUSED = "^precision=tf32 needs an NVIDIA GPU, got a CPU: float32 is more precise"


@pytest.mark.parametrize("model", [mlp((4, 3)), FLAX])
def test_tf32_is_refused_on_a_cpu_before_anything_is_done(model, blobs):
    recipe = Recipe(
        with_precision(model, "tf32"), jaxmlp.classification(3), optax.sgd, {"learning_rate": 0.1}
    )
    params = model.init(jax.random.key(0))
    for call in (
        lambda: jaxmlp.train(recipe._replace(batch_size=16), blobs, seed=0),
        lambda: jaxmlp.train_many(recipe._replace(batch_size=16), blobs, seeds=[0]),
        lambda: jaxmlp.predict(recipe, params, blobs.test_inputs),
        lambda: jaxmlp.evaluate(recipe, params, blobs.test_inputs, blobs.test_labels),
    ):
        with pytest.raises(ValueError, match=REFUSED):
            call()


def test_which_devices_have_what():
    assert precision.NAMES.keys() == {"float32", "tf32"}
    for name in ("float32", "bfloat16"):
        assert all(has_precision(name, platform) for platform in ("cpu", "gpu", "tpu"))
    assert [has_precision("tf32", platform) for platform in ("cpu", "gpu", "tpu")] == [0, 1, 0]
    refuse_precision(with_precision(PLAIN, "tf32"), "gpu")
