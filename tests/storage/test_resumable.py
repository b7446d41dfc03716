import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
from endings import killed_at

import jaxmlp
from jaxmlp import Dataset, Recipe, classification, digest, mlp, resumable, resumable_many, train
from jaxmlp.runtime import receipt
from jaxmlp.storage import checkpoint
from jaxmlp.training import identity, sources
from jaxmlp.training.checks import check
from jaxmlp.training.engine import hosted

ROOT = Path(__file__).parents[2]
RECIPE = Recipe(
    mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.01}, 16, num_epochs=3
)
DROPPING = RECIPE._replace(model=mlp((4, 8, 3), norm="batch", dropout=0.2))
KINDS = {
    "plain": RECIPE,
    "batch norm and dropout": DROPPING,
    "schedule": RECIPE._replace(schedule=jaxmlp.schedules.cosine),
}
STEPS = 4  # of an epoch of 50 examples


class Stop(Exception):
    """The end of a training by an error."""


def life(folder, recipe, data, stop=None, **arguments):
    """Trains in a folder, up to an error at a step; the result, or None."""
    with contextlib.suppress(Stop), resumable(folder, recipe, data, 0, **arguments) as saved:

        def on_block(progress):
            saved.save(progress)
            if int(progress.state.step) == stop:
                raise Stop

        names = ("shuffle_seed", "noise_seed", "window")
        seeds = {name: arguments[name] for name in names if name in arguments}
        return train(recipe, data, 0, start=saved.start, block_every=1, on_block=on_block, **seeds)
    return None


def bits(run):
    return digest(run.state), digest(run.params), digest(dict(run.history)), run.faults


def steps(folder):
    return checkpoint.steps(folder / "checkpoints")


@pytest.mark.parametrize("name", KINDS)
def test_a_training_stopped_anywhere_ends_with_the_bits_of_one_left_in_peace(name, blobs, tmp_path):
    recipe = KINDS[name]
    whole = bits(train(recipe, blobs, 0))
    for step in (1, 4, 5, 8, 12):
        folder = tmp_path / f"{step}"
        assert life(folder, recipe, blobs, step) is None
        assert steps(folder)[-1] == step
        assert bits(life(folder, recipe, blobs)) == whole
        with resumable(folder, recipe, blobs, 0) as saved:  # it is over: nothing is trained
            done = []
            run = train(recipe, blobs, 0, start=saved.start, on_block=done.append)
        assert bits(run) == whole
        assert done == []


def test_it_goes_on_with_another_window_or_none(blobs, tmp_path, monkeypatch):
    expected = bits(train(DROPPING, blobs, 0))
    digests, seen = set(), identity.data_digest
    monkeypatch.setattr(identity, "data_digest", lambda data: digests.add(it := seen(data)) or it)
    monkeypatch.setattr(sources, "CHUNK", 100)
    assert life(tmp_path / "run", DROPPING, blobs, 3, window=400) is None  # bytes, of 1,000
    assert life(tmp_path / "run", DROPPING, blobs, 6) is None
    assert bits(life(tmp_path / "run", DROPPING, blobs, window=1)) == expected
    assert digests == {digest(hosted(check(DROPPING, blobs)[1]))}


def test_it_may_be_stopped_again_and_again(blobs, tmp_path):
    for step in range(1, 12):
        assert life(tmp_path, RECIPE, blobs, step) is None
    assert bits(life(tmp_path, RECIPE, blobs)) == bits(train(RECIPE, blobs, 0))


@pytest.mark.parametrize("name", ["shuffle_seed", "noise_seed"])
def test_the_seeds_of_order_and_noise_are_known_too(name, blobs, tmp_path):
    life(tmp_path, DROPPING, blobs, 5, **{name: 7})
    run = life(tmp_path, DROPPING, blobs, **{name: 7})
    assert bits(run) == bits(train(DROPPING, blobs, 0, **{name: 7}))
    with pytest.raises(ValueError, match=rf"seeds\.{name}: expected 7, got 0$"):
        life(tmp_path, DROPPING, blobs)


def test_skipped_faults_come_back(blobs, tmp_path):
    inputs = blobs.train_inputs.copy()
    inputs[3] = np.nan
    data = blobs._replace(train_inputs=inputs)
    whole = train(RECIPE, data, 0, on_fault="skip")
    for stop in (6, None):
        with contextlib.suppress(Stop), resumable(tmp_path, RECIPE, data, 0) as saved:

            def on_block(progress, save=saved.save, stop=stop):
                save(progress)
                if int(progress.state.step) == stop:
                    raise Stop

            run = train(
                *(RECIPE, data, 0),
                start=saved.start,
                on_fault="skip",
                block_every=1,
                on_block=on_block,
            )
    assert len(whole.faults) == 3
    assert bits(run) == bits(whole)


