"""Presets through the programs: what is trained, recorded and said, and what holds afterwards."""

import json
import re

import jax
import numpy as np
import pytest
from programs import call, command_line, finish, start
from run_files import read, save_npz
from sklearn import metrics

import jaxmlp
from experiments import distributed, mnist, replay, sweep, table, verify
from experiments.app.presets import PRESETS
from experiments.data import npz
from experiments.report import __main__ as report

FAST = ["--noplots", "--noreport"]


@pytest.fixture(autouse=True)
def presets(monkeypatch):
    """Some that are quick; a test may change them."""
    monkeypatch.setitem(PRESETS, "quick", {"num_epochs": 4, "batch_size": 16, "hidden_sizes": [8]})
    many = {**PRESETS["quick"], "seeds": "0:3", "save_networks": True}
    monkeypatch.setitem(PRESETS, "ensemble", many)
    return PRESETS


@pytest.fixture
def data(blobs, tmp_path):
    return save_npz(tmp_path / "blobs.npz", blobs)


def head_of(folder):
    """What the head of a page says was trained."""
    page = (folder / "report.html").read_text()
    return json.loads(re.search(r'id="data">(.*?)</script>', page)[1])["run"]["what"]


def test_a_run_has_what_its_preset_said_whatever_that_says_later(data, tmp_path, presets, capsys):
    folder = tmp_path / "run"
    given = [data, "--preset=quick", "--learning_rate=0.01", f"--workdir={folder}", *FAST]
    call(mnist, *given)
    assert "\npreset quick: --num_epochs=4 --batch_size=16 --hidden_sizes=8\n" in (
        capsys.readouterr().out
    )
    config = read(folder / "config.json")
    assert (config["preset"], config["num_epochs"], config["sizes"]) == ("quick", 4, [4, 8, 3])
    presets["quick"] = {"num_epochs": 9, "norm": "batch"}
    call(verify, folder)
    said = capsys.readouterr().out
    assert "identical to the bit in all 4 epochs" in said
    assert "the preset's name" in said
    call(mnist, f"--workdir={folder}", "--resume", *FAST)
    assert "preset quick" not in capsys.readouterr().out
    assert read(folder / "config.json") == config
    with pytest.raises(SystemExit, match="; norm: .* got batch; --norm=batch is of --preset"):
        call(mnist, *given, "--resume")
    call(report, folder)
    assert head_of(folder)["preset"] == "quick"


def test_a_sweep_takes_the_values_of_a_preset_that_it_does_not_sweep(
    data, tmp_path, presets, capsys
):
    folder = tmp_path / "sweep"
    axis = "--sweep=batch_size=16,32"
    call(sweep, data, "--preset=quick", axis, "--seeds=0:2", f"--workdir={folder}", "--noplots")
    expected = f"preset quick: --num_epochs=4 --hidden_sizes=8, overridden: {axis}"
    assert expected in capsys.readouterr().out
    config = read(folder / "config.json")
    assert (config["preset"], config["given"]["num_epochs"], config["num_epochs"]) == (
        "quick",
        4,
        4,
    )
    assert head_of(folder)["preset"] == "quick"
    presets["quick"] = {"hidden_sizes": [5]}
    call(replay, folder, "--member=batch_size=32,seed=1")
    assert "batch_size=32,seed=1: identical to the bit" in capsys.readouterr().out


def test_a_swept_schedule_is_of_no_number_of_the_presets(data, tmp_path, presets, capsys):
    presets["quick"] |= {"num_epochs": 1, "schedule": "warmup_linear", "warmup": 0.25}
    axis = "--sweep=schedule=constant,warmup_linear"
    given = ["--preset=quick", axis, "--seeds=0:1", f"--workdir={tmp_path / 'run'}", *FAST]
    call(sweep, data, *given)
    said = f"--batch_size=16 --hidden_sizes=8, overridden: {axis}\n"
    assert said in capsys.readouterr().out
    assert read(tmp_path / "run" / "config.json")["given"]["warmup"] is None


