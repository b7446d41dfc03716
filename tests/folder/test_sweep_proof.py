"""A sweep that is trained again whole: what is forged or lost in its folder is named."""

import json
import shutil

import numpy as np
import pytest
from programs import call
from run_files import compiled_once, read, save_npz

import jaxmlp
from experiments import sweep, verify
from experiments.data import npz

SMALL = ["--num_epochs=4", "--batch_size=16", "--hidden_sizes=8", "--noplots", "--noreport"]
AXES = ["--seeds=0:2", "--sweep=learning_rate=0.1,1e30", "--save_networks"]
NETWORK = "networks/learning_rate=0.1,seed=1.npz"


@pytest.fixture(autouse=True, scope="module")
def one_program():
    with compiled_once():
        yield


@pytest.fixture(scope="module")
def swept(blobs, tmp_path_factory):
    """A rate that is trained to the end, and one that diverges, for two seeds."""
    place = tmp_path_factory.mktemp("again")
    call(sweep, f"--workdir={place / 'run'}", save_npz(place / "b.npz", blobs), *SMALL, *AXES)
    return place / "run"


@pytest.fixture
def folder(swept, tmp_path):
    """A copy, to be tampered with."""
    return shutil.copytree(swept, tmp_path / "run")


def said_of(folder, capsys):
    """The exit code, and what is said after the training."""
    capsys.readouterr()
    try:
        call(verify, folder)
    except SystemExit as ended:
        code = ended.code
    else:
        code = 0
    return code, capsys.readouterr().out.partition(" free\n")[2].splitlines()


def alter(path, change):
    record = read(path)
    change(record)
    path.write_text(json.dumps(record))


def test_a_sweep_left_as_it_was_is_identical(swept, capsys):
    before = {path: path.stat().st_mtime_ns for path in swept.rglob("*")}
    code, (said, *more) = said_of(swept, capsys)
    assert (code, said) == (0, "4 networks: identical to the bit")
    files = "config.json, runs.npz, summary.json, table.csv, networks"
    assert more == [f"compared: {files}; not vouched for: {verify.NOT_OF_A_SWEEP}"]
    assert {path: path.stat().st_mtime_ns for path in swept.rglob("*")} == before


def test_folds_and_crossed_seeds_are_as_they_were(blobs, tmp_path, capsys):
    data = save_npz(tmp_path / "b.npz", blobs)
    axes = ["--folds=2", "--seeds=0:2", "--shuffle_seeds=5,6", "--noise_seeds=7,8"]
    call(sweep, f"--workdir={tmp_path / 'run'}", data, *SMALL, *axes, "--mesh=member:1")
    code, lines = said_of(tmp_path / "run", capsys)
    assert code == 0, lines
    assert lines[0] == "16 networks: identical to the bit"


def set_in(name, at, value):
    def change(folder):
        arrays = npz.open_arrays(folder / "runs.npz")
        arrays[name] = arrays[name].copy()
        arrays[name][at] = value
        np.savez(folder / "runs.npz", **arrays)

    return change


def forged(file, *path, value):
    def change(record):
        *others, last = path
        for each in others:
            record = record[each]
        record[last] = value

    return lambda folder: alter(folder / file, change)


def lost(name):
    return lambda folder: (folder / name).unlink()


def other_network(folder):
    params = jaxmlp.load_params(folder / NETWORK)
    params[0].kernel[0, 0] += 1
    jaxmlp.save_params(folder / NETWORK, params)


@pytest.mark.parametrize(
    "forgeries",
    [
        {
            "runs.npz learning_rate=0.1,seed=1: test_loss, epoch 3: expected ": set_in(
                "history/test_loss", (0, 1, 2), 0.5
            ),
            "runs.npz learning_rate=1e+30,seed=0: fault_step: expected ": set_in(
                "fault_step", (1, 0), 2
            ),
            "summary.json ensemble.disagreement: expected ": forged(
                "summary.json", "ensemble", "disagreement", value=0.75
            ),
            "summary.json settings.1.num_failed: expected 2, got 0": forged(
                "summary.json", "settings", 1, "num_failed", value=0
            ),
            f"{NETWORK}: expected ": other_network,
            "table.csv line 1: expected learning_rate,metric,": lambda folder: (
                folder / "table.csv"
            ).write_text("a\n"),
        },
        {
            "summary.json: expected a file, got nothing": lost("summary.json"),
            "table.csv: expected a file, got nothing": lost("table.csv"),
            f"{NETWORK}: expected a file, got nothing": lost(NETWORK),
            "runs.npz learning_rate=0.1,seed=0: params_sha256: expected ": forged(
                "config.json", "given", "l2", value=0.5
            ),
            "config.l2: expected 0.5, got 0.0": str,
        },
        {
            f"{NETWORK}: expected a file, got nothing": lambda folder: shutil.rmtree(
                folder / "networks"
            ),
        },
    ],
)
def test_what_is_forged_or_lost_is_named(folder, capsys, forgeries):
    for change in forgeries.values():
        change(folder)
    code, lines = said_of(folder, capsys)
    assert (code, lines[0]) == (verify.NOT_IDENTICAL, "the sweep differs:")
    for line in forgeries:
        assert any(each.startswith(line) for each in lines), (line, lines)
    assert verify.FAST not in lines


def test_of_what_differs_in_fast_mode_it_is_said_what_is_promised(folder, capsys):
    for place in ((), ("given",)):
        forged("config.json", *place, "mesh", value="member:1")(folder)
        forged("config.json", *place, "mode", value="fast")(folder)
    set_in("history/test_loss", (0, 1, 2), 0.5)(folder)
    code, lines = said_of(folder, capsys)
    assert (code, lines[0]) == (verify.NOT_IDENTICAL, "the sweep differs:")
    assert verify.FAST in lines


def test_a_sweep_that_has_not_ended_is_one_line(folder):
    (folder / "runs.npz").unlink()
    with pytest.raises(SystemExit, match="needs to hold a finished sweep, got no runs.npz$"):
        call(verify, folder)


def test_an_earlier_folder_says_nothing_of_what_networks_say_together(folder, capsys):
    alter(folder / "summary.json", lambda record: record.pop("ensemble", None))
    assert said_of(folder, capsys)[0] == 0


def test_no_more_networks_are_named_than_one_reads(folder, capsys, monkeypatch):
    monkeypatch.setattr("experiments.folder.sweep_proof.LISTED", 1)
    set_in("history/train_loss", (..., 0), 9.0)(folder)
    _, lines = said_of(folder, capsys)
    named = [line for line in lines if line.startswith("runs.npz")]
    assert len(named) == 2
    assert named[1].endswith("and of 3 more networks")


def test_other_data_are_named(folder, blobs, tmp_path, capsys):
    other = blobs._replace(train_inputs=blobs.train_inputs + 1)
    config = read(folder / "config.json")
    save_npz(tmp_path / "other.npz", other)
    forged("config.json", "dataset", value=str(tmp_path / "other.npz"))(folder)
    code, lines = said_of(folder, capsys)
    assert code == verify.NOT_IDENTICAL
    assert f"data.sha256: expected {config['data_sha256']}, got " in "\n".join(lines)