def test_more_epochs_go_on_and_fewer_than_done_are_refused(blobs, tmp_path):
    life(tmp_path, RECIPE, blobs)
    longer = RECIPE._replace(num_epochs=5)
    assert bits(life(tmp_path, longer, blobs)) == bits(train(longer, blobs, 0))
    with pytest.raises(ValueError, match=r"^num_epochs needs to be at least 5, .* begun, got 3"):
        life(tmp_path, RECIPE, blobs)


# --- how often


def test_checkpoints_are_as_far_apart_as_asked(blobs, tmp_path, monkeypatch):
    clock = itertools.count()  # a second each time it is looked at
    monkeypatch.setattr(jaxmlp.storage.resumable.time, "monotonic", lambda: next(clock))
    kept = []
    monkeypatch.setattr(checkpoint.Checkpoints, "save", lambda _, step, *rest: kept.append(step))
    monkeypatch.setattr(jaxmlp.storage.resumable, "SHARE", 1e9)
    life(tmp_path, RECIPE, blobs, every=3)
    assert kept == [3, 6, 9, 12]
    kept.clear()
    monkeypatch.setattr(jaxmlp.storage.resumable, "SHARE", 0.2)  # each costs a second
    life(tmp_path / "a", RECIPE, blobs, every=3)
    assert kept == [3, 8, 12]


def test_as_many_are_kept_as_asked(blobs, tmp_path, monkeypatch):
    monkeypatch.setattr(jaxmlp.storage.resumable, "SHARE", 1e9)
    life(tmp_path, RECIPE, blobs, every=0, keep=2)
    assert steps(tmp_path) == [11, 12]


@pytest.mark.parametrize("every", [-1, float("nan"), float("inf")])
def test_an_interval_that_is_none_is_refused(blobs, tmp_path, every):
    with pytest.raises(ValueError, match="every needs to be a number of seconds, got"):
        life(tmp_path, RECIPE, blobs, every=every)


# --- another training

OTHERS = {
    "recipe.hyperparameters.learning_rate: expected 0.01, got 0.02": {
        "recipe": RECIPE._replace(hyperparameters={"learning_rate": 0.02})
    },
    r"recipe.model.sizes: expected [4, 8, 3], got [4, 9, 3]": {
        "recipe": RECIPE._replace(model=mlp((4, 9, 3)))
    },
    "recipe.model.activation: expected relu, got tanh": {
        "recipe": RECIPE._replace(model=mlp((4, 8, 3), jaxmlp.activations.tanh))
    },
    "recipe.model.kernel_init: expected he, got xavier": {
        "recipe": RECIPE._replace(model=mlp((4, 8, 3), kernel_init=jaxmlp.initializers.xavier))
    },
    "recipe.optimizer: expected adam, got adamax": {
        "recipe": RECIPE._replace(optimizer=optax.adamax)
    },
    "recipe.batch_size: expected 16, got 8": {"recipe": RECIPE._replace(batch_size=8)},
    "recipe.schedule: expected None, got cosine": {
        "recipe": RECIPE._replace(schedule=jaxmlp.schedules.cosine)
    },
    "recipe.task: expected Task(softmax_cross_entropy, accuracy), got Task(hinge, accuracy)": {
        "recipe": RECIPE._replace(task=classification(3, jaxmlp.losses.hinge))
    },
    "seeds.seed: expected 0, got 1": {"seed": 1},
    "data: expected": {"data": lambda data: data._replace(test_labels=data.test_labels[::-1])},
}


@pytest.mark.parametrize("message", OTHERS)
def test_another_training_is_refused_in_a_line_that_says_what_differs(message, blobs, tmp_path):
    life(tmp_path, RECIPE, blobs, 5)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    change = {"recipe": RECIPE, "data": blobs, "seed": 0, **OTHERS[message]}
    data = change.pop("data")
    data = data(blobs) if callable(data) else data
    with (
        pytest.raises(ValueError, match="holds another training: ") as refused,
        resumable(tmp_path, data=data, **change),
    ):
        pass
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_same_training_by_other_words_is_the_same(blobs, tmp_path):
    life(tmp_path, RECIPE._replace(hyperparameters={"learning_rate": 1.0, "b1": 0.5}), blobs, 5)
    alike = RECIPE._replace(hyperparameters=(("b1", np.float32(0.5)), ("learning_rate", 1)))
    lists = Dataset(*(None if half is None else half.tolist() for half in blobs[:6]))
    lists = lists._replace(train_inputs=np.float64(blobs.train_inputs), name="another")
    with resumable(tmp_path, alike, lists, 0) as saved:
        assert int(saved.start.state.step) == 5


