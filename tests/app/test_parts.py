"""The folders of the processes of a sweep."""

import pytest

from experiments.app import environment, life, parts, population
from experiments.app.job import Job
from experiments.app.log import Clock
from experiments.app.settings import Settings
from jaxmlp.runtime import coordination


@pytest.fixture
def be(monkeypatch):
    """Makes this one of several processes."""

    def change(number, count):
        monkeypatch.setattr(coordination, "numbers", lambda: (number, count))

    return change


def job(path, **given):
    return Job(None, None, {"data_sha256": "5"}, path, given=Settings(**given))


def test_the_first_process_has_the_sweep_s_folder_and_each_other_one_in_it(be, tmp_path):
    assert parts.own(job(tmp_path)).path == tmp_path
    be(0, 3)
    assert parts.own(job(tmp_path)).path == tmp_path
    be(2, 3)
    assert parts.own(job(tmp_path)).path == tmp_path / "processes" / "2"


def test_a_sweep_goes_on_in_as_many_processes_as_it_had(be, tmp_path):
    parts.make(tmp_path)
    parts.check(tmp_path)
    assert list(tmp_path.iterdir()) == []
    be(0, 3)
    with pytest.raises(ValueError, match="expected 1, got 3"):
        parts.check(tmp_path)
    population.begin(job(tmp_path), None, [])
    parts.check(tmp_path)
    assert sorted(path.name for path in (tmp_path / "processes").iterdir()) == ["1", "2"]
    be(0, 2)
    with pytest.raises(ValueError, match="--resume needs as many .*: expected 3, got 2"):
        parts.check(tmp_path)


def test_how_many_there_were_is_known_before_their_folders_are_there(be, tmp_path):
    be(0, 2)
    parts.check(tmp_path, 2)
    with pytest.raises(ValueError, match="expected 3, got 2"):
        parts.check(tmp_path, 3)
    assert environment.describe()["num_processes"] == 2


def test_what_is_in_a_folder_of_one_s_own_is_not_overwritten_unasked(be, tmp_path):
    be(1, 2)
    own = tmp_path / "processes" / "1"
    parts.clear(job(tmp_path))
    own.mkdir(parents=True)
    parts.clear(job(tmp_path))
    assert own.exists()
    (own / "metrics.jsonl").touch()
    with pytest.raises(ValueError, match=f"--workdir needs to be new, or --overwrite, got {own}"):
        parts.clear(job(tmp_path))
    parts.clear(job(tmp_path, overwrite=True))
    assert not own.exists()
    be(0, 2)
    (tmp_path / "others").touch()
    parts.clear(job(tmp_path, overwrite=True))  # the first one's is claimed otherwise
    assert (tmp_path / "others").exists()


def test_another_process_begins_in_an_empty_folder(be, tmp_path, monkeypatch):
    be(1, 2)
    monkeypatch.setattr(life.processes, "told", lambda find: str(tmp_path))
    monkeypatch.setattr(life, "introduce", lambda *_: None)
    own, seen = tmp_path / "processes" / "1", []
    nothing = dict.fromkeys(life.Kind._fields, lambda *_: None)
    kind = life.Kind(**nothing)._replace(
        start=lambda *_: (None, []),
        follow=lambda *_: seen.append(own.exists()),
        is_spread=True,
    )
    own.mkdir(parents=True)
    (own / "metrics.jsonl").touch()
    with pytest.raises(SystemExit, match="^error: --workdir needs to be new, or --overwrite, got"):
        life.live(kind, job(tmp_path), Clock())
    life.live(kind, job(tmp_path, overwrite=True), Clock())
    assert seen == [False]
