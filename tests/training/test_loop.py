import functools
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from compilations import counted
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmlp import (
    Batch,
    Dataset,
    Model,
    Progress,
    Recipe,
    Task,
    TrainingFault,
    activations,
    binary_classification,
    classification,
    digest,
    evaluate,
    init_state,
    losses,
    make_update,
    metrics,
    mlp,
    optimizers,
    predict,
    regression,
    schedules,
    train,
    warm_up,
)
from jaxmlp.randomness import keys
from jaxmlp.training import loop
from jaxmlp.training.batches import epoch_order

ADAM = Recipe(
    model=mlp((4, 8, 3)),
    task=classification(3),
    optimizer=optax.adam,
    hyperparameters={"learning_rate": 0.02},
    batch_size=16,  # of 50 examples: the last batch has 2
    num_epochs=3,
)

SGD = ADAM._replace(optimizer=lambda: optax.sgd(0.1), hyperparameters={})


# --- one update


def test_an_update_is_optaxs_step_on_the_batchs_mean_loss():
    model, optimizer = mlp((4, 8, 3), jnp.tanh), optax.adam(0.1)
    random = np.random.default_rng(0)
    inputs, labels = random.normal(size=(6, 4)).astype(np.float32), np.arange(6) % 3
    update = make_update(model.apply, losses.softmax_cross_entropy, optimizer, (metrics.accuracy,))
    state = init_state(model.init(jax.random.key(0)), optimizer)

    def logits_of(params):
        first, last = params
        return jnp.tanh(inputs @ first.kernel + first.bias[None]) @ last.kernel + last.bias[None]

    def mean_loss(params):
        return optax.softmax_cross_entropy_with_integer_labels(logits_of(params), labels).mean()

    loss_and_gradient = jax.jit(jax.value_and_grad(mean_loss))
    params, opt_state = state.params, optimizer.init(state.params)
    for step in range(3):
        loss, gradient = loss_and_gradient(params)
        right = (logits_of(params).argmax(axis=1) == labels).mean()
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        params = optax.apply_updates(params, updates)

        state, info = update(state, Batch(inputs, labels))
        assert_close((state.params, state.opt_state), (params, opt_state))
        assert state.step == step + 1
        assert float(info.loss) == pytest.approx(float(loss), rel=1e-6)
        assert float(info.metrics["accuracy"]) == pytest.approx(float(right))
        norm = np.linalg.norm(np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(gradient)]))
        assert float(info.grad_norm) == pytest.approx(norm, rel=1e-5)
        assert info.num_examples == 6


def test_masked_examples_leave_no_trace_in_an_update():
    optimizer = optax.sgd(0.1)
    update = make_update(ADAM.model.apply, ADAM.task.loss, optimizer)
    state = init_state(ADAM.model.init(jax.random.key(0)), optimizer)
    inputs = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    labels = np.array([0, 1, 2, 0, 1])
    masked = Batch(inputs, labels, np.array([True, True, True, False, False]))
    ours, info = update(state, masked)
    expected, _ = update(state, Batch(inputs[:3], labels[:3]))
    assert_close(ours.params, expected.params)
    assert info.num_examples == 3


def assert_close(left, right, tolerance=1e-6):
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=tolerance, atol=tolerance), left, right
    )


# --- an epoch uses every example once

# The gradient of the loss at parameter i is 1 where an example is the i-th unit vector, so each
# visit takes learning rate / batch size off parameter i, and the parameters are a visitors' book.
VISITORS_BOOK = Task(
    loss=lambda outputs, label: outputs.sum(),
    metrics=(),
    link=activations.identity,
    num_outputs=1,
    check_labels=lambda labels: None,
)


def visit(params, inputs):
    return (params * inputs).sum()[None]


def visitors_model(num_examples):
    return Model(init=lambda key: jnp.zeros(num_examples), apply=visit)


def visitors_recipe(num_examples, batch_size, num_epochs=1, schedule=None):
    return Recipe(
        visitors_model(num_examples),
        VISITORS_BOOK,
        optax.sgd,
        {"learning_rate": 1.0},
        batch_size,
        num_epochs,
        schedule,
    )


