"""Results of one process, or put together from what several have trained."""

import jax
import numpy as np
import optax

from jaxmlp import Fault, Recipe, classification, mlp
from jaxmlp.populations.grid import make_grid
from jaxmlp.populations.planning import state_of
from jaxmlp.populations.population import Population
from jaxmlp.populations.portions import portion_of
from jaxmlp.populations.results import Course, as_bytes, course_of, joined_courses, results
from jaxmlp.training.engine import shapes_of

RECIPE = Recipe(mlp((4, 3)), classification(3), optax.sgd, {"learning_rate": 0.1}, 16, 2)


def test_courses_are_put_together_by_the_places_of_members(blobs):
    grid = make_grid(RECIPE, range(3), {"num_epochs": [1, 2]})
    portions = [portion_of(grid, blobs, {0: 1, 1: 1}, process) for process in (0, 1)]
    fault = Fault(3, 1, "loss", "layer_0", "as it was")
    told = []
    for portion in portions:
        epochs = grid.num_epochs[portion.members]
        # One knows of the loss alone, and for as long as its members are trained.
        history = {"train_loss": np.tile(portion.members[:, None] + 0.5, (1, epochs.max()))}
        faults = {1: fault} if portion is portions[1] else {}
        told.append(as_bytes(Course(history, epochs, np.int8(epochs + 1), faults)))
    for portion in portions:
        whole = joined_courses(portion, blobs, told)
        assert list(whole.history) == [
            *("train_loss", "train_accuracy", "test_loss", "test_accuracy", "learning_rate"),
        ]
        assert whole.history["train_loss"][:, 0].tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
        assert np.isnan(whole.history["test_loss"]).all()
        assert whole.epochs.tolist() == [1, 1, 1, 2, 2, 2]
        assert whole.ended_by.tolist() == [2, 2, 2, 3, 3, 3]
        assert whole.faults == {int(portions[1].members[1]): fault}


def test_results_say_where_each_state_is(blobs):
    grid = make_grid(RECIPE, range(2), {"learning_rate": [0.1, 0.2], "hidden_sizes": [(), (8,)]})
    shapes, whole = shapes_of(blobs), {}
    history = {"train_loss": np.arange(16.0).reshape(8, 2)}
    faults = {5: Fault(0, 1, "loss", "", "")}
    course = course_of(Population((), history, np.int32([1] * 8), np.int8([2] * 8), faults))
    for counts in ({0: 1}, {0: 1, 1: 1}):
        portion = portion_of(grid, blobs, counts, 0)
        states = [jax.tree.map(_zeros(p), state_of(p, shapes)) for p in portion.grid.programs]
        whole[len(counts)] = results(portion, blobs, course, states)
    one, first = whole[1], whole[2]
    assert one.homes is None
    assert one.places[..., 0].tolist() == [[[0, 0], [1, 1]]] * 2
    assert one.places[..., 1].tolist() == [[[0, 1], [0, 1]], [[2, 3], [2, 3]]]
    assert [len(state.step) for state in one.states] == [4, 4]
    assert first.places[..., 0].tolist() == one.places[..., 0].tolist()
    assert first.places[..., 1][first.homes == 0].tolist() == [
        *range(len(first.states[0].step)),
        *range(len(first.states[1].step)),
    ]
    assert (first.is_here == (first.homes == 0)).all()
    assert first.columns == one.columns
    for runs in whole.values():
        assert runs.history["train_loss"].shape == (2, 2, 2, 2)
        assert runs.share_of_work == 0.5
        assert runs.faults == {(1, 0, 1): faults[5]}


def _zeros(program):
    return lambda leaf: np.zeros((len(program.seeds), *leaf.shape), leaf.dtype)
