import shutil

import numpy as np
import pytest
from programs import call

import experiments.report.__main__ as program
from experiments import mnist, sweep
from experiments.folder import records
from experiments.report import folder
from jaxmlp.populations.runs import FAULT, HALVING, LENGTH

QUICK = ["--dataset=digits", "--num_epochs=2", "--hidden_sizes=4", "--noplots"]
SWEPT = ["--seeds=0:2", "--sweep=learning_rate=0.01,0.1"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run and a sweep, each with its page."""
    place = tmp_path_factory.mktemp("finished")
    call(mnist, *QUICK, f"--workdir={place / 'run'}")
    call(sweep, *QUICK, *SWEPT, f"--workdir={place / 'sweep'}")
    return place


@pytest.mark.parametrize("kind", ["run", "sweep"])
def test_the_page_made_again_is_that_of_the_end(kind, finished, tmp_path, capsys):
    page = tmp_path / "again.html"
    call(program, finished / kind, f"--page={page}")
    assert page.read_bytes() == (finished / kind / "report.html").read_bytes()
    assert f"page in {page}" in capsys.readouterr().out


def test_a_folder_from_before_there_were_pages_gets_one(finished, tmp_path):
    shutil.copytree(finished / "run", tmp_path / "run")
    (tmp_path / "run" / "report.html").unlink()
    call(program, tmp_path / "run")
    assert "4 taken for" in (tmp_path / "run" / "report.html").read_text()


def test_no_page_is_written_where_none_is_asked_for(tmp_path):
    call(mnist, *QUICK, "--noreport", f"--workdir={tmp_path}")
    assert not (tmp_path / "report.html").exists()
    assert (tmp_path / "summary.json").exists()
    call(mnist, *QUICK, "--overwrite", f"--workdir={tmp_path}")
    assert (tmp_path / "report.html").exists()
    call(mnist, *QUICK, "--overwrite", "--noreport", f"--workdir={tmp_path}")
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("summary.json", "needs to hold a run that has ended, got no summary of one"),
        ("config.json", "config.json"),
        ("receipt.json", "receipt.json"),
    ],
)
def test_what_is_no_finished_run_is_refused(missing, message, finished, tmp_path, capsys):
    place = tmp_path / "run"
    shutil.copytree(finished / "run", place)
    (place / missing).unlink()
    (place / "report.html").unlink()
    with pytest.raises(SystemExit, match=message):
        call(program, place)
    assert not (place / "report.html").exists()


@pytest.mark.parametrize("missing", ["runs.npz", "summary.json"])
def test_what_is_no_finished_sweep_is_refused(missing, finished, tmp_path):
    place = tmp_path / "sweep"
    shutil.copytree(finished / "sweep", place)
    (place / missing).unlink()
    with pytest.raises(SystemExit, match="needs to hold a sweep that has ended, got no summary"):
        call(program, place)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected one folder of a run or a sweep, got nothing"),
        (["a", "b"], "got a b"),
        (["{run}", "--page={run}/config.json"], "--page needs a file that ends in .html"),
        (["{run}", "--page=/no/such/folder/a.html"], "--page needs a file that can be written"),
    ],
)
def test_mistakes_get_one_line(arguments, message, finished):
    with pytest.raises(SystemExit, match=message):
        call(program, *[each.replace("{run}", str(finished / "run")) for each in arguments])


def test_data_that_have_changed_are_not_shown_as_the_runs(finished, tmp_path):
    place = tmp_path / "run"
    shutil.copytree(finished / "run", place)
    for name in ("config.json", "receipt.json"):
        text = (place / name).read_text()
        config = records.read_config(finished / "run" / "config.json")
        (place / name).write_text(text.replace(config["data_sha256"], "0" * 64))
    with pytest.raises(SystemExit, match="expected data with sha256 0000"):
        call(program, place)


@pytest.mark.filterwarnings("ignore:report.html cannot be written")
def test_a_page_that_cannot_be_written_is_missed_at_the_end(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "a full disk")

    monkeypatch.setattr("experiments.report.run.write", full)
    missing = r"is not whole: report\.html could not be written: .* a full disk"
    with pytest.raises(SystemExit, match=missing):
        call(mnist, *QUICK, f"--workdir={tmp_path}")
    assert (tmp_path / "summary.json").exists()


def test_faults_and_halving_are_read_from_lengths():
    found = {
        "stopped_at": np.array([[3, 1], [3, 2]], np.int32),
        "fault_step": np.array([[-1, -1], [-1, 12]]),
        "history/test_loss": np.ones((2, 2, 3), np.float32),
    }
    texts = {"learning_rate": ["0.1", "0.01"], "seed": ["0", "7"]}
    runs = folder.runs_of({"halving": 2}, texts, found)
    assert runs.axes == {"learning_rate": (0.1, 0.01), "seed": (0, 7)}
    assert runs.ended_by.tolist() == [[LENGTH, HALVING], [LENGTH, FAULT]]
    assert runs.faults[1, 1][:2] == (12, 3)
    assert list(runs.history) == ["test_loss"]
    assert HALVING not in folder.runs_of({"halving": None}, texts, found).ended_by
