import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments.app import recipes
from jaxmlp import classification, optimizers, with_mixup, with_vat
from jaxmlp.objectives.tasks import metrics_of
from jaxmlp.training.recipe import build_optimizer, init_params, split

CONFIG = {
    "sizes": [6, 5, 3],
    "activation": "tanh",
    "kernel_init": "gaussian",
    "kernel_stddev": 0.5,
    "bias_init": "gaussian",
    "bias_stddev": 2.0,
    "optimizer": "adam",
    "learning_rate": 0.01,
    "l2": 0.0,
    "weight_decay": 0.0,
    "schedule": "constant",
    "batch_size": 4,
    "num_epochs": 2,
}


def updates(config, params, gradient):
    """The first update of a config's optimizer."""
    recipe = recipes.recipe(config)
    optimizer, _ = build_optimizer(*split(recipe), num_steps=1)
    return optimizer.update(gradient, optimizer.init(params), params)[0]


@pytest.fixture
def params():
    return recipes.recipe(CONFIG).model.init(jax.random.key(1))


def test_names_become_the_functions_they_name(params):
    recipe = recipes.recipe(CONFIG)
    inputs = jnp.arange(6.0) / 10
    hidden = jnp.tanh(inputs @ params[0].kernel + params[0].bias)
    expected = hidden @ params[1].kernel + params[1].bias
    np.testing.assert_allclose(recipe.model.apply(params, inputs), expected, rtol=1e-6)
    assert recipe.task.num_outputs == 3
    assert (recipe.batch_size, recipe.num_epochs) == (4, 2)


def test_gaussian_takes_its_standard_deviation():
    config = {**CONFIG, "sizes": [300, 300]}
    (layer,) = init_params(*split(recipes.recipe(config)), jax.random.key(0))
    assert layer.kernel.std() == pytest.approx(0.5, rel=0.02)
    assert layer.bias.std() == pytest.approx(2.0, rel=0.15)


def test_adamw_decays_kernels_as_optax_does(params):
    gradient = jax.tree.map(jnp.ones_like, params)
    ours = updates({**CONFIG, "optimizer": "adamw", "weight_decay": 0.1}, params, gradient)
    adamw = optax.adamw(0.01, weight_decay=0.1)
    theirs = adamw.update(gradient, adamw.init(params), params)[0]
    plain = updates(CONFIG, params, gradient)
    for mine, other, undecayed in zip(ours, theirs, plain, strict=True):
        np.testing.assert_allclose(mine.kernel, other.kernel, rtol=1e-5)
        np.testing.assert_allclose(mine.bias, undecayed.bias, rtol=1e-6)


def test_l2_is_the_penalty_on_the_loss(params):
    config = {**CONFIG, "optimizer": "sgd", "l2": 0.3}
    gradient = jax.tree.map(jnp.zeros_like, params)
    for update, layer in zip(updates(config, params, gradient), params, strict=True):
        np.testing.assert_allclose(update.kernel, -0.01 * 0.3 * layer.kernel, rtol=1e-5)
        assert not update.bias.any()


@pytest.mark.parametrize("name", sorted(recipes.LEARNING_RATES))
def test_every_optimizer_can_be_named(params, name):
    changed = updates({**CONFIG, "optimizer": name}, params, jax.tree.map(jnp.ones_like, params))
    assert all((leaf < 0).all() for leaf in jax.tree.leaves(changed))


@pytest.mark.parametrize("kernel_init", recipes.KERNEL_INITS)
def test_every_initializer_can_be_named(kernel_init):
    model = recipes.recipe({**CONFIG, "kernel_init": kernel_init}).model
    assert model.init(jax.random.key(0))[0].kernel.shape == (6, 5)


@pytest.mark.parametrize("setting", recipes.CHOICES)
@pytest.mark.parametrize("name", ["__doc__", "__all__", "jax", "with_decay", "functools", 1, None])
def test_no_other_name_is_looked_for_in_a_module(setting, name):
    with pytest.raises(ValueError, match=f"^{setting} needs to be one of .*, got {name!r}$"):
        recipes.recipe({**CONFIG, setting: name})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"dropout": 0.5}, {"dropout": 0.5}),
        ({"input_dropout": 0.25, "input_noise": 0.1}, {"input_dropout": 0.25, "input_noise": 0.1}),
        (
            {"noise": 0.2, "input_noise": 0.1, "ladder": 30.0},
            {"noise": 0.2, "input_noise": 0.1, "ladder": 30.0},
        ),
        ({"norm": "batch"}, {"norm": "batch"}),
        ({"norm": "none", "dropout": 0.0}, {}),
    ],
)
def test_what_differs_in_training_is_the_networks(settings, expected):
    plain = recipes.recipe(CONFIG).model.architecture
    changed = recipes.recipe({**CONFIG, **settings}).model.architecture
    names = ("dropout", "input_dropout", "input_noise", "norm", "noise", "ladder")
    assert {n: getattr(changed, n) for n in names} == dict.fromkeys(names) | expected
    assert (changed.sizes, changed.activation) == (plain.sizes, plain.activation)


