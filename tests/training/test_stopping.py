import math

import pytest

from jaxmlp import Metric
from jaxmlp.training import stopping

NAN = math.nan


def losses(*values):
    return [{"validation_loss": value, "test_loss": 9.0} for value in values]


def accuracies(*values):
    return [{"validation_accuracy": value} for value in values]


def test_more_is_better_but_of_a_loss_or_an_error():
    line = {"validation_loss": 0.5, "test_error": 0.25, "test_accuracy": 0.75}
    assert [stopping.score(line, metric) for metric in line] == [-0.5, -0.25, 0.75]


def test_a_record_decides_over_its_name():
    history = [{"test_accuracy": value} for value in (0.5, 0.25, 0.75)]
    odd = Metric("test_accuracy", higher_is_better=False)
    assert [stopping.best_epoch(history, metric) for metric in ("test_accuracy", odd)] == [3, 2]
    assert stopping.score(history[0], odd) == -0.5
    assert stopping.is_exhausted(history, odd, 1)
    assert not stopping.is_exhausted(history, "test_accuracy", 1)
    assert stopping.has_reached(history[:2], odd, 0.3)
    assert not stopping.has_reached(history[:1], odd, 0.3)
    with pytest.raises(ValueError, match=r"^the history needs f1, got test_accuracy$"):
        stopping.score(history[0], Metric("f1"))


def test_what_was_not_measured_is_worse_than_anything():
    assert stopping.score({"loss": NAN}, "loss") == -math.inf
    assert stopping.score({"accuracy": NAN}, "accuracy") == -math.inf


def test_a_metric_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"^the history needs test_f1, got a, b$"):
        stopping.score({"a": 1.0, "b": 2.0}, "test_f1")


@pytest.mark.parametrize(
    ("history", "metric", "best"),
    [
        ([], "validation_loss", 0),
        (losses(1.0), "validation_loss", 1),
        (losses(3.0, 1.0, 2.0), "validation_loss", 2),
        (losses(3.0, 1.0, 1.0), "validation_loss", 2),
        (losses(NAN, 3.0, NAN), "validation_loss", 2),
        (losses(NAN, NAN), "validation_loss", 1),
        (accuracies(0.5, 0.9, 0.8), "validation_accuracy", 2),
    ],
)
def test_the_best_epoch_is_the_earliest_of_equals(history, metric, best):
    assert stopping.best_epoch(history, metric) == best


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_patience_ends_after_as_many_epochs_without_anything_better(patience):
    values = [3.0, 2.0, 2.0, 2.5, 2.1, 1.9]
    ended = [
        stopping.is_exhausted(losses(*values[:epoch]), "validation_loss", patience)
        for epoch in range(len(values) + 1)
    ]
    first = 2 + patience  # the second epoch is the best until the sixth
    assert ended.index(True) == first
    assert ended[-1] is False


def test_a_target_is_reached_by_the_last_epoch_alone():
    assert not stopping.has_reached([], "validation_loss", 1.0)
    assert stopping.has_reached(losses(2.0, 1.0), "validation_loss", 1.0)
    assert not stopping.has_reached(losses(0.5, 1.1), "validation_loss", 1.0)
    assert stopping.has_reached(accuracies(0.9), "validation_accuracy", 0.9)
    assert not stopping.has_reached(accuracies(0.9, 0.8), "validation_accuracy", 0.9)
    assert not stopping.has_reached(accuracies(NAN), "validation_accuracy", 0.0)
