"""Sweeps from the command line: what they leave, how they stop and go on, and their replays."""

import contextlib
import csv
import io
import itertools
import math
import re
import shutil
import signal
import time
from types import SimpleNamespace

import numpy as np
import optax
import parquet_files
import pytest
from absl import flags
from endings import killed_at
from programs import call, command_line, finish, start
from rich.console import Console
from run_files import files, lines, read, save_npz

import jaxmlp
from experiments import replay, sweep
from experiments.app import config, sweep_recorder, sweep_report
from experiments.app.command_line import Interval
from experiments.app.job import Job
from experiments.app.log import Clock, Log
from experiments.app.settings import Settings
from experiments.app.signals import StopRequest
from experiments.data import folding, npz
from experiments.folder import workdir
from experiments.folder.files import Lines
from jaxmlp.storage import checkpoint, checkpoint_files

SMALL = ["--num_epochs=4", "--batch_size=16", "--hidden_sizes=8"]
AXES = ["--seeds=0:3", "--sweep=learning_rate=0.01,0.1", "--sweep=hidden_sizes=8,linear"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("sweeps")


@pytest.fixture(scope="module")
def data_flag(blobs, place):
    return save_npz(place / "blobs.npz", blobs)


@pytest.fixture(scope="module")
def swept(place, data_flag):
    folder = place / "swept"
    call(sweep, f"--workdir={folder}", data_flag, *SMALL, *AXES)
    return folder


def test_a_sweep_leaves_all_there_is_to_know(swept):
    assert {path.name for path in swept.iterdir()} == {
        *("checkpoints", "config.json", "environment.json", "metrics.jsonl", "plots"),
        *("report.html", "runs.npz", "summary.json", "table.csv", ".lock"),
    }
    assert {path.name for path in (swept / "plots").iterdir()} == {
        *("learning_curves.png", "against_axes.png", "over_seeds.png"),
    }
    record = npz.open_arrays(swept / "runs.npz")
    assert record["axes/learning_rate"].tolist() == ["0.01", "0.1"]
    assert record["axes/hidden_sizes"].tolist() == ["8", "linear"]
    assert record["history/test_accuracy"].shape == (2, 2, 3, 4)
    assert record["stopped_at"].tolist() == [[[4] * 3] * 2] * 2
    assert len(np.unique(record["params_sha256"])) == 12

    with (swept / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["learning_rate"], row["hidden_sizes"]) for row in rows] == [
        *(("0.01", "8"), ("0.01", "linear"), ("0.1", "8"), ("0.1", "linear")),
    ]
    finals = record["history/test_accuracy"][..., -1].reshape(4, 3)
    for row, values in zip(rows, finals, strict=True):
        assert float(row["mean"]) == pytest.approx(values.mean())
        assert float(row["std"]) == pytest.approx(values.std(ddof=1))
        assert row["num_seeds"] == "3"
    assert [line["epoch"] for line in lines(swept)] == [1, 2, 3, 4]
    mean = lines(swept)[-1]["test_accuracy"]
    assert mean == pytest.approx(finals.mean())
    summary = read(swept / "summary.json")
    assert (summary["num_networks"], summary["num_programs"]) == (12, 2)
    assert summary["share_of_work"] == 1


def test_a_network_is_the_one_that_mnist_trains(swept, place, data_flag):
    from experiments import mnist

    folder = place / "alone"
    call(
        mnist,
        *(f"--workdir={folder}", data_flag, *SMALL, "--noplots", "--checkpoint_every=0"),
        *("--learning_rate=0.1", "--hidden_sizes=", "--seed=2"),
    )
    record = npz.open_arrays(swept / "runs.npz")
    expected = read(folder / "summary.json")["params_sha256"]
    assert record["params_sha256"][1, 1, 2] == expected


