from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest

from jaxmlp import Recipe, classification, digest, evaluate, mlp, schedules, train
from jaxmlp.populations.members import OneByOne, SideBySide, _Member
from jaxmlp.randomness import Seeds
from jaxmlp.runtime.compilation import default_device
from jaxmlp.training import loop
from jaxmlp.training.engine import Engine, hosted, place, shapes_of
from jaxmlp.types import TrainState

RECIPE = Recipe(
    mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.02}, 16, 3, schedules.cosine
)
SEEDS = np.array([7, 3, 5], np.uint32)
DRAWS = Seeds(SEEDS, SEEDS)
FOLDS = np.zeros(3, np.int32)
NUMBERS = {"learning_rate": np.float32([0.02, 0.1, 0.5])}
STEPS = 4  # of an epoch


def recipe_of(slot):
    return RECIPE._replace(hyperparameters={"learning_rate": float(NUMBERS["learning_rate"][slot])})


def row(tree, slot):
    return jax.tree.map(lambda leaf: leaf[slot], tree)


@pytest.fixture(params=["exact", "fast", "fast, shared"])
def worker(request, blobs):
    device = default_device()
    if request.param == "exact":
        return OneByOne({0: Engine.of(RECIPE, blobs, device)})
    sets = place(hosted(blobs), device)
    return SideBySide(RECIPE, shapes_of(blobs), device, {0: sets}, "shared" in request.param)


def is_exact(worker):
    return isinstance(worker, OneByOne)


@pytest.fixture
def states(worker):
    """Three members before training, in NumPy."""
    each = [worker.init(row(NUMBERS, slot), SEEDS[slot]) for slot in range(3)]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *each)


def after_an_epoch(worker, states):
    carried = worker.start_epoch(worker.load(NUMBERS, DRAWS, states, FOLDS, 5))
    for stop in (1, STEPS):
        carried = worker.run(carried, stop)
    return carried


def alone(worker, slot, data):
    """The same epoch of the member alone; where orders are shared, in that of the first."""
    is_shared = not is_exact(worker) and worker._is_shared
    order = int(SEEDS[0 if is_shared else slot])
    seed = int(SEEDS[slot])
    return train(recipe_of(slot), data, seed, shuffle_seed=order, callback=lambda _: True)


def test_a_member_begins_as_alone(states, blobs):
    for slot in range(3):
        begun = loop.beginning(recipe_of(slot), blobs, int(SEEDS[slot]))
        assert digest(row(states, slot)) == digest(begun.state)


def test_an_epoch_is_that_of_train(worker, states, blobs):
    before = digest(states)
    carried = after_an_epoch(worker, states)
    lines = worker.lines(carried, STEPS, True)
    store = jax.tree.map(lambda leaf: np.repeat(leaf[:1], 6, axis=0), states)
    worker.keep(store, np.array([4, 1, 5]), carried)
    for slot, kept in enumerate([4, 1, 5]):
        run = alone(worker, slot, blobs)
        state, totals = worker.member(carried, slot)
        assert float(totals["num_examples"]) == 50
        line = {name: np.float32(values[slot]) for name, values in lines.items()}
        if is_exact(worker):
            assert digest(state) == digest(run.state) == digest(row(store, kept))
            assert digest(line) == digest({n: values[0] for n, values in run.history.items()})
            continue
        assert digest(state) == digest(row(store, kept))
        for ours, its in ((state, run.state), (line, {n: v[0] for n, v in run.history.items()})):
            jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-4, 1e-5), ours, its)
    assert digest(row(store, 0)) == digest(row(states, 0))
    assert digest(states) == before


def test_a_line_looks_when_it_is_due(worker, states, blobs):
    carried = after_an_epoch(worker, states)
    lines = worker.lines(carried, STEPS, False)
    assert all(values.shape == (3,) for values in lines.values())
    assert np.isnan(lines["test_loss"]).all()
    assert np.isnan(lines["test_accuracy"]).all()
    state, _ = worker.member(carried, 1)
    found = evaluate(RECIPE, state.params, blobs.test_inputs, blobs.test_labels)
    looked = worker.lines(carried, STEPS, True)
    assert looked["test_loss"][1] == pytest.approx(found["loss"], rel=1e-6)
    rates = NUMBERS["learning_rate"] * (1 + np.cos(np.pi * (STEPS - 1) / 12)) / 2
    np.testing.assert_allclose(looked["learning_rate"], rates, rtol=1e-6)


def test_each_members_numbers_are_looked_at_on_their_own(worker, states):
    states.params[0].kernel[1, 2, 3] = np.nan
    carried = worker.start_epoch(worker.load(NUMBERS, DRAWS, states, FOLDS, 3))
    assert worker.are_healthy(carried).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("platform", "expected"),
    [("cpu", ["run", "run", "run"]), ("gpu", ["queue", "queue", "queue"])],
)
def test_a_gpu_is_handed_all_members_at_once(platform, expected):
    done = []

    class Handed:
        device = SimpleNamespace(platform=platform)
        epochs = None

        def put(self, tree):
            return tree

        def run(self, *given):
            done.append("run")
            return given[2] + given[-1], given[3]

        def queue(self, *given):
            done.append("queue")
            return given[2] + given[-1], given[3]

        def health(self, state, totals):
            done.append(f"health {state}")
            return jax.numpy.asarray(state != 12)

    engine = Handed()
    worker = OneByOne({0: engine})
    members = [_Member(engine, {}, SEEDS, state, {}) for state in (1, 2, 3)]
    after = worker.run(members, 10)
    assert [member.state for member in after] == [11, 12, 13]
    assert done == expected
    assert worker.are_healthy(after).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ((5, 6), [(5, 0, 4, (6, 0)), (6, 0, 4, (5, 4)), (5, 4, 6, (6, 4)), (6, 4, 6, (5, 6))]),
        ((5, 5), [(5, 0, 4, (5, 4)), (5, 0, 4, (5, 4)), (5, 4, 6, (5, 6)), (5, 4, 6, (5, 6))]),
    ],
)
def test_members_take_turns_at_each_window_and_what_is_next_is_known(orders, expected):
    asked, dropped = [], []

    class Read:
        epochs = SimpleNamespace(
            end=lambda step: (step // 4 + 1) * 4, let_go=lambda: dropped.append(True)
        )

        def run_in_window(self, numbers, seeds, state, totals, end, following):
            asked.append((int(seeds.shuffle), state.step, end, following))
            return state._replace(step=end), totals

    engine = Read()
    worker = OneByOne({0: engine})
    state = TrainState((), (), 0)
    members = [_Member(engine, {}, Seeds(order, 0), state, {}) for order in orders]
    assert [member.state.step for member in worker.run(members, 6)] == [6, 6]
    assert asked == expected
    assert [worker.block_end(*each) for each in ((0, 1), (0, 4), (3, 5), (4, 8))] == [4, 4, 8, 8]
    worker.keep(TrainState((), (), np.zeros(2)), np.arange(2), members)
    assert dropped == [True]
