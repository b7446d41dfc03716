import functools
import itertools
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
from compilations import counted

from jaxmlp import (
    Fault,
    Halving,
    Model,
    Recipe,
    TrainingFault,
    activations,
    classification,
    digest,
    initializers,
    mlp,
    optimizers,
    plan_many,
    regression,
    schedules,
    train,
    train_many,
)
from jaxmlp.populations import many, planning
from jaxmlp.populations.members import SideBySide
from jaxmlp.populations.runs import HALVING, LENGTH
from jaxmlp.randomness import keys
from jaxmlp.training import loop, stopping

ADAM = Recipe(
    model=mlp((4, 8, 3)),
    task=classification(3),
    optimizer=optax.adam,
    hyperparameters=(("learning_rate", 0.02),),
    batch_size=16,  # of 50 examples: the last batch has 2
    num_epochs=3,
)
SGD = ADAM._replace(optimizer=optimizers.sgd, hyperparameters=(("learning_rate", 0.1),))
# Linear regression: diverges, and overflows within a few epochs, at a rate that is too high.
LINE = SGD._replace(model=mlp((4, 1)), task=regression(), num_epochs=6)
DECAYED = SGD._replace(
    optimizer=optimizers.with_decay(optimizers.sgd),
    hyperparameters=(("learning_rate", 0.1), ("weight_decay", 0.0), ("init_scale", 1.0)),
    schedule=schedules.warmup_cosine,
)
DIGITS = ADAM._replace(model=mlp((64, 32, 10)), task=classification(10), num_epochs=2)


@pytest.fixture(scope="module")
def few_digits(digits):
    """100 to train on and 40 to test on, as bytes."""
    return digits._replace(
        train_inputs=digits.train_inputs[:100],
        train_labels=digits.train_labels[:100],
        test_inputs=digits.test_inputs[:40],
        test_labels=digits.test_labels[:40],
    )


@pytest.fixture(scope="module")
def line_data(blobs):
    """The sum of four inputs, to be found by regression."""
    return blobs._replace(
        train_labels=blobs.train_inputs.sum(axis=1), test_labels=blobs.test_inputs.sum(axis=1)
    )


ADAM_RATES = [0.01, 0.1]
SOLO = {}  # results of `train`, which many tests compare with


def solo(recipe, data, seed, **options):
    key = (recipe, data.train_labels.tobytes(), seed, *options.items())
    if key not in SOLO:
        SOLO[key] = train(recipe, data, seed, **options)
    return SOLO[key]


def until(epoch):
    """A callback that stops `train` or `train_many` there."""

    def callback(progress):
        return (len(progress.history) if hasattr(progress, "state") else progress.epoch) == epoch

    return callback


def assert_same(member, run):
    """Whether a member's bits are those of a run: parameters, whole state, every history."""
    assert digest(member.params) == digest(run.params)
    assert digest(member.state) == digest(run.state)
    assert member.history.keys() == run.history.keys()
    for name, values in run.history.items():
        assert digest(member.history[name]) == digest(values), name


def assert_same_runs(left, right):
    assert left.axes == right.axes
    assert digest(left.states) == digest(right.states)
    assert digest(dict(left.history)) == digest(dict(right.history))
    assert left.stopped_at.tolist() == right.stopped_at.tolist()
    assert left.faults == right.faults
    assert left.share_of_work == right.share_of_work


def values_of(recipe, **values):
    """The recipe with other hyperparameters."""
    hyperparameters = {**dict(recipe.hyperparameters), **values}
    return recipe._replace(hyperparameters=tuple(hyperparameters.items()))


def use_chunks(monkeypatch, size):
    """Lets a device take that many members at a time."""
    monkeypatch.setattr(planning, "FEWEST", size)
    monkeypatch.setattr(planning, "MOST", size)


@pytest.fixture(autouse=True)
def three_at_a_time(monkeypatch):
    """Has most populations go through more than one chunk, and compile for one size of chunk."""
    use_chunks(monkeypatch, 3)


# --- a member is its solo run, to the bit

CASES = {
    "linear, adam": ("blobs", ADAM._replace(model=mlp((4, 3)))),
    "two layers, adam": ("blobs", ADAM),
    "two layers, sgd": ("blobs", SGD),
    "batch 1, adam": ("blobs", ADAM._replace(batch_size=1)),
    "three layers, momentum, batch 7": (
        "blobs",
        SGD._replace(model=mlp((4, 8, 6, 3)), optimizer=optimizers.momentum, batch_size=7),
    ),
    "bytes, adam, schedule": (
        "few_digits",
        DIGITS._replace(batch_size=32, schedule=schedules.cosine),
    ),
    "bytes, three layers, batch 1": (
        "few_digits",
        DIGITS._replace(model=mlp((64, 16, 16, 10)), batch_size=1, num_epochs=1),
    ),
    "wide, momentum": (
        "few_digits",
        DIGITS._replace(
            model=mlp((64, 80, 10), activations.tanh), optimizer=optimizers.momentum, batch_size=64
        ),
    ),
}
# How many members, how many of them at a time, and how many steps a block: None for as is.
POPULATIONS = [(3, 3, None), (8, 3, 3), (17, 3, None)]
FEW = [(1, 1, None), (2, 1, 1)]
CHUNKS = [(17, 2, None), (17, 17, None)]
SLOW = ["two layers, sgd", "bytes, three layers, batch 1", "wide, momentum"]
GRID = [
    *itertools.product([case for case in CASES if case not in SLOW], POPULATIONS),
    *(pytest.param(*each, marks=pytest.mark.slow) for each in itertools.product(SLOW, POPULATIONS)),
    *itertools.product(["linear, adam"], FEW),
    *itertools.product(["two layers, adam"], FEW + CHUNKS),
]