@pytest.mark.parametrize("member", ["learning_rate=0.1,hidden_sizes=linear,seed=2", None])
def test_a_replay_is_identical(swept, member, capsys):
    member = member or "seed=0,hidden_sizes=8,learning_rate=1e-2"
    call(replay, swept, f"--member={member}")
    assert f"{member}: identical to the bit" in capsys.readouterr().out


@pytest.fixture(scope="module")
def crossed(place, data_flag):
    """Four folds: 12, 12, 13 and 13 examples are tested, and 37 are trained on."""
    folder = place / "folds"
    rates = "--sweep=learning_rate=0.02,1e30"
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        call(sweep, f"--workdir={folder}", data_flag, *SMALL, "--folds=4", "--seeds=0:2", rates)
    return folder, out.getvalue()


def test_a_cross_validation_is_a_sweep_over_folds(crossed, blobs):
    folder, out = crossed
    assert "16 networks: learning_rate 0.02, 1e+30; 4 folds of the 50 training examples, " in out
    assert "37 train, 13 test of the first of 4 folds' examples, " in out
    assert "over folds" in out
    assert "mean, interval and std: over 4 folds, each the mean of its 2 networks" in out
    assert "learning_rate=1e+30,fold=3,seed=1 ended: a number that is not finite" in out
    record = npz.open_arrays(folder / "runs.npz")
    assert record["axes/fold"].tolist() == ["0", "1", "2", "3"]
    assert record["history/test_accuracy"].shape == (2, 4, 2, 4)
    assert len(np.unique(record["params_sha256"][0])) == 8
    with (folder / "table.csv").open() as file:
        good, bad = csv.DictReader(file)
    of_folds = record["history/test_accuracy"][0, :, :, -1].astype(np.float64).mean(axis=1)
    assert (good["num_folds"], bad["num_folds"], bad["num_failed"]) == ("4", "0", "4")
    assert float(good["mean"]) == pytest.approx(of_folds.mean())
    half = 3.182446 * of_folds.std(ddof=1) * math.sqrt(1 / 4 + 50 / 148)
    assert float(good["high"]) == pytest.approx(of_folds.mean() + half)
    assert (read(folder / "config.json")["folds"], len(blobs.train_inputs)) == (4, 50)
    summary = read(folder / "summary.json")
    assert (summary["num_networks"], summary["num_programs"], summary["num_faults"]) == (16, 1, 8)


def test_a_member_of_a_fold_is_replayed_alone(crossed, capsys):
    for member in ("learning_rate=0.02,fold=2,seed=1", "seed=0,fold=3,learning_rate=1e30"):
        call(replay, crossed[0], f"--member={member}")
        assert f"{member}: identical to the bit" in capsys.readouterr().out
    message = "--member needs fold to be one of 0, 1, 2, 3, got 4"
    with pytest.raises(SystemExit, match=f"^error: {message}$"):
        call(replay, crossed[0], "--member=learning_rate=0.02,fold=4,seed=1")


def test_the_networks_of_a_fold_know_their_own_data(crossed, blobs):
    record = npz.open_arrays(crossed[0] / "runs.npz")
    own = folding.folded(blobs, 4)[2]
    model, task = jaxmlp.mlp((4, 8, 3)), jaxmlp.classification(3)
    recipe = jaxmlp.Recipe(model, task, optax.adam, {"learning_rate": 0.02}, 16, 4)
    assert record["params_sha256"][0, 2, 1] == jaxmlp.digest(jaxmlp.train(recipe, own, 1).params)


