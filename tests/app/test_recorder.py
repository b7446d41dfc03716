"""When a checkpoint is due, what is in it, and what is written after an epoch."""

import io
import math
import os
import signal

import numpy as np
import optax
import pytest
from rich.console import Console
from run_files import lines, scalars

import jaxmlp
from experiments.app import log, recorder, solo
from experiments.app.command_line import Interval
from experiments.app.job import Job
from experiments.app.log import Clock, Log
from experiments.app.progress import EpochTable
from experiments.app.recorder import Recorder
from experiments.app.settings import Settings
from experiments.app.signals import StopRequest
from jaxmlp.storage import checkpoint
from jaxmlp.storage.progress import as_progress
from jaxmlp.training import loop

CONFIG = {"patience": None, "target": None, "stop_metric": "loss", "seed": 0}
RECIPE = jaxmlp.Recipe(
    jaxmlp.mlp((4, 3)), jaxmlp.classification(3), optax.adam, {"learning_rate": 0.01}, 16, 9
)
STEPS = 4  # of an epoch of 50 examples


class Kept:
    """In the place of `Checkpoints`: remembers what was saved."""

    error = None

    def __init__(self):
        self.steps, self.records, self.scores = [], [], []

    def save(self, step, tree, record, score):
        self.steps.append(step)
        self.records.append(record)
        self.scores.append(score)

    def wait(self):
        pass


@pytest.fixture
def job(blobs, tmp_path):
    return Job(RECIPE, blobs, CONFIG, tmp_path)


@pytest.fixture
def request_to_stop():
    with StopRequest() as request:
        yield request


def make(job, kept, request, start=None):
    return Recorder(job, Log(job, Clock(), kept, request), quiet_table(), start)


def quiet_table():
    return EpochTable(Console(file=io.StringIO()), 9, STEPS)


def at(job, step, *losses, totals=0.0):
    """A progress at a step, after epochs with these validation losses."""
    start = loop.beginning(job.recipe, job.data, 0)
    history = tuple({"validation_loss": loss, "validation_accuracy": 0.5} for loss in losses)
    state = start.state._replace(step=np.int32(step))
    counted = {**start.totals, "num_examples": np.float32(totals)}
    return start._replace(state=state, totals=counted, history=history)


def live(job, kept, request, validation_losses=(3.0, 2.0, 1.0)):
    """Some epochs, block by block; returns what the callbacks said."""
    keeper, said = make(job, kept, request), []
    for epoch in range(len(validation_losses)):
        for step in range(epoch * STEPS + 1, (epoch + 1) * STEPS + 1):
            progress = at(job, step, *validation_losses[:epoch], totals=16.0)
            said.append(keeper.on_block(progress))
        said.append(keeper.on_epoch(at(job, (epoch + 1) * STEPS, *validation_losses[: epoch + 1])))
    return said


@pytest.mark.parametrize(
    ("every", "steps"),
    [
        (Interval(3, "step"), [3, 6, 9, 12]),
        (Interval(4, "step"), [4, 8, 12]),
        (Interval(1, "epoch"), [4, 8, 12]),
        (Interval(2, "epoch"), [8]),
        (Interval(0, "epoch"), []),
        (Interval(0, "step"), []),
        (Interval(1000, "second"), []),
    ],
)
def test_checkpoints_are_due_as_often_as_asked(job, request_to_stop, every, steps):
    kept = Kept()
    said = live(job._replace(given=Settings(checkpoint_every=every)), kept, request_to_stop)
    assert kept.steps == steps
    assert not any(said)


def test_checkpoints_are_due_some_seconds_after_the_last(job, request_to_stop, monkeypatch):
    clock = iter(range(0, 1000, 2))  # it is looked at once a block, and once for each save
    monkeypatch.setattr(log.time, "monotonic", lambda: next(clock))
    kept = Kept()
    live(
        job._replace(given=Settings(checkpoint_every=Interval(5, "second"))), kept, request_to_stop
    )
    assert kept.steps == [3, 6, 9, 12]


def test_with_patience_each_epoch_that_is_the_best_so_far_is_saved(job, request_to_stop):
    kept = Kept()
    given = Settings(checkpoint_every=Interval(0, "step"))
    job = job._replace(given=given, config={**CONFIG, "patience": 9})
    live(job, kept, request_to_stop, (3.0, 2.0, 2.5, 1.0))
    assert kept.steps == [4, 8, 16]
    assert kept.scores == [-3.0, -2.0, -1.0]
    assert [len(record["history"]) for record in kept.records] == [1, 2, 4]


def test_only_a_whole_epoch_has_a_score(job, request_to_stop):
    keeper = make(job, kept := Kept(), request_to_stop)
    keeper.save(at(job, 4, 3.0))
    keeper.save(at(job, 5, 3.0, totals=16.0))
    keeper.save(at(job, 8, 3.0, math.nan))
    assert kept.scores == [-3.0, None, -math.inf]


