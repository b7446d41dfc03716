"""A receipt proves its run, and says what is wrong where it does not."""

import contextlib
import json
import os
import shutil
import signal
import sys

import jax
import numpy as np
import pytest
from programs import call, finish, start
from run_files import compiled_once, lines, read, save_npz

import jaxmlp
from experiments import mnist, verify
from experiments.files import Lines

EPOCHS = 4
SETTINGS = [f"--num_epochs={EPOCHS}", "--batch_size=16", "--hidden_sizes=8", "--noplots"]


@pytest.fixture(autouse=True, scope="module")
def one_program():
    with compiled_once():
        yield


def train(folder, data, *flags):
    call(
        mnist, save_npz(folder.with_suffix(".npz"), data), *SETTINGS, *flags, f"--workdir={folder}"
    )


@pytest.fixture(scope="module")
def untouched(blobs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify") / "run"
    train(folder, blobs)
    return folder


@pytest.fixture
def folder(untouched, tmp_path):
    """A copy, to be tampered with."""
    return shutil.copytree(untouched, tmp_path / "run")


def alter(folder, change):
    """Changes a receipt in place."""
    record = read(folder / "receipt.json")
    change(record)
    (folder / "receipt.json").write_text(json.dumps(record))


def said_of(folder, capsys, *flags):
    """The exit code, and what stands below the progress."""
    capsys.readouterr()
    try:
        call(verify, folder, *flags)
    except SystemExit as stopped:
        return stopped.code, capsys.readouterr().out
    return 0, capsys.readouterr().out


IDENTICAL = (0, f"identical to the bit in all {EPOCHS} epochs\n")


def test_a_run_left_as_it_was_is_identical_and_stays_as_it_was(folder, capsys):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert said_of(folder, capsys) == IDENTICAL
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("seed", 5, "config.seed: expected 5, got 0"),
        ("learning_rate", 0.5, "config.learning_rate: expected 0.5, got 0.001"),
        ("batch_size", 25, "config.batch_size: expected 25, got 16"),
    ],
)
def test_an_altered_setting_is_named_with_the_first_epoch(folder, capsys, field, value, line):
    alter(folder, lambda record: record["config"].update({field: value}))
    code, out = said_of(folder, capsys)
    assert code == 4
    assert out.splitlines() == [f"epoch 1 of {EPOCHS} is the first to differ", line]


def test_an_altered_digest_of_the_data_is_named(folder, capsys):
    sha256 = read(folder / "receipt.json")["data"]["sha256"]
    alter(folder, lambda record: record["data"].update(sha256="0" * 64))
    code, out = said_of(folder, capsys)
    assert code == 4
    assert out.splitlines() == [
        f"identical in all {EPOCHS} epochs, but:",
        f"data.sha256: expected {'0' * 64}, got {sha256}",
    ]


@pytest.mark.parametrize("epoch", [1, 3, EPOCHS])
def test_an_altered_epoch_is_the_first_to_differ(folder, capsys, epoch):
    alter(folder, lambda record: record["params_sha256"].__setitem__(epoch - 1, "0" * 64))
    code, out = said_of(folder, capsys)
    assert code == 4
    first, *others = out.splitlines()
    assert first == f"epoch {epoch} of {EPOCHS} is the first to differ"
    noted = digests(folder)[epoch - 1]
    line = f"metrics.jsonl epoch {epoch}: expected ['{'0' * 64}'], got ['{noted}']"
    assert line in others


def test_another_machine_is_named_and_proves_nothing_wrong(folder, capsys):
    alter(folder, lambda record: record["environment"].update(processor="Zilog Z80"))
    code, out = said_of(folder, capsys)
    assert code == 0
    first, second = out.splitlines()
    assert first == f"identical to the bit in all {EPOCHS} epochs"
    assert second.startswith("environment.processor: expected Zilog Z80, got ")


