import jax
import numpy as np
import optax
import pytest
from compilations import counted
from peers import trained

import jaxmlp
from jaxmlp import (
    Dataset,
    Halving,
    Recipe,
    TrainingFault,
    classification,
    digest,
    mlp,
    optimizers,
    plan_many,
    population_like,
    regression,
    train,
    train_many,
)
from jaxmlp.populations import folds, planning
from jaxmlp.populations.grid import make_grid
from jaxmlp.populations.identity import identity_of_many
from jaxmlp.populations.portions import part_of
from jaxmlp.populations.retire import Standing, lagging_at
from jaxmlp.populations.runs import HALVING
from jaxmlp.training.identity import differences

ADAM = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.02}, 16, 3)
RATES = {"learning_rate": [0.01, 0.1]}


@pytest.fixture(autouse=True)
def three_at_a_time(monkeypatch):
    """Has most populations go through more than one chunk, with members of several folds."""
    monkeypatch.setattr(planning, "FEWEST", 3)
    monkeypatch.setattr(planning, "MOST", 3)


@pytest.fixture(scope="module")
def alike(blobs):
    """Three folds of the same shapes."""
    inputs = np.concatenate([blobs.train_inputs, blobs.test_inputs])
    labels = np.concatenate([blobs.train_labels, blobs.test_labels])

    def fold(number):
        rows = np.roll(np.arange(80), 30 * number)
        return Dataset(inputs[rows[:50]], labels[rows[:50]], inputs[rows[50:]], labels[rows[50:]])

    return [fold(number) for number in range(3)]


@pytest.fixture(scope="module")
def unlike(alike):
    """Three folds, of which the middle one has a row less to train on."""
    first, middle, last = alike
    few = middle._replace(
        train_inputs=middle.train_inputs[1:], train_labels=middle.train_labels[1:]
    )
    return [first, few, last]


def at(recipe, rate):
    return recipe._replace(hyperparameters={"learning_rate": rate})


def assert_same(member, run):
    assert digest(member.params) == digest(run.params)
    assert digest(member.state) == digest(run.state)
    assert digest(dict(member.history)) == digest(dict(run.history))


@pytest.mark.parametrize("kind", ["alike", "unlike"])
def test_a_members_bits_are_those_of_training_on_its_fold_alone(kind, request):
    data = request.getfixturevalue(kind)
    runs = train_many(ADAM, data, [5, 2], RATES)
    assert runs.axes == {"learning_rate": (0.01, 0.1), "fold": (0, 1, 2), "seed": (5, 2)}
    assert runs.history["test_loss"].shape == (2, 3, 2, 3)
    assert len(runs.states) == {"alike": 1, "unlike": 2}[kind]
    found = set()
    for rate in (0.01, 0.1):
        for fold, own in enumerate(data):
            for seed in (5, 2):
                run = train(at(ADAM, rate), own, seed)
                assert_same(runs.member(learning_rate=rate, fold=fold, seed=seed), run)
                found.add(digest(run.params))
    assert len(found) == 12
    kernel = runs.params[0].kernel
    assert kernel.shape == (2, 3, 2, 4, 8)
    member = runs.member(learning_rate=0.1, fold=1, seed=2)
    assert np.array_equal(kernel[1, 1, 1], member.params[0].kernel)


def test_folds_of_one_shape_share_their_programs(alike, unlike):
    def compiled(width, data):
        recipe = ADAM._replace(model=mlp((4, width, 3)))
        with counted() as seen:
            plan = plan_many(recipe, data, range(2))
        with counted() as later:
            train_many(recipe, data, range(2))
        return len(seen), len(later), plan.num_programs, plan.num_members

    alone = compiled(5, alike[0])
    assert compiled(6, alike)[:3] == (alone[0], 0, 1)
    seen, later, num_programs, num_members = compiled(7, unlike)
    assert alone[0] < seen <= 2 * alone[0]
    assert (later, num_programs, num_members) == (0, 2, 6)