def test_tensorboard_gets_each_epoch_by_its_number(job, request_to_stop):
    pytest.importorskip("tensorboardX")
    keeper = make(job._replace(given=Settings(tensorboard=True)), Kept(), request_to_stop)
    for epoch in (1, 2):
        keeper.on_epoch(at(job, epoch * STEPS, *[3.0, 2.0][:epoch]))
    keeper._log.close()
    found = [row for row in scalars(job.path / "tensorboard") if row[0] == "validation_loss"]
    assert found == [("validation_loss", 1, 3.0), ("validation_loss", 2, 2.0)]


def test_the_same_moment_is_saved_once(job, request_to_stop):
    keeper = make(job, kept := Kept(), request_to_stop, start=at(job, 8, 3.0, 2.0))
    keeper.save(at(job, 8, 3.0, 2.0))
    assert kept.steps == []
    keeper.save(at(job, 12, 3.0, 2.0))  # before the line of the third epoch
    keeper.save(at(job, 12, 3.0, 2.0, 1.0))  # and after it
    keeper.save(at(job, 12, 3.0, 2.0, 1.0))
    assert kept.steps == [12, 12]


def test_what_was_saved_comes_back(job, request_to_stop):
    faults = (jaxmlp.Fault(2, 1, "loss", "layer_0", ""),)
    progress = at(job, 5, 3.0, math.nan, totals=16.0)._replace(faults=faults)
    with checkpoint.Checkpoints(job.path / "checkpoints") as saver:
        make(job, saver, request_to_stop).save(progress)
    found = as_progress(checkpoint.restore(job.path / "checkpoints", solo.like(job)))
    assert jaxmlp.digest(found[:2]) == jaxmlp.digest(progress[:2])
    assert found.faults == faults
    assert str(found.history) == str(progress.history)  # NaN is not equal to itself


def test_a_checkpoint_is_kept_only_if_it_is_wanted_and_written(job, request_to_stop):
    progress = at(job, 5)
    assert not make(job, None, request_to_stop).keep(progress)
    unwanted = job._replace(given=Settings(checkpoint_every=Interval(0, "step")))
    kept = Kept()
    assert not make(unwanted, kept, request_to_stop).keep(progress)
    assert kept.steps == []
    assert make(job, kept, request_to_stop).keep(progress)
    assert kept.steps == [5]
    kept.error = "OSError: no space left"
    assert not make(job, kept, request_to_stop).keep(progress)


def test_a_request_to_stop_is_heeded_after_a_block_and_after_an_epoch(job, request_to_stop):
    keeper = make(job, Kept(), request_to_stop)
    assert not keeper.on_block(at(job, 1))
    os.kill(os.getpid(), signal.SIGTERM)
    assert keeper.on_block(at(job, 2))
    assert keeper.on_epoch(at(job, 4, 3.0))
    assert keeper.reason is None


def test_an_epoch_has_a_line_with_the_digest_of_its_parameters(job, request_to_stop):
    keeper = make(job._replace(notice="digits for MNIST"), None, request_to_stop)
    progress = at(job, 4, 3.0)
    keeper.on_epoch(progress)
    (line,) = lines(job.path)
    assert line.pop("seconds") >= 0
    assert line == {
        **{"epoch": 1, "step": 4, "validation_loss": 3.0, "validation_accuracy": 0.5},
        **{"params_sha256": jaxmlp.digest(progress.state.params)},
        **{"dataset": "", "notice": "digits for MNIST"},
    }
    assert keeper.finished is keeper.progress is progress


@pytest.mark.parametrize(
    ("settings", "losses", "reason"),
    [
        ({}, (1.0, 2.0, 3.0), None),
        ({"patience": 2}, (1.0, 2.0), None),
        ({"patience": 2}, (1.0, 2.0, 3.0), "2 epochs brought no better validation_loss"),
        ({"target": 1.5}, (2.0, 1.5), "validation_loss reached 1.5"),
        ({"target": 1.5}, (1.0, 1.6), None),
        ({"target": 0.5, "stop_metric": "accuracy"}, (9.0,), "validation_accuracy reached 0.5"),
    ],
)
def test_early_stopping_gives_its_reason(job, request_to_stop, settings, losses, reason):
    job = job._replace(config=CONFIG | settings)
    progress = at(job, STEPS * len(losses), *losses)
    assert recorder.reason_to_stop(job, progress) == reason
    keeper = make(job, Kept(), request_to_stop)
    assert keeper.on_epoch(progress) == (reason is not None)
    assert keeper.reason == reason


def test_a_clock_books_all_time_on_some_purpose(monkeypatch):
    times = iter([10.0, 11.0, 14.0, 14.5])
    monkeypatch.setattr(log.time, "perf_counter", lambda: next(times))
    clock = Clock()
    for purpose in ("load", "train", "load"):
        clock.charge(purpose)
    assert clock.seconds == {"load": 1.5, "compile": 0.0, "train": 3.0, "evaluate": 0.0}


def test_what_a_record_is_about_goes_into_it(job):
    assert job.marked({"a": 1}) == {"a": 1, "dataset": ""}
    assert job._replace(notice="digits").marked({})["notice"] == "digits"