@pytest.mark.parametrize(("case", "sizes"), GRID)
def test_each_member_is_its_solo_run(case, sizes, request, monkeypatch):
    size, chunk, block = sizes
    fixture, recipe = CASES[case]
    data = request.getfixturevalue(fixture)
    seeds = np.random.default_rng(size).permutation(size)
    alone = [solo(recipe, data, int(seed)) for seed in seeds]
    use_chunks(monkeypatch, chunk)
    if block:
        monkeypatch.setattr(loop, "next_block", lambda *_: block)
    assert plan_many(recipe, data, seeds, mode="exact").chunk == chunk
    runs = train_many(recipe, data, seeds, mode="exact")
    assert runs.shape == (size,)
    assert runs.share_of_work == 1
    assert runs.stopped_at.tolist() == [recipe.num_epochs] * size
    for seed, run in zip(seeds, alone, strict=True):
        assert_same(runs.member(seed=seed), run)
    assert len({digest(run.params) for run in alone}) == size


PROGRAM = """
import sys
import jax
jax.config.update("jax_num_cpu_devices", int(sys.argv[1]))
import numpy as np, optax, jaxmlp
from jaxmlp.populations import grid, planning
random = np.random.default_rng(0)
inputs, labels = random.normal(size=(50, 20)).astype(np.float32), random.integers(0, 3, 50)
data = jaxmlp.Dataset(inputs, labels, inputs[:30], labels[:30])
model, task = jaxmlp.mlp((20, 64, 3)), jaxmlp.classification(3)
recipe = jaxmlp.Recipe(model, task, optax.adam, {"learning_rate": 0.01}, 16, 2)
planning.FEWEST = planning.MOST = 2
plan = jaxmlp.plan_many(recipe, data, range(5))
print(jax.device_count(), plan.num_devices, plan.chunk)
print(jaxmlp.plan_many(recipe, data, [0]).num_devices)
crew, _ = planning.prepare(grid.make_grid(recipe, range(5)), data, None, None, None, False)
for name, half in (("train", 0), ("train", 1), ("test", 0), ("test", 1)):
    print(len({sets[name][half].unsafe_buffer_pointer() for (sets,) in crew.sets}))
runs = jaxmlp.train_many(recipe, data, range(5))
for seed in range(5):
    member = runs.member(seed=seed)
    print(jaxmlp.digest(member.state), jaxmlp.digest(dict(member.history)))
other = jaxmlp.Dataset(inputs[::-1], labels[::-1], inputs[20:], labels[20:])
folds = jaxmlp.train_many(recipe, [data, other], range(2))
for fold, seed in ((0, 0), (0, 1), (1, 0), (1, 1)):
    print(jaxmlp.digest(folds.member(fold=fold, seed=seed).state))
if sys.argv[1] == "1":
    for seed in range(5):
        run = jaxmlp.train(recipe, data, seed)
        print(jaxmlp.digest(run.state), jaxmlp.digest(run.history))
    for fold in (data, other):
        print(*(jaxmlp.digest(jaxmlp.train(recipe, fold, seed).state) for seed in range(2)))
"""


PLANNED = {1: "1 1 2", 2: "2 2 4", 4: "4 4 5", 8: "8 5 5"}


@pytest.mark.parametrize("counts", [(1, 2), pytest.param((1, 2, 4, 8), marks=pytest.mark.slow)])
def test_bits_do_not_depend_on_the_number_of_devices_which_share_the_data(counts):
    env = {**os.environ, "NPROC": "8"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(count)],
            cwd=Path(__file__).parents[2],
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        for count in counts
    ]
    outputs = [process.communicate(timeout=600)[0].splitlines() for process in processes]
    assert [lines[0] for lines in outputs] == [PLANNED[count] for count in counts]
    # One device for one member; and a copy of the data, not one a device.
    assert [lines[1:6] for lines in outputs] == [["1"] * 5] * len(counts)
    alone, folds = outputs[0][15:20], " ".join(outputs[0][20:]).split()
    assert len(set(alone)) == 5
    assert [lines[6:11] for lines in outputs] == [alone] * len(counts)
    assert len(set(folds)) == 4
    assert [lines[11:15] for lines in outputs] == [folds] * len(counts)