def test_folds_that_are_tested_on_more_rows_are_trained_by_the_same_program(alike):
    first, last = alike[0], alike[1]
    last = last._replace(test_inputs=last.test_inputs[:9], test_labels=last.test_labels[:9])
    recipe = ADAM._replace(model=mlp((4, 9, 3)))
    with counted() as seen:
        assert plan_many(recipe, [first, first], [5]).num_programs == 1
    with counted() as more:
        assert plan_many(recipe, [first, last], [5]).num_programs == 1
    assert (len(more), len(seen) > 3) == (1, True)  # that which looks at nine examples
    for mode in ("exact", "fast"):
        runs = train_many(recipe, [first, last], [5, 2], mode=mode)
        assert len(runs.states) == 1
        assert runs.sizes["test"] == (30, 9)
        expected = train(recipe, last, 2).history
        for name, values in runs.member(fold=1, seed=2).history.items():
            np.testing.assert_allclose(values, expected[name], rtol=1e-5)
    run = train(recipe, last, 2)
    assert_same(train_many(recipe, [first, last], [5, 2]).member(fold=1, seed=2), run)


def test_the_data_of_a_fold_are_placed_once(alike, monkeypatch):
    placed = []
    place = planning.place
    monkeypatch.setattr(planning, "place", lambda *given: placed.append(given) or place(*given))
    train_many(ADAM, alike, [0, 1], RATES)
    assert len(placed) == 3


def test_a_program_for_each_shape_has_the_members_of_its_folds(alike, unlike):
    grid = make_grid(ADAM, [5, 2], RATES, num_folds=3)
    assert grid.settings.tolist() == [0] * 6 + [1] * 6
    assert grid.points.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert grid.programs[0].folds.tolist() == [0, 0, 1, 1, 2, 2] * 2
    assert folds.by_shapes(grid, tuple(alike)).programs[0].members.tolist() == list(range(12))
    whole, few = folds.by_shapes(grid, tuple(unlike)).programs
    assert whole.members.tolist() == [0, 1, 4, 5, 6, 7, 10, 11]
    assert whole.folds.tolist() == [0, 0, 2, 2] * 2
    assert few.members.tolist() == [2, 3, 8, 9]
    assert few.seeds.tolist() == [5, 2, 5, 2]
    assert few.numbers["learning_rate"].tolist() == np.float32([0.01, 0.01, 0.1, 0.1]).tolist()
    part = part_of(grid, np.int32([1, 4, 9]))
    assert part.points.tolist() == [0, 2, 4]
    assert part.programs[0].folds.tolist() == [0, 2, 1]
    assert folds.like(whole, tuple(unlike)) == {0: 0, 2: 0}
    assert folds.like(few, tuple(unlike)) == {1: 1}
    as_bytes = alike[0]._replace(train_inputs=alike[0].train_inputs.astype(np.uint8))
    assert len(folds.by_shapes(grid, (as_bytes, *alike[1:])).programs) == 2


def test_fast_mode_is_close_and_takes_a_fold_at_a_time(unlike):
    exact, fast = (train_many(ADAM, unlike, [5, 2], RATES, mode=mode) for mode in ("exact", "fast"))
    for name, values in exact.history.items():
        np.testing.assert_allclose(fast.history[name], values, rtol=1e-5, atol=1e-6)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        fast.params,
        exact.params,
    )


def test_every_kind_of_seed_may_vary_beside_the_folds(alike):
    runs = train_many(ADAM, alike[:2], [5], shuffle_seeds=[7, 8], noise_seeds=[1])
    assert list(runs.axes) == ["fold", "shuffle_seed", "noise_seed", "seed"]
    run = train(ADAM, alike[1], 5, shuffle_seed=8, noise_seed=1)
    assert_same(runs.member(fold=1, shuffle_seed=8), run)
    shared = train_many(ADAM, alike[:2], [5], shuffle="shared")
    assert_same(shared.member(fold=1), train(ADAM, alike[1], 5, shuffle_seed=0))


def test_one_data_set_in_a_list_is_one_fold(alike):
    runs = train_many(ADAM, alike[:1], [5])
    assert runs.axes == {"fold": (0,), "seed": (5,)}
    assert_same(runs.member(), train(ADAM, alike[0], 5))
    assert list(train_many(ADAM, alike[0], [5]).axes) == ["seed"]


