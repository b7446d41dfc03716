import contextlib
import itertools
import os

import pytest
from endings import killed_at
from run_files import files

from experiments.folder import workdir

CONFIG = '{"sizes": [2, 1], "data_sha256": ""}'


def entered(path, is_named=True, **flags):
    """Claims a folder as a run does, and leaves it again."""
    with workdir.claim(path, is_named, **{"overwrite": False, **flags}) as found:
        return found


def test_by_default_a_run_gets_a_new_dated_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = workdir.choose(None, "mnist", overwrite=False)
    assert path.parent.name == "runs"
    assert path.name.startswith("mnist-20")
    names = [entered(path, is_named=False).name for _ in range(3)]
    assert names == [path.name, f"{path.name}_2", f"{path.name}_3"]


def test_choosing_a_folder_makes_nothing(tmp_path):
    assert not workdir.choose(str(tmp_path / "new"), "mnist", overwrite=False).exists()


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert workdir.user_path("~/a") == workdir.choose("~/a", "mnist", False) == tmp_path / "a"


@pytest.mark.parametrize("text", ["~nosuchuser/a", "", "a" * 300])
def test_what_is_no_path_is_one_line(text):
    with pytest.raises((ValueError, OSError), match="path|too long") as refused:
        workdir.choose(text, "mnist", overwrite=False)
    assert "\n" not in str(refused.value)


def test_a_folder_with_files_in_it_is_refused_and_kept(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match=r"needs a new or empty folder.*got .*thesis\.tex"):
        workdir.choose(str(tmp_path), "mnist", overwrite=False)
    with pytest.raises(ValueError, match=r"needs a new or empty folder.*got .*thesis\.tex"):
        entered(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("below", ["", "new/er"])
def test_a_file_is_refused(tmp_path, below):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="needs to be a folder, got the file .*file$"):
        workdir.choose(str(tmp_path / "file" / below), "mnist", overwrite=True)


def test_a_folder_that_cannot_be_written_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    for name in ("", "new/er"):
        with pytest.raises(PermissionError, match=f"folder that can be written, got {tmp_path}$"):
            workdir.choose(str(tmp_path / name), "mnist", overwrite=False)


# --- overwriting


@pytest.fixture
def earlier(tmp_path):
    """A folder with a run in it, and somebody's thesis."""
    folder, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    (folder / "plots").mkdir(parents=True)
    elsewhere.mkdir()
    for path in ("metrics.jsonl", "params.npz", "thesis.tex", "plots/old.png", ".runs.npz"):
        (folder / path).write_text("old")
    (elsewhere / "precious").write_text("mine")
    (folder / "checkpoints").symlink_to(elsewhere)
    (folder / "table.csv").symlink_to(elsewhere / "precious")
    (folder / "summary.json").symlink_to(tmp_path / "nowhere")
    (folder / "config.json").write_text(CONFIG)
    return folder


def assert_removed(folder):
    assert set(os.listdir(folder)) == {"thesis.tex", ".lock"}
    assert (folder.parent / "elsewhere" / "precious").read_text() == "mine"


def test_overwriting_removes_a_run_and_nothing_else(earlier):
    entered(workdir.choose(str(earlier), "mnist", overwrite=True), overwrite=True)
    assert_removed(earlier)


def test_nothing_is_removed_while_another_run_is_there(earlier):
    before = files(earlier)
    with workdir.lock(earlier):
        for enter in (entered, lambda path, **_: workdir.choose(str(path), "mnist", True)):
            with pytest.raises(ValueError, match="another run is using"):
                enter(earlier, overwrite=True)
    assert files(earlier) == {**before, ".lock": b""}


@pytest.mark.parametrize("overwrite", [True, False])
def test_overwriting_needs_a_runs_folder(tmp_path, overwrite):
    (tmp_path / "config.json").write_text('{"mine": 1}')
    (tmp_path / "plots").mkdir()
    for enter in (entered, lambda path, **_: workdir.choose(str(path), "mnist", overwrite)):
        with pytest.raises(ValueError, match=r"--overwrite.*got .*config\.json"):
            enter(tmp_path, overwrite=overwrite)
    assert (
        {"config.json", "plots"} <= set(os.listdir(tmp_path)) <= {"config.json", "plots", ".lock"}
    )


def test_what_cannot_be_moved_stops_a_removal_with_everything_in_its_place(earlier, monkeypatch):
    before, rename = files(earlier), workdir.Path.rename

    def refuse(path, target):
        if path == earlier / "plots":
            raise PermissionError(13, "Permission denied", str(path))
        return rename(path, target)

    monkeypatch.setattr(workdir.Path, "rename", refuse)
    with pytest.raises(PermissionError, match="plots"):
        entered(earlier, overwrite=True)
    after = files(earlier)
    assert after == {name: before[name] for name in before if name != ".runs.npz"} | {".lock": b""}
    assert (earlier / "checkpoints").is_symlink()


