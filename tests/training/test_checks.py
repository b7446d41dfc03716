import contextlib
import functools
import re
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas
import pytest
from flax import linen
from scipy import sparse

from jaxmlp import (
    Dataset,
    Recipe,
    classification,
    from_flax,
    losses,
    mlp,
    regression,
    schedules,
)
from jaxmlp.objectives.metrics import accuracy
from jaxmlp.training import checks
from jaxmlp.training.checks import check, check_examples, check_inputs

TASK = classification(3)
RECIPE = Recipe(mlp((4, 3)), classification(3), optax.adam, {"learning_rate": 0.1}, 16, 2)
INPUTS = np.zeros((20, 4), np.float32)
LABELS = np.arange(20) % 3
DATA = Dataset(INPUTS, LABELS, INPUTS[:7], LABELS[:7])


def test_a_recipe_and_data_that_fit_pass():
    check(RECIPE, DATA)
    check(RECIPE._replace(batch_size=20), DATA._replace(test_inputs=None, test_labels=None))
    check(RECIPE, DATA._replace(train_inputs=INPUTS.astype(np.uint8)))
    check(RECIPE, DATA._replace(train_labels=np.eye(3)[LABELS]))


BAD_RECIPES = [
    ({"num_epochs": 0}, "num_epochs needs .* at least 1, got 0"),
    ({"num_epochs": 1.5}, "num_epochs needs to be a whole number .*, got 1.5"),
    ({"batch_size": 0}, "batch_size needs .* at least 1, got 0"),
    ({"batch_size": -3}, "batch_size needs .*, got -3"),
    ({"batch_size": 21}, "batch_size needs to be at most the 20 training examples, got 21"),
    ({"model": mlp((5, 3))}, r"inputs needs the shape \(5,\), got \(4,\)"),
    ({"model": mlp((4, 2))}, r"the task needs 3 outputs, the model returns \(2,\)"),
    ({"task": regression()}, "the task needs 1 outputs, .*"),
    (
        {"schedule": schedules.cosine, "hyperparameters": {"rate": 0.1}},
        r"a schedule needs the hyperparameter learning_rate, got \['rate'\]",
    ),
    (
        {"hyperparameters": {"rate": 0.1}},
        "hyperparameters need to be the optimizer's, got .*'rate'",
    ),
]

GIVEN = {"learning_rate": 0.1}
BAD_RECIPES += [
    ({"optimizer": optax.adam(0.1)}, r"optimizer needs .*such as optax.adam.*, hyperparameters=.*"),
    ({"optimizer": "adam"}, r"optimizer needs to be a function such as optax.adam, .*, got 'adam'"),
    ({"optimizer": None}, "optimizer needs to be a function .*, got None"),
    ({"schedule": 0.1}, r"schedule needs to be a function such as schedules.cosine, .*, got 0.1"),
    ({"schedule": "cosine"}, "schedule needs to be a function .*, got 'cosine'"),
    (
        {"model": linen.Dense(3)},
        "model needs to be a Model, .* or from_flax.*, got a Dense",
    ),
    ({"model": "mlp"}, "model needs to be a Model, .*, got 'mlp'"),
    (
        {"task": classification},
        "task needs to be a Task, such as .*, got the function .*",
    ),
    ({"task": classification(3, "mse")}, "loss needs to be a function .*, got 'mse'"),
    ({"task": TASK._replace(metrics=(accuracy,) * 2)}, "metrics need names of their own, .*"),
    ({"task": TASK._replace(metrics=[accuracy])}, "metrics need to be a tuple, got a list"),
    ({"task": TASK._replace(loss=lambda o, _: o)}, r".*loss needs to return one number .* \(3,\)"),
    ({"hyperparameters": [0.1]}, r"hyperparameters need to be by name, .*, got a list"),
    ({"hyperparameters": None}, "hyperparameters need to be by name, .*, got None"),
    ({"hyperparameters": {"learning_rate": "0.1"}}, "learning_rate needs to be .*, got '0.1'"),
    ({"hyperparameters": {"learning_rate": float("nan")}}, "learning_rate needs .*, got nan"),
    ({"hyperparameters": {"learning_rate": float("inf")}}, "learning_rate needs .*, got inf"),
    ({"hyperparameters": {"learning_rate": None}}, "learning_rate needs .*, got None"),
    ({"hyperparameters": {"learning_rate": np.ones(2)}}, r"learning_rate .*, got an array \(2,\)"),
    ({"hyperparameters": {**GIVEN, "b1": [0.9]}}, "a recipe needs pieces that .*, got .*'list'"),
    ({"hyperparameters": {**GIVEN, "b1": len}}, "adam cannot take a step of this model: .*"),
    ({"batch_size": True}, "batch_size needs to be a whole number .*, got True"),
]

