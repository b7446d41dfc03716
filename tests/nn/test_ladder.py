import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxmlp
from jaxmlp import Batch
from jaxmlp.interop.flax import flax_module
from jaxmlp.nn import noise
from jaxmlp.nn.lift import lift
from jaxmlp.nn.mlp import variant
from jaxmlp.training.passes import training_pass
from jaxmlp.training.recipe import init_params, split
from jaxmlp.training.step import objective
from jaxmlp.types import trained, with_trained

SIZES = 5, 7, 4, 3
passed = jax.jit(training_pass, static_argnums=0)
PLAIN = jaxmlp.mlp(SIZES, norm="batch")
LADDER = variant(PLAIN, ladder=2.0)
KEY = jax.random.key(1)
INPUTS = np.random.default_rng(0).normal(0.5, 1, (6, 5)).astype(np.float32)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.int32)
BATCH = Batch(INPUTS, LABELS)


@functools.cache
def shaken(norm="batch"):
    """The ladder's parameters, none of which is 0 or 1."""
    params = variant(LADDER, norm=norm).init(jax.random.key(0))
    leaves, tree = jax.tree.flatten(trained(params))
    keys = jax.random.split(jax.random.key(2), len(leaves))
    pairs = zip(leaves, keys, strict=True)
    moved = [leaf + 0.3 * jax.random.normal(key, leaf.shape) for leaf, key in pairs]
    return with_trained(params, jax.tree.unflatten(tree, moved))


def normal(values):
    return (values - values.mean(0)) / np.sqrt(values.var(0) + 1e-5)


def by_hand(params, inputs, noise=(0, 0, 0)):
    """The outputs and the mean square of what the way back misses, in float64."""
    layers = [{k: np.float64(v) for k, v in each._asdict().items()} for each in trained(params)]
    seen = [inputs + noise[0]]
    hidden = seen[0]
    for layer, own in zip(layers[:-1], noise[1:], strict=True):
        made = hidden @ layer["kernel"]
        if "scale" in layer:
            made = (normal(made) + own) * layer["scale"]
        else:
            made = made + own
        seen.append(made + layer["bias"])
        hidden = np.maximum(seen[-1], 0)
    outputs = hidden @ layers[-1]["kernel"] + layers[-1]["bias"]
    found = normal(outputs)
    for layer, values in zip(layers[::-1], seen[::-1], strict=True):
        u, a = normal(found @ layer["back"]), layer["merge"]
        mean = a[0] / (1 + np.exp(-a[1] * u - a[2])) + a[3] * u + a[4]
        slope = a[5] / (1 + np.exp(-a[6] * u - a[7])) + a[8] * u + a[9]
        found = (values - mean) * slope + mean
    return outputs, np.square(found - inputs).mean(1)


def drawn():
    """Each example's noise of the inputs and of the hidden layers, with a deviation of 1."""
    keys = [jax.random.fold_in(KEY, place) for place in range(len(INPUTS))]
    places = (0, 2**31, 2**31 + 1)
    return [
        np.stack([np.float64(noise.normal(jax.random.fold_in(key, at), size)) for key in keys])
        for at, size in zip(places, SIZES, strict=False)
    ]


@pytest.mark.parametrize("norm", ["batch", None])
@pytest.mark.parametrize("rates", [(0.0, 0.0), (0.3, 0.2)])
def test_the_way_back_is_that_of_the_source(norm, rates):
    model = variant(LADDER, norm=norm, input_noise=rates[0], noise=rates[1])
    params = shaken(norm)
    outputs, _, cost = passed(model, params, BATCH, KEY)
    scaled = [
        each * rate for each, rate in zip(drawn(), (rates[0], rates[1], rates[1]), strict=True)
    ]
    expected, missed = by_hand(params, np.float64(INPUTS), scaled)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(cost, 2 * missed, rtol=1e-4)
    assert model.least_batch == 2