ONE_OUTPUT = """
import jax
jax.config.update("jax_num_cpu_devices", 2)
import numpy as np, optax, jaxmlp
inputs = np.random.default_rng(0).normal(size=(300, 20)).astype(np.float32)
data, model = jaxmlp.Dataset(inputs, inputs.sum(axis=1)), jaxmlp.mlp((20, 40, 1))
recipe = jaxmlp.Recipe(model, jaxmlp.regression(), optax.sgd, {"learning_rate": 0.01}, 30, 1)
runs = jaxmlp.train_many(recipe, data, range(2))
for seed in range(2):
    for run in (runs.member(seed=seed), jaxmlp.train(recipe, data, seed)):
        print(jaxmlp.digest(run.state))
"""


def test_networks_with_one_output_have_the_same_bits_on_two_devices():
    done = subprocess.run(
        [sys.executable, "-c", ONE_OUTPUT],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "NPROC": "8"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    digests = done.stdout.split()
    assert len(set(digests)) == 2
    assert digests[::2] == digests[1::2]


# --- sweeps


def test_traced_values_are_each_members_own(blobs):
    sweep = {"learning_rate": [0.1, 0.5], "weight_decay": [0.0, 2.0], "init_scale": [1.0, 0.25]}
    assert plan_many(DECAYED, blobs, [0, 4], sweep).num_programs == 1
    runs = train_many(DECAYED, blobs, [0, 4], sweep)
    assert runs.shape == (2, 2, 2, 2)
    for rate, decay, scale, seed in itertools.product(*sweep.values(), [0, 4]):
        plain = values_of(DECAYED, learning_rate=rate, weight_decay=decay, init_scale=scale)
        member = runs.member(learning_rate=rate, weight_decay=decay, init_scale=scale, seed=seed)
        assert_same(member, solo(plain, blobs, seed))
    assert len(np.unique(runs.final("train_loss"))) == 16


@pytest.mark.parametrize(
    ("schedule", "name", "values"),
    [
        (schedules.warmup_cosine, "warmup", [0.0, 0.25, 0.5]),
        (schedules.exponential, "end", [0.5, 0.01]),
        (schedules.step_decay, "factor", [0.5, 0.1]),
        (None, "bias_scale", [0.5, 2.0]),
    ],
)
def test_numbers_of_the_schedule_and_the_biases_are_traced(schedule, name, values, blobs):
    model = mlp((4, 8, 3), bias_init=initializers.gaussian())
    recipe = ADAM._replace(model=model, schedule=schedule)
    assert plan_many(recipe, blobs, [2], {name: values}).num_programs == 1
    runs = train_many(recipe, blobs, [2], {name: values})
    for value in values:
        assert_same(
            runs.member(**{name: value}), train(values_of(recipe, **{name: value}), blobs, 2)
        )
    assert len({digest(runs.member(**{name: value}).params) for value in values}) == len(values)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("batch_size", [16, 1]),
        ("hidden_sizes", [(8,), ()]),
        ("activation", [activations.relu, activations.tanh]),
        ("optimizer", [optax.adam, optimizers.sgd]),
        ("num_epochs", [3, 1, 4]),
        ("schedule", [None, schedules.cosine]),
    ],
)
def test_members_of_other_programs_are_their_solo_runs(name, values, blobs):
    def plain(value):
        if name == "hidden_sizes":
            return ADAM._replace(model=mlp((4, *value, 3)))
        if name == "activation":
            return ADAM._replace(model=mlp((4, 8, 3), value))
        return ADAM._replace(**{name: value})

    runs = train_many(ADAM, blobs, [0, 3, 1], {name: values})
    assert runs.axes == {name: tuple(values), "seed": (0, 3, 1)}
    for value, seed in itertools.product(values, [0, 3, 1]):
        assert_same(runs.member(**{name: value}, seed=seed), solo(plain(value), blobs, seed))


def test_a_function_of_the_swept_values_makes_the_recipe(blobs):
    def recipe(rate, deep):
        return values_of(ADAM, learning_rate=rate)._replace(
            model=mlp((4, 8, 3) if deep else (4, 3))
        )

    sweep = {"deep": [False, True], "rate": [0.1, 0.01, 0.05]}
    assert plan_many(recipe, blobs, [5], sweep).num_programs == 2
    runs = train_many(recipe, blobs, [5], sweep)
    for deep, rate in itertools.product(*sweep.values()):
        assert_same(runs.member(deep=deep, rate=rate), solo(recipe(rate, deep), blobs, 5))


def test_a_member_has_the_metrics_of_its_own_task(blobs):
    tasks = [ADAM.task, ADAM.task._replace(metrics=())]
    runs = train_many(ADAM, blobs, [0], {"task": tasks})
    for task in tasks:
        assert_same(runs.member(task=task), train(ADAM._replace(task=task), blobs, 0))


