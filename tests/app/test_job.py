"""What a job says of itself."""

from pathlib import Path

import numpy as np
import pytest

import jaxmlp
from experiments.app.job import Job, window_of

RECIPE = jaxmlp.Recipe(jaxmlp.mlp((1, 2)), jaxmlp.classification(2), None, {}, 1, 1)
ROWS, LABELS = np.zeros((2, 1), np.float32), np.zeros(2, np.int32)


def job_of(test=True, notice=None, **config):
    tested = (ROWS, LABELS) if test else (None, None)
    data = jaxmlp.Dataset(ROWS, LABELS, *tested, name="rows")
    return Job(RECIPE, data, config, Path("folder"), notice)


def test_records_say_what_they_are_about():
    assert job_of().marked({"epoch": 1}) == {"epoch": 1, "dataset": "rows"}
    assert job_of(notice="no MNIST").marked({})["notice"] == "no MNIST"


def test_what_is_looked_at_is_of_the_test_set_where_there_is_one():
    assert job_of().metric == "test_accuracy"
    assert job_of(test=False).metric == "train_accuracy"
    assert job_of(stop_metric="loss").stop_metric == "validation_loss"


@pytest.mark.parametrize(
    ("config", "expected"),
    [({}, None), ({"outputs": {}}, None), ({"outputs": {"window": 3}}, 3 * 2**20)],
)
def test_a_window_is_in_mebibytes(config, expected):
    assert window_of(config) == expected
    assert job_of(**config).window == expected