def visitors_data(num_examples):
    return Dataset(np.eye(num_examples, dtype=np.float32), np.zeros(num_examples))


@settings(max_examples=3)
@given(st.data(), st.integers(1, 40), st.integers(0, 1000))
def test_every_example_is_used_once_an_epoch_in_the_epochs_order(draw, num_examples, seed):
    batch_size = draw.draw(st.integers(1, num_examples))
    recipe = visitors_recipe(num_examples, batch_size, num_epochs=3)
    books = []
    train(
        recipe,
        visitors_data(num_examples),
        seed,
        callback=lambda progress: books.append(-np.asarray(progress.state.params)),
    )
    for epoch, visits in enumerate(np.diff(books, axis=0, prepend=0)):
        order = np.asarray(epoch_order(keys(seed).shuffle, epoch, num_examples))
        expected = np.zeros(num_examples)
        for start in range(0, num_examples, batch_size):
            rows = order[start : start + batch_size]
            expected[rows] = 1 / len(rows)
        np.testing.assert_allclose(visits, expected, rtol=1e-5)


@pytest.mark.parametrize("schedule", [schedules.cosine, schedules.step_decay])
def test_each_step_has_the_learning_rate_of_its_schedule(schedule):
    num_examples, num_epochs = 10, 3
    recipe = visitors_recipe(num_examples, 4, num_epochs, schedule)
    books = []
    run = train(
        recipe,
        visitors_data(num_examples),
        7,
        callback=lambda progress: books.append(-np.asarray(progress.state.params)),
    )
    rates = [float(schedule(1.0, 3 * num_epochs)(step)) for step in range(3 * num_epochs)]
    np.testing.assert_allclose(run.history["learning_rate"], rates[2::3], rtol=1e-6, atol=1e-7)
    for epoch, visits in enumerate(np.diff(books, axis=0, prepend=0)):
        order = np.asarray(epoch_order(keys(7).shuffle, epoch, num_examples))
        lengths = np.repeat([4, 4, 2], [4, 4, 2])
        expected = np.repeat(rates[3 * epoch : 3 * epoch + 3], [4, 4, 2]) / lengths
        np.testing.assert_allclose(visits[order], expected, rtol=1e-5, atol=1e-6)


def test_training_is_the_plain_loop_over_unpadded_slices(blobs):
    """Against optax and NumPy's slices, with the ragged batch as short as it is."""
    recipe = ADAM._replace(optimizer=optimizers.momentum, hyperparameters={"learning_rate": 0.1})
    run = train(recipe, blobs, seed=5)

    optimizer = optax.sgd(0.1, momentum=0.9)
    params = recipe.model.init(keys(5).init)
    opt_state = optimizer.init(params)

    @jax.jit
    def evaluate_slice(params, inputs, labels):
        def mean_loss(params):
            hidden = jnp.maximum(inputs @ params[0].kernel + params[0].bias[None], 0)
            logits = hidden @ params[1].kernel + params[1].bias[None]
            values = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
            return values.mean(), (logits.argmax(axis=1) == labels).sum()

        return jax.value_and_grad(mean_loss, has_aux=True)(params)

    for epoch in range(recipe.num_epochs):
        order = np.asarray(epoch_order(keys(5).shuffle, epoch, 50))
        total_loss = total_right = 0.0
        for start in range(0, 50, 16):
            rows = order[start : start + 16]
            inputs, labels = blobs.train_inputs[rows], blobs.train_labels[rows]
            (loss, right), gradient = evaluate_slice(params, inputs, labels)
            updates, opt_state = optimizer.update(gradient, opt_state)
            params = optax.apply_updates(params, updates)
            total_loss += float(loss) * len(rows)
            total_right += int(right)
        assert run.history["train_loss"][epoch] == pytest.approx(total_loss / 50, abs=1e-6)
        assert run.history["train_accuracy"][epoch] == pytest.approx(total_right / 50)

    assert_close(run.params, params)
    assert_close(run.state.opt_state, opt_state)
    assert run.state.step == 3 * 4
    tested = evaluate(recipe, params, blobs.test_inputs, blobs.test_labels)
    assert run.history["test_loss"][-1] == pytest.approx(tested["loss"], abs=1e-6)
    assert run.history["test_accuracy"][-1] == pytest.approx(tested["accuracy"])


