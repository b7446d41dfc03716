"""A receipt proves its run, and says what is wrong where it does not."""

import contextlib
import json
import os
import re
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
from experiments.data import sources
from experiments.folder import files

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
    """The exit code, and what stands between the progress and how far it goes."""
    capsys.readouterr()
    code = 0
    try:
        call(verify, folder, *flags)
    except SystemExit as stopped:
        code = stopped.code
    out = capsys.readouterr().out
    found = re.search(
        r"^(identical|epoch \d+ of)(.*\n)*?(?=unfinished|params.npz has|compared)", out, re.M
    )
    return code, found[0] if found else out


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
        f"receipt.json config.data_sha256: expected {'0' * 64}, got {sha256}",
    ]


@pytest.mark.parametrize("epoch", [1, 3, EPOCHS])
def test_an_altered_epoch_is_the_first_to_differ(folder, capsys, epoch):
    alter(folder, lambda record: record["params_sha256"].__setitem__(epoch - 1, "0" * 64))
    code, out = said_of(folder, capsys)
    assert code == 4
    first, *others = out.splitlines()
    assert first == f"epoch {epoch} of {EPOCHS} is the first to differ"
    noted = digests(folder)[epoch - 1]
    expected = f"receipt.json params_sha256.epoch {epoch}: expected {noted}, got {'0' * 64}"
    assert others == [expected]


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


def after_each_line(patch, act):
    """Calls a function with the epoch whose line has just been written."""
    flush = files.Lines.flush

    def flush_and_act(lines):
        is_new = lines.records and "params_sha256" in lines.records[-1]
        flush(lines)
        if is_new:
            act(lines.records[-1]["epoch"])

    patch.setattr(files.Lines, "flush", flush_and_act)


def test_an_interrupted_run_is_verified_as_far_as_it_came(blobs, tmp_path, capsys, monkeypatch):
    def stop(epoch):
        if epoch == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    after_each_line(monkeypatch, stop)
    with pytest.raises(SystemExit):
        train(tmp_path / "run", blobs, "--num_epochs=10")
    assert said_of(tmp_path / "run", capsys) == (0, "identical to the bit in all 3 epochs\n")


class Killed(BaseException):
    """Nothing catches it, so that nothing is done after it, as if the process had ended."""


def test_a_killed_run_is_verified_as_far_as_its_lines_go(blobs, tmp_path, capsys, monkeypatch):
    folder, endings = tmp_path / "run", {}

    def end(epoch):
        ending = endings.pop(epoch, None)
        if ending is SystemExit:
            os.kill(os.getpid(), signal.SIGTERM)
        elif ending:
            raise ending

    after_each_line(monkeypatch, end)
    flags = ["--num_epochs=10", "--checkpoint_every=1epoch"]
    for epoch, ending in ((2, Killed), (3, SystemExit), (5, Killed)):
        endings[epoch] = ending
        with pytest.raises(ending):
            train(folder, blobs, *flags, *(["--resume"] if epoch > 2 else []))
        expected = (0, f"identical to the bit in all {epoch} epochs\n")
        assert said_of(folder, capsys) == expected


def diverging(data, rows=(7,), value=np.inf):
    """The data with rows that make every number after them none."""
    inputs = data.train_inputs.copy()
    inputs[list(rows), 1] = value
    return data._replace(train_inputs=inputs)


@pytest.mark.parametrize("epochs", [0, 2])
def test_a_run_that_diverged_is_verified_with_its_fault(blobs, tmp_path, capsys, epochs):
    folder = tmp_path / "run"
    growing = ["--optimizer=sgd", "--learning_rate=1", "--l2=101"]  # a hundred times a step
    data, flags = (blobs, growing) if epochs else (diverging(blobs), ["--nocheck_finite"])
    with pytest.raises(SystemExit) as ended:
        train(folder, data, *flags)
    assert ended.value.code == 3
    fault = read(folder / "fault.json")
    assert fault["epoch"] == epochs + 1
    whole = f" in all {epochs} epochs" if epochs else ""
    expected = f"identical to the bit{whole}, and so is the fault in step {fault['step']}\n"
    assert said_of(folder, capsys) == (0, expected)
    (folder / "fault.json").write_text(json.dumps({**fault, "layer": "layer_9"}))
    code, out = said_of(folder, capsys)
    assert code == 4
    assert f"fault.json layer: expected {fault['layer']}, got layer_9" in out


