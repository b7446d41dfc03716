import functools

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import Metric, losses, metrics
from jaxmlp.objectives.records import KNOWN, by_name, metric_of, of_column


def reading(metric):
    return metric.name, metric.higher_is_better, metric.is_share


@pytest.mark.parametrize(
    ("name", "is_higher", "is_share"),
    [
        ("loss", False, False),
        ("accuracy", True, True),
        ("binary_accuracy", True, True),
        ("top_5_accuracy", True, True),
        ("precision", True, True),
        ("precision_3", True, True),
        ("f1_0", True, True),
        ("roc_auc", True, True),
        ("r2", True, False),
        ("calibration_error", False, True),
        ("absolute_error", False, False),
        ("hinge", False, False),
        ("huber", False, False),
        # the convention, for what the library does not know
        ("my_error", False, False),
        ("zero_one_loss", False, False),
        ("node_accuracy", True, True),
        ("margin", True, False),
        ("margin_2", True, False),
    ],
)
def test_a_name_alone_says_how_to_read_a_metric(name, is_higher, is_share):
    assert reading(by_name(name)) == (name, is_higher, is_share)


def test_what_the_names_say_is_what_the_librarys_own_records_say():
    own = [
        metrics.precision(3),
        metrics.recall(3, of=2),
        metrics.f1(3),
        metrics.roc_auc(),
        metrics.calibration_error(),
        metrics.r2(),
        metrics.top_k(5),
    ]
    assert [reading(by_name(metric.name)) for metric in own] == list(map(reading, own))
    assert set(losses.__all__) <= KNOWN.keys()
    assert not any(KNOWN[name].higher_is_better for name in losses.__all__)


def test_a_bare_function_gets_the_record_of_its_name():
    assert metric_of(metrics.accuracy) == by_name("accuracy")._replace(one=metrics.accuracy)
    partial = functools.partial(metrics.accuracy)
    assert metric_of(partial) == by_name("accuracy")._replace(one=partial)
    own = Metric("accuracy", metrics.accuracy, higher_is_better=False)
    assert metric_of(own) is own


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, r"^metrics need to be functions of outputs and label, got 3$"),
        (Metric("a"), r"^metric a needs a function of one example, or accumulate and finish; .*0"),
        (Metric("a", accumulate=max), r"^metric a needs .* got 1 of the three$"),
        (Metric("a", finish=max), r"^metric a needs .* got 1 of the three$"),
        (Metric("a", max, accumulate=max, finish=max), r"^metric a needs .* got 3 of the three$"),
    ],
)
def test_what_could_not_be_computed_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        metric_of(given)


def test_a_column_goes_by_the_record_of_its_metric():
    own = Metric("regret", max, higher_is_better=False), Metric("hits", max, is_share=True)
    assert reading(of_column("validation_regret", own)) == ("validation_regret", False, False)
    assert reading(of_column("train_hits", own)) == ("train_hits", True, True)
    assert reading(of_column("hits", own)) == ("hits", True, True)
    assert reading(of_column("test_loss", own)) == ("test_loss", False, False)
    assert reading(of_column("test_regret")) == ("test_regret", True, False)


def test_a_metric_named_like_a_set_is_found_all_the_same():
    own = (Metric("test_error", max, higher_is_better=True),)
    assert of_column("train_test_error", own).higher_is_better
    assert not of_column("test_error", own).higher_is_better


def test_a_metric_is_a_function_of_one_example():
    total = Metric("total", accumulate=lambda outputs, label: outputs, finish=jnp.sum)
    assert total(jnp.array([1.0, 2.0]), jnp.array(0)).item() == 3.0
    assert Metric("first", lambda outputs, label: outputs[0])(np.array([4.0]), 0) == 4.0
    assert (total.is_mean, Metric("first", max).is_mean) == (False, True)
    with pytest.raises(ValueError, match=r"^hits is known by its name alone"):
        by_name("hits")(jnp.zeros(1), jnp.array(0))
