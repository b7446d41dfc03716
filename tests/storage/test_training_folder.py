import json

import numpy as np
import pytest

from jaxmlp.storage.checkpoint import Checkpoints
from jaxmlp.storage.training_folder import opened

IDENTITY = {
    "recipe": {"schedule": None, "num_epochs": 3, "batch_size": 8},
    "seeds": {"seed": 0},
    "environment": {"threads": 2},
}


def record(folder, accept_changes=False, **changes):
    """What a folder's record is once it was opened for a training."""
    with opened(folder, {**IDENTITY, **changes}, accept_changes) as path:
        assert path == folder / "checkpoints"
    return json.loads((folder / "training.json").read_text())


def test_the_record_is_that_of_the_last_time(tmp_path):
    assert record(tmp_path / "new" / "er") == IDENTITY
    longer = {**IDENTITY["recipe"], "num_epochs": 9}
    assert record(tmp_path / "new" / "er", recipe=longer)["recipe"] == longer
    other = {"threads": 4}
    assert record(tmp_path / "new" / "er", True, recipe=longer, environment=other)[
        "environment"
    ] == {"threads": 4}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": {"seed": 1}}, r"holds another training: seeds\.seed: expected 0, got 1$"),
        ({"recipe": {**IDENTITY["recipe"], "batch_size": 4}}, "batch_size: expected 8, got 4$"),
        ({"recipe": {**IDENTITY["recipe"], "schedule": "cosine"}}, "schedule: expected None"),
        ({"environment": {"threads": 4}}, "began on: threads: expected 2, got 4; accept_changes"),
    ],
)
def test_another_training_leaves_the_record_as_it_was(tmp_path, changes, message):
    before = record(tmp_path)
    with pytest.raises(ValueError, match=message):
        record(tmp_path, **changes)
    assert record(tmp_path) == before


def test_what_holds_something_else_is_refused(tmp_path):
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        checkpoints.save(1, np.zeros(1))
    with pytest.raises(ValueError, match=r"needs a training\.json beside its checkpoints, got non"):
        record(tmp_path)


def test_it_is_locked_while_it_is_open(tmp_path):
    with opened(tmp_path, IDENTITY, False), pytest.raises(ValueError, match="another process is"):
        record(tmp_path)
    assert record(tmp_path) == IDENTITY