def test_changed_data_are_named_with_the_first_epoch(blobs, tmp_path, capsys):
    folder = tmp_path / "run"
    train(folder, blobs)
    inputs = blobs.train_inputs.copy()
    inputs[0, 0] += 1
    save_npz(tmp_path / "run.npz", blobs._replace(train_inputs=inputs))
    code, out = said_of(folder, capsys)
    assert code == 4
    first, second = out.splitlines()
    assert first == f"epoch 1 of {EPOCHS} is the first to differ"
    expected = read(folder / "receipt.json")["data"]["sha256"]
    assert second.startswith(f"data.sha256: expected {expected}, got ")
    save_npz(tmp_path / "run.npz", blobs._replace(test_inputs=blobs.test_inputs + 1))
    code, out = said_of(folder, capsys)
    assert code == 4
    assert out.startswith(f"identical in all {EPOCHS} epochs, but:\ndata.sha256")


def test_an_interrupted_run_is_verified_as_far_as_it_came(blobs, tmp_path, capsys, monkeypatch):
    append = Lines.append

    def append_and_stop(lines, record):
        append(lines, record)
        if record["epoch"] == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Lines, "append", append_and_stop)
    with pytest.raises(SystemExit):
        train(tmp_path / "run", blobs, "--num_epochs=10")
    assert said_of(tmp_path / "run", capsys) == (0, "identical to the bit in all 3 epochs\n")


class Killed(BaseException):
    """Nothing catches it, so that nothing is done after it, as if the process had ended."""


def test_a_killed_run_is_verified_as_far_as_its_lines_go(blobs, tmp_path, capsys, monkeypatch):
    flush, folder, endings = Lines.flush, tmp_path / "run", {}

    def flush_and_end(lines):
        flush(lines)
        ending = endings.pop(len(lines.records), None)
        if ending is SystemExit:
            os.kill(os.getpid(), signal.SIGTERM)
        elif ending:
            raise ending

    monkeypatch.setattr(Lines, "flush", flush_and_end)
    flags = ["--num_epochs=10", "--checkpoint_every=1epoch"]
    for epoch, ending in ((2, Killed), (3, SystemExit), (5, Killed)):
        endings[epoch] = ending
        with pytest.raises(ending):
            train(folder, blobs, *flags, *(["--resume"] if epoch > 2 else []))
        expected = (0, f"identical to the bit in all {epoch} epochs\n")
        assert said_of(folder, capsys) == expected


@pytest.mark.parametrize("name", ["params.npz", "metrics.jsonl", "summary.json"])
def test_results_that_are_not_the_receipts_are_named(folder, capsys, name):
    if name == "params.npz":
        other = jaxmlp.mlp((4, 8, 3)).init(jax.random.key(9))
        jaxmlp.save_params(folder / name, other)
        expected = f"params.npz: expected {digests(folder)[-1]}, got {jaxmlp.digest(other)}"
    elif name == "metrics.jsonl":
        (folder / name).write_text((folder / name).read_text().replace(digests(folder)[1], "0"))
        expected = "metrics.jsonl epoch 2: expected ['"
    else:
        (folder / name).write_text(json.dumps({**read(folder / name), "test_accuracy": 1.0}))
        expected = "summary.json test_accuracy: expected 0."
    code, out = said_of(folder, capsys)
    assert code == 4
    first, second = out.splitlines()
    assert first == f"identical in all {EPOCHS} epochs, but:"
    assert second.startswith(expected)


def test_damaged_parameters_are_one_line(folder, capsys):
    (folder / "params.npz").write_bytes(b"PK")
    code, _ = said_of(folder, capsys)
    assert code.startswith("error: ")
    assert "params.npz needs to be an undamaged" in code