# --- the same bits


def test_bits_do_not_depend_on_the_length_of_blocks(blobs, monkeypatch):
    expected = train(ADAM, blobs, seed=0)
    for block in (1, 3):
        monkeypatch.setattr(loop, "next_block", lambda *_, block=block: block)
        run = train(ADAM, blobs, seed=0)
        assert digest(run.state) == digest(expected.state)
        assert digest(run.history) == digest(expected.history)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(blobs):
    first, again, other = (train(ADAM, blobs, seed=seed) for seed in (1, 1, 2))
    assert digest(first.state) == digest(again.state)
    assert digest(first.history) == digest(again.history)
    assert digest(first.params) != digest(other.params)


PROGRAM = """
import numpy as np, optax, jaxmlp
random = np.random.default_rng(0)
inputs, labels = random.normal(size=(300, 20)).astype(np.float32), random.integers(0, 3, 300)
model, task = jaxmlp.mlp((20, 64, 3)), jaxmlp.classification(3)
recipe = jaxmlp.Recipe(model, task, optax.adam, {"learning_rate": 0.01}, 256, 3)
for seed in (0, 1):
    print(jaxmlp.digest(jaxmlp.train(recipe, jaxmlp.Dataset(inputs, labels), seed).state))
"""


@pytest.mark.slow  # as quick as may be in test_compilation_cache.py
def test_two_processes_give_the_same_bits():
    command, folder = [sys.executable, "-c", PROGRAM], Path(__file__).parents[2]
    processes = [
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    (first, second) = (process.communicate(timeout=600)[0].split() for process in processes)
    assert len(set(first)) == 2
    assert first == second


# --- compiled once


def compilations(function):
    """How many programs a call compiles, and its result."""
    with counted() as seen:
        result = function()
    return len(seen), result


def test_another_seed_or_hyperparameter_compiles_nothing(blobs):
    recipe = ADAM._replace(
        optimizer=optimizers.with_decay(optax.adam),
        hyperparameters={"learning_rate": 0.05, "b1": 0.9, "weight_decay": 0.0},
        schedule=schedules.warmup_cosine,
    )
    decaying = recipe._replace(
        hyperparameters={"learning_rate": 0.1, "b1": 0.8, "weight_decay": 2.0}
    )
    at_first, plain = compilations(lambda: train(recipe, blobs, seed=0))
    later, decayed = compilations(lambda: train(decaying, blobs, seed=0))
    reseeded, other = compilations(lambda: train(decaying, blobs, seed=1))
    assert at_first > 0
    assert (later, reseeded) == (0, 0)
    # and yet the new values were used
    assert decayed.history["learning_rate"][0] > plain.history["learning_rate"][0]
    assert kernel_norm(decayed) < 0.7 * kernel_norm(plain)
    assert digest(other.params) != digest(decayed.params)


def kernel_norm(run):
    return optax.tree.norm([layer.kernel for layer in run.params])


def test_after_a_warm_up_training_compiles_nothing(blobs):
    common = ADAM._replace(model=mlp((4, 22, 3)))  # what all networks have in common
    warm_up(common, blobs)
    predict(common, train(common, blobs, seed=0).params, blobs.test_inputs)
    recipe, done = ADAM._replace(model=mlp((4, 23, 3))), []  # of no other test
    at_first, _ = compilations(lambda: warm_up(recipe, blobs, lambda *told: done.append(told)))
    assert at_first == len(done) > 5
    assert done == [(number, at_first) for number in range(1, at_first + 1)]
    later, run = compilations(lambda: train(recipe, blobs, seed=0))
    assert later == 0
    for inputs, labels in blobs.sets().values():
        later, _ = compilations(
            lambda inputs=inputs, labels=labels: evaluate(recipe, run.params, inputs, labels)
        )
        assert later == 0
    later, _ = compilations(lambda: predict(recipe, run.params, blobs.test_inputs))
    assert later == 0


# --- data of several kinds


def test_real_digits_are_learned(digits):
    recipe = Recipe(
        mlp((64, 64, 10)), classification(10), optax.adam, {"learning_rate": 0.003}, 32, 15
    )
    run = train(recipe, digits, seed=0)
    assert run.history["test_accuracy"][-1] > 0.96
    assert run.history["train_accuracy"][-1] > 0.98
    assert run.history["train_loss"][-1] < 0.05 * run.history["train_loss"][0]
    assert all(column.shape == (15,) for column in run.history.values())


def test_pixels_and_scaled_floats_train_alike(digits):
    recipe = Recipe(
        mlp((64, 16, 10)), classification(10), optax.sgd, {"learning_rate": 0.1}, 100, 2
    )
    pixels = Dataset(digits.train_inputs, digits.train_labels)
    scaled = Dataset(digits.train_inputs.astype(np.float32) / 255, digits.train_labels)
    by_pixels, by_scaled = (train(recipe, data, seed=0) for data in (pixels, scaled))
    assert_close(by_pixels.params, by_scaled.params)
    assert_close(by_pixels.history, by_scaled.history, 1e-5)


def test_classes_and_one_hot_vectors_train_alike(blobs):
    one_hot = blobs._replace(
        train_labels=np.eye(3, dtype=np.float32)[blobs.train_labels],
        test_labels=np.eye(3, dtype=np.float32)[blobs.test_labels],
    )
    by_class, by_vector = (train(SGD, data, seed=0) for data in (blobs, one_hot))
    assert_close(by_class.params, by_vector.params)
    assert_close(by_class.history, by_vector.history)


@pytest.mark.parametrize(
    ("task", "labels_of", "expected"),
    [
        pytest.param(  # which test_contract.py has, too
            *(binary_classification(), lambda y: (y == 1).astype(np.int32)),
            {"binary_accuracy": 1.0},
            marks=pytest.mark.slow,
        ),
        (regression(loss=losses.huber), lambda y: y.astype(np.float32), {"absolute_error": 0.0}),
        (classification(3, losses.hinge), lambda y: y, {"accuracy": 1.0}),
    ],
)
def test_other_tasks_learn(task, labels_of, expected, blobs):
    data = blobs._replace(
        train_labels=labels_of(blobs.train_labels), test_labels=labels_of(blobs.test_labels)
    )
    recipe = ADAM._replace(model=mlp((4, 16, task.num_outputs)), task=task, num_epochs=60)
    run = train(recipe, data, seed=0)
    reached = {name: run.history[f"test_{name}"][-1] for name in expected}
    assert reached == pytest.approx(expected, abs=0.25)


# --- what the caller sees


def test_the_callback_sees_every_epoch_and_its_line(blobs):
    seen = []
    run = train(
        ADAM,
        blobs,
        seed=0,
        callback=lambda progress: seen.append(
            (len(progress.history), progress.state, progress.history[-1])
        ),
    )
    assert [epoch for epoch, _, _ in seen] == [1, 2, 3]
    assert [int(state.step) for _, state, _ in seen] == [4, 8, 12]
    assert digest(seen[-1][1]) == digest(run.state)
    for epoch, state, line in seen:
        tested = evaluate(ADAM, state.params, blobs.test_inputs, blobs.test_labels)
        assert line["test_loss"] == tested["loss"]
        assert list(line) == list(run.history)
        assert all(np.float32(line[name]) == run.history[name][epoch - 1] for name in line)
    assert list(run.history) == [
        "train_loss",
        "train_accuracy",
        "test_loss",
        "test_accuracy",
        "learning_rate",
    ]
    assert {column.dtype for column in run.history.values()} == {np.dtype("float32")}
    assert run.history["learning_rate"].tolist() == [np.float32(0.02)] * 3


def test_progress_is_told_in_rising_steps_up_to_the_last(blobs, monkeypatch):
    monkeypatch.setattr(loop, "next_block", lambda *_: 3)
    told = []
    train(ADAM, blobs, seed=0, on_block=lambda progress: told.append(int(progress.state.step)))
    assert told == [1, 4, 7, 8, 11, 12]  # the first block is one step; none passes an epoch's end


def test_blocks_end_at_the_multiples_asked_for(blobs, monkeypatch):
    monkeypatch.setattr(loop, "next_block", lambda *_: 100)
    told = []
    train(
        ADAM,
        blobs,
        seed=0,
        block_every=3,
        on_block=lambda progress: told.append(int(progress.state.step)),
    )
    assert told == [1, 3, 4, 6, 8, 9, 12]


# --- any optimizer of optax


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.polyak_sgd,
        pytest.param(optax.lbfgs, marks=pytest.mark.slow),
        pytest.param(optax.contrib.momo, marks=pytest.mark.slow),
    ],
)
def test_optimizers_that_look_at_the_loss_learn(blobs, optimizer):
    recipe = ADAM._replace(optimizer=optimizer, hyperparameters={}, num_epochs=5)
    run = train(recipe, blobs, seed=0)
    assert run.history["train_loss"][-1] < 0.7 * run.history["train_loss"][0]


