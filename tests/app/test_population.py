"""What another process than the first does of a sweep, but for the training."""

import errno

import numpy as np
import pytest
from run_tables import runs_of

from experiments.app import life, population
from experiments.app.job import Job
from experiments.app.settings import Settings
from experiments.app.signals import StopRequest
from experiments.folder.files import Lines
from jaxmlp.runtime import coordination
from jaxmlp.statistics import Summary


@pytest.fixture
def agreed(monkeypatch):
    """Of process 1 of two, which trains in no time: what it has agreed on with the other."""
    requests = []
    monkeypatch.setattr(coordination, "numbers", lambda: (1, 2))
    monkeypatch.setattr(population, "num_kept", lambda *_: 0)
    monkeypatch.setattr(population, "train", lambda *_: population.Outcome(None, None, 1.0, None))
    monkeypatch.setattr(StopRequest, "agree", lambda request: requests.append(request))
    return requests


def follow(path):
    life.follow(population.POPULATION, Job(None, None, {}, path, given=Settings()), None, None, [])


@pytest.mark.filterwarnings("default:.* cannot be written")
def test_what_cannot_be_written_ends_the_process_once_all_have_trained(
    agreed, tmp_path, monkeypatch
):
    def flush(lines):
        raise OSError(errno.ENOSPC, "a full disk")

    follow(tmp_path)
    assert len(agreed) == 1
    monkeypatch.setattr(Lines, "flush", flush)
    own = tmp_path / "processes" / "1"
    said = f"error: {own} is not whole: metrics.jsonl could not be written: .* a full disk"
    with pytest.raises(SystemExit, match=f"^{said}$"):
        follow(tmp_path)
    assert len(agreed) == 2


def test_the_networks_of_each_fold_are_judged_on_their_own_data(monkeypatch):
    axes = {"l2": (0.1,), "fold": (0, 1), "seed": (0, 1, 2)}
    runs = runs_of(axes, np.arange(6.0).reshape(1, 2, 3, 1), faults=[(0, 1, 0)])
    seen = []

    def of_networks(recipe, data, seed, scores):
        seen.append((recipe, data, scores["test_loss"].tolist()))
        return {"guess": len(scores["test_loss"])}

    monkeypatch.setattr(population.verdict, "of_networks", of_networks)
    monkeypatch.setattr(population, "recipe_of", lambda job, setting: setting)
    job = Job(None, "first", {}, None, folds=("first", "second"), seeds=(0, 1, 2))
    row = Summary({"l2": 0.1}, 2, 0, 1.0, 0.0, 1.0, 1.0)
    assert population.judge(job, runs, row) == {"guess": 5}
    assert seen == [
        ({"l2": 0.1, "fold": 0}, "first", [0, 1, 2]),
        ({"l2": 0.1, "fold": 1}, "second", [4, 5]),
    ]