def test_members_whose_recipes_name_other_numbers_are_not_mixed_up(blobs):
    def recipe(b1):
        return values_of(ADAM, b1=b1) if b1 else ADAM

    runs = train_many(recipe, blobs, [0], {"b1": [0.0, 0.5]})
    for b1 in (0.0, 0.5):
        assert_same(runs.member(b1=b1), train(recipe(b1), blobs, 0))


# --- seeds and orders


def test_what_a_seed_draws_does_not_depend_on_the_others(blobs):
    low, high, both = (train_many(ADAM, blobs, s) for s in (range(3), range(3, 6), range(6)))
    for seed in range(6):
        assert_same((low if seed < 3 else high).member(seed=seed), both.member(seed=seed))
    drawn = [jax.random.key_data(key).tobytes() for seed in range(64) for key in keys(seed)]
    assert len(set(drawn)) == 3 * 64  # init, shuffle and noise


def test_a_shared_order_is_that_of_seed_0(blobs):
    runs = train_many(ADAM, blobs, [2, 0, 1], shuffle="shared")
    for seed in (2, 0, 1):
        assert_same(runs.member(seed=seed), solo(ADAM, blobs, seed, shuffle_seed=0))
    own = train_many(ADAM, blobs, [2, 0, 1])
    assert digest(own.member(seed=2).params) != digest(runs.member(seed=2).params)


def test_initial_parameters_and_orders_are_crossed(blobs):
    runs = train_many(ADAM, blobs, [0, 1], {"learning_rate": [0.1]}, shuffle_seeds=[7, 0, 1])
    assert list(runs.axes) == ["learning_rate", "shuffle_seed", "seed"]
    assert runs.shape == (1, 3, 2)
    plain = values_of(ADAM, learning_rate=0.1)
    for order, seed in itertools.product((7, 0, 1), (0, 1)):
        run = solo(plain, blobs, seed, shuffle_seed=order)
        assert_same(runs.member(shuffle_seed=order, seed=seed), run)


@pytest.mark.parametrize("shuffle", ["own", "shared"])
def test_fast_mode_is_close_to_exact_mode(shuffle, blobs):
    options = {"sweep": {"learning_rate": [0.01, 0.1]}, "shuffle": shuffle}
    exact, fast = (
        train_many(ADAM, blobs, [4, 2, 9], mode=mode, **options) for mode in ("exact", "fast")
    )
    for left, right in zip(
        jax.tree.leaves(exact.states), jax.tree.leaves(fast.states), strict=True
    ):
        np.testing.assert_allclose(right, left, rtol=1e-4, atol=1e-5)
        assert left.dtype == right.dtype
    assert exact.history.keys() == fast.history.keys()
    for name, values in exact.history.items():
        np.testing.assert_allclose(fast.history[name], values, rtol=1e-4, atol=1e-5)
    assert fast.states[0].step.tolist() == [12] * 6


def test_fast_mode_is_close_where_members_end_early(blobs, monkeypatch):
    monkeypatch.setattr(planning, "CACHE", 2**30)  # all twelve at once, then six, then three
    sizes = []
    load = SideBySide.load

    def watched(worker, numbers, seeds, states, folds, size):
        sizes.append((len(seeds.shuffle), size))
        return load(worker, numbers, seeds, states, folds, size)

    monkeypatch.setattr(SideBySide, "load", watched)
    recipe = ADAM._replace(num_epochs=4)
    options = {"sweep": {"learning_rate": [0.01, 0.02, 0.05, 0.1]}}
    halving = Halving("test_loss", factor=2)
    exact, fast = (
        train_many(recipe, blobs, [4, 2, 9], mode=mode, halving=halving, **options)
        for mode in ("exact", "fast")
    )
    assert exact.stopped_at.tolist() == fast.stopped_at.tolist()
    assert sorted(fast.stopped_at[:, 0].tolist()) == [1, 1, 2, 4]
    assert sizes == [(12, 12), (6, 6), (3, 3)]  # from the beginning, and from each rung on
    for left, right in zip(
        jax.tree.leaves(exact.states), jax.tree.leaves(fast.states), strict=True
    ):
        np.testing.assert_allclose(right, left, rtol=1e-3, atol=1e-4)


# --- faults

RATES = [0.05, 10.0, 0.1]  # the second diverges


@functools.cache
def healthy_rates():
    return {"learning_rate": [rate for rate in RATES if rate < 1]}