def test_a_cross_validation_goes_on_where_it_was_stopped(crossed, place, data_flag, monkeypatch):
    folder, args = place / "stopped-folds", [data_flag, *SMALL, "--folds=4", "--seeds=0:2"]
    args += ["--sweep=learning_rate=0.02,1e30", "--noplots"]
    monkeypatch.setattr(sweep_recorder.Recorder, "on_epoch", _stop_at_two)
    with pytest.raises(SystemExit):
        call(sweep, f"--workdir={folder}", *args)
    assert not (folder / "runs.npz").exists()
    monkeypatch.undo()
    call(sweep, f"--workdir={folder}", "--resume")
    ours, theirs = (npz.open_arrays(each / "runs.npz") for each in (folder, crossed[0]))
    assert (ours["params_sha256"] == theirs["params_sha256"]).all()
    with pytest.raises(SystemExit, match="folds: expected 4, got 5"):
        call(sweep, f"--workdir={folder}", "--resume", "--folds=5")


def _stop_at_two(recorder, report, on_epoch=sweep_recorder.Recorder.on_epoch):
    if report.epoch == 2:
        recorder._log.request.signal = signal.SIGTERM
    return on_epoch(recorder, report)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--folds=1"], "--folds needs at least 2, or 0 for no cross-validation, got 1"),
        (["--folds=60"], ".*: expected at least 60 rows for 60 folds, got 50"),
        (["--folds=-1"], "flag --folds=-1: .*"),
        (["--folds=3", "--sweep=fold=1,2"], "a sweep needs one of .*, got fold"),
        (["--folds=5", "--halving=3"], "--halving needs a validation set: .*"),
        (
            ["--folds=5", "--test_fraction=0.2"],
            "^error: expected --folds or --test_fraction, got --folds=5 and --test_fraction=0.2: ",
        ),
        (["--folds=20000", "--seeds=0:8"], "a sweep needs at most 100,000 networks, .*"),
    ],
)
def test_folds_that_cannot_be_are_refused_in_a_line(given, message, data_flag, tmp_path, capsys):
    with pytest.raises((SystemExit, flags.Error)) as ended:
        call(sweep, f"--workdir={tmp_path / 'none'}", data_flag, *SMALL, *given)
    assert re.search(
        message, str(ended.value.code if hasattr(ended.value, "code") else ended.value)
    )
    assert not (tmp_path / "none").exists()


def test_a_share_of_rows_to_test_goes_without_folds():
    with command_line("--dataset=a.csv", "--target=y", "--test_fraction=0.4"):
        sweep.refuse_flags(config.read())
    with command_line("--dataset=a.csv", "--target=y", "--folds=3"):
        sweep.refuse_flags(config.read())


def test_a_replay_names_what_differs(swept, place, capsys):
    folder = place / "altered"
    shutil.copytree(swept, folder)
    record = npz.open_arrays(folder / "runs.npz")
    record["params_sha256"][0, 0, 1] = "0" * 64
    record["history/test_loss"][0, 0, 1, 2] += 1e-6
    np.savez(folder / "runs.npz", **record)
    with pytest.raises(SystemExit) as ended:
        call(replay, folder, "--member=learning_rate=0.01,hidden_sizes=8,seed=1")
    assert ended.value.code == 4
    out = capsys.readouterr().out
    assert "params_sha256: expected 0000" in out
    assert re.search(r"test_loss, epoch 3: expected 0\.\d+, got 0\.\d+", out)
    call(replay, folder, "--member=learning_rate=0.01,hidden_sizes=8,seed=0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected one sweep's folder and --member"),
        (
            ["--member=seed=1"],
            "--member needs a value for each of learning_rate, hidden_sizes, seed",
        ),
        (
            ["--member=seed=9,learning_rate=0.1,hidden_sizes=8"],
            "--member needs seed to be one of 0, 1, 2, got 9",
        ),
    ],
)
def test_a_replay_refuses_other_members(swept, arguments, message):
    with pytest.raises(SystemExit, match=message):
        call(replay, swept, *arguments)