def test_inputs_are_found_as_they_are_standardized():
    mean, scale = np.full(5, 0.5), np.full(5, 4.0)
    scaled = jaxmlp.standardized(LADDER, jaxmlp.Scaling(tuple(mean), tuple(scale)))
    cost = passed(scaled, shaken(), BATCH, KEY).cost
    _, missed = by_hand(shaken(), (np.float64(INPUTS) - mean) / scale)
    np.testing.assert_allclose(cost, 2 * missed, rtol=1e-4)


def test_what_is_to_be_found_has_no_noise():
    """Where the way back is shut, all of the inputs is missed, whatever noise they had."""
    shut = shaken()
    first = shut.trained[0]._replace(merge=jnp.zeros((10, 5)))
    shut = shut._replace(trained=(first, *shut.trained[1:]))
    noisy = variant(LADDER, input_noise=3.0, noise=1.0)
    cost = passed(noisy, shut, BATCH, KEY).cost
    np.testing.assert_allclose(cost, 2 * np.square(INPUTS).mean(1), rtol=1e-5)


def test_the_network_is_the_plain_one_and_so_are_its_statistics_under_noise():
    ladder, plain = LADDER.init(KEY), PLAIN.init(KEY)
    for ours, theirs in zip(ladder.trained, plain.trained, strict=True):
        for name, array in theirs._asdict().items():
            np.testing.assert_array_equal(getattr(ours, name), array)
    _, expected, _ = passed(PLAIN, plain, BATCH, KEY)
    rates = {"input_noise": 3.0, "noise": 1.0, "dropout": 0.5, "input_dropout": 0.5}
    for noisy, params in ((variant(PLAIN, **rates), plain), (variant(LADDER, **rates), ladder)):
        _, after, _ = passed(noisy, params, BATCH, KEY)
        jax.tree.map(
            lambda ours, theirs: np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6),
            after.running,
            expected.running,
        )
    outputs = [m.apply(p, INPUTS[0]) for m, p in ((noisy, after), (PLAIN, expected))]
    np.testing.assert_allclose(*outputs, rtol=1e-4, atol=1e-5)