def test_what_cannot_be_deleted_is_out_of_the_way(earlier, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(workdir.shutil, "rmtree", refuse)
        for _ in range(2):
            (earlier / "config.json").write_text(CONFIG)
            with pytest.warns(UserWarning, match=r"removed-.* cannot be deleted"):
                entered(earlier, overwrite=True)
    assert all(name.startswith((".", "thesis")) for name in os.listdir(earlier))
    assert not workdir.is_beginning(earlier)  # the thesis
    entered(earlier, overwrite=True)
    assert_removed(earlier)


def test_a_removal_that_is_killed_is_made_good_by_the_next_run(earlier):
    for number in itertools.count():
        with contextlib.suppress(FileExistsError):
            (earlier / "plots").mkdir()
        for name in ("metrics.jsonl", "params.npz", "config.json"):
            (earlier / name).write_text(CONFIG)
        with killed_at(number, earlier) as changes:
            entered(earlier, overwrite=True)
        if (earlier / "config.json").exists():  # then it goes on as if nothing had been
            entered(earlier, overwrite=False, resume=True)
            assert {"config.json", "metrics.jsonl", "params.npz", "plots"} < {*os.listdir(earlier)}
        else:
            entered(earlier, overwrite=True)
            assert_removed(earlier)
        if len(changes) < number:  # it came to its end
            break
    assert number > 10


def test_a_link_in_the_place_of_what_is_removed_leads_nowhere(earlier):
    (earlier / ".removing").symlink_to(earlier.parent / "elsewhere")
    (earlier / ".config.json").symlink_to(earlier.parent / "elsewhere" / "precious")
    with pytest.raises(OSError, match="removing"):
        entered(earlier, overwrite=True)
    assert (earlier.parent / "elsewhere" / "precious").read_text() == "mine"


# --- beginnings


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({}, True),
        ({".lock": "", ".config.json": '{"si'}, True),
        ({".lock": "", ".config.json.saving": '{"si'}, True),
        ({"config.json": CONFIG}, True),
        ({"config.json": CONFIG, ".environment.json": "{"}, True),
        ({"config.json": CONFIG, ".params.npz.saving": "P"}, True),
        ({"config.json": CONFIG, "environment.json": "{}"}, False),
        ({"config.json": CONFIG, "metrics.jsonl": ""}, False),
        ({"config.json": '{"mine": 1}'}, False),
        ({"thesis.tex": ""}, False),
        ({".git": ""}, False),
    ],
)
def test_a_beginning_is_what_a_run_leaves_before_it_has_its_settings(tmp_path, content, expected):
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    assert workdir.is_beginning(tmp_path) == expected
    with contextlib.nullcontext() if expected else pytest.raises(ValueError, match="--workdir"):
        entered(workdir.choose(str(tmp_path), "mnist", overwrite=False))
    if expected:
        assert os.listdir(tmp_path) == [".lock"]


def test_a_folder_that_is_missing_is_a_beginning(tmp_path):
    assert workdir.is_beginning(tmp_path / "new")


# --- the lock


def test_a_folder_has_one_run_at_a_time(tmp_path):
    with (
        workdir.lock(tmp_path),
        pytest.raises(ValueError, match="another run is using"),
        workdir.lock(tmp_path),
    ):
        pass
    with workdir.lock(tmp_path):
        pass


@pytest.mark.parametrize("make", ["mkdir", "symlink_to", "mkfifo"])
def test_another_kind_of_lock_file_is_one_line_and_left_alone(tmp_path, make):
    (tmp_path / "precious").write_text("mine")
    lock = tmp_path / ".lock"
    {
        "mkdir": lock.mkdir,
        "symlink_to": lambda: lock.symlink_to(tmp_path / "precious"),
        "mkfifo": lambda: os.mkfifo(lock),
    }[make]()
    with pytest.raises(ValueError, match=r"\.lock needs to be a lock's file"):
        entered(tmp_path, overwrite=True)
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_lock_that_was_removed_while_it_was_taken_is_none(tmp_path, monkeypatch):
    import fcntl

    def lock_and_replace(number, how):
        (tmp_path / ".lock").unlink()
        (tmp_path / ".lock").touch()

    monkeypatch.setattr(fcntl, "flock", lock_and_replace)
    with pytest.raises(ValueError, match="another run is using"):
        entered(tmp_path)


def test_a_folder_that_was_removed_meanwhile_is_not_made_again_by_resuming(tmp_path):
    with pytest.raises(FileNotFoundError):
        entered(tmp_path / "gone", resume=True)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        entered(tmp_path / "file" / "run")