def test_a_replay_needs_a_sweep(place):
    with pytest.raises(SystemExit, match="needs to be a run's record"):
        call(replay, place / "nothing", "--member=seed=0")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--seed=3"], "expected --seeds=3, got --seed=3"),
        (["--target=0.9"], "--target is for one network alone"),
        (["--on_fault=skip"], "--on_fault needs to be raise, which ends a network, or ignore"),
        (["--checkpoint_every=5steps"], "--checkpoint_every needs epochs or seconds"),
        (["--sweep=lr=1"], "a sweep needs one of .*, got lr"),
        (["--sweep=batch_size=1", "--sweep=batch_size=2"], "--sweep needs each name once"),
        (
            ["--sweep=learning_rate=1,1"],
            "--sweep needs settings that differ, got",
        ),
        (["--seeds=1,1"], "seeds needs each value once, got 1 2 times"),
        (["--seeds=3:3"], "seeds need .* from 1 to 100,000 of them, got 3:3"),
        (["--seeds=-1"], "seeds need .* up to 4294967295, got -1"),
        (["--halving=2"], "--halving needs a validation set"),
        (["--patience=2"], "--patience needs a validation set"),
        (["--sweep=batch_size=51"], "batch_size needs to be at most the 50 training examples"),
        (["--shuffle=shared", "--shuffle_seeds=0:2"], "expected shuffle_seeds or shuffle='shared'"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(flags, message, data_flag, tmp_path):
    folder = tmp_path / "new"
    with pytest.raises(SystemExit, match=f"^error: .*{message}") as ended:
        call(sweep, f"--workdir={folder}", data_flag, *SMALL, *flags)
    assert "\n" not in str(ended.value)
    assert not folder.exists()


def test_an_interrupted_sweep_goes_on_to_the_same_end(swept, place, data_flag, monkeypatch):
    folder = place / "stopped"
    flags = [f"--workdir={folder}", data_flag, *SMALL, *AXES, "--checkpoint_every=1epoch"]
    asked = sweep_recorder.Recorder.on_epoch

    def stop_after_two(record, report):
        if report.epoch == 2:
            record._log.request.signal = signal.SIGTERM
        return asked(record, report)

    monkeypatch.setattr(sweep_recorder.Recorder, "on_epoch", stop_after_two)
    with pytest.raises(SystemExit) as ended:
        call(sweep, *flags)
    assert ended.value.code == 143
    monkeypatch.undo()
    with pytest.raises(SystemExit, match="--resume needs the earlier sweep's settings; seeds"):
        call(sweep, f"--workdir={folder}", "--resume", "--seeds=0:4")
    call(sweep, f"--workdir={folder}", "--resume")
    assert same(folder, swept)
    call(sweep, f"--workdir={folder}", "--resume")  # one that is done
    assert same(folder, swept)


def test_finished_epochs_without_their_checkpoints_are_not_thrown_away(swept, place):
    folder = place / "bare"
    shutil.copytree(swept, folder)
    shutil.rmtree(folder / "checkpoints")
    before = (folder / "metrics.jsonl").read_bytes()
    with pytest.raises(SystemExit, match="--resume needs a checkpoint of the 4 finished epochs"):
        call(sweep, f"--workdir={folder}", "--resume")
    assert (folder / "metrics.jsonl").read_bytes() == before


def test_a_killed_sweep_goes_on_to_the_same_end(swept, place, data_flag):
    folder = place / "killed"
    flags = [f"--workdir={folder}", data_flag, *SMALL, AXES[1], "--checkpoint_every=1epoch"]
    flags += ["--num_epochs=100", "--seeds=1,2"]
    process = start("sweep", *flags, env={"JAX_NUM_CPU_DEVICES": "2"})
    deadline = time.monotonic() + 300
    while len(checkpoint.steps(folder / "checkpoints")) == 0 if folder.exists() else True:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.kill()
    finish(process)
    code, out, err = finish(start("sweep", f"--workdir={folder}", "--resume", "--noplots"))
    assert code == 0, err
    assert re.search(r"going on after [\d,]+ network-epochs", out)
    assert [line["epoch"] for line in lines(folder)] == list(range(1, 101))
    call(replay, folder, "--member=learning_rate=0.1,seed=1")


def test_early_ends_are_in_the_table(place, data_flag, capsys):
    folder = place / "early"
    call(
        sweep,
        *(f"--workdir={folder}", data_flag, *SMALL, "--seeds=0:2", "--noplots"),
        *("--sweep=learning_rate=1e-3,0.1,1e30", "--validation_fraction=0.2", "--halving=2"),
        "--save_networks",
    )
    out = capsys.readouterr().out
    assert "learning_rate=1e+30,seed=1 ended: a number that is not finite came up in step" in out
    assert "of the work saved" in out
    record = npz.open_arrays(folder / "runs.npz")
    assert (record["stopped_at"][2] == 0).all()
    assert record["stopped_at"].max() == 4
    saved = jaxmlp.load_params(folder / "networks" / "learning_rate=0.1,seed=1.npz")
    assert jaxmlp.digest(saved) == record["params_sha256"][1, 1]
    assert read(folder / "summary.json")["num_faults"] == 2
    for rate in ("1e-3", "0.1", "1e30"):  # ended by halving, at its length, at a fault
        call(replay, folder, f"--member=learning_rate={rate},seed=0")


def test_halving_looks_at_rungs_that_a_replay_looks_at_too(place, data_flag):
    folder = place / "rungs"
    call(
        sweep,
        *(f"--workdir={folder}", data_flag, *SMALL, "--seeds=0:2", "--noplots", "--eval_every=4"),
        *("--sweep=learning_rate=1e-3,0.1", "--validation_fraction=0.2", "--halving=2"),
    )
    record = npz.open_arrays(folder / "runs.npz")
    measured = ~np.isnan(record["history/validation_loss"])
    assert measured[1, 0].tolist() == [True, True, False, True]
    call(replay, folder, "--member=learning_rate=0.1,seed=1")


def test_settings_that_halving_ended_come_last_and_have_no_p_value(place, data_flag):
    folder = place / "ranks"
    call(
        sweep,
        *(f"--workdir={folder}", data_flag, *SMALL, "--seeds=0:4", "--noplots"),
        *("--sweep=learning_rate=0.03,1e-3,0.1,0.05", "--validation_fraction=0.2", "--halving=2"),
    )
    rows = read(folder / "summary.json")["settings"]
    ended = npz.open_arrays(folder / "runs.npz")["stopped_at"].mean(axis=-1)
    for row, epochs in zip(rows, ended, strict=True):
        assert row["p_against_best"] is None or epochs == 4


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_one_command_serves_a_sweep_that_is_killed_at_any_moment_of_its_start(
    every, place, data_flag, capsys
):
    folder = place / "begun"
    flags = [f"--workdir={folder}", data_flag, *SMALL, "--seeds=1,2", "--noplots", "--resume"]
    flags += ["--num_epochs=1", "--save_networks"]
    said, expected = set(), None
    for number in itertools.count(step=every):
        with killed_at(number, folder):
            call(sweep, *flags)
        is_started = (folder / "metrics.jsonl").exists()
        capsys.readouterr()
        call(sweep, *flags)
        said |= {line for line in capsys.readouterr().out.splitlines() if "beginning" in line}
        found = npz.open_arrays(folder / "runs.npz")["params_sha256"].tolist()
        assert found == (expected := expected or found)
        assert {path.name for path in (folder / "networks").iterdir()} == {
            "seed=1.npz",
            "seed=2.npz",
        }
        shutil.rmtree(folder)
        if is_started:
            break
    assert number > 6
    assert said == {"no checkpoint yet: starting from the beginning"}


def test_a_resumed_sweep_leaves_what_the_first_command_asked_for(place, data_flag, monkeypatch):
    folder = place / "asked"
    flags = [f"--workdir={folder}", data_flag, *SMALL, "--seeds=0:2", "--num_epochs=1"]
    call(sweep, *flags, "--noplots", "--checkpoint_every=1epoch")
    assert not (folder / "networks").exists()
    call(sweep, f"--workdir={folder}", "--resume", "--save_networks")
    assert len(list((folder / "networks").iterdir())) == 2
    shutil.rmtree(folder / "networks")
    call(sweep, f"--workdir={folder}", "--resume")
    assert len(list((folder / "networks").iterdir())) == 2
    assert not (folder / "plots").exists()
    assert read(folder / "config.json")["outputs"]["checkpoint_every"] == "1epochs"


def test_a_sweep_overwrites_no_live_one(swept, data_flag):
    before = files(swept)
    with workdir.lock(swept), pytest.raises(SystemExit, match="error: another run is using"):
        call(sweep, f"--workdir={swept}", data_flag, *SMALL, "--overwrite")
    assert files(swept) == before


def no_space(*_, **__):
    raise OSError(28, "No space left on device")


FILES = {
    "metrics.jsonl": (Lines, "_append"),
    "runs.npz": (sweep_report, "write_runs"),
    "networks": (jaxmlp, "save_params"),
    "table.csv": (sweep_report, "write_table"),
    "plots": (sweep_report, "draw"),
    "checkpoints": (checkpoint_files, "write"),
}


@pytest.mark.filterwarnings("default:.* cannot be written")
@pytest.mark.filterwarnings("default::jaxmlp.checkpoint.CheckpointWarning")
def test_a_sweep_without_room_goes_on_and_says_which_files_are_missing(
    place, data_flag, capsys, monkeypatch
):
    folder = place / "full"
    flags = [f"--workdir={folder}", data_flag, *SMALL, "--seeds=0:2", "--save_networks"]
    for module, name in FILES.values():
        monkeypatch.setattr(module, name, no_space)
    with pytest.raises(SystemExit) as ended:
        call(sweep, *flags)
    out, err = capsys.readouterr()
    assert "mean" in out
    for name in FILES:
        assert f"{name} could not be written: " in ended.value.code
        assert err.count(f"warning: {name} cannot be written") == (name != "checkpoints")
    assert err.count("warning: saving step") == 1
    assert (read(folder / "summary.json"))["num_networks"] == 2
    monkeypatch.undo()
    call(sweep, *flags, "--overwrite")
    assert {*FILES} < {path.name for path in folder.iterdir()}


def test_settings_of_no_use_are_named(place, data_flag, capsys):
    folder = place / "useless"
    call(
        *(sweep, f"--workdir={folder}", data_flag, *SMALL, "--seeds=0:2", "--noplots"),
        *("--optimizer=sgd", "--hidden_sizes=", "--sweep=l2=0,100"),  # 1 - 0.1 * 100 a step
    )
    useful, useless = (row["verdict"] for row in read(folder / "summary.json")["settings"])
    assert useful == {}
    assert useless["worse than it began"] == 2
    out = capsys.readouterr().out
    assert "l2=100: 2 of 2 ENDED WORSE THAN IT BEGAN" in out
    assert "l2=0: " not in out


@pytest.mark.parametrize(("cost", "seconds"), [(0.01, 1), (0.5, 10), (5.0, 100)])
def test_checkpoints_of_a_sweep_take_a_twentieth_of_the_time(blobs, tmp_path, cost, seconds):
    saved = []
    given = Settings(checkpoint_every=Interval(1, "second"))
    job = Job(None, blobs, {"num_epochs": 9}, tmp_path, given=given)
    log = Log(job, Clock(), SimpleNamespace(save=lambda *_: saved.append(1)), StopRequest())
    record = sweep_recorder.Recorder(Console(), job, log)
    population = jaxmlp.Population((), {}, np.zeros(1), np.zeros(1), {})
    report = SimpleNamespace(
        num_live=1, epoch=1, epochs=np.ones(1), is_last=False, snapshot=lambda copy: population
    )
    for passed, is_due in ((0.9 * seconds, False), (1.1 * seconds, True)):
        record._cost, log._saved_at = cost, time.monotonic() - passed
        record._heed(report)
        assert len(saved) == is_due


def test_a_sweep_that_waits_for_others_saves_once_and_when_it_stops(blobs, tmp_path):
    saved = []
    job = Job(None, blobs, {"num_epochs": 9}, tmp_path, given=Settings())
    request = StopRequest()
    log = Log(job, Clock(), SimpleNamespace(save=lambda *_: saved.append(1)), request)
    record = sweep_recorder.Recorder(Console(), job, log)
    population = jaxmlp.Population((), {}, np.ones(2), np.zeros(2), {})
    report = SimpleNamespace(
        num_live=2, epoch=1, epochs=np.ones(2), is_last=False, snapshot=lambda copy: population
    )
    for is_last, num_live, counts in ((True, 2, 1), (True, 2, 1), (False, 0, 2), (False, 0, 2)):
        report.is_last, report.num_live = is_last, num_live
        assert not record._heed(report)
        assert len(saved) == counts
    request.signal = 15
    assert record._heed(report)
    assert len(saved) == 3


def test_a_flag_that_changes_nothing_is_refused(data_flag, tmp_path):
    message = "got the same network for kernel_stddev=0.1 and kernel_stddev=0.2"
    with pytest.raises(SystemExit, match=message):
        call(
            *(sweep, f"--workdir={tmp_path / 'new'}", data_flag, *SMALL),
            "--sweep=kernel_stddev=0.1,0.2",
        )


def test_crossed_orders_and_shared_ones(place, data_flag, capsys):
    crossed, shared = place / "crossed", place / "shared"
    flags = [data_flag, *SMALL, "--noplots"]
    call(sweep, f"--workdir={crossed}", *flags, "--seeds=0:2", "--shuffle_seeds=0:3")
    call(sweep, f"--workdir={shared}", *flags, "--seeds=0:2", "--shuffle=shared")
    record, other = npz.open_arrays(crossed / "runs.npz"), npz.open_arrays(shared / "runs.npz")
    assert record["params_sha256"].shape == (3, 2)
    assert record["params_sha256"][0].tolist() == other["params_sha256"].tolist()
    pattern = r"variance of the test accuracy: initialization \d+ %"
    assert re.search(pattern, capsys.readouterr().out)
    call(replay, crossed, "--member=shuffle_seed=2,seed=1")
    call(replay, shared, "--member=seed=1")


def test_rates_and_noise_are_swept_and_replayed(place, data_flag):
    folder = place / "noisy"
    flags = [data_flag, *SMALL, "--noplots", "--seeds=0:2", "--noise_seeds=5,6", "--norm=batch"]
    call(sweep, f"--workdir={folder}", *flags, "--average=0.5", "--sweep=dropout=0,0.2,0.5")
    record = npz.open_arrays(folder / "runs.npz")
    assert record["params_sha256"].shape == (3, 2, 2)  # dropout, noise_seed, seed
    assert record["axes/noise_seed"].tolist() == ["5", "6"]
    digests = record["params_sha256"]
    assert (digests[0, 0] == digests[0, 1]).all()  # nothing is drawn
    assert len(np.unique(digests)) == 2 + 4 + 4
    for member in ("dropout=0.2,noise_seed=6,seed=1", "dropout=0,noise_seed=5,seed=0"):
        call(replay, folder, f"--member={member}")


def test_precisions_are_swept_and_replayed(place, data_flag, capsys):
    folder = place / "precisions"
    flags = [data_flag, *SMALL, "--noplots", "--seeds=0:2", f"--workdir={folder}"]
    with pytest.raises(SystemExit, match="^error: precision=tf32 needs an NVIDIA GPU, got a CPU"):
        call(sweep, *flags, "--sweep=precision=float32,tf32")
    assert not folder.exists()
    call(sweep, *flags, "--sweep=precision=float32,bfloat16")
    has_unit = {"amx_bf16", "avx512_bf16"} & {*read(folder / "environment.json")["instructions"]}
    assert ("take 1.25 to 2 times as long" in capsys.readouterr().out) is not bool(has_unit)
    record = npz.open_arrays(folder / "runs.npz")
    assert record["axes/precision"].tolist() == ["float32", "bfloat16"]
    assert len(np.unique(record["params_sha256"])) == 4
    call(replay, folder, "--member=precision=bfloat16,seed=1")


def test_values_are_ranked_from_the_least_error_on(place, capsys):
    folder, x = place / "values", np.random.default_rng(0).normal(size=(100, 4))
    np.savez(place / "values.npz", x=x, y=x[:, 0] / 3)
    flags = [f"--dataset={place / 'values.npz'}", *SMALL, "--noplots", "--seeds=0:2"]
    call(sweep, f"--workdir={folder}", *flags, "--sweep=learning_rate=1e-6,0.03")
    settings = read(folder / "summary.json")["settings"]
    assert settings[0]["mean"] > 2 * settings[1]["mean"]
    assert [row["p_against_best"] is None for row in settings] == [False, True]
    out = capsys.readouterr().out
    assert "test absolute error at each network's end" in out
    assert out.index("  0.03 ") < out.index("  1e-06 ")
    call(replay, folder, "--member=learning_rate=0.03,seed=1")


def test_a_program_starts_a_device_a_core(data_flag, tmp_path):
    with command_line():
        pass
    code, out, err = finish(
        start(
            *("sweep", f"--workdir={tmp_path / 'new'}", data_flag, *SMALL, "--seeds=0:2"),
            *("--noplots", "--threads=2"),
            env={"NPROC": "2"},
        )
    )
    assert code == 0, err
    assert "on 2 cpu devices" in out


def same(folder, other):
    ours, theirs = (npz.open_arrays(path / "runs.npz") for path in (folder, other))
    return ours.keys() == theirs.keys() and all(
        np.array_equal(ours[name], theirs[name], equal_nan=ours[name].dtype.kind == "f")
        for name in ours
    )


def test_a_sweep_that_reads_its_data_in_windows_has_the_networks_of_one_in_memory(
    tmp_path, capsys, monkeypatch
):
    asked = []

    def telling(function):
        def tell(*arguments, window=None, **options):
            asked.append((function.__name__, window))
            return function(*arguments, window=window, **options)

        return tell

    for function in (jaxmlp.plan_many, jaxmlp.train_many, jaxmlp.train):
        monkeypatch.setattr(jaxmlp, function.__name__, telling(function))
    y = np.arange(2000) % 3
    x = np.random.default_rng(0).normal(size=(2000, 150)).astype(np.float32)
    parquet_files.write(tmp_path / "data" / "train.parquet", 500, x=x, y=y)
    parquet_files.write(tmp_path / "data" / "test.parquet", 500, x=x[:300], y=y[:300])
    flags = f"--dataset={tmp_path / 'data'}", "--num_epochs=2", "--hidden_sizes=8", "--seeds=0:2"
    kept = []
    for name, window in (("whole", ()), ("read", ("--window=1",))):  # MiB, of 1.2
        call(sweep, *flags, "--noplots", f"--workdir={tmp_path / name}", *window)
        kept.append(npz.open_arrays(tmp_path / name / "runs.npz"))
    for name, values in kept[0].items():
        np.testing.assert_array_equal(values, kept[1][name])
    assert read(tmp_path / "read" / "config.json")["outputs"]["window"] == 1
    call(replay, tmp_path / "read", "--member=seed=1")
    assert "identical to the bit" in capsys.readouterr().out
    programs = ["plan_many", "train_many"]
    windows = [*((name, None) for name in programs), *((name, 2**20) for name in programs)]
    assert asked == [*windows, ("train", 2**20)]