BAD_DATA = [
    ({"train_inputs": INPUTS[:0], "train_labels": LABELS[:0]}, "at least 1, got 0 inputs .*"),
    ({"train_labels": None}, "training needs train_inputs and train_labels, got none"),
    ({"train_inputs": None}, "training needs train_inputs and train_labels, got none"),
    ({"train_labels": 3.0}, r"labels need to be \(num_examples, ...\), got float64 \(\)"),
    ({"train_inputs": 0.5}, r"inputs need to be \(num_examples, ...\), got float64 \(\)"),
    ({"train_labels": LABELS[:19]}, "same length, .*, got 20 inputs and 19 labels"),
    ({"train_labels": LABELS + 1}, "labels need to be from 0 to 2, got 3 at 2"),
    ({"train_inputs": INPUTS[:, :2]}, r"inputs needs the shape \(4,\), got \(2,\)"),
    ({"train_inputs": INPUTS[:, :, None]}, r"inputs needs the shape \(4,\), got \(4, 1\)"),
    ({"test_labels": None}, "a test set needs inputs and labels, got one without the other"),
    ({"test_inputs": None}, "a test set needs inputs and labels, got one without the other"),
    ({"test_labels": LABELS[:6]}, "same length, .*, got 7 inputs and 6 labels"),
    ({"test_labels": LABELS[:7] - 1}, "labels need to be from 0 to 2, got -1 at 0"),
    ({"test_inputs": INPUTS[:7, :3]}, r"inputs needs the shape \(4,\), got \(3,\)"),
]


def assert_refused(message, recipe, data):
    with pytest.raises(ValueError, match=message) as refusal:
        check(recipe, data)
    assert re.fullmatch(f".*{message}", str(refusal.value))  # all of it, in one line


@pytest.mark.parametrize(("change", "message"), BAD_RECIPES)
def test_a_bad_recipe_is_refused_in_one_line(change, message):
    assert_refused(message, RECIPE._replace(**change), DATA)


@pytest.mark.parametrize(("change", "message"), BAD_DATA)
def test_bad_data_are_refused_in_one_line(change, message):
    assert_refused(message, RECIPE, DATA._replace(**change))


def test_checking_computes_nothing():
    def refuse(*_):
        raise AssertionError("computed")

    model = RECIPE.model
    concrete_only = model._replace(
        init=lambda key: model.init(key) if isinstance(key, jax.core.Tracer) else refuse()
    )
    check_examples(RECIPE._replace(model=concrete_only), INPUTS, LABELS)


def test_examples_come_as_training_takes_them():
    data = Dataset(pandas.DataFrame(INPUTS.astype(np.float64)), pandas.Series(LABELS.astype(float)))
    _, made = check(RECIPE, data)
    assert (made.train_inputs.dtype, made.train_labels.dtype) == (np.float32, np.int32)
    assert (made.train_inputs == INPUTS).all()
    assert (made.train_labels == LABELS).all()
    assert check(RECIPE, DATA)[1].train_inputs is INPUTS


def test_a_network_that_takes_whole_numbers_gets_them():
    model = from_flax(linen.Sequential([linen.Embed(9, 5), lambda x: x.sum(1)]), np.zeros(4, int))
    recipe = RECIPE._replace(model=model, task=classification(5))
    tokens = np.arange(20).reshape(5, 4) % 9
    assert check_inputs(recipe, tokens) is tokens
    with pytest.raises(ValueError, match="^inputs need to be uint8 if they are pixels, .*"):
        check_inputs(RECIPE, tokens)


def test_a_single_example_is_told_from_a_batch():
    with pytest.raises(ValueError, match=r"^inputs need to be .*, got one example \(4,\): "):
        check_inputs(RECIPE, INPUTS[0])
    assert check_inputs(RECIPE, INPUTS[:1]).shape == (1, 4)


@pytest.mark.parametrize("data", [(INPUTS, LABELS), None, (row for row in INPUTS)])
def test_what_is_no_data_set_is_refused(data):
    with pytest.raises(ValueError, match=r"^data needs to be a Dataset\(.*\), got [\w ]+$"):
        check(RECIPE, data)