def test_a_fault_that_never_was_is_named(folder, capsys):
    fault = {"step": 3, "epoch": 1, "kind": "loss", "layer": "layer_0", "detail": "", "dataset": ""}
    (folder / "fault.json").write_text(json.dumps(fault))
    code, out = said_of(folder, capsys)
    assert code == 4
    assert "fault.json step: expected nothing, got 3" in out


@pytest.mark.parametrize("epochs", [1, 2])
def test_faults_that_were_skipped_after_the_last_line_are_verified(blobs, tmp_path, capsys, epochs):
    folder = tmp_path / "run"
    train(folder, diverging(blobs), "--nocheck_finite", "--on_fault=skip")
    for name in ("summary.json", "params.npz"):  # as if it had been killed in the epoch after
        (folder / name).unlink()
    alter(folder, lambda record: record.update(summary={}, params_sha256=[]))
    for name, count in (("metrics.jsonl", epochs), ("faults.jsonl", epochs + 1)):
        kept = (folder / name).read_text().splitlines(keepends=True)
        (folder / name).write_text("".join(kept[:count]))
    assert said_of(folder, capsys) == (0, f"identical to the bit in all {epochs} epochs\n")
    *kept, last = (folder / "faults.jsonl").read_text().splitlines()
    forged = {**json.loads(last), "step": 40}
    (folder / "faults.jsonl").write_text("\n".join([*kept, json.dumps(forged)]) + "\n")
    code, out = said_of(folder, capsys)
    assert code == 4
    assert f"faults.jsonl line {epochs + 1} step: expected " in out
    (folder / "faults.jsonl").write_text("")
    assert "faults.jsonl line 1: expected a line, got nothing" in said_of(folder, capsys)[1]


def test_a_run_of_which_the_best_epoch_is_kept_is_verified(blobs, tmp_path, capsys):
    folder = tmp_path / "run"
    flags = ["--validation_fraction=0.3", "--patience=2", "--num_epochs=30", "--learning_rate=2"]
    train(folder, blobs, *flags)
    epochs, best = len(lines(folder)), read(folder / "summary.json")["params_epoch"]
    assert best < epochs < 30
    assert said_of(folder, capsys) == (0, f"identical to the bit in all {epochs} epochs\n")
    call(verify, folder)
    assert f"params.npz has the parameters after epoch {best}\n" in capsys.readouterr().out


def test_a_finished_run_that_went_on_is_verified_at_every_stage(
    blobs, tmp_path, capsys, monkeypatch
):
    folder = tmp_path / "run"
    train(folder, blobs, "--eval_every=3")
    assert said_of(folder, capsys) == IDENTICAL
    more = ["--eval_every=3", "--resume", "--num_epochs=6"]
    flush = files.Lines.flush

    def end_before(lines, record):
        raise Killed

    def end_after(lines):
        flush(lines)
        raise Killed

    for name, end, epochs in (("append", end_before, 4), ("flush", end_after, 5)):
        with monkeypatch.context() as patch:
            patch.setattr(files.Lines, name, end)
            with pytest.raises(Killed):
                train(folder, blobs, *more)
        assert said_of(folder, capsys) == (0, f"identical to the bit in all {epochs} epochs\n")
        call(verify, folder)
        assert "unfinished: its settings go on to epoch 6" in capsys.readouterr().out
    train(folder, blobs, *more)
    assert said_of(folder, capsys) == (0, "identical to the bit in all 6 epochs\n")


def test_what_is_read_and_what_is_not_vouched_for_is_said(folder, untouched, capsys):
    call(verify, folder)
    out = capsys.readouterr().out
    assert out.startswith(f"reads the data {untouched.with_suffix('.npz')}\ncompiling\n")
    assert f"{EPOCHS}/{EPOCHS}" in out  # each epoch is shown
    compared = "receipt.json, config.json, metrics.jsonl, summary.json, params.npz"
    assert f"compared: {compared}; not vouched for: {verify.NOT_VOUCHED_FOR}\n" in out
    (folder / "summary.json").unlink()
    with pytest.raises(SystemExit):
        call(verify, folder)
    out = capsys.readouterr().out
    assert "compared: receipt.json, config.json, metrics.jsonl, params.npz; " in out