def test_rows_that_only_fill_a_batch_change_nothing():
    filled = Batch(np.concatenate([INPUTS, np.full((2, 5), 9, np.float32)]), None, np.arange(8) < 6)
    alone, both = (passed(LADDER, shaken(), batch, KEY) for batch in (BATCH, filled))
    np.testing.assert_allclose(both.cost[:6], alone.cost, rtol=1e-5)
    for ours, theirs in zip(*map(jax.tree.leaves, (both.params, alone.params)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def identity(values):
    return values


@pytest.mark.parametrize(
    ("sizes", "norm", "scale", "deviation"),
    [
        ((4, 400, 400), None, 1.0, 0.5),
        ((4, 400, 400), "layer", 3.0, 1.5),  # in the unit of what is normalised
        ((4, 400, 400, 400), None, 1.0, 0.5 * 2**0.5),  # each layer has its own
    ],
)
def test_noise_is_of_the_deviation_that_is_asked_for(sizes, norm, scale, deviation):
    model = jaxmlp.mlp(sizes, identity, norm=norm, noise=0.5)
    first, *rest = model.init(KEY)
    first = first._replace(kernel=0 * first.kernel)
    first = first._replace(scale=scale + first.bias) if norm else first
    params = (first, *(layer._replace(kernel=jnp.eye(400)) for layer in rest))
    outputs, _, _ = passed(model, params, Batch(np.ones((5, 4), np.float32), None), KEY)
    assert np.std(outputs) == pytest.approx(deviation, rel=0.05)
    assert abs(np.corrcoef(outputs)[0, 1]) < 0.2  # each example has its own


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_step_goes_down_on_loss_and_cost_and_reports_the_loss(smoothing):
    task = jaxmlp.classification(3, label_smoothing=smoothing)
    recipe = jaxmlp.Recipe(LADDER, task, optax.sgd, {"learning_rate": 0.1}, 3, 1)
    data = jaxmlp.Dataset(INPUTS[:3], LABELS[:3])
    run = jaxmlp.train(recipe, data, seed=0)
    start = jaxmlp.init_state(LADDER.init(jaxmlp.randomness.keys(0).init), optax.sgd(0.1)).params
    order = np.argsort(LABELS[:3])  # a batch is the whole set, whose order is nothing to it
    batch = Batch(INPUTS[:3][order], LABELS[:3][order])

    def value(trained):
        outputs, _, cost = passed(LADDER, start._replace(trained=trained), batch, KEY)
        smooth = jax.nn.one_hot(batch.labels, 3) * (1 - smoothing) + smoothing / 3
        return (-(smooth * jax.nn.log_softmax(outputs)).sum(1) + cost).mean()

    slope = jax.jit(jax.grad(value))(start.trained)
    expected = jax.tree.map(lambda weight, by: weight - 0.1 * by, start.trained, slope)
    jax.tree.map(
        lambda ours, theirs: np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5),
        run.state.params.trained,
        expected,
    )
    outputs = passed(LADDER, start, batch, KEY).outputs
    loss = -jax.nn.log_softmax(outputs)[np.arange(3), batch.labels].mean()
    assert run.history["train_loss"][0] == pytest.approx(float(loss), rel=1e-5)


def test_beside_a_penalty_both_count():
    task = jaxmlp.with_vat(jaxmlp.classification(3), weight=3.0)
    goal = jaxmlp.training.goals.goal_of(task)
    given = (task.loss,), shaken(), BATCH, KEY, jnp.int32(0), goal
    values = (jax.jit(objective(m, *given))(shaken().trained)[0] for m in (LADDER, PLAIN_LIKE))
    both, alone = values
    step_key = jax.random.fold_in(KEY, 0)
    cost = passed(LADDER, shaken(), BATCH, step_key).cost
    assert both - alone == pytest.approx(float(cost.mean()), rel=1e-4)


PLAIN_LIKE = variant(LADDER, ladder=0.0)


def test_a_ladder_of_two_weights_is_compiled_once_and_trains_as_each_alone():
    recipe = jaxmlp.Recipe(
        LADDER, jaxmlp.classification(3), optax.sgd, {"learning_rate": 0.1}, 3, 1
    )
    data = jaxmlp.Dataset(INPUTS, LABELS)
    runs = jaxmlp.train_many(recipe, data, seeds=[4], sweep={"ladder": [0.5, 2.0]})
    for setting, weight in enumerate((0.5, 2.0)):
        model = variant(LADDER, ladder=weight)
        alone = jaxmlp.train(recipe._replace(model=model), data, seed=4)
        member = runs.params.trained[0].back[setting, 0]
        np.testing.assert_array_equal(member, alone.params.trained[0].back)
    assert len(runs.states) == 1  # one program
    assert len({np.asarray(x).tobytes() for x in runs.params.trained[0].back}) == 2


def test_what_a_ladder_cannot_be_is_refused():
    for value in (-1.0, float("nan"), float("inf"), "much", True):
        with pytest.raises(ValueError, match="^ladder needs a number of at least 0"):
            jaxmlp.mlp(SIZES, ladder=value)
    with pytest.raises(ValueError, match="^noise needs a hidden layer: input_noise is that of"):
        jaxmlp.mlp((5, 3), noise=0.1)
    with pytest.raises(ValueError, match="^ladder needs whole layers on each device, got 5-7-4-3"):
        jaxmlp.with_sharded(LADDER)
    with pytest.raises(ValueError, match="^flax_module needs no ladder in training, got 5-7-4-3"):
        flax_module(LADDER, training=True)


def test_a_ladder_is_saved_and_read_as_it_is(tmp_path):
    model = variant(LADDER, noise=0.25)
    jaxmlp.save(tmp_path / "ladder.npz", model, shaken())
    found = jaxmlp.load(tmp_path / "ladder.npz")
    assert found.model == model
    assert jaxmlp.digest(found.params) == jaxmlp.digest(shaken())
    assert jax.tree.structure(found.params) == jax.tree.structure(shaken())


def test_without_its_way_back_it_is_the_plain_network():
    noisy = variant(LADDER, noise=0.5)
    model, params = jaxmlp.without_ladder(noisy, shaken())
    assert model == variant(PLAIN, noise=0.5)
    assert jax.tree.structure(params) == jax.tree.structure(PLAIN.init(KEY))
    for one in INPUTS:
        assert model.apply(params, one).tolist() == noisy.apply(shaken(), one).tolist()
    assert jaxmlp.without_ladder(PLAIN, params) == (PLAIN, params)


def test_other_libraries_have_the_network_alone(tmp_path):
    jaxmlp.save_safetensors(tmp_path / "a.safetensors", LADDER, shaken())
    found = jaxmlp.load_safetensors(tmp_path / "a.safetensors")
    model, params = jaxmlp.without_ladder(LADDER, shaken())
    assert found.model == model
    assert jaxmlp.digest(found.params) == jaxmlp.digest(params)
    for model_given, given in ((None, shaken()), (LADDER, ())):
        with pytest.raises(ValueError, match="^(model needs to be a Model|params need)"):
            jaxmlp.save_safetensors(tmp_path / "b.safetensors", model_given, given)
    tensors = jaxmlp.to_torch(LADDER, shaken())
    assert tensors.keys() == jaxmlp.to_torch(model, params).keys()
    with pytest.raises(
        ValueError, match="^weights need a network without a ladder, whose way back"
    ):
        jaxmlp.from_torch(tensors, LADDER)


def test_flax_has_the_network_alone_with_every_bias():
    tree = jaxmlp.to_flax(LADDER, shaken())
    expected = jaxmlp.to_flax(*jaxmlp.without_ladder(LADDER, shaken()))
    assert jax.tree.structure(tree) == jax.tree.structure(expected)
    jax.tree.map(np.testing.assert_array_equal, tree, expected)


def test_all_products_are_in_the_precision_that_is_asked_for():
    model = jaxmlp.with_precision(LADDER, "bfloat16")
    given = shaken(), BATCH, KEY
    text = str(jax.make_jaxpr(functools.partial(training_pass, model))(*given))
    assert text.count("bfloat16_product") == 3 + 3 + 3  # noisy, back, and without noise
    assert "dot_general" not in text


def test_what_is_for_kernels_leaves_its_factors_alone():
    task = jaxmlp.classification(3)
    settings = {"learning_rate": 1.0, "weight_decay": 0.5, "init_scale": 0.5}
    optimizer = jaxmlp.optimizers.regularized(optax.sgd)
    recipe = jaxmlp.Recipe(LADDER, task, optimizer, settings, 3, 1)
    params = init_params(*split(recipe), KEY)
    plain = LADDER.init(KEY)
    for ours, theirs in zip(params.trained, plain.trained, strict=True):
        np.testing.assert_array_equal(ours.back, theirs.back / 2)
        np.testing.assert_array_equal(ours.merge, theirs.merge)
    made = optimizer(learning_rate=1.0, weight_decay=0.5)
    zeros = jax.tree.map(jnp.zeros_like, plain.trained)
    updates, _ = made.update(zeros, made.init(plain.trained), plain.trained)
    assert not any(np.any(each.merge) for each in updates)
    assert all(np.any(each.back) for each in updates)


def test_a_network_of_ones_own_has_its_cost_when_it_is_standardized():
    def one(params, inputs, key, weight):
        return inputs @ params, (), inputs.sum()

    own = jaxmlp.Model(lambda key: jnp.ones((2, 1)), lambda p, x: x @ p, lift(one))
    scaled = jaxmlp.standardized(own, jaxmlp.Scaling((1.0, 1.0), (2.0, 2.0)))
    cost = passed(scaled, jnp.ones((2, 1)), Batch(jnp.full((3, 2), 5.0), None), KEY).cost
    assert cost.tolist() == [4.0] * 3