def test_a_recipe_function_may_know_the_fold(alike):
    asked = []

    def make(learning_rate, fold):
        asked.append((learning_rate, fold))
        return at(ADAM, learning_rate * (1 + fold))

    runs = train_many(make, alike[:2], [5], {"learning_rate": [0.01]})
    assert asked == [(0.01, 0), (0.01, 1)]
    assert_same(runs.member(fold=1), train(at(ADAM, 0.02), alike[1], 5))
    assert runs.axes["learning_rate"] == (0.01,)
    for other in (lambda learning_rate: at(ADAM, learning_rate), lambda **given: at(ADAM, 0.01)):
        assert plan_many(other, alike[:2], [5], {"learning_rate": [0.01]}).num_members == 2
    given = []
    plan_many(lambda **each: given.append(each) or ADAM, alike[0], [5], RATES)
    assert given == [{"learning_rate": 0.01}, {"learning_rate": 0.1}]  # no folds: nothing of them


def test_halving_ranks_settings_over_folds_and_seeds(alike):
    grid = make_grid(ADAM, [0, 1], {"learning_rate": [0.1, 0.2, 0.3]}, num_folds=2)
    losses = [[9, 9, 1, 1], [2, 2, 2, 2], [1, 1, 9, 9]]  # of the folds, then of the seeds
    standing = Standing(np.float64(losses).ravel(), np.ones(12, bool), np.zeros(12, bool))
    assert lagging_at(grid, standing, Halving("test_loss", factor=3)).tolist() == [0, 2]
    runs = train_many(
        ADAM, alike[:2], [0, 1], {"learning_rate": [0.02, 1e-5]}, halving=Halving("test_loss", 2)
    )
    assert runs.stopped_at.tolist() == [[[3, 3], [3, 3]], [[1, 1], [1, 1]]]
    assert (runs.ended_by[1] == HALVING).all()
    assert runs.best("test_loss") == {"learning_rate": 0.02}


def test_a_fault_of_one_fold_is_found_on_its_own_data(blobs):
    line = blobs._replace(
        train_labels=blobs.train_inputs.sum(axis=1), test_labels=blobs.test_inputs.sum(axis=1)
    )
    steep = line._replace(train_inputs=line.train_inputs * np.float32(1e6))
    recipe = Recipe(mlp((4, 1)), regression(), optimizers.sgd, {"learning_rate": 0.1}, 16, 3)
    runs = train_many(recipe, [line, steep], [0, 1], {"learning_rate": [1e-20, 0.1]})
    assert list(runs.faults) == [(1, 1, 0), (1, 1, 1)]
    with pytest.raises(TrainingFault) as caught:
        train(recipe, steep, 1)
    runs = runs.select(learning_rate=0.1)
    assert runs.faults[1, 1] == caught.value.fault
    assert digest(runs.member(fold=1, seed=1).state) == digest(caught.value.progress.state)
    assert_same(runs.member(fold=0, seed=1), train(recipe, line, 1))


def test_several_processes_divide_the_members_of_folds(unlike):
    whole = train_many(ADAM, unlike, [5, 2], RATES)
    for runs in trained(2, ADAM, unlike, [5, 2], RATES):
        assert runs.axes == whole.axes
        assert digest(dict(runs.history)) == digest(dict(whole.history))
        assert runs.sizes == whole.sizes
        here = [position for position in np.ndindex(runs.shape) if runs.is_here[position]]
        assert 0 < len(here) < 12
        for position in here:
            each = zip(runs.axes.items(), position, strict=True)
            where = {name: values[i] for (name, values), i in each}
            assert_same(runs.member(**where), whole.member(**where))


def test_a_population_of_folds_goes_on_where_it_was_left(unlike, tmp_path):
    whole = train_many(ADAM, unlike, [5, 2])
    arguments = ADAM, unlike, [5, 2]
    with jaxmlp.resumable_many(tmp_path, *arguments) as saved:
        assert saved.start is None
        train_many(*arguments, callback=lambda report: report.epoch == 1, on_block=saved.save)
    with jaxmlp.resumable_many(tmp_path, *arguments) as saved:
        assert saved.start.epochs.tolist() == [1] * 6
        like = population_like(*arguments)
        shapes = jax.tree.map(lambda leaf: leaf.shape, like[:-1])
        assert shapes == jax.tree.map(np.shape, saved.start[:-1])
        runs = train_many(*arguments, start=saved.start, on_block=saved.save)
    assert digest(dict(runs.history)) == digest(dict(whole.history))
    assert digest(runs.params) == digest(whole.params)
    others = [unlike[0], unlike[1], unlike[2]._replace(test_labels=unlike[0].test_labels)]
    with (
        pytest.raises(ValueError, match=r"data.fold 2: expected \w+, got"),
        jaxmlp.resumable_many(tmp_path, ADAM, others, [5, 2]),
    ):
        pass