def test_a_ladder_without_anything_to_find_again_is_refused():
    with pytest.raises(ValueError, match=r"^--ladder needs --input_noise or --input_dropout"):
        recipes.recipe({**CONFIG, "ladder": 1.0, "noise": 0.3})
    assert recipes.recipe({**CONFIG, "ladder": 1.0, "input_dropout": 0.3}).model.train


def test_the_precision_is_the_networks():
    plain = recipes.recipe(CONFIG).model
    assert recipes.recipe({**CONFIG, "precision": "float32"}).model is plain
    changed = recipes.recipe({**CONFIG, "precision": "bfloat16", "norm": "batch"}).model
    assert (changed.architecture.precision, changed.architecture.norm) == ("bfloat16", "batch")
    with pytest.raises(ValueError, match="^precision needs to be one of .*, got 'half'$"):
        recipes.recipe({**CONFIG, "precision": "half"})


def test_a_mesh_that_divides_layers_is_for_a_network_whose_layers_are():
    wide = {**CONFIG, "mesh": "data:1,model:2", "precision": "bfloat16"}
    model = recipes.recipe(wide).model
    assert model.architecture.sharded == (0,)
    assert model.architecture.precision == "bfloat16"
    assert recipes.recipe({**wide, "mesh": "data:2"}).model.architecture.sharded == ()


@pytest.mark.parametrize("name", ["l1", "clip_norm", "clip_value", "max_norm"])
def test_what_is_off_is_no_part_of_the_optimizer(params, name):
    gradient = jax.tree.map(lambda leaf: 5 * jnp.ones_like(leaf), params)
    sgd = {**CONFIG, "optimizer": "sgd"}
    off = recipes.recipe({**sgd, name: None})
    assert off.optimizer is recipes.recipe(sgd).optimizer
    ours = updates({**sgd, name: 0.125}, params, gradient)
    numbers = {"learning_rate": 0.01, name: 0.125}
    theirs = optimizers.regularized(optimizers.sgd)(**numbers)
    expected = theirs.update(gradient, theirs.init(params), params)[0]
    assert jax.tree.all(jax.tree.map(lambda a, b: jnp.allclose(a, b, rtol=1e-5), ours, expected))
    assert not jnp.allclose(ours[0].kernel, updates(sgd, params, gradient)[0].kernel, rtol=1e-3)


def test_an_average_is_what_a_network_is_evaluated_with():
    assert recipes.recipe(CONFIG).eval_params is None
    recipe = recipes.recipe({**CONFIG, "average": 0.9})
    assert recipe.eval_params is optimizers.averaged
    assert dict(recipe.hyperparameters)["average"] == 0.9


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.0, 0.01, 0.005]),  # the rise rounds to the second of the 20 steps
        ({"warmup": 0.5}, [0.0, 0.002, 0.009]),
        ({"warmup": 0.0}, [0.01, 0.009, 0.0045]),
        ({"warmup": 0.0, "decay": 0.5}, [0.01, 0.01, 0.009]),
        ({"warmup": 0, "decay": 0}, [0.01, 0.01, 0.01]),
    ],
)
def test_a_schedule_is_given_its_shares_of_the_run_as_numbers_that_may_be_traced(
    settings, expected
):
    recipe = recipes.recipe({**CONFIG, "schedule": "warmup_linear", **settings})
    other = recipes.recipe({**CONFIG, "schedule": "warmup_linear", **dict.fromkeys(settings, 0.3)})
    assert split(recipe)[0] == split(other)[0]  # so that a sweep compiles nothing anew
    rate = build_optimizer(*split(recipe), num_steps=20)[1]
    assert [float(rate(step)) for step in (0, 2, 11)] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("setting", "schedule", "known"),
    [
        ("warmup", "linear", "warmup_constant, warmup_cosine, warmup_linear"),
        ("decay", "warmup_cosine", "linear, warmup_linear"),
        ("warmup", "constant", "warmup_constant, warmup_cosine, warmup_linear"),
    ],
)
def test_what_a_schedule_does_not_take_is_refused(setting, schedule, known):
    config = {**CONFIG, "schedule": schedule}
    assert recipes.recipe({**config, setting: None}) == recipes.recipe(config)
    with pytest.raises(
        ValueError, match=f"^--{setting} needs --schedule to be one of {known}, got {schedule}$"
    ):
        recipes.recipe({**config, setting: 0.0})


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "nadam", "lion"])
def test_the_means_of_an_optimizer_are_numbers_that_may_be_traced(params, optimizer):
    config = {**CONFIG, "optimizer": optimizer, "b1": 0.5, "b2": 0.75, "weight_decay": 0.0}
    other = recipes.recipe({**config, "b1": 0.25, "b2": 0.5})
    assert split(recipes.recipe(config))[0] == split(other)[0]
    no_decay = {"weight_decay": 0.0} if optimizer in ("adamw", "lion") else {}
    theirs = getattr(optax, optimizer)(0.01, b1=0.5, b2=0.75, **no_decay)
    ours = build_optimizer(*split(recipes.recipe(config)), num_steps=9)[0]
    states = [each.init(params) for each in (ours, theirs)]
    for scale in (1.0, -2.0, 0.5):
        gradient = jax.tree.map(lambda leaf, scale=scale: scale * jnp.ones_like(leaf), params)
        found = [o.update(gradient, s, params) for o, s in zip((ours, theirs), states, strict=True)]
        states = [state for _, state in found]
        for mine, other in zip(*(jax.tree.leaves(update) for update, _ in found), strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-5)