def test_fewer_or_more_epochs_of_a_schedule_are_another_training(blobs, tmp_path):
    recipe = KINDS["schedule"]
    life(tmp_path, recipe, blobs, 5)
    with pytest.raises(ValueError, match=r"recipe\.num_epochs: expected 3, got 4$"):
        life(tmp_path, recipe._replace(num_epochs=4), blobs)


def test_another_environment_is_refused_unless_it_is_accepted(blobs, tmp_path, monkeypatch):
    life(tmp_path, RECIPE, blobs, 5)
    described = receipt.describe()
    monkeypatch.setattr(receipt, "describe", lambda: {**described, "threads": 99})
    message = r"needs what its training began on: threads: expected \d+, got 99; accept_changes"
    with pytest.raises(ValueError, match=message):
        life(tmp_path, RECIPE, blobs)
    assert life(tmp_path, RECIPE, blobs, 7, accept_changes=True) is None
    assert life(tmp_path, RECIPE, blobs) is not None  # from here on it is the new one's


def test_what_does_not_fit_is_refused_before_the_folder_is_made(blobs, tmp_path):
    with pytest.raises(ValueError, match="batch_size needs to be at most"):
        life(tmp_path / "new", RECIPE._replace(batch_size=1000), blobs)
    assert os.listdir(tmp_path) == []


