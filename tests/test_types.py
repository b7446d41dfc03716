import functools

import jax
import numpy as np
import optax
import pytest

from jaxmlp import Dataset, Fault, Progress, Recipe, Run, TrainState, classification, mlp, train
from jaxmlp.types import Model, count

INPUTS, LABELS = np.zeros((4, 2), np.float32), np.arange(4)


def test_a_data_set_has_a_training_set_and_a_test_set_where_there_is_one():
    data = Dataset(INPUTS, LABELS, INPUTS[:1], LABELS[:1])
    assert list(data.sets()) == ["train", "test"]
    assert data.sets()["train"][0] is INPUTS
    assert data.sets()["train"][1] is LABELS
    assert data.sets()["test"][0] is data.test_inputs
    assert data.sets()["test"][1] is data.test_labels
    assert list(Dataset(INPUTS, LABELS).sets()) == ["train"]


# --- as a person sees them

STATE = TrainState({"kernel": np.zeros((300, 4))}, (np.zeros((300, 4)), 3), np.int32(2))
FAULT = Fault(1, 1, "loss", "layer_0", "")


def test_a_run_shows_its_last_figures_in_a_line():
    run = Run(STATE.params, STATE, {"train_loss": np.float32([2, 0.123456])}, (FAULT,))
    assert repr(run) == (
        "Run(2 epochs, train_loss=0.1235; TrainState(1,200 parameters, 1,201 numbers of the "
        "optimizer); 1 faulty steps skipped)"
    )
    assert repr(run._replace(history={}, faults=())).startswith("Run(0 epochs; TrainState(1,200")


def test_progress_shows_its_last_line():
    lines = ({"train_loss": 2.0}, {"train_loss": 0.5})
    assert repr(Progress(STATE, {}, lines)).startswith("Progress(2 epochs, train_loss=0.5; Train")
    assert repr(Progress(STATE, {}, ())).startswith("Progress(0 epochs; TrainState(")


@pytest.mark.parametrize("values", [jax.ShapeDtypeStruct((2, 3), np.float32), np.zeros((2, 3))])
def test_shapes_are_enough_to_count_numbers(values):
    assert count({"a": values, "b": (values, 1.0)}) == 13


def test_values_that_are_being_traced_can_be_shown():
    assert jax.eval_shape(lambda: (repr(STATE), STATE)[1]) is not None


def test_networks_are_shown_by_their_widths():
    assert repr(mlp((4, 8, 3), functools.partial(jax.nn.elu, alpha=2))) == "Model(4-8-3, elu)"
    assert repr(mlp((4, 3))) == "Model(4-3)"
    assert repr(Model(functools.partial(max), min)) == "Model(init=max, apply=min)"


def test_a_data_set_is_shown_by_its_shapes_whatever_it_holds():
    data = Dataset(INPUTS, LABELS, INPUTS[:1], LABELS[:1], name="few")
    first = "train float32 (4, 2), labels int64 (4,)"
    assert repr(data) == f"Dataset(few: {first}; test float32 (1, 2), labels int64 (1,))"
    assert repr(Dataset([[1]], (x for x in ()))) == "Dataset(train a list, labels a generator)"


def test_what_training_returns_takes_few_lines(blobs):
    recipe = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.1}, 16, 1)
    for shown in (train(recipe, blobs, 0), recipe, blobs):
        assert len(repr(shown).splitlines()) <= 3
        assert len(repr(shown)) < 300
