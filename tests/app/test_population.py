"""What another process than the first does of a sweep, but for the training."""

import errno

import pytest

from experiments.app import life, population
from experiments.app.job import Job
from experiments.app.settings import Settings
from experiments.app.signals import StopRequest
from experiments.folder.files import Lines
from jaxmlp.runtime import coordination


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
