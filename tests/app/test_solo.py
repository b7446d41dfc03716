"""What another process than the first does of one network's training, but for the training."""

import signal

import pytest

from experiments.app import solo
from experiments.app.job import Job
from experiments.app.settings import Settings
from experiments.app.signals import StopRequest
from jaxmlp.types import Progress


@pytest.fixture
def trained(monkeypatch):
    """The callbacks of each training that there was."""
    given = []
    monkeypatch.setattr(solo, "train_by", lambda job, start, *callbacks: given.append(callbacks))
    return given


def after(*shares):
    """A run after epochs with these accuracies on the validation set."""
    return Progress(None, {}, tuple({"validation_accuracy": share} for share in shares))


JOB = Job(
    None, None, {"target": 0.5, "patience": None, "stop_metric": "accuracy"}, None, None, Settings()
)


def test_a_signal_is_heeded_in_a_block_and_at_the_end_of_an_epoch(trained):
    request = StopRequest()
    solo.follow(JOB, None, None, [], request)
    [(on_epoch, on_block)] = trained
    assert [each(after(0.4)) for each in (on_epoch, on_block)] == [False, False]
    assert [each(after(0.4, 0.6)) for each in (on_epoch, on_block)] == [True, False]
    request.signal = signal.SIGTERM
    assert [each(after(0.4)) for each in (on_epoch, on_block)] == [True, True]


@pytest.mark.parametrize(("shares", "count"), [([0.4], 1), ([0.4, 0.6], 0)])
def test_a_run_that_has_ended_is_not_gone_on_with(shares, count, trained):
    solo.follow(JOB, None, after(*shares), [], StopRequest())
    assert len(trained) == count