def test_a_run_that_stopped_early_is_verified(blobs, tmp_path, capsys):
    stopping = ["--validation_fraction=0.3", "--target=0.2", "--num_epochs=50", "--eval_every=2"]
    train(tmp_path / "run", blobs, *stopping, "--learning_rate=0.05", "--schedule=cosine")
    epochs = len(lines(tmp_path / "run"))
    assert epochs < 50
    assert said_of(tmp_path / "run", capsys) == (
        0,
        f"identical to the bit in all {epochs} epochs\n",
    )


@pytest.mark.parametrize("on_fault", ["skip", "ignore"])
def test_a_run_with_numbers_that_are_not_finite_is_verified(blobs, tmp_path, capsys, on_fault):
    inputs = blobs.train_inputs.copy()
    inputs[7, 1] = np.inf
    data = blobs._replace(train_inputs=inputs)
    train(tmp_path / "run", data, "--nocheck_finite", f"--on_fault={on_fault}")
    assert said_of(tmp_path / "run", capsys) == IDENTICAL
    alter(tmp_path / "run", lambda record: record["config"].update(on_fault="raise"))
    code, out = said_of(tmp_path / "run", capsys)
    assert code == 4
    assert "a number that is not finite came up in step" in out
    assert f"config.on_fault: expected raise, got {on_fault}" in out


def test_a_receipt_alone_is_verified_with_data_that_lie_elsewhere(blobs, tmp_path, capsys):
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    train(home / "run", blobs)
    (home / "run.npz").rename(elsewhere / "run.npz")
    (home / "run" / "receipt.json").rename(elsewhere / "receipt.json")
    code, _ = said_of(elsewhere, capsys)
    assert "run.npz: expected an .npz file, got no such" in code
    assert said_of(elsewhere, capsys, f"--look_in={elsewhere}") == IDENTICAL


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (None, r"receipt\.json needs to be a run's record"),
        ({}, r"receipt\.json needs a run's settings, data, environment and at least one epoch's"),
        ({"config": {}, "data": {}, "environment": {}, "params_sha256": []}, "at least one epoch"),
    ],
)
def test_a_folder_without_a_receipt_is_one_line(tmp_path, record, message):
    if record is not None:
        (tmp_path / "receipt.json").write_text(json.dumps(record))
    with pytest.raises(SystemExit, match=f"^error: .*{message}") as stopped:
        call(verify, tmp_path)
    assert "\n" not in str(stopped.value)


@pytest.mark.parametrize("arguments", [[], ["a", "b"]])
def test_it_takes_one_folder(arguments):
    with pytest.raises(SystemExit, match=r"^error: expected one run's folder, got (nothing|a b)$"):
        call(verify, *arguments)


# --- other numbers of cores, in processes of their own


@contextlib.contextmanager
def one_core():
    """What is started from here may use one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def digests(folder):
    return [line["params_sha256"] for line in lines(folder)]


@pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs two cores of Linux"
)
def test_a_receipt_of_two_threads_holds_on_two_cores_and_on_one(digits, tmp_path):
    env = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "NPROC": "",
    }
    flags = [save_npz(tmp_path / "digits.npz", digits), "--batch_size=512", "--noplots"]
    flags += ["--num_epochs=2", "--hidden_sizes=512"]

    def run(module, *arguments):
        code, out, err = finish(start(module, *arguments, env=env))
        assert code == 0, err + out
        return out

    run("mnist", *flags, "--threads=2", f"--workdir={tmp_path / 'two'}")
    assert read(tmp_path / "two" / "receipt.json")["config"]["threads"] == 2
    assert "identical to the bit" in run("verify", tmp_path / "two")
    with one_core():
        assert "identical to the bit" in run("verify", tmp_path / "two")
        run("mnist", *flags, f"--workdir={tmp_path / 'one'}")
    assert read(tmp_path / "one" / "receipt.json")["config"]["threads"] == 1
    if digests(tmp_path / "one") == digests(tmp_path / "two"):
        pytest.skip("verified, but with this JAX one thread gives the bits of two anyway")
    assert "identical to the bit" in run("verify", tmp_path / "one")