def test_an_optimizer_without_such_means_is_given_none():
    message = "^--b1 needs --optimizer to be one of adam, adamw, lion, nadam, got sgd$"
    with pytest.raises(ValueError, match=message):
        recipes.recipe({**CONFIG, "optimizer": "sgd", "b1": 0.5})


def test_what_training_alone_sees_of_labels_is_the_tasks():
    task = recipes.recipe({**CONFIG, "label_smoothing": 0.1, "class_weights": [1.0, 2.0, 4.0]}).task
    assert task == classification(3, label_smoothing=0.1, class_weights=[1.0, 2.0, 4.0])
    plain = recipes.recipe({**CONFIG, "label_smoothing": 0.0, "class_weights": None}).task
    assert plain == recipes.recipe(CONFIG).task == classification(3)


def test_a_regression_is_judged_by_its_error_and_the_variance_it_explains():
    names = [metric.name for metric in metrics_of(recipes.task({**CONFIG, "task": "regression"}))]
    assert names == ["loss", "absolute_error", "r2"]


@pytest.mark.parametrize("task", recipes.TASKS)
def test_every_task_can_be_named(task):
    made = recipes.recipe({**CONFIG, "task": task}).task
    kind = {"multilabel": "binary"}.get(task, task)
    assert (made.kind, made.num_outputs) == (kind, 3)


def test_scalings_are_the_networks_and_training_measures_by_the_outputs(params):
    scalings = {
        "input_scaling": {"mean": [1.0] * 6, "scale": [2.0] * 6},
        "output_scaling": {"mean": [8.0, 0.0, -4.0], "scale": [4.0, 1.0, 2.0]},
    }
    inputs = jnp.arange(6.0)
    plain, scaled = (
        recipes.recipe({**CONFIG, "task": "regression", **more}) for more in ({}, scalings)
    )
    seen = plain.model.apply(params, (inputs - 1) / 2)
    expected = seen * jnp.array([4.0, 1.0, 2.0]) + jnp.array([8.0, 0.0, -4.0])
    outputs = scaled.model.apply(params, inputs)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)
    labels = jnp.array([4.0, 1.0, 0.0])
    away = (outputs - labels) / jnp.array([4.0, 1.0, 2.0])
    loss = float((away**2).sum())
    assert scaled.task.train_loss(outputs, labels) == pytest.approx(loss, rel=1e-6)
    assert recipes.recipe({**CONFIG, "task": "regression", **scalings}) == scaled


def test_mixtures_and_virtual_adversarial_training_are_the_tasks():
    task = recipes.recipe({**CONFIG, "mixup": 0.2, "vat": 1.5, "vat_epsilon": 0.5}).task
    assert task == with_vat(with_mixup(classification(3), 0.2), 1.5, 0.5)
    values = recipes.recipe(
        {**CONFIG, "task": "regression", "mixup": 0.2, "vat": 1.0, "vat_epsilon": 2.0}
    )
    assert dict(values.task.rates) == {"mixup": 0.2, "vat": 1.0, "vat_epsilon": 2.0}
