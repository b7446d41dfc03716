"""Figures that are no means, weights, and training on another loss than the reported one."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, roc_auc_score

from jaxmlp import (
    Batch,
    Dataset,
    Metric,
    Recipe,
    binary_classification,
    classification,
    digest,
    evaluate,
    init_state,
    losses,
    make_update,
    metrics,
    mlp,
    predict,
    regression,
    train,
    train_many,
)
from jaxmlp.objectives.tasks import with_rates
from jaxmlp.training import evaluation
from jaxmlp.training.goals import Goal, goal_of
from jaxmlp.training.measures import figures, finished, means_of, weighted_mean

MODEL = mlp((4, 3))
SGD = optax.sgd(0.3)
STATE = init_state(MODEL.init(jax.random.key(0)), SGD)
TASK = classification(3)._replace(
    metrics=(metrics.accuracy, metrics.f1(3), metrics.top_k(2), metrics.precision(3, of=1))
)
RECIPE = Recipe(MODEL, TASK, optax.sgd, {"learning_rate": 0.3}, 16, 3)


def some(size, seed=0, **more):
    random = np.random.default_rng(seed)
    inputs, labels = random.normal(size=(size, 4)), random.integers(0, 3, size)
    return Batch(inputs.astype(np.float32), labels.astype(np.int32), **more)


def same(left, right, **tolerance):
    for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


def test_a_figure_that_is_no_mean_is_that_of_all_examples(blobs, monkeypatch):
    params = RECIPE.model.init(jax.random.key(1))
    answers = np.asarray(predict(RECIPE, params, blobs.train_inputs)).argmax(axis=1)
    labels = blobs.train_labels
    expected = {
        "f1": f1_score(labels, answers, average="macro"),
        "precision_1": precision_score(labels, answers, labels=[1], average="macro"),
        "accuracy": (labels == answers).mean(),
    }
    for size in (1000, 7, 50):  # one batch; a ragged last one; one that fits
        monkeypatch.setattr(evaluation, "BATCH", size)
        examples = map(jnp.asarray, blobs[:2])
        static = RECIPE.model.apply, evaluation.functions_of(RECIPE)
        got = evaluation.sums.__wrapped__(*static, params, *examples, -(-50 // size))
        got = figures(TASK.metrics, got[1:], lambda total: total / 50, _finish)
        got = dict(zip(("accuracy", "f1", "top_2_accuracy", "precision_1"), got, strict=True))
        assert {name: float(got[name]) for name in expected} == pytest.approx(expected, abs=1e-6)
    monkeypatch.undo()
    found = evaluate(RECIPE, params, *blobs[:2])
    assert list(found) == ["loss", "accuracy", "f1", "top_2_accuracy", "precision_1"]
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)


def _finish(sums):
    return finished(TASK.metrics, sums)


def test_training_has_the_figures_of_each_epoch(blobs):
    recipe = RECIPE._replace(batch_size=16, num_epochs=2)  # 50 examples: the last batch is ragged
    run = train(recipe, blobs, 3)
    # Before any update the training figures would be those of the first parameters.
    still = recipe._replace(hyperparameters={"learning_rate": 0.0})
    frozen = train(still, blobs, 3)
    found = evaluate(recipe, frozen.params, *blobs[:2])
    for name in ("loss", "accuracy", "f1", "precision_1", "top_2_accuracy"):
        assert frozen.history[f"train_{name}"][0] == pytest.approx(found[name], rel=1e-5)
        assert frozen.history[f"train_{name}"][1] == pytest.approx(found[name], rel=1e-5)
    found = evaluate(recipe, run.params, *blobs[2:4])
    for name, value in found.items():
        assert run.history[f"test_{name}"][-1] == np.float32(value)


def test_epochs_without_a_look_have_none(blobs):
    history = train(RECIPE._replace(num_epochs=3), blobs, 3, eval_every=2).history
    assert np.isnan(history["test_f1"]).tolist() == [True, False, False]
    assert not np.isnan(history["train_f1"]).any()


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_members_have_the_figures_that_they_have_alone(mode, blobs):
    runs = train_many(
        RECIPE, blobs, [3, 5, 8], sweep={"learning_rate": [0.3, 0.1]}, mode=mode, eval_every=2
    )
    for rate in (0.3, 0.1):
        alone = train(
            RECIPE._replace(hyperparameters={"learning_rate": rate}), blobs, 5, eval_every=2
        )
        member = runs.member(learning_rate=rate, seed=5)
        assert member.history.keys() == alone.history.keys()
        for name, values in alone.history.items():
            if mode == "exact":
                np.testing.assert_array_equal(member.history[name], values)
            else:
                np.testing.assert_allclose(member.history[name], values, atol=1e-5)
    names = ["loss", "accuracy", "f1", "top_2_accuracy", "precision_1"]
    assert [metric.name for metric in runs.metrics] == names
    assert runs.best("test_f1").keys() == {"learning_rate"}


def test_a_resumed_run_has_the_bits_of_an_undisturbed_one(blobs):
    saved = []
    train(RECIPE, blobs, 3, block_every=3, on_block=saved.append)
    whole = train(RECIPE, blobs, 3)
    for progress in saved[:6]:
        run = train(RECIPE, blobs, 3, start=progress)
        assert digest((run.state, dict(run.history))) == digest((whole.state, dict(whole.history)))


def test_plain_metrics_keep_their_bits_beside_others(blobs):
    plain = RECIPE._replace(task=classification(3))
    one, other = train(RECIPE, blobs, 3), train(plain, blobs, 3)
    same(one.history["train_loss"], other.history["train_loss"], rtol=1e-6)
    record = Metric("accuracy", metrics.accuracy, is_share=True)
    told = train(plain._replace(task=plain.task._replace(metrics=(record,))), blobs, 3)
    assert digest((told.state, dict(told.history))) == digest((other.state, dict(other.history)))


def test_an_update_has_the_figures_of_its_batch():
    update = make_update(MODEL, losses.softmax_cross_entropy, SGD, TASK.metrics)
    batch = some(20)
    _, info = update(STATE, batch)
    answers = np.asarray(jax.vmap(MODEL.apply, (None, 0))(STATE.params, batch.inputs)).argmax(1)
    assert info.metrics.keys() == {"accuracy", "f1", "top_2_accuracy", "precision_1"}
    assert info.metrics["f1"] == pytest.approx(f1_score(batch.labels, answers, average="macro"))
    assert info.metrics["accuracy"] == pytest.approx((answers == batch.labels).mean())
    masked = some(20, mask=np.arange(20) < 12)
    _, info = update(STATE, masked)
    expected = f1_score(batch.labels[:12], answers[:12], average="macro")
    assert info.metrics["f1"] == pytest.approx(expected)
    assert info.num_examples == 12


def test_an_area_under_the_curve_is_of_a_binary_task(blobs):
    data = Dataset(
        blobs.train_inputs, (blobs.train_labels == 1).astype(np.int32), blobs.test_inputs, None
    )._replace(test_labels=(blobs.test_labels == 1).astype(np.int32))
    task = binary_classification()._replace(metrics=(metrics.roc_auc(), metrics.recall(2, of=1)))
    recipe = Recipe(mlp((4, 1)), task, optax.sgd, {"learning_rate": 0.01}, 16, 1)
    run = train(recipe, data, 0)
    scores = np.asarray(predict(recipe, run.params, data.test_inputs))[:, 0]
    expected = roc_auc_score(data.test_labels, scores)
    assert run.history["test_roc_auc"][-1] == pytest.approx(expected, abs=0.01)


@settings(max_examples=8)
@given(st.lists(st.integers(0, 4), min_size=3, max_size=6).filter(any))
def test_whole_weights_are_repeated_examples(weights):
    batch = some(len(weights))
    update = make_update(MODEL, losses.softmax_cross_entropy, SGD, TASK.metrics)
    weighted = batch._replace(weights=np.float32(weights))
    # Padded to one size, so that one program serves all.
    pad = 6 - len(weights)
    weighted = jax.tree.map(lambda x: np.pad(x, [(0, pad)] + [(0, 0)] * (x.ndim - 1)), weighted)
    rows = np.repeat(np.arange(len(weights)), weights)
    rows, mask = np.pad(rows, (0, 24 - len(rows))), np.arange(24) < len(rows)
    repeated = Batch(batch.inputs[rows], batch.labels[rows], mask)
    (one, info), (other, expected) = update(STATE, weighted), update(STATE, repeated)
    same(one.params, other.params, rtol=1e-5, atol=1e-6)
    same(info, expected, rtol=1e-5, atol=1e-6)
    assert info.num_examples == sum(weights)


def test_what_weighs_nothing_is_in_no_figure():
    batch = some(4, weights=np.float32([1, 0, 2, 1]))
    outputs = jnp.zeros((4, 3)).at[1].set(jnp.nan)
    means, count = means_of((losses.softmax_cross_entropy,), outputs, batch)
    assert (means[0], count) == (pytest.approx(np.log(3)), 4)
    nothing = batch._replace(weights=np.zeros(4))
    means, count = means_of((losses.softmax_cross_entropy,), outputs, nothing)
    assert (means[0], count) == (0, 0)
    assert weighted_mean(losses.softmax_cross_entropy, None, outputs, nothing) == 0


def test_a_mask_and_weights_go_together():
    batch = some(5, mask=np.array([True, True, True, False, False]))
    weighted = batch._replace(weights=np.float32([1, 3, 2, 5, 5]))
    values = jnp.array([1.0, 2.0, 3.0, 4.0, 5.0])
    outputs = values[:, None]
    measures = (lambda outputs, label: outputs[0],)
    means, count = means_of(measures, outputs, weighted)
    assert (means[0], count) == (pytest.approx(13 / 6), 6)
    sums = Metric("s", accumulate=lambda outputs, label: outputs * jnp.ones(2), finish=jnp.sum)
    means, _ = means_of((sums,), outputs, weighted)
    assert means[0].tolist() == [13.0, 13.0]
    means, _ = means_of((sums,), outputs, batch)
    assert means[0].tolist() == [6.0, 6.0]
    assert weighted_mean(measures[0], None, outputs, weighted) == pytest.approx(13 / 6)
    by_label = weighted_mean(measures[0], lambda label: 1.0 + label, outputs, batch)
    weights = 1.0 + batch.labels[:3]
    assert by_label == pytest.approx(float((weights * [1, 2, 3]).sum() / weights.sum()))


def test_class_weights_give_pytorchs_loss():
    """CrossEntropyLoss(weight=w): Σ w[y] l / Σ w[y]; its gradient goes down, the mean is told."""
    by_class = np.float32([1.0, 4.0, 0.5])
    batch = some(12)
    goal = goal_of(classification(3, class_weights=by_class.tolist()))
    update = make_update(MODEL, losses.softmax_cross_entropy, SGD, goal=goal)
    after, info = update(STATE, batch)

    def by_hand(params):
        logits = batch.inputs @ params[0].kernel + params[0].bias[None]
        own = -jax.nn.log_softmax(logits)[np.arange(12), batch.labels]
        weights = by_class[batch.labels]
        return (weights * own).sum() / weights.sum(), own.mean()

    gradient = jax.grad(lambda params: by_hand(params)[0])(STATE.params)
    expected = jax.tree.map(lambda p, g: p - 0.3 * g, STATE.params, gradient)
    same(after.params, expected, rtol=1e-5, atol=1e-6)
    assert info.loss == pytest.approx(by_hand(STATE.params)[1])
    assert info.num_examples == 12


def test_smoothed_labels_train_and_plain_ones_are_reported(blobs):
    smooth = RECIPE._replace(task=classification(3, label_smoothing=0.2), batch_size=50)
    run = train(smooth._replace(num_epochs=1), blobs, 0)
    began = train(
        smooth._replace(num_epochs=1, task=classification(3), hyperparameters={"learning_rate": 0}),
        blobs,
        0,
    )
    assert run.history["train_loss"] == pytest.approx(began.history["train_loss"], rel=1e-6)
    params = began.params

    def smoothed(params):
        logits = blobs.train_inputs @ params[0].kernel + params[0].bias[None]
        target = 0.8 * np.eye(3)[blobs.train_labels] + 0.2 / 3
        return -(target * jax.nn.log_softmax(logits)).sum(axis=1).mean()

    gradient = jax.grad(smoothed)(params)
    expected = jax.tree.map(lambda p, g: p - 0.3 * g, params, gradient)
    same(run.params, expected, rtol=1e-5, atol=1e-6)


def test_smoothings_share_a_program_and_members_are_their_solo_runs(blobs):
    task = classification(3, label_smoothing=0.1)
    recipe = RECIPE._replace(task=task)
    runs = train_many(recipe, blobs, [1, 2], {"label_smoothing": [0.0, 0.1, 0.3]}, mode="exact")
    assert len(runs.states) == 1  # one program
    for amount in (0.0, 0.3):
        alone = train(recipe._replace(task=with_rates(task, {"label_smoothing": amount})), blobs, 2)
        member = runs.member(label_smoothing=amount, seed=2)
        assert digest((member.state, dict(member.history))) == digest(
            (alone.state, dict(alone.history))
        )
    named = recipe._replace(hyperparameters={"learning_rate": 0.3, "label_smoothing": 0.3})
    assert digest(train(named, blobs, 2).state) == digest(
        runs.member(label_smoothing=0.3, seed=2).state
    )
    plain = train(recipe._replace(task=classification(3)), blobs, 2)
    same(runs.member(label_smoothing=0.0, seed=2).params, plain.params, rtol=1e-4, atol=1e-6)
    assert (
        runs.member(label_smoothing=0.3, seed=2).history["train_loss"][-1]
        > plain.history["train_loss"][-1]
    )


def test_a_loss_of_ones_own_is_trained_on_with_its_rates(blobs):
    def scaled(outputs, label, *, scale):
        return scale * losses.softmax_cross_entropy(outputs, label)

    task = classification(3)._replace(train_loss=scaled, rates=(("scale", 2.0),))
    one = train(RECIPE._replace(task=task), blobs, 0)
    rate = RECIPE._replace(task=classification(3), hyperparameters={"learning_rate": 0.6})
    same(one.params, train(rate, blobs, 0).params, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("task", "sweep", "message"),
    [
        (classification(3), {"label_smoothing": [0.1]}, "the task needs to have label_smoothing, "),
        (
            classification(3, label_smoothing=0.1),
            {"label_smoothing": [0.1, 1.0]},
            "label_smoothing needs to be from 0 to less than 1, got 1.0",
        ),
        (
            classification(3)._replace(rates=(("scale", 1.0),)),
            None,
            "scale need a train_loss, mix or penalty that takes them, got none",
        ),
        (
            classification(3, label_smoothing=0.1)._replace(rates=(("label_smoothing", 1.0),)),
            None,
            "label_smoothing needs to be from 0 to less than 1, got 1.0",
        ),
        (
            classification(3)._replace(train_loss=losses.hinge, rates=(("scale", 1.0),)),
            None,
            "scale need a train_loss, mix or penalty that takes them, got none",
        ),
        (classification(3)._replace(train_loss=3), None, "train_loss needs to be a function .* 3"),
        (
            classification(3)._replace(metrics=(Metric("half", accumulate=max),)),
            None,
            "metric half needs a function of one example, or accumulate and finish",
        ),
        (
            classification(3)._replace(metrics=(metrics.f1(3), metrics.f1(3))),
            None,
            "metrics need names of their own",
        ),
        (classification(3)._replace(metrics=(metrics.f1(4),)), None, "f1 needs 4 outputs"),
        (classification(3)._replace(metrics=(metrics.roc_auc(),)), None, "roc_auc needs 1 or 2"),
        (
            classification(3)._replace(
                metrics=(Metric("w", accumulate=lambda o, y: o, finish=lambda total: total),)
            ),
            None,
            r"w needs to return one number for an example, got \(3,\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(task, sweep, message, blobs):
    with pytest.raises(ValueError, match=message) as caught:
        train_many(RECIPE._replace(task=task), blobs, [0], sweep, mode="exact")
    assert "\n" not in str(caught.value)


def test_r2_of_a_regression(blobs):
    data = blobs._replace(
        train_labels=blobs.train_inputs[:, 0] + 1, test_labels=blobs.test_inputs[:, 0] + 1
    )
    task = regression()._replace(metrics=(metrics.r2(),))
    run = train(Recipe(mlp((4, 1)), task, optax.sgd, {"learning_rate": 0.05}, 10, 20), data, 0)
    assert run.history["test_r2"][-1] > 0.9
    assert run.history["test_r2"][0] < run.history["test_r2"][-1] <= 1.0


def test_a_goal_says_where_a_fault_is(blobs):
    def broken(outputs, label):
        return jnp.sqrt(-1.0 - outputs.sum() ** 2)

    recipe = RECIPE._replace(task=classification(3)._replace(train_loss=broken))
    with pytest.raises(FloatingPointError, match=r"loss, broken: it is nan"):
        train(recipe, blobs, 0)
    assert Goal(broken) == goal_of(recipe.task)
    assert goal_of(classification(3)) is None


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_a_data_set_may_say_what_its_examples_count(mode, blobs):
    weights = np.random.default_rng(0).integers(0, 3, 50)
    weights[:2] = 5, 0
    data = blobs._replace(train_weights=weights.tolist())
    recipe = RECIPE._replace(batch_size=50)  # whole batches, to be compared with repeated examples
    rows = np.repeat(np.arange(50), weights)
    repeated = blobs._replace(
        train_inputs=blobs.train_inputs[rows], train_labels=blobs.train_labels[rows]
    )
    one = train(recipe, data, 1)
    other = train(recipe._replace(batch_size=len(rows)), repeated, 1)
    same(one.params, other.params, rtol=1e-4, atol=1e-5)
    assert one.history.keys() == other.history.keys()
    for name, values in one.history.items():
        np.testing.assert_allclose(values, other.history[name], rtol=1e-4, atol=1e-5)
    runs = train_many(RECIPE, data, [1, 4], mode=mode)
    alone = train(RECIPE, data, 4)
    member = runs.member(seed=4)
    if mode == "exact":
        both = [digest((run.state, dict(run.history))) for run in (member, alone)]
        assert both[0] == both[1]
    same(member.params, alone.params, rtol=1e-4, atol=1e-5)


def test_a_fault_is_found_by_the_weights_that_it_came_with(blobs):
    def broken(outputs, label):
        return jnp.where(label == 2, jnp.sqrt(-1.0 - outputs.sum() ** 2), outputs.sum() ** 2)

    weights = np.float32(blobs.train_labels != 2)
    recipe = RECIPE._replace(task=classification(3, broken)._replace(metrics=()))
    with pytest.raises(FloatingPointError, match=r"step 0 \(epoch 1\), loss, broken: it is nan"):
        train(recipe, blobs, 0)
    # What weighs nothing has no loss that is NaN; its gradient is one all the same.
    with pytest.raises(FloatingPointError, match=r"step 0 \(epoch 1\), gradient, "):
        train(recipe, blobs._replace(train_weights=weights), 0)
    runs = train_many(recipe, blobs._replace(train_weights=weights), [0], mode="exact")
    assert [fault.kind for fault in runs.faults.values()] == ["gradient"]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(49), r"train_weights need the shape \(50,\), got \(49,\)"),
        (np.ones((50, 1)), r"train_weights need the shape \(50,\), got \(50, 1\)"),
        (np.where(np.arange(50) == 3, -1, 1), "train_weights need to be .* got -1.0 at 3"),
        (np.where(np.arange(50) == 4, np.nan, 1), "train_weights need .* got nan at 4"),
        (np.where(np.arange(50) == 4, 1e39, 1), "train_weights need .* got inf at 4"),
        (np.zeros(50), "train_weights need a sum above 0 that is finite, got 0.0"),
        (np.full(50, 1e38), "train_weights need a sum above 0 that is finite, got inf"),
        (["a"] * 50, "train_weights need an array of numbers"),
    ],
)
def test_weights_that_are_none_are_refused_in_one_line(weights, message, blobs):
    for fit in (train, lambda *given: train_many(*given[:2], [0])):
        with pytest.raises(ValueError, match=f"^{message}"):
            fit(RECIPE, blobs._replace(train_weights=weights), 0)


def test_a_smoothing_among_the_hyperparameters_is_the_tasks(blobs):
    task = classification(3, label_smoothing=0.1)
    recipe = RECIPE._replace(
        task=task, hyperparameters={"learning_rate": 0.3, "label_smoothing": 1}
    )
    with pytest.raises(ValueError, match=r"^label_smoothing needs to be from 0 to .*, got 1$"):
        train(recipe, blobs, 0)