def test_a_schedule_of_optax_is_a_learning_rate(blobs):
    schedule = optax.linear_schedule(0.02, 0.0, 12)
    run = train(ADAM._replace(hyperparameters={"learning_rate": schedule}), blobs, seed=0)
    np.testing.assert_allclose(
        run.history["learning_rate"], 0.02 * (1 - np.arange(3, 12, 4) / 12), rtol=1e-5
    )


# --- stopping, and going on


@pytest.mark.parametrize("stop", range(1, 12))
def test_going_on_from_any_step_gives_the_same_bits(blobs, stop):
    recipe = ADAM._replace(schedule=schedules.cosine)
    whole = train(recipe, blobs, seed=3)
    cut = []

    def until(progress):
        cut.append(progress)
        return int(progress.state.step) >= stop

    train(recipe, blobs, seed=3, block_every=1, on_block=until)
    assert int(cut[-1].state.step) == stop
    arrays = jax.device_get(cut[-1][:2])
    rest = train(recipe, blobs, seed=3, start=Progress(*arrays, cut[-1].history))
    assert digest(rest.state) == digest(whole.state)
    assert list(rest.history) == list(whole.history)
    assert all((rest.history[name] == whole.history[name]).all() for name in whole.history)


def test_a_callback_that_says_so_stops_after_the_epoch(blobs):
    run = train(ADAM, blobs, seed=0, callback=lambda progress: len(progress.history) == 2)
    assert len(run.history["train_loss"]) == 2
    assert int(run.state.step) == 8