def test_seconds_are_not_vouched_for(folder, capsys):
    summary = read(folder / "summary.json")
    summary["seconds"]["train"] = 1234.5
    (folder / "summary.json").write_text(json.dumps(summary))
    assert said_of(folder, capsys) == IDENTICAL
    del summary["seconds"]
    (folder / "summary.json").write_text(json.dumps(summary))
    assert "summary.json seconds: expected some, got nothing" in said_of(folder, capsys)[1]


def test_parameters_packed_otherwise_are_named(folder, capsys):
    with np.load(folder / "params.npz") as arrays:
        np.savez_compressed(folder / "params.npz", **arrays)
    call(verify, folder)
    assert "epoch 4, packed otherwise than they would be here" in capsys.readouterr().out


def test_no_folder_says_where_a_download_goes(folder, tmp_path, monkeypatch):
    """The data_dir of a record is looked in, and nothing more."""
    targets = []

    def load(name, places, target):
        targets.append((places[0], target))
        raise sources.NotAvailable("not here")

    monkeypatch.setattr(sources.mnist_family, "load", load)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "cache"))
    theirs = {"dataset": "mnist", "data_dir": str(tmp_path / "theirs")}
    alter(folder, lambda record: record["config"].update(theirs))
    config = {**read(folder / "config.json"), **theirs}
    (folder / "config.json").write_text(json.dumps(config))
    for program, arguments in ((verify, [folder]), (mnist, [f"--workdir={folder}", "--resume"])):
        with pytest.raises(SystemExit, match="not here"):
            call(program, *arguments)
        assert targets.pop() == (tmp_path / "theirs", tmp_path / "cache")


@pytest.mark.parametrize("name", ["params.npz", "metrics.jsonl", "summary.json"])
def test_results_that_are_not_the_receipts_are_named(folder, capsys, name):
    if name == "params.npz":
        other = jaxmlp.mlp((4, 8, 3)).init(jax.random.key(9))
        jaxmlp.save_params(folder / name, other)
        expected = f"params.npz: expected {digests(folder)[-1]}, got {jaxmlp.digest(other)}"
    elif name == "metrics.jsonl":
        (folder / name).write_text(
            (folder / name).read_text().replace(digests(folder)[1], "0" * 64)
        )
        expected = "metrics.jsonl epoch 2 params_sha256: expected "
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
    assert "params.npz: expected an .npz file" in code


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
        ({}, r"receipt\.json needs the field config, got none"),
        ({"config": {}}, r"receipt\.json needs the field config.seed, got none"),
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
    with one_core():
        assert "identical to the bit" in run("verify", tmp_path / "two")
        run("mnist", *flags, f"--workdir={tmp_path / 'one'}")
    assert read(tmp_path / "one" / "receipt.json")["config"]["threads"] == 1
    if digests(tmp_path / "one") == digests(tmp_path / "two"):
        pytest.skip("verified, but with this JAX one thread gives the bits of two anyway")
    assert "identical to the bit" in run("verify", tmp_path / "one")


@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl", "summary.json", "params.npz"])
@pytest.mark.parametrize("is_link", [False, True])
def test_a_file_that_is_missing_is_named(folder, capsys, name, is_link):
    (folder / name).unlink()
    if is_link:
        (folder / name).symlink_to(folder / "nowhere")
    code, out = said_of(folder, capsys)
    assert code == 4
    assert f"{name}: expected a file, got nothing" in out.splitlines()


def test_what_white_is_in_pictures_is_vouched_for_but_in_older_folders(tmp_path, capsys):
    data, folder = tmp_path / "bright.npz", tmp_path / "run"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 2, 2)).astype(np.float32)
    np.savez(data, x=pixels, y=np.arange(40) % 2)
    call(mnist, f"--dataset={data}", "--num_epochs=1", "--noplots", f"--workdir={folder}")
    call(verify, folder)
    texts = {name: (folder / name).read_text() for name in ("config.json", "receipt.json")}
    for name, text in texts.items():
        assert '"white": 255.0' in text
        (folder / name).write_text(text.replace('"white": 255.0', '"white": 25.0'))
    with pytest.raises(SystemExit):
        call(verify, folder)
    assert "receipt.json config.white: expected 255.0, got 25.0" in capsys.readouterr().out
    for name, text in texts.items():
        lines = [line for line in text.splitlines() if '"white"' not in line]
        (folder / name).write_text("\n".join(lines))
    call(verify, folder)
