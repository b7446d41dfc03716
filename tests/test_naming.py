import functools

import jax
import pytest

from jaxmlp.naming import kind_of, metric_names, name_of
from jaxmlp.objectives import metrics


class Metric:
    def __call__(self, outputs, label):
        return outputs.sum()


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (metrics.accuracy, "accuracy"),
        (jax.jit(metrics.accuracy), "accuracy"),
        (functools.partial(metrics.accuracy), "accuracy"),
        (functools.partial(functools.partial(metrics.accuracy), label=1), "accuracy"),
        (functools.partial(Metric()), "Metric"),
        (Metric(), "Metric"),
        (Metric().__call__, "__call__"),
        (lambda outputs, label: outputs, "<lambda>"),
    ],
)
def test_every_function_has_a_name(function, name):
    assert name_of(function) == name
    assert metric_names((function,)) == [name]


def test_a_name_that_a_partial_was_given_counts():
    made = functools.partial(metrics.accuracy)
    made.__name__ = "top_1"
    assert metric_names((metrics.accuracy, made)) == ["accuracy", "top_1"]


@pytest.mark.parametrize(
    "name", ["loss", "num_examples", "learning_rate", "epoch", "step", "seconds"]
)
def test_a_reserved_name_is_refused(name):
    def metric(outputs, label):
        return outputs.sum()

    metric.__name__ = name
    with pytest.raises(ValueError, match=f"^metrics need names of their own, .*; got {name}: "):
        metric_names((metric,))


def test_two_of_one_name_are_refused():
    twice = (metrics.accuracy, functools.partial(metrics.accuracy))
    with pytest.raises(ValueError, match="^metrics need names of .* got accuracy, accuracy: "):
        metric_names(twice)


def test_what_is_no_function_is_refused():
    with pytest.raises(ValueError, match="^metrics need to be functions .*, got 'accuracy'$"):
        metric_names(("accuracy",))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "None"),
        (0.5, "0.5"),
        (int, "the class int"),
        ((), "a tuple"),
        (OSError(), "an OSError"),
    ],
)
def test_what_was_not_expected_is_told_in_a_few_words(value, words):
    assert kind_of(value) == words