def assert_together(folder, blobs):
    """Sees whether the record of three networks is what these networks say."""
    model = jaxmlp.mlp((4, 8, 3))
    each = [
        np.asarray(jax.nn.softmax(jax.vmap(model.apply, (None, 0))(params, blobs.test_inputs)))
        for params in map(jaxmlp.load_params, sorted((folder / "networks").iterdir()))
    ]
    guesses, mean = np.argmax(each, axis=-1), np.mean(each, axis=0)
    record = read(folder / "summary.json")["ensemble"]
    right = (mean.argmax(axis=1) == blobs.test_labels).mean()
    assert record["together"]["accuracy"] == pytest.approx(right, abs=1e-5)
    losses = [metrics.log_loss(blobs.test_labels, outputs) for outputs in each]
    assert record["one"]["log_loss_high"] == pytest.approx(max(losses), rel=1e-4)
    differ = np.any(guesses != guesses[0], axis=0).mean()
    assert (record["num_networks"], record["not_unanimous"]) == (3, pytest.approx(differ, abs=1e-5))


@pytest.mark.parametrize("program", [mnist, sweep])
def test_a_preset_of_many_networks_trains_them_as_one_population(
    program, data, blobs, tmp_path, capsys
):
    folder = tmp_path / "many"
    given = [data, "--preset=ensemble", "--learning_rate=0.01", f"--workdir={folder}", *FAST]
    call(program, *given)
    said = capsys.readouterr().out
    assert "\n1 program in exact mode" in said
    assert "\n3 networks together: the mean of their probabilities, beside one of them.\n" in said
    assert re.search(r"\naccuracy +\d+\.\d\d % +\d+\.\d\d %  \d+\.\d\d to \d+\.\d\d %\n", said)
    assert re.search(r"\nTwo of them differ on \d+\.\d\d % of the rows, on the average", said)
    assert_together(folder, blobs)
    record = npz.open_arrays(folder / "runs.npz")
    assert record["history/test_accuracy"].shape == (3, 4)
    before = record["params_sha256"].tolist()
    call(program, *given, "--resume")
    assert npz.open_arrays(folder / "runs.npz")["params_sha256"].tolist() == before
    call(program, f"--workdir={folder}", "--resume")  # whose record says what it is
    assert npz.open_arrays(folder / "runs.npz")["params_sha256"].tolist() == before


def test_a_value_that_does_not_fit_is_the_presets(data, tmp_path, presets):
    presets["quick"] = {"batch_size": 51, "label_smoothing": 0.1}
    given = [data, "--preset=quick", f"--workdir={tmp_path / 'run'}", *FAST]
    for program in (mnist, sweep):
        expected = "^error: batch_size .* got 51; --batch_size=51 is of --preset=quick$"
        with pytest.raises(SystemExit, match=expected):
            call(program, *given)
        expected = "label_smoothing needs labels .*; --label_smoothing=0.1 is of --preset=quick$"
        with pytest.raises(SystemExit, match=expected):
            call(program, *given, "--task=regression")
    assert not (tmp_path / "run").exists()


def test_what_a_preset_cannot_be_is_said_in_a_line(data):
    with pytest.raises(
        SystemExit, match="^error: --sweep needs settings, got preset: expected --preset=quick, one"
    ):
        call(sweep, data, "--sweep=preset=quick,strong")
    with pytest.raises(
        SystemExit, match="^error: expected a preset of one network, got --preset=e"
    ):
        call(distributed, data, "--preset=ensemble")
    expected = "^error: expected experiments.sweep --preset=ensemble --seeds=3, got --seed=3$"
    with pytest.raises(SystemExit, match=expected):
        call(mnist, data, "--preset=ensemble", "--seed=3")


def test_a_table_may_be_for_a_preset_of_many_networks():
    for name, is_sweep in (("ensemble", True), ("quick", False)):
        with command_line(f"--preset={name}"):
            assert table.is_sweep() is is_sweep


def test_an_earlier_folder_has_no_preset(data, tmp_path):
    folder = tmp_path / "run"
    call(mnist, data, "--num_epochs=1", f"--workdir={folder}", *FAST)
    assert "preset" not in read(folder / "config.json")


def test_a_program_without_the_flags_of_many_networks_hands_them_over(tmp_path):
    given = ["--preset=ensemble", "--tensorboard", f"--workdir={tmp_path / 'many'}"]
    code, _, said = finish(start("mnist", *given))
    assert (code, said) == (
        1,
        "error: --tensorboard is for one network alone: expected experiments.mnist\n",
    )
