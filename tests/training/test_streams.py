"""Windows over sets that are larger than memory: the bits of a training that has all of it."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from row_readers import Rows

from jaxmlp import (
    Dataset,
    Recipe,
    TrainingFault,
    classification,
    digest,
    evaluate,
    metrics,
    mlp,
    train,
    warm_up,
)
from jaxmlp.runtime.compilation import default_device
from jaxmlp.training.engine import order_of
from jaxmlp.training.sources import Source
from jaxmlp.training.streams import Epochs, Feed, steps_in_window, windows

NETS = {
    "plain": mlp((64, 16, 10)),
    "dropout": mlp((64, 16, 10), dropout=0.3),
    "batch norm": mlp((64, 16, 10), norm="batch"),
}
SMALL = 64 * 68  # bytes: a window of one batch
LARGE = 5 * SMALL  # of 23 batches, so that the last window is a shorter one


def recipe_of(name, **changes):
    recipe = Recipe(NETS[name], classification(10), optax.adam, {"learning_rate": 0.01}, 64, 2)
    return recipe._replace(**changes)


def streamed(data, folder):
    """The same data from files, all but the labels of testing, which are read by rows."""
    mapped = {}
    for name in ("train_inputs", "train_labels", "test_inputs"):
        np.save(folder / name, getattr(data, name))
        mapped[name] = np.load(folder / f"{name}.npy", mmap_mode="r")
    return data._replace(**mapped, test_labels=Rows(data.test_labels))


def whole(run):
    return digest((run.params, run.state, dict(run.history)))


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("window", [1, LARGE, 10**6])
def test_bits_are_those_of_a_training_with_all_in_memory(name, window, digits, tmp_path):
    run = train(recipe_of(name), streamed(digits, tmp_path), seed=3, window=window)
    assert whole(run) == whole(train(recipe_of(name), digits, seed=3))


def test_bits_depend_neither_on_blocks_nor_on_where_it_went_on(digits, tmp_path):
    data, recipe, seen = streamed(digits, tmp_path), recipe_of("dropout"), []
    train(recipe, data, 3, window=LARGE, block_every=7, on_block=seen.append)
    middle = next(each for each in seen if int(each.state.step) == 35)
    run = train(recipe, data, 3, window=SMALL, start=middle)
    assert whole(run) == whole(train(recipe, digits, 3))


def test_bits_with_weights_and_an_order_of_its_own(digits, tmp_path):
    weights = np.linspace(0, 2, 1437, dtype=np.float32)
    recipe, data = recipe_of("plain"), digits._replace(train_weights=weights)
    run = train(recipe, streamed(data, tmp_path), 3, shuffle_seed=5, window=LARGE)
    assert whole(run) == whole(train(recipe, data, 3, shuffle_seed=5))


def test_bits_of_an_evaluation_in_windows(monkeypatch, digits):
    monkeypatch.setattr("jaxmlp.training.evaluation.BATCH", 100)
    recipe = recipe_of("plain", task=classification(10)._replace(metrics=(metrics.f1(10),)))
    params = recipe.model.init(jax.random.key(0))
    inputs, labels = digits.train_inputs, digits.train_labels
    expected = evaluate(recipe, params, inputs, labels)
    for window in (1, 30_000):  # 15 windows of 100 examples, or 4 of 400
        got = evaluate(recipe, params, Rows(inputs), Rows(labels), window=window)
        assert got == expected
    with_looks = train(recipe, digits, 3).history["test_f1"]
    rows = Dataset(*map(Rows, digits[:4]))
    assert train(recipe, rows, 3, window=1).history["test_f1"].tolist() == with_looks.tolist()


def test_a_fault_is_found_in_its_step_and_row(digits, tmp_path):
    inputs = digits.train_inputs.astype(np.float32)
    inputs[700, 3] = np.nan
    data, recipe = digits._replace(train_inputs=inputs), recipe_of("plain")
    with pytest.raises(TrainingFault) as expected:
        train(recipe, data, 3)
    with pytest.raises(TrainingFault) as got:
        train(recipe, streamed(data, tmp_path)._replace(train_inputs=Rows(inputs)), 3, window=LARGE)
    assert got.value.fault == expected.value.fault
    assert "row 700" in str(got.value)
    assert digest(got.value.progress.state) == digest(expected.value.progress.state)


def test_labels_and_inputs_become_what_they_would_in_memory(digits):
    inputs, labels = digits.train_inputs / 16.0, digits.train_labels.astype(np.float64)[:, None]
    recipe = recipe_of("plain", num_epochs=1)
    run = train(recipe, Dataset(Rows(inputs), Rows(labels)), 3, window=LARGE)
    assert whole(run) == whole(train(recipe, Dataset(inputs, labels), 3))


def test_wide_arrays_stay_wide(digits):
    recipe = recipe_of("plain", num_epochs=1)
    with jax.enable_x64(True):
        data = Dataset(digits.train_inputs / 16.0, digits.train_labels)
        run = train(recipe, data, 3, window=LARGE)
        assert whole(run) == whole(train(recipe, data, 3))


def test_nothing_is_compiled_after_warming_up(digits, tmp_path):
    from compilations import counted

    recipe = recipe_of("plain", hyperparameters={"learning_rate": 0.01}, num_epochs=1)
    data = streamed(digits, tmp_path)
    warm_up(recipe, data, window=LARGE)
    with counted() as compiled:
        train(recipe, data, 4, window=LARGE)
    assert not [name for name in compiled if "window" in name or "order" in name]


def test_a_window_has_whole_batches():
    x, y = np.zeros((100, 6), np.uint8), np.zeros(100, np.int32)  # 10 bytes an example
    assert [steps_in_window(size, 8, x, y) for size in (1, 80, 159, 160, 10**9)] == [1, 1, 1, 2, 13]


def test_an_epochs_windows_have_every_example_once_in_their_order():
    x = np.arange(50, dtype=np.int32)[:, None]
    orders = {(7, epoch): np.random.default_rng(epoch).permutation(50) for epoch in (0, 1)}
    asked = []

    def order(seed, epoch):
        asked.append((seed, epoch))
        return orders[seed, epoch]

    epochs = Epochs((Source(x, np.int32), Source(x[:, 0], np.int32)), 8, 2, 8 * 16, order,
                    default_device())  # fmt: skip
    step, ends, found = 0, [], []
    while step < 14:  # of 2 epochs of 7 steps, in windows of 2
        window = epochs.at(jnp.uint32(7), step)
        begun = [] if step == 13 else [divmod(epochs.end(step), 7)]
        assert [(e, 2 * i) for _, e, i in epochs._feed._made][1:] == begun
        count = min(16, 50 - int(window.before))
        near = np.asarray(window.examples[0])[np.asarray(window.order)][:count, 0]
        assert np.asarray(window.examples[1])[:count].tolist() == sorted(near)
        found += near.tolist()
        step = epochs.end(step)
        ends.append(step)
    assert found == [*orders[7, 0], *orders[7, 1]]
    assert ends == [2, 4, 6, 7, 9, 11, 13, 14]
    assert asked == [(7, 0), (7, 1)]


def test_the_order_is_that_of_a_training_in_memory():
    from jaxmlp.randomness import keys
    from jaxmlp.training.batches import epoch_order

    expected = epoch_order(keys(jnp.uint32(5)).shuffle, 2, 5000)
    assert order_of(5000, jnp.uint32(5), jnp.int32(2)).tolist() == expected.tolist()


def test_windows_of_a_set_as_it_stands():
    source = Source(np.arange(5.0), np.float32)
    found = [np.asarray(window[0]).tolist() for window in windows((source,), 2, default_device())]
    assert found == [[0, 1], [2, 3], [4, 0]]


def test_the_next_window_is_read_while_the_present_one_is_used():
    begun = threading.Event()
    feed = Feed(lambda key: begun.set() if key == 1 else key)
    assert feed.get(0, 1) == 0
    assert begun.wait(10)  # though nobody has asked for it


def test_at_most_two_windows_are_held():
    made = []
    feed = Feed(lambda key: made.append(key) or np.full(3, key))
    assert feed.get(0, 1).tolist() == [0, 0, 0]
    assert feed.get(1, 2).tolist() == [1, 1, 1]
    assert feed.get(2, None).tolist() == [2, 2, 2]
    assert made == [0, 1, 2]
    assert set(feed._made) == {2}
    assert feed.get(0, None).tolist() == [0, 0, 0]  # which was let go
    assert made == [0, 1, 2, 0]


def test_what_a_reader_raises_comes_through():
    class Broken(Rows):
        def __getitem__(self, rows):
            if len(rows) and rows[-1] > 1200:
                raise OSError("the disk is gone")
            return super().__getitem__(rows)

    x = np.zeros((1437, 64), np.uint8)
    data = Dataset(Broken(x), np.zeros(1437, np.int32))
    with pytest.raises(OSError, match="the disk is gone"):
        train(recipe_of("plain"), data, 3, window=LARGE)
