"""A member of a sweep, trained again: whatever else is said of it is named."""

import json
import random
import re
import shutil

import numpy as np
import pytest
from programs import call
from run_files import read, save_npz

from experiments import replay, sweep
from experiments.app.material import Material
from experiments.data import npz
from experiments.folder import sweep_proof

SMALL = ["--num_epochs=4", "--batch_size=16", "--hidden_sizes=8", "--noplots", "--eval_every=2"]
MEMBER = "--member=learning_rate=0.1,seed=1"


@pytest.fixture(scope="module")
def swept(blobs, tmp_path_factory):
    """Two rates that are trained to the end, and one that diverges, for two seeds."""
    place = tmp_path_factory.mktemp("replay")
    flags = [save_npz(place / "blobs.npz", blobs), *SMALL, "--seeds=0:2"]
    call(sweep, f"--workdir={place / 'run'}", *flags, "--sweep=learning_rate=0.1,1e30")
    return place / "run"


@pytest.fixture
def folder(swept, tmp_path):
    """A copy, to be tampered with."""
    return shutil.copytree(swept, tmp_path / "run")


def said_of(folder, capsys, member=MEMBER, *flags):
    """The exit code with its message, and what is printed."""
    capsys.readouterr()
    try:
        call(replay, folder, member, *flags)
    except SystemExit as ended:
        code = ended.code
    else:
        code = 0
    return code, capsys.readouterr().out


def change(folder, name, value, at=(0, 1)):
    """Changes one array's part of a member."""
    arrays = npz.open_arrays(folder / "runs.npz")
    arrays[name] = arrays[name].copy()
    arrays[name][at] = value
    np.savez(folder / "runs.npz", **arrays)


def test_members_left_as_they_were_are_identical(swept, capsys):
    for member in (MEMBER, "--member=learning_rate=1e30,seed=0"):
        code, out = said_of(swept, capsys, member)
        assert code == 0
        assert f"{member.removeprefix('--member=')}: identical to the bit" in out
        assert "not vouched for: the other networks" in out
        assert f"reads the data {swept.parent / 'blobs.npz'}" in out


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("params_sha256", "0" * 64, f"params_sha256: expected {'0' * 64}, got "),
        ("stopped_at", 3, "stopped_at: expected 3, got 4"),
        ("stopped_at", 0, "stopped_at: expected 0, got 4"),
        ("fault_step", 5, "fault_step: expected 5, got -1"),
        ("history/test_loss", np.nan, "test_loss, epoch 2: expected nan, got "),
        ("history/test_loss", 0.5, "test_loss, epoch 1: expected 0.5, got nan"),
        ("history/train_loss", np.nan, "train_loss, epoch 1: expected nan, got "),
        ("history/train_accuracy", 1.0, "train_accuracy, epoch 1: expected 1.0, got "),
        ("history/learning_rate", 0.2, "learning_rate, epoch 1: expected 0.2"),
    ],
)
def test_what_is_forged_of_a_member_is_named(folder, capsys, name, value, line):
    change(folder, name, value)
    code, out = said_of(folder, capsys)
    assert code == 4
    assert line in out
    assert said_of(folder, capsys, "--member=learning_rate=0.1,seed=0")[0] == 0  # the others are


@pytest.mark.parametrize(
    ("name", "value"), [("fault_step", -1), ("fault_step", 7), ("stopped_at", 1)]
)
def test_a_fault_that_is_forged_is_named(folder, capsys, name, value):
    change(folder, name, value, (1, 1))
    code, out = said_of(folder, capsys, "--member=learning_rate=1e30,seed=1")
    assert code == 4
    assert f"{name}: expected {value}, got " in out


def test_a_column_too_many_or_too_few_is_named(folder, capsys):
    arrays = npz.open_arrays(folder / "runs.npz")
    loss = arrays.pop("history/test_loss")
    np.savez(folder / "runs.npz", **arrays, **{"history/more": loss})
    code, out = said_of(folder, capsys)
    assert code == 4
    assert "history/test_loss: expected nothing, got a column" in out
    assert "history/more: expected a column, got nothing" in out


def test_more_epochs_than_there_were_are_named(folder, capsys):
    arrays = npz.open_arrays(folder / "runs.npz")
    for name in arrays:
        if name.startswith("history/"):
            wider = np.concatenate([arrays[name], 0.5 + 0 * arrays[name]], axis=-1)
            arrays[name] = wider.astype(np.float32)
    np.savez(folder / "runs.npz", **arrays)
    code, out = said_of(folder, capsys)
    assert code == 4
    assert "epoch 5: expected 0.5, got nan" in out


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("sizes", [4, 9, 3], "error: .*config.json needs sizes with the hidden_sizes"),
        ("batch_size", 25, "config.batch_size: expected 16, got 25"),
        ("more", None, "config.more: expected nothing, got None"),
        ("seeds", "0:3", "error: .*needs axes/seed to be config.json's, got <U1"),
        ("sweep", ["learning_rate=0.1"], "error: .*needs axes/learning_rate"),
        ("data_sha256", "0" * 64, "error: expected data with sha256 0000"),
    ],
)
def test_settings_that_are_forged_are_named_or_refused(folder, capsys, field, value, line):
    config = {**read(folder / "config.json"), field: value}
    (folder / "config.json").write_text(json.dumps(config))
    code, out = said_of(folder, capsys)
    assert code
    assert re.search(line, f"{code}\n{out}")