def test_which_population_it_is_depends_on_the_folds(alike):
    def identity(data):
        shaped = folds.as_data(data)
        grid = make_grid(ADAM, [1], num_folds=folds.num_folds(shaped))
        return identity_of_many(grid, shaped, "own")

    assert identity(alike)["axes"] == {"fold": ["0", "1", "2"], "seed": "1"}
    assert differences(identity(alike), identity(alike)) == ""
    assert "fold 1" in differences(identity(alike), identity([alike[0], alike[2], alike[2]]))
    assert "axes" in differences(identity(alike), identity(alike[0]))


def test_results_are_chosen_by_fold(alike):
    runs = train_many(ADAM, alike, [5, 2], RATES)
    assert runs.sizes == {"train": (50, 50, 50), "test": (30, 30, 30)}
    one = runs.select(fold=2)
    assert (list(one.axes), one.sizes) == (["learning_rate", "seed"], {})
    assert runs.select(learning_rate=0.1).sizes == runs.sizes
    assert runs.best("test_loss", mean_over=("seed",)).keys() == {"learning_rate", "fold"}
    frame = runs.to_dataframe()
    assert list(frame.columns[:4]) == ["learning_rate", "fold", "seed", "epoch"]
    assert len(frame) == 2 * 3 * 2 * 3
    assert "fold=3" in repr(runs)


BAD = {
    "none": (lambda d: [], "data needs a Dataset, or one for each fold, got none"),
    "no data set": (lambda d: [d[0], 3], "fold 1 needs to be a Dataset, got 3"),
    "arrays": (lambda d: (1, 2), r"data needs to be a Dataset\(.*, got a tuple"),
    "no test set": (
        lambda d: [d[0], d[1]._replace(test_inputs=None, test_labels=None)],
        "folds need the same sets, got train, test in fold 0 and train in fold 1",
    ),
    "other features": (
        lambda d: [d[0], d[1], d[2]._replace(train_inputs=d[2].train_inputs[:, :3])],
        r"folds need examples of one shape, got \(4,\) in fold 0 and \(3,\) in fold 2",
    ),
    "other labels": (
        lambda d: [d[0], d[1]._replace(train_labels=np.eye(3)[d[1].train_labels])],
        r"folds need labels of one shape, got \(\) in fold 0 and \(3,\) in fold 1",
    ),
    "other classes": (
        lambda d: [d[0], d[1]._replace(num_classes=3), d[2]._replace(num_classes=4)],
        "folds need the same number of classes, got 3 in fold 1 and 4 in fold 2",
    ),
    "a label too large": (
        lambda d: [d[0], d[1]._replace(train_labels=d[1].train_labels + 1)],
        "fold 1: train set: labels need to be from 0 to 2, got 3 .*",
    ),
    "a wrong test set": (
        lambda d: [d[0], d[1]._replace(test_inputs=d[1].test_inputs[:, :3])],
        "fold 1: test set: .*",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_folds_that_do_not_go_together_are_refused_in_a_line(name, alike):
    spoilt, message = BAD[name]
    for function in (train_many, plan_many, population_like):
        with pytest.raises(ValueError, match=f"^{message}$"):
            function(ADAM, spoilt(alike), [0])


def test_folds_are_no_swept_name_and_are_not_read_in_windows(alike):
    with pytest.raises(ValueError, match=r"^sweep needs other names than .* got \{'fold'\}$"):
        train_many(lambda fold: ADAM, alike, [0], {"fold": [1, 2]})
    message = "^folds need their data in memory, got train in windows of 100 bytes$"
    with pytest.raises(ValueError, match=message):
        train_many(ADAM, alike, [0], window=100)
    assert plan_many(ADAM, alike, [0], window=10**6).num_members == 3
