import json
import math
import os

import pytest

from experiments import workdir


def test_by_default_a_run_gets_a_new_dated_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = workdir.choose(None, "mnist", overwrite=False)
    assert path.parent.name == "runs"
    assert path.name.startswith("mnist-20")
    names = [workdir.create(path, is_named=False, overwrite=False).name for _ in range(3)]
    assert names == [path.name, f"{path.name}_2", f"{path.name}_3"]


def test_choosing_a_folder_makes_nothing(tmp_path):
    assert not workdir.choose(str(tmp_path / "new"), "mnist", overwrite=False).exists()


def test_a_folder_with_files_in_it_is_refused_and_kept(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match=r"needs a new or empty folder.*got .*thesis\.tex"):
        workdir.choose(str(tmp_path), "mnist", overwrite=False)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="needs to be a folder, got the file"):
        workdir.choose(str(tmp_path / "file"), "mnist", overwrite=True)


def test_overwriting_removes_a_run_and_nothing_else(tmp_path):
    for name in ("metrics.jsonl", "params.npz", "thesis.tex"):
        (tmp_path / name).write_text("old")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "old.png").touch()
    (tmp_path / "config.json").write_text('{"sizes": [2, 1], "data_sha256": ""}')
    path = workdir.choose(str(tmp_path), "mnist", overwrite=True)
    workdir.create(path, is_named=True, overwrite=True)
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_overwriting_needs_a_runs_folder(tmp_path):
    (tmp_path / "config.json").write_text('{"mine": 1}')
    (tmp_path / "plots").mkdir()
    with pytest.raises(
        ValueError, match=r"--overwrite needs an earlier run's folder, got .*config"
    ):
        workdir.create(tmp_path, is_named=True, overwrite=True)
    assert sorted(os.listdir(tmp_path)) == ["config.json", "plots"]


def test_a_folder_has_one_run_at_a_time(tmp_path):
    with (
        workdir.lock(tmp_path),
        pytest.raises(ValueError, match="another run is using"),
        workdir.lock(tmp_path),
    ):
        pass
    with workdir.lock(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        workdir.create(tmp_path / "file" / "run", is_named=True, overwrite=False)


def test_lines_are_appended_and_nan_is_null(tmp_path):
    path = tmp_path / "metrics.jsonl"
    workdir.append_line(path, {"epoch": 1, "test_loss": math.nan})
    workdir.append_line(path, {"epoch": 2, "test_loss": 0.5})
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [{"epoch": 1, "test_loss": None}, {"epoch": 2, "test_loss": 0.5}]


def test_json_comes_back(tmp_path):
    workdir.write_json(tmp_path / "a.json", {"sizes": [784, 10]})
    assert workdir.read_json(tmp_path / "a.json") == {"sizes": [784, 10]}
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize("text", ["{", "[1, 2]", None])
def test_what_is_no_record_is_an_error(tmp_path, text):
    if text is not None:
        (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r"a\.json needs to"):
        workdir.read_json(tmp_path / "a.json")