@pytest.mark.parametrize("block", [1, 3, None])
def test_a_fault_ends_its_member_alone(block, line_data, monkeypatch):
    if block:
        monkeypatch.setattr(loop, "next_block", lambda *_: block)
    runs = train_many(LINE, line_data, [0, 1], {"learning_rate": RATES})
    assert runs.faults.keys() == {(1, 0), (1, 1)}
    for i, seed in enumerate([0, 1]):
        with pytest.raises(TrainingFault) as caught:
            train(values_of(LINE, learning_rate=10.0), line_data, seed)
        fault, progress = caught.value.fault, caught.value.progress
        assert runs.faults[1, i] == fault
        assert 2 <= fault.epoch <= LINE.num_epochs  # not before an epoch is finished
        assert fault.step // 4 == fault.epoch - 1
        assert fault.layer
        assert runs.stopped_at[1, i] == fault.epoch - 1 == len(progress.history)
        member = runs.member(learning_rate=10.0, seed=seed)
        assert digest(member.state) == digest(progress.state)
        for name, values in runs.history.items():
            lines = np.array([line[name] for line in progress.history], np.float32)
            assert digest(member.history[name]) == digest(lines)
            assert np.isnan(values[1, i, fault.epoch - 1 :]).all()

    without = train_many(LINE, line_data, [0, 1], healthy_rates())
    assert not without.faults
    for rate, seed in itertools.product(healthy_rates()["learning_rate"], [0, 1]):
        run = solo(values_of(LINE, learning_rate=rate), line_data, seed)
        assert_same(runs.member(learning_rate=rate, seed=seed), run)
        assert_same(without.member(learning_rate=rate, seed=seed), run)
    finished = runs.stopped_at.sum()
    assert 24 < finished < 36
    assert runs.share_of_work == finished / 36


def test_a_fault_from_the_start_is_in_the_first_layer(blobs):
    runs = train_many(DECAYED, blobs, [3, 5], {"init_scale": [1.0, 1e38]})
    assert runs.faults.keys() == {(1, 0), (1, 1)}
    assert [(f.step, f.epoch) for f in runs.faults.values()] == [(0, 1)] * 2
    assert all(f.layer.startswith("layer_") for f in runs.faults.values())
    assert runs.stopped_at.tolist() == [[3, 3], [0, 0]]
    assert all(np.isnan(values[1]).all() for values in runs.history.values())
    assert runs.share_of_work == 0.5


def test_faults_may_be_ignored(line_data):
    runs = train_many(LINE, line_data, [0, 1], {"learning_rate": RATES}, on_fault="ignore")
    assert not runs.faults
    assert runs.share_of_work == 1
    for rate, seed in itertools.product(RATES, [0, 1]):
        plain = values_of(LINE, learning_rate=rate)
        run = solo(plain, line_data, seed, on_fault="ignore")
        member = runs.member(learning_rate=rate, seed=seed)
        jax.tree.map(np.testing.assert_array_equal, (member.state, member.history), run[1:3])
    last = runs.history["train_loss"][..., -1]
    assert np.isfinite(last).tolist() == [[True] * 2, [False] * 2, [True] * 2]


# --- early ends

STEEP = SGD._replace(num_epochs=12)
PATIENT = {"sweep": {"learning_rate": [0.1, 3.0]}, "patience": 2, "stop_metric": "test_loss"}


@functools.cache
def impatient_run(rate, seed):
    return train(
        values_of(STEEP, learning_rate=rate),
        impatient_run.data,
        seed,
        callback=lambda progress: stopping.is_exhausted(progress.history, "test_loss", 2),
    )


def test_patience_ends_members_as_a_callback_of_train_does(blobs):
    impatient_run.data = blobs
    runs = train_many(STEEP, blobs, range(4), **PATIENT)
    for rate, seed in itertools.product([0.1, 3.0], range(4)):
        assert_same(runs.member(learning_rate=rate, seed=seed), impatient_run(rate, seed))
    assert runs.stopped_at.min() < 12 == runs.stopped_at.max()
    assert len(set(runs.stopped_at[1].tolist())) > 1
    assert runs.share_of_work == runs.stopped_at.sum() / 96


HALVED = SGD._replace(num_epochs=9)
HALVED_RATES = [0.3, 1e-4, 0.02, 2.0, 0.7, 1e-3, 0.05, 1e-5, 0.01]