def damaged(kind, arrays):
    """What an array may be in the place of the sweep's."""
    loss = arrays["history/test_loss"]
    return {
        "object": {"stopped_at": np.array([[None] * 2] * 2)},
        "shape": {"stopped_at": arrays["stopped_at"][0]},
        "kind": {"stopped_at": arrays["stopped_at"].astype(np.float64)},
        "digests": {"params_sha256": np.zeros((2, 2))},
        "labels": {"axes/seed": np.arange(2)},
        "order": {"axes/seed": arrays["axes/seed"][::-1]},
        "width": {"history/test_loss": loss[..., :2]},
        "double": {"history/test_loss": loss.astype(np.float64)},
        "more": {"more": loss},
    }[kind]


@pytest.mark.parametrize(
    "kind",
    ["object", "shape", "kind", "digests", "labels", "order", "width", "double", "more"],
)
def test_arrays_that_no_sweep_writes_are_one_line(folder, capsys, kind):
    arrays = npz.open_arrays(folder / "runs.npz")
    np.savez(folder / "runs.npz", **{**arrays, **damaged(kind, arrays)})
    code, _ = said_of(folder, capsys)
    assert str(code).startswith("error: ")
    assert "runs.npz" in code
    assert "\n" not in code


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("learning_rate=0.1,seed=5:5", "--member needs one whole number as seed, got 5:5"),
        ("learning_rate=0.1,seed=0:2", "--member needs one whole number as seed, got 0:2"),
        ("learning_rate=0.1,seed=1.5", "--member needs one whole number as seed, got 1.5"),
        ("learning_rate=0.1,seed=-1", "--member needs one whole number as seed, got -1"),
        ("learning_rate=0.1,seed=", "--member needs one whole number as seed, got $"),
        ("learning_rate=0.1,seed=²", "--member needs one whole number as seed, got ²"),
        (
            "learning_rate=0.1,seed=1,seed=1",
            "--member needs a value for each of learning_rate, seed",
        ),
        ("learning_rate=0.1", "--member needs a value for each of learning_rate, seed"),
        ("learning_rate=nan,seed=1", "learning_rate"),
        ("learning_rate=0.1,seed=2", "--member needs seed to be one of 0, 1, got 2"),
        (",", "--member needs a value for each"),
    ],
)
def test_a_member_that_is_none_is_one_line(swept, capsys, member, message):
    code, _ = said_of(swept, capsys, f"--member={member}")
    assert re.search(f"^error: .*{message}", code)
    assert "\n" not in code


def test_a_member_that_patience_ended_is_replayed_to_its_end(swept, tmp_path, capsys):
    flags = [f"--dataset={swept.parent / 'blobs.npz'}", *SMALL, "--eval_every=1", "--seeds=1"]
    flags += ["--num_epochs=30", "--validation_fraction=0.3", "--patience=2"]
    call(sweep, f"--workdir={tmp_path / 'run'}", *flags, "--sweep=learning_rate=2,1e-3")
    ends = npz.open_arrays(tmp_path / "run" / "runs.npz")["stopped_at"]
    assert ends[0, 0] < ends[1, 0] == 30
    member = "--member=learning_rate=2,seed=1"
    assert said_of(tmp_path / "run", capsys, member)[0] == 0
    change(tmp_path / "run", "stopped_at", 30, (0, 0))
    code, out = said_of(tmp_path / "run", capsys, member)
    assert code == 4
    assert f"stopped_at: expected 30, got {ends[0, 0]}" in out


def places(value, path=()):
    """The paths to all values in a record."""
    if isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, name)
            yield from places(item, (*path, name))


@pytest.mark.parametrize("times", [40, pytest.param(100, marks=pytest.mark.slow)])
def test_a_folder_that_is_tampered_with_is_a_line_or_a_difference(times, folder, swept, capsys):
    rng = random.Random(0)
    hostile = [None, True, -1, 0.5, 10**30, "", "x", "\x1b", "\ud800", [], {}, [[]], ["x"] * 50]
    for _ in range(times):
        name = rng.choice(["config.json", "config.json", "environment.json"])
        record = read(swept / name)
        *above, last = rng.choice(list(places(record)))
        holder = record
        for part in above:
            holder = holder[part]
        before, holder[last] = holder[last], rng.choice(hostile)
        (folder / name).write_text(json.dumps(record))
        code, _ = said_of(folder, capsys)
        if isinstance(code, str):
            assert re.fullmatch("error: .*", code)
        elif name == "config.json" and json.dumps(before) != json.dumps(holder[last]):
            is_vouched_for = "outputs" not in (*above, last)  # as is said
            assert code == 4 * is_vouched_for, (above, last, holder[last])
        shutil.copy(swept / name, folder / name)


def test_a_preparation_is_that_of_the_training_rows(tmp_path):
    about = {"name": "a", "kind": "boolean", "has_missing": False, "fill": 0.0, "mean": 0.5}
    about |= {"scale": 0.5, "low": 0.0, "high": 1.0}
    target = {"names": ["y"], "task": "regression", "class_names": []}
    made = {"version": 1, "target": target, "columns": [about], "ignored": []}
    described = Material(None, preparations=[made])

    def said():
        return [*sweep_proof.preparation_differences(tmp_path, described)]

    assert said() == ["preparation.json: expected a file, got nothing"]
    path = tmp_path / "preparation.json"
    path.write_text(json.dumps([made]))
    assert said() == []
    path.write_text(json.dumps([made | {"columns": [about | {"mean": 0.25}]}]))
    assert said() == ["preparation.json.0.columns.a.mean: expected 0.5, got 0.25"]
    assert [*sweep_proof.preparation_differences(tmp_path, Material(None))] == []  # of no table