def test_stopping_in_the_first_epoch_leaves_no_history(blobs):
    run = train(ADAM, blobs, seed=0, on_block=lambda progress: True)
    assert run.history == {}
    assert int(run.state.step) == 1


def test_a_callback_is_told_of_an_epoch_once_wherever_training_was_stopped(blobs):
    cut, epochs = [], []

    def note(progress):
        epochs.append(len(progress.history))

    train(ADAM, blobs, seed=0, block_every=1, on_block=cut.append, callback=note)
    assert epochs == [1, 2, 3]
    for progress in cut:
        epochs.clear()
        step = int(progress.state.step)
        train(ADAM, blobs, seed=0, start=progress, callback=note)
        assert epochs == list(range(step // 4 + 1, 4))
        epochs.clear()
        stop = functools.partial(lambda step, now: int(now.state.step) == step, step)
        run = train(ADAM, blobs, seed=0, block_every=1, on_block=stop, callback=note)
        assert epochs == list(range(1, step // 4 + 1))
        assert int(run.state.step) == step


def test_an_epoch_without_a_healthy_step_ends_even_a_training_that_skips(blobs):
    inputs = np.full_like(blobs.train_inputs, np.nan)
    with pytest.raises(TrainingFault, match="step 3 "):
        train(ADAM, blobs._replace(train_inputs=inputs), seed=0, on_fault="skip")


def poisoned(data, row):
    inputs = data.train_inputs.copy()
    inputs[row, 2] = np.nan
    return data._replace(train_inputs=inputs)


def poisoned_step(row, seed, epoch):
    """The step at which ADAM's epoch meets an example."""
    order = np.asarray(epoch_order(keys(seed).shuffle, epoch, 50))
    return 4 * epoch + int(np.flatnonzero(order == row)[0]) // 16


@pytest.mark.parametrize("row", [0, 7, 21, 49])
def test_the_first_number_that_is_none_stops_training_and_is_located(blobs, row):
    with pytest.raises(TrainingFault, match=f"layer_0.*row {row} of the training set") as raised:
        train(ADAM, poisoned(blobs, row), seed=5)
    step = poisoned_step(row, 5, 0)
    fault, progress = raised.value.fault, raised.value.progress
    assert (fault.step, fault.epoch, fault.kind) == (step, 1, "forward pass")
    # What is kept is the state just before: that of training on healthy data up to there.
    cut = []
    train(ADAM, blobs, seed=5, block_every=1, on_block=cut.append)
    before = [loop.beginning(ADAM, blobs, 5), *cut][step]
    assert digest(progress.state) == digest(before.state)


def test_a_faulty_step_can_be_skipped(blobs):
    run = train(ADAM, poisoned(blobs, 7), seed=5, on_fault="skip")
    steps = [poisoned_step(7, 5, epoch) for epoch in range(3)]
    assert [fault.step for fault in run.faults] == steps
    assert int(run.state.step) == 12
    assert np.isfinite(run.history["train_loss"]).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(run.params))


def test_a_fault_can_be_ignored(blobs):
    run = train(ADAM, poisoned(blobs, 7), seed=5, on_fault="ignore")
    assert np.isnan(run.history["train_loss"]).all()
    assert run.faults == ()


def test_what_to_do_about_a_fault_is_one_of_three(blobs):
    with pytest.raises(ValueError, match=r"^on_fault needs to be raise, skip or .*, got hope$"):
        train(ADAM, blobs, seed=0, on_fault="hope")


def test_a_block_of_steps_grows_and_shrinks_towards_half_a_second():
    assert loop.next_block(64, 0.1) == 128
    assert loop.next_block(64, 0.5) == 64
    assert loop.next_block(64, 2.0) == 32
    assert loop.next_block(1, 2.0) == 1


def test_the_test_set_is_looked_at_as_often_as_asked_and_at_the_end(blobs):
    every = train(ADAM, blobs, seed=0)
    some = train(ADAM, blobs, seed=0, eval_every=2)
    looked = ~np.isnan(some.history["test_loss"])
    assert looked.tolist() == [False, True, True]
    for name in ("test_loss", "test_accuracy"):
        assert (some.history[name][looked] == every.history[name][looked]).all()
        assert np.isnan(some.history[name][~looked]).all()
    assert digest(some.state) == digest(every.state)


def test_without_a_test_set_nothing_is_tested(blobs):
    run = train(ADAM, blobs._replace(test_inputs=None, test_labels=None), seed=0)
    assert list(run.history) == ["train_loss", "train_accuracy", "learning_rate"]


def test_a_recipe_without_a_learning_rate_has_none_in_its_history(blobs):
    assert "learning_rate" not in train(SGD, blobs, seed=0).history


# --- what does not fit is refused before anything runs


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, {"eval_every": 0}, "eval_every needs to be at least 1, got 0"),
        ({}, {"seed": -1}, "seed needs to be a whole number from 0 to 4294967295, got -1"),
        ({"batch_size": 51}, {}, "batch_size needs .* the 50 training examples, got 51"),
        ({"task": classification(2)}, {}, "train set: labels need to be from 0 to 1, got 2 at .*"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_any_step(change, arguments, message, blobs):
    def refuse(*_):
        raise AssertionError("trained")

    with pytest.raises(ValueError, match=rf"^{message}$"):
        train(
            ADAM._replace(**change),
            blobs,
            **{"seed": 0, "on_block": refuse, "callback": refuse, **arguments},
        )


def test_a_warm_up_refuses_what_training_refuses(blobs):
    with pytest.raises(ValueError, match=r"^batch_size needs .*, got 51$"):
        warm_up(ADAM._replace(batch_size=51), blobs)