@pytest.mark.parametrize(
    ("halving", "ends", "share"),
    [
        (Halving("test_loss"), [1] * 6 + [3] * 2 + [9], 21 / 81),
        (Halving("train_accuracy"), [1] * 6 + [3] * 2 + [9], 21 / 81),
        # 9, 5, 3, 2
        (Halving("test_loss", 2, 2), [2] * 4 + [4] * 2 + [8] + [9] * 2, 42 / 81),
    ],
)
def test_halving_keeps_the_best_settings(halving, ends, share, blobs):
    recipes = [values_of(HALVED, learning_rate=rate) for rate in HALVED_RATES]
    histories = [[solo(recipe, blobs, s).history for s in (0, 1)] for recipe in recipes]
    sign = -1 if halving.metric.endswith("loss") else 1
    expected, live, rung = np.full(9, 9), list(range(9)), halving.first
    while rung < 9:
        means = {
            i: float(np.mean([run[halving.metric][rung - 1] for run in histories[i]])) for i in live
        }
        ranked = sorted(sorted(live), key=lambda i: -sign * means[i])  # stable: the first of equals
        live = ranked[: -(-len(ranked) // halving.factor)]
        expected[ranked[len(live) :]] = rung
        rung *= halving.factor
    assert sorted(expected.tolist()) == ends

    runs = train_many(HALVED, blobs, [0, 1], {"learning_rate": HALVED_RATES}, halving=halving)
    assert runs.stopped_at.tolist() == [[end, end] for end in expected]
    assert runs.share_of_work == pytest.approx(share)
    for rate, recipe, end in zip(HALVED_RATES, recipes, expected, strict=True):
        for seed in (0, 1):
            member = runs.member(learning_rate=rate, seed=seed)
            history = solo(recipe, blobs, seed).history
            assert digest(member.history) == digest({n: v[:end] for n, v in history.items()})
            if end == 9:
                assert_same(member, solo(recipe, blobs, seed))
    last = int(np.argmin(expected))
    rate, end = HALVED_RATES[last], int(expected[last])
    ended = train(recipes[last], blobs, 1, callback=until(end))
    assert_same(runs.member(learning_rate=rate, seed=1), ended)


def test_best_passes_over_what_halving_ended(blobs):
    runs = train_many(ADAM, blobs, [0], {"learning_rate": [0.01, 0.1]})
    finals = runs.final("test_loss")[:, 0]
    winner, loser = (ADAM_RATES[int(i)] for i in np.argsort(finals))
    assert runs.best("test_loss") == {"learning_rate": winner}
    ended_by = np.full(runs.shape, LENGTH, np.int8)
    ended_by[ADAM_RATES.index(winner)] = HALVING
    assert runs._replace(ended_by=ended_by).best("test_loss") == {"learning_rate": loser}


def test_halving_looks_at_a_rung_whatever_eval_every(blobs):
    sweep = {"learning_rate": HALVED_RATES}
    halving = Halving("test_loss")
    often, seldom = (
        train_many(HALVED, blobs, [0], sweep, halving=halving, eval_every=every) for every in (1, 9)
    )
    assert seldom.stopped_at.tolist() == often.stopped_at.tolist()


def test_a_setting_with_a_fault_is_worst_at_a_rung(line_data):
    sweep = {"learning_rate": [1e38, 1e-4, 0.05]}
    runs = train_many(LINE, line_data, [0, 1], sweep, halving=Halving("train_loss", 3, 2))
    assert runs.faults.keys() == {(0, 0), (0, 1)}
    assert runs.stopped_at.tolist() == [[0, 0], [2, 2], [6, 6]]


def test_a_setting_is_no_better_than_its_fault_at_a_rung(blobs):
    sweep = {"learning_rate": [0.3, 1e-4]}
    snapshots = []
    train_many(HALVED, blobs, [0, 1], sweep, callback=lambda r: snapshots.append(r.snapshot()))
    (first, *_), fault = snapshots, Fault(3, 2, "loss", "layer_0", "")
    start = first._replace(faults={0: fault}, ended_by=np.int8([4, 0, 0, 0]))
    runs = train_many(HALVED, blobs, [0, 1], sweep, halving=Halving("test_loss", 2, 2), start=start)
    assert runs.stopped_at.tolist() == [[1, 2], [9, 9]]
    assert runs.faults == {(0, 0): fault}


# --- stopping, and going on


@pytest.mark.parametrize("epoch", [1, 4])
@pytest.mark.parametrize(
    ("recipe", "sweep", "options"),
    [
        (LINE, {"learning_rate": RATES}, {"patience": 2, "stop_metric": "test_loss"}),
        (
            LINE,
            {"learning_rate": [0.05, 1e4, 0.1, 0.02, 0.01]},
            {"halving": Halving("train_loss", 2, 2)},
        ),
        (
            ADAM._replace(num_epochs=6),
            {"hidden_sizes": [(8,), ()], "learning_rate": [1e38, 0.1], "num_epochs": [6, 3]},
            {},
        ),
    ],
    ids=["patience", "halving", "two programs"],
)
def test_going_on_from_a_snapshot_changes_no_bit(epoch, recipe, sweep, options, request):
    data = request.getfixturevalue("line_data" if recipe is LINE else "blobs")
    whole = train_many(recipe, data, range(2), sweep, **options)
    assert whole.faults
    assert whole.stopped_at.max() == 6
    snapshots = []

    def stop(report):
        snapshots.append(report.snapshot())
        return report.epoch == epoch

    half = train_many(recipe, data, range(2), sweep, callback=stop, **options)
    assert half.stopped_at.max() == epoch == len(snapshots)
    assert half.share_of_work < whole.share_of_work
    before = digest(snapshots[-1].states)
    on = train_many(recipe, data, range(2), sweep, start=snapshots[-1], **options)
    assert_same_runs(on, whole)
    assert digest(snapshots[-1].states) == before  # it is still as it was


def test_a_stop_within_an_epoch_leaves_what_is_finished(blobs, monkeypatch):
    monkeypatch.setattr(loop, "next_block", lambda *_: 1)
    reports, snapshots = [], []

    def stop(report):
        reports.append((report.epoch, round(report.share, 3), report.num_live))
        if report.epoch == 1 and report.share > 0.5:
            snapshots.append(report.snapshot())
            return True

    runs = train_many(ADAM, blobs, range(9), on_block=stop)
    shares = [round((chunk + step / 4) / 3, 3) for chunk in range(3) for step in range(1, 5)]
    assert reports == [(0, s, 9) for s in shares] + [(1, s, 9) for s in shares if s < 0.6]
    assert runs.stopped_at.tolist() == [2, 2, 2, 1, 1, 1, 1, 1, 1]
    assert runs.share_of_work == 12 / 27
    for seed, end in enumerate(runs.stopped_at):
        assert_same(runs.member(seed=seed), train(ADAM, blobs, seed, callback=until(end)))
    for values in runs.history.values():
        assert np.isnan(values).sum(axis=-1).tolist() == [1] * 3 + [2] * 6

    on = train_many(ADAM, blobs, range(9), start=snapshots[0])
    assert_same_runs(on, train_many(ADAM, blobs, range(9)))


def test_a_finished_population_stays_as_it_is(blobs):
    snapshots = []
    runs = train_many(ADAM, blobs, range(3), callback=lambda r: snapshots.append(r.snapshot()))
    again = train_many(
        ADAM, blobs, range(3), start=snapshots[-1], callback=lambda report: pytest.fail("trained")
    )
    assert_same_runs(again, runs)


def test_another_populations_snapshot_is_refused(blobs):
    snapshots = []
    train_many(ADAM, blobs, range(3), callback=lambda r: snapshots.append(r.snapshot()) or True)
    for recipe, seeds in ((ADAM, range(2)), (ADAM._replace(num_epochs=4), range(3))):
        with pytest.raises(ValueError, match="^start needs [23] members of 1 programs, [34] e"):
            train_many(recipe, blobs, seeds, start=snapshots[0])
    with pytest.raises(ValueError, match="^start needs 3 members .*, or others$"):
        train_many(ADAM._replace(model=mlp((4, 5, 3))), blobs, range(3), start=snapshots[0])


def test_a_callback_sees_each_epoch_once_its_line_is_there(blobs):
    seen = []

    def callback(report):
        assert report.share == 0
        assert report.epochs.tolist() == [1] * 3 + [report.epoch] * 3
        losses = report.history["train_loss"]
        assert losses.shape == (6, 3)
        assert np.isfinite(losses[3:, : report.epoch]).all()
        assert np.isnan(losses[:, report.epoch :]).all()
        assert report.faults == {}
        seen.append((report.epoch, report.num_live))

    train_many(ADAM, blobs, [8, 9, 7], {"num_epochs": [1, 3]}, callback=callback)
    assert seen == [(1, 3), (2, 3), (3, 0)]


@pytest.mark.parametrize("every", [2, 5])
def test_the_test_set_is_looked_at_now_and_then(every, blobs):
    runs = train_many(ADAM, blobs, range(3), eval_every=every)
    for seed in range(3):
        assert_same(runs.member(seed=seed), train(ADAM, blobs, seed, eval_every=every))
    looked = {2: [False, True, True], 5: [False, False, True]}[every]
    assert (~np.isnan(runs.history["test_accuracy"][0])).tolist() == looked


def test_nothing_of_the_callers_is_changed(blobs):
    before = dict(jax.config.values)
    seeds, sweep = [3, 1, 2], {"learning_rate": [0.1]}
    train_many(ADAM, blobs, seeds, sweep)
    assert dict(jax.config.values) == before
    assert (seeds, sweep) == ([3, 1, 2], {"learning_rate": [0.1]})


# --- memory


def test_less_memory_means_smaller_chunks_and_the_same_bits(blobs, monkeypatch):
    use_chunks(monkeypatch, 17)
    roomy = plan_many(ADAM, blobs, range(17))
    tight = plan_many(ADAM, blobs, range(17), memory=35_000)
    assert roomy.chunk == 17
    assert 1 <= tight.chunk < 17
    assert tight.host_bytes <= 35_000 < roomy.host_bytes
    runs = train_many(ADAM, blobs, range(17), memory=35_000)
    for seed in range(17):
        assert_same(runs.member(seed=seed), solo(ADAM, blobs, seed))


def test_a_plan_tells_how_much_is_compiled(blobs):
    done = []
    recipe = ADAM._replace(model=mlp((4, 6, 3)))
    plan_many(recipe, blobs, [0], on_compiled=lambda *told: done.append(told))
    count = done[-1][1]
    assert count >= 5
    assert done == [(number, count) for number in range(1, count + 1)]


def test_members_that_do_not_fit_are_refused_before_anything_is_compiled(blobs, monkeypatch):
    monkeypatch.setattr(planning, "compile_all", lambda *_: pytest.fail("compiled"))
    for function in (plan_many, train_many):
        with pytest.raises(ValueError, match="^17 members need .* GiB of data, got .* of memory$"):
            function(ADAM, blobs, range(17), memory=10_000)


def test_a_member_that_does_not_fit_is_refused_before_training(blobs, monkeypatch):
    monkeypatch.setattr(many, "beginning", lambda *_: pytest.fail("begun"))
    message = "^a member needs .* GiB on each of 1 devices, .*; got .* GiB$"
    with pytest.raises(ValueError, match=message):
        train_many(ADAM, blobs, range(2), memory=5_000)


# --- bad input


def plain_function(learning_rate):
    return values_of(ADAM, learning_rate=learning_rate)


FOREIGN = ADAM._replace(model=Model(ADAM.model.init, ADAM.model.apply))


@pytest.mark.parametrize(
    ("recipe", "seeds", "options", "message"),
    [
        (ADAM, [0], {"sweep": {"learning_rat": [1.0]}}, "got learning_rat: "),
        (ADAM, [0], {"sweep": {"seed": [1]}}, "other names than those of its own axes.*seed"),
        (ADAM, [0], {"sweep": {"learning_rate": []}}, "learning_rate needs at least one value"),
        (ADAM, [0], {"sweep": {"learning_rate": [0.1, 0.1]}}, "each value once, got 0.1 2 times"),
        (ADAM, [0], {"sweep": {"learning_rate": [float("nan")]}}, "finite numbers, got nan"),
        (ADAM, [0], {"sweep": {"learning_rate": 0.1}}, "learning_rate needs a list of values"),
        (ADAM, [0], {"sweep": {"optimizer": "adam"}}, "optimizer needs a list of values, got adam"),
        (ADAM, [0], {"sweep": {"batch_size": [51]}}, "at most the 50 training examples, got 51"),
        (ADAM, [0], {"sweep": {"num_epochs": [0]}}, "num_epochs .* at least 1, got 0"),
        (ADAM, [], {}, "seeds needs at least one value"),
        (ADAM, 3, {}, "seeds needs a list of values, got 3"),
        (ADAM, [1, 2, 1], {}, "seeds needs each value once, got 1 2 times"),
        (ADAM, [-1], {}, "seed needs .* from 0 to 4294967295, got -1"),
        (ADAM, [0.5], {}, "seed needs to be a whole number .*got 0.5"),
        (ADAM, [0], {"shuffle_seeds": [2**32]}, "seed needs .*, got 4294967296"),
        (ADAM, [0], {"shuffle_seeds": []}, "shuffle_seeds needs at least one value"),
        (ADAM, [0], {"shuffle": "none"}, "shuffle needs to be own or shared, got none"),
        (ADAM, [0], {"shuffle": "shared", "shuffle_seeds": [0]}, "got both"),
        (ADAM, [0], {"mode": "quick"}, "mode needs to be exact or fast, got quick"),
        (ADAM, [0], {"on_fault": "raise"}, "on_fault needs to be stop or ignore, got raise"),
        (ADAM, [0], {"eval_every": 0}, "eval_every needs to be at least 1, got 0"),
        (ADAM, [0], {"patience": 0}, "patience needs to be at least 1, got 0"),
        (ADAM, [0], {"patience": 2}, "patience needs a metric .*test_loss.*got validation_loss"),
        (ADAM, [0], {"halving": Halving("test_f1")}, "halving needs a metric.*got test_f1"),
        (ADAM, [0], {"halving": Halving("test_loss", 1)}, "factor needs .* at least 2, got 1"),
        (ADAM, [0], {"halving": Halving("test_loss", 3, 0)}, "first needs .* at least 1, got 0"),
        (plain_function, [0], {"sweep": {"rate": [0.1]}}, "recipe function's arguments.*rate"),
        (plain_function, [0], {}, "recipe function's arguments.*learning_rate"),
        (FOREIGN, [0], {"sweep": {"hidden_sizes": [(4,)]}}, "need a model made by mlp"),
    ],
)
def test_bad_input_is_one_line_before_anything_runs(recipe, seeds, options, message, blobs):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("beginning", "Cohort"):
            patch.setattr(many, name, lambda *_: pytest.fail("trained"))
        patch.setattr(planning, "compile_all", lambda *_: pytest.fail("compiled"))
        with pytest.raises(ValueError, match=message) as caught:
            train_many(recipe, blobs, seeds, **options)
    assert "\n" not in str(caught.value)


# --- one compilation


def test_a_hundred_values_compile_no_more_than_two(blobs):
    def compilations(width, rates):
        """How many programs a network compiles that nobody has trained before."""
        recipe = ADAM._replace(model=mlp((4, width, 3)))
        with counted() as seen:
            runs = train_many(recipe, blobs, [0], {"learning_rate": rates})
        assert len({row.tobytes() for row in runs.history["train_loss"]}) == len(rates)
        return len(seen)

    rates = np.geomspace(1e-3, 1e-1, 100)
    compilations(21, rates[:2])  # what any network needs, once in a process
    two = compilations(22, rates[:2])
    assert two > 0
    assert compilations(23, rates) == two
    with counted() as seen:
        train_many(ADAM._replace(model=mlp((4, 23, 3))), blobs, [1], {"learning_rate": rates / 2})
    assert not seen