TRACED = "^training needs arrays, got traced values: .* outside of jit, vmap and grad; .*"


def test_checking_under_a_transformation_is_refused():
    def run(rate, inputs=INPUTS, seed=0):
        check(
            RECIPE._replace(hyperparameters={"learning_rate": rate}), Dataset(inputs, LABELS), seed
        )
        return rate

    for transformed in (
        lambda: jax.jit(run)(0.1),
        lambda: jax.grad(run)(0.1),
        lambda: jax.jit(lambda: run(0.1))(),
        lambda: jax.vmap(run)(jnp.ones(2)),
        lambda: jax.vmap(lambda seed: run(0.1, seed=seed))(jnp.arange(2)),
        lambda: jax.vmap(lambda inputs: run(0.1, inputs))(INPUTS[None]),
    ):
        with pytest.raises(ValueError, match=TRACED):
            transformed()
    with jax.disable_jit(), pytest.raises(ValueError, match="^training needs compiled loops, .*$"):
        run(0.1)


def test_labels_that_the_loss_cannot_take_are_refused():
    recipe = RECIPE._replace(task=classification(3, losses.hinge))
    message = r"^train set: loss cannot take labels float32 \(3,\): label needs to be a class, .*"
    with pytest.raises(ValueError, match=message):
        check(recipe, DATA._replace(train_labels=np.eye(3)[LABELS]))


def odd_values():
    """What may come by mistake, anew: some can be looked at once."""
    numbers = [None, 0, -1, 1.5, True, float("nan"), 2**70, -(2**70), 10**400, 1e300]
    texts = ["", "x", b"x", ValueError("one line\nand another")]
    holders = [(), [], {}, set(), range(20), iter([1]), ["ab"], [[1, 2], [3]], [10**400] * 20]
    functions = [int, len, lambda: 0, lambda *a, **k: None, functools.partial(optax.adam, nope=3)]
    arrays = [np.zeros(0), np.zeros((3, 20, 4)), np.float64(3), np.array(["a"] * 20), jnp.zeros(())]
    arrays += [np.array([None] * 20), np.array([1j] * 20), np.zeros(20, [("a", int)])]
    arrays += [jax.random.key(0), jax.random.split(jax.random.key(0), 20), jnp.arange(2)]
    tables = [pandas.DataFrame({"a": [pandas.NA, "x"] * 10}), sparse.eye_array(20)]
    ours = [RECIPE, DATA, TASK, mlp((5, 3)), regression(), optax.sgd(0.1), linen.Dense(3)]
    named = [{"learning_rate": value} for value in ([1], {}, object(), lambda step: "x", len)]
    named += [{1: 2}, {**GIVEN, "x": 1}, (("learning_rate", 0.1), ("b1", 0.2))]
    return [*numbers, *texts, *holders, *functions, *arrays, *tables, *ours, *named]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of numbers that are too large
@pytest.mark.parametrize("place", [*Recipe._fields, *Dataset._fields[:6], "loss", "metrics", "all"])
def test_whatever_comes_is_taken_or_refused_in_one_line(place):
    for value in odd_values():
        recipe, data = RECIPE, DATA
        if place in Recipe._fields:
            recipe = RECIPE._replace(**{place: value})
        elif place in Dataset._fields:
            data = DATA._replace(**{place: value})
        elif place == "all":
            recipe = value
        else:
            recipe = RECIPE._replace(task=TASK._replace(**{place: value}))
        with contextlib.suppress(ValueError):
            try:
                check(recipe, data)
            except ValueError as error:
                assert "\n" not in str(error), f"{value!r}: {error}"  # noqa: PT017
                raise


def test_memory_is_that_of_each_device_where_each_has_its_own(monkeypatch):
    seen = []
    monkeypatch.setattr(checks, "Mesh", SimpleNamespace)
    monkeypatch.setattr(checks, "held", lambda mesh, model, shapes: seen.append(mesh) or shapes)
    gpu, cpu = (
        SimpleNamespace(devices=np.array([SimpleNamespace(platform=platform)]))
        for platform in ("gpu", "cpu")
    )
    check(RECIPE, DATA, mesh=gpu)
    check(RECIPE, DATA, mesh=cpu)
    check(RECIPE, DATA)
    assert seen == [gpu]