def test_a_folder_is_used_by_one_at_a_time(blobs, tmp_path):
    with (
        resumable(tmp_path, RECIPE, blobs, 0),
        pytest.raises(ValueError, match=f"^another process is training in {tmp_path}$"),
        resumable(tmp_path, RECIPE, blobs, 0),
    ):
        pass


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_a_record_that_is_none_is_one_line(blobs, tmp_path, content):
    life(tmp_path, RECIPE, blobs, 5)
    (tmp_path / "training.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"training\.json needs the record of a training: ") as e:
        life(tmp_path, RECIPE, blobs)
    assert "\n" not in str(e.value)


def test_checkpoints_of_something_else_are_left_alone(blobs, tmp_path):
    life(tmp_path, RECIPE, blobs, 5)
    (tmp_path / "training.json").unlink()
    before = steps(tmp_path)
    with pytest.raises(ValueError, match=r"needs a training\.json beside its checkpoints, got non"):
        life(tmp_path, RECIPE, blobs)
    assert steps(tmp_path) == before
    assert before[-1] == 5


# --- damage, and ends


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(blobs, tmp_path):
    life(tmp_path, RECIPE, blobs, 7, every=0)
    file = tmp_path / "checkpoints" / "7" / "record.json"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.warns(checkpoint.CheckpointWarning, match="skipped a checkpoint: .*/7/record"):
        run = life(tmp_path, RECIPE, blobs)
    assert bits(run) == bits(train(RECIPE, blobs, 0))


def test_the_end_at_any_change_leaves_a_folder_that_goes_on(blobs, tmp_path):
    recipe = RECIPE._replace(num_epochs=1)
    whole, number = bits(train(recipe, blobs, 0)), 0
    while True:
        folder = tmp_path / f"{number}"
        with warnings.catch_warnings(), killed_at(number, folder) as changes:
            warnings.simplefilter("ignore")  # saving, on its thread, ends too
            life(folder, recipe, blobs, every=0)
        assert bits(life(folder, recipe, blobs)) == whole
        if len(changes) < number:
            break
        number += 7
    assert number > 15


SETTING = """
import sys, optax, numpy as np, jaxmlp
inputs = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
data = jaxmlp.Dataset(inputs, (inputs[:, 0] > 0).astype(int))
recipe = jaxmlp.Recipe(jaxmlp.mlp((4, 8, 2)), jaxmlp.classification(2), optax.adam,
    {"learning_rate": 0.01}, batch_size=10, num_epochs=60)
"""
PROGRAM = """
def said(progress):
    print(int(progress.state.step), flush=True)
    saved.save(progress)
with jaxmlp.resumable(sys.argv[1], recipe, data, seed=0, every=0) as saved:
    run = jaxmlp.train(recipe, data, seed=0, start=saved.start, block_every=7, on_block=said)
print(jaxmlp.digest((run.state, dict(run.history))))
"""


def in_a_process(folder, number=None):
    """Trains in a process of its own; with a signal, ended once it has a checkpoint. Its lines."""
    command = [sys.executable, "-c", SETTING + PROGRAM, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        lines = []
        if number is not None:
            while not steps(folder):
                lines.append(process.stdout.readline())
                assert lines[-1], "it ended without a checkpoint"
            process.send_signal(number)
        lines += process.stdout.readlines()
        assert process.wait(600) == (0 if number is None else -number)
    return lines


def test_kill_9_leaves_a_folder_that_a_new_process_ends_with_the_same_bits(tmp_path):
    in_a_process(tmp_path, signal.SIGKILL)
    reached = steps(tmp_path)[-1]
    assert 0 < reached < 1800
    lines = in_a_process(tmp_path)
    assert reached < int(lines[0]) <= reached + 7
    exec(SETTING, setting := {})
    run = train(setting["recipe"], setting["data"], 0)
    assert lines[-1].strip() == digest((run.state, dict(run.history)))


# --- populations

SWEEP = {"learning_rate": [0.01, 0.1], "hidden_sizes": [(8,), (4,)]}


def lives(folder, data, stop=None, sweep=SWEEP, seeds=(3, 5), **arguments):
    """Trains a population in a folder, up to the end of an epoch; its results."""
    with resumable_many(folder, RECIPE, data, seeds, sweep, **arguments) as saved:
        return jaxmlp.train_many(
            *(RECIPE, data, seeds, sweep),
            start=saved.start,
            on_block=saved.save,
            callback=lambda report: report.epoch == stop,
            **arguments,
        )


def all_bits(runs):
    return digest((runs.states, dict(runs.history), runs.stopped_at, runs.ended_by)), runs.faults


def test_a_population_goes_on_to_the_same_bits(blobs, tmp_path):
    whole = all_bits(jaxmlp.train_many(RECIPE, blobs, (3, 5), SWEEP))
    lives(tmp_path, blobs, stop=2)
    assert steps(tmp_path) == [2 * 8]
    assert all_bits(lives(tmp_path, blobs)) == whole
    assert all_bits(lives(tmp_path, blobs)) == whole  # it is over


def test_a_populations_seeds_of_order_and_noise_are_known(blobs, tmp_path):
    seeds = {"seeds": (3,), "sweep": {}, "shuffle_seeds": (1, 2), "noise_seeds": (4, 5)}
    whole = jaxmlp.train_many(RECIPE, blobs, **seeds)
    lives(tmp_path, blobs, stop=1, **seeds)
    assert all_bits(lives(tmp_path, blobs, **seeds)) == all_bits(whole)
    with pytest.raises(ValueError, match=r"axes\.noise_seed: expected 4-5, got 4, 6$"):
        lives(tmp_path, blobs, **{**seeds, "noise_seeds": (4, 6)})


def test_a_populations_faults_come_back(blobs, tmp_path):
    sweep = {"learning_rate": [0.01, 3e38]}
    with np.errstate(over="ignore"):
        whole = jaxmlp.train_many(RECIPE, blobs, (3, 5), sweep)
        lives(tmp_path, blobs, stop=2, sweep=sweep)
        runs = lives(tmp_path, blobs, sweep=sweep)
    assert len(whole.faults) == 2
    assert all_bits(runs) == all_bits(whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": (3, 4, 5)}, "axes.seed: expected 3, 5, got 3-5"),
        ({"sweep": {"learning_rate": [0.01, 0.2]}}, "axes.learning_rate: expected"),
        ({"shuffle": "shared"}, "shuffle: expected own, got shared"),
    ],
)
def test_another_population_is_refused(blobs, tmp_path, change, message):
    lives(tmp_path, blobs, stop=1, sweep={"learning_rate": [0.01, 0.1]})
    arguments = {"sweep": {"learning_rate": [0.01, 0.1]}, **change}
    with pytest.raises(ValueError, match=f"holds another training: .*{message}"):
        lives(tmp_path, blobs, **arguments)


def test_the_record_is_for_a_reader_too(blobs, tmp_path):
    life(tmp_path, RECIPE, blobs, 1)
    record = json.loads((tmp_path / "training.json").read_text())
    assert record["recipe"]["model"]["sizes"] == [4, 8, 3]
    assert record["environment"]["versions"]["jax"] == jax.__version__
