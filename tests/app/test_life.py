"""One life of a run, in this process: how it is resumed, stopped and interrupted, and how it ends.

`test_durability.py` does the same to processes of their own.
"""

import itertools
import json
import os
import re
import shutil
import signal

import numpy as np
import pytest
from endings import killed_at
from programs import call
from run_files import compiled_once, files, lines, newest, read, result, save_npz

import jaxmlp
from experiments import mnist
from experiments.app import endings, environment, life, recorder, report, solo
from experiments.folder import workdir
from experiments.folder.files import Lines
from jaxmlp.randomness import keys
from jaxmlp.runtime import receipt
from jaxmlp.storage import checkpoint, checkpoint_files
from jaxmlp.training.batches import epoch_order

EPOCHS, STEPS, BATCH = 6, 4, 16  # of 50 examples
SETTINGS = [
    *(f"--num_epochs={EPOCHS}", f"--batch_size={BATCH}", "--hidden_sizes=8"),
    *("--checkpoint_every=3steps", "--noplots"),
]
warns = pytest.mark.filterwarnings("default::jaxmlp.checkpoint.CheckpointWarning")
lacks_room = pytest.mark.filterwarnings("default:.* cannot be written")


@pytest.fixture(autouse=True, scope="module")
def one_program():
    with compiled_once():
        yield


@pytest.fixture(scope="module")
def flags(blobs, tmp_path_factory):
    return [save_npz(tmp_path_factory.mktemp("life") / "blobs.npz", blobs), *SETTINGS]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"


@pytest.fixture(scope="module")
def whole(flags, tmp_path_factory):
    """The run that nothing happens to."""
    return trained(tmp_path_factory.mktemp("life") / "whole", flags)


def train(folder, *flags):
    call(mnist, f"--workdir={folder}", *flags)


def trained(folder, flags):
    train(folder, *flags)
    return result(folder)


def refused(folder, *flags):
    """The one line that a run ends with."""
    with pytest.raises(SystemExit) as stopped:
        train(folder, *flags)
    assert "\n" not in str(stopped.value)
    return str(stopped.value)


def interrupt_after(monkeypatch, epoch, *numbers):
    """Sends signals to this process as an epoch's line is written."""
    append = Lines.append

    def append_and_send(lines, record):
        append(lines, record)
        if "params_sha256" in record and record["epoch"] == epoch:
            for number in numbers:
                os.kill(os.getpid(), number)

    monkeypatch.setattr(Lines, "append", append_and_send)


def interrupted(folder, flags, epoch, *numbers):
    """Trains until signals come after an epoch: the exit code."""
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, epoch, *numbers)
        with pytest.raises(SystemExit) as stopped:
            train(folder, *flags)
    return stopped.value.code


# --- stopping


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_that_says_what_it_keeps(flags, folder, whole, capsys, number, code):
    assert interrupted(folder, flags, 2, number) == code
    err = capsys.readouterr().err
    assert f"interrupted; {folder} holds a checkpoint of step 8 (--resume goes on)" in err
    assert "the metrics and parameters of the 2 finished epochs, of 6" in err
    assert len(lines(folder)) == 2
    expected = lines(folder)[-1]["params_sha256"]
    assert jaxmlp.digest(jaxmlp.load_params(folder / "params.npz")) == expected
    assert read(folder / "receipt.json")["params_sha256"][-1] == expected
    assert checkpoint.steps(folder / "checkpoints")[-1] == 8
    train(folder, *flags, "--resume")
    assert result(folder) == whole


def test_a_second_ctrl_c_ends_a_run_at_once(flags, folder, whole, capsys):
    assert interrupted(folder, flags, 2, signal.SIGINT, signal.SIGINT) == 130
    assert f"interrupted at once; {folder} holds what was saved" in capsys.readouterr().err
    train(folder, *flags, "--resume")
    assert result(folder) == whole


def test_no_checkpoint_is_claimed_where_none_is_wanted(flags, folder, capsys):
    assert interrupted(folder, [*flags, "--checkpoint_every=0"], 2, signal.SIGTERM) == 143
    assert "a checkpoint of step" not in capsys.readouterr().err
    before = files(folder)
    error = refused(folder, *flags, "--resume")
    assert f"needs a checkpoint of the 2 finished epochs in {folder}, got none" in error
    assert files(folder) == before


@pytest.mark.filterwarnings("ignore::jaxmlp.checkpoint.CheckpointWarning")
def test_no_checkpoint_is_claimed_that_could_not_be_written(flags, folder, capsys, monkeypatch):
    monkeypatch.setattr(checkpoint_files, "write", no_space)
    assert interrupted(folder, flags, 2, signal.SIGTERM) == 143
    err = capsys.readouterr().err
    assert "a checkpoint of step" not in err
    assert "the metrics and parameters of the 2 finished epochs" in err


def test_ctrl_c_before_training_writes_nothing(flags, folder, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(jaxmlp, "warm_up", interrupt)
    with pytest.raises(SystemExit) as stopped:
        train(folder, *flags)
    assert stopped.value.code == 130
    assert "interrupted before training; nothing was written" in capsys.readouterr().err
    assert not folder.exists()


def test_ctrl_c_elsewhere_in_a_program_is_one_line(capsys, monkeypatch):
    def interrupt(main, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(endings.app, "run", interrupt)
    with pytest.raises(SystemExit) as stopped:
        endings.start(lambda argv: None)
    assert stopped.value.code == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


# --- resuming


def test_a_finished_run_that_is_resumed_stays_as_it_is(flags, folder, whole):
    train(folder, *flags)
    before = files(folder)
    train(folder, *flags, "--resume")
    after = files(folder)
    assert before.keys() == after.keys()
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"summary.json", "environment.json", "params.npz"}  # with the time in them
    assert result(folder) == whole


def test_more_epochs_are_the_longer_run(flags, folder, tmp_path):
    train(folder, *flags, "--num_epochs=3")
    train(folder, "--resume", *SETTINGS)
    longer = trained(tmp_path / "longer", flags)
    assert result(folder) == longer
    assert [line["epoch"] for line in lines(folder)] == [1, 2, 3, 4, 5, 6]


def test_more_epochs_are_the_longer_run_though_the_last_of_the_shorter_was_looked_at(
    flags, folder, tmp_path
):
    flags = [*flags, "--eval_every=2"]
    train(folder, *flags, "--num_epochs=3")
    assert lines(folder)[-1]["test_loss"] is not None
    train(folder, "--resume", *SETTINGS)
    assert [line["test_loss"] is None for line in lines(folder)] == [True, False] * 3
    assert result(folder) == trained(tmp_path / "longer", flags)


CHANGES = {
    "seed": (["--seed=1"], r"seed: expected 0, got 1"),
    "two": (
        ["--learning_rate=0.5", "--batch_size=8"],
        r"batch_size: expected 16, got 8; learning_rate: expected 0.001, got 0.5",
    ),
    "network": (
        ["--hidden_sizes=9"],
        r"hidden_sizes: expected \[8\], got \[9\]; sizes: .*, got \[4, 9, 3\]",
    ),
    "fewer epochs": (["--num_epochs=5"], r"num_epochs: expected 6 or more, got 5"),
    "threads": (["--threads=77"], r"threads: expected \w+, got 77"),
}


@pytest.mark.parametrize(
    ("precisions", "platform", "instructions", "expected"),
    [
        (["bfloat16"], "cpu", ["avx512_bf16"], False),
        (["bfloat16"], "cpu", ["avx512_vnni"], True),
        (["float32", "bfloat16"], "cpu", [], True),
        (["float32"], "cpu", [], False),
        (["bfloat16"], "cpu", ["amx_bf16", "avx512_vnni"], False),
        (["bfloat16"], "gpu", [], False),
    ],
)
def test_what_would_be_slower_is_known(precisions, platform, instructions, expected):
    machine = {"platform": platform, "instructions": instructions}
    assert life.is_slower(precisions, machine) is expected


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_setting_is_refused_by_name_and_changes_nothing(
    change, flags, folder, monkeypatch
):
    more, message = CHANGES[change]
    interrupted(folder, flags, 2, signal.SIGTERM)
    before = files(folder)
    monkeypatch.setattr(environment, "use_threads", lambda count: None)  # JAX has started
    error = refused(folder, *flags, "--resume", *more)
    assert re.fullmatch(f"error: --resume needs the earlier run's settings; {message}", error)
    assert files(folder) == before


def test_more_epochs_of_a_schedule_are_refused_since_it_runs_over_all_of_them(flags, folder):
    train(folder, *flags, "--schedule=cosine")
    error = refused(folder, "--resume", "--num_epochs=9")
    assert "num_epochs: expected 6, the length of the schedule cosine, got 9" in error


def test_another_machine_is_refused_unless_accepted(flags, folder, whole, monkeypatch):
    interrupted(folder, flags, 2, signal.SIGTERM)
    before, describe = files(folder), receipt.describe
    monkeypatch.setattr(receipt, "describe", lambda: {**describe(), "processor": "Zilog Z80"})
    error = refused(folder, *flags, "--resume")
    assert re.match(
        r"error: --resume needs the earlier run's environment; processor: expected .*, "
        r"got Zilog Z80; --accept_changes goes on",
        error,
    )
    assert files(folder) == before
    train(folder, *flags, "--resume", "--accept_changes")
    assert result(folder) == whole


def test_a_folder_has_one_run_at_a_time(flags, folder):
    interrupted(folder, flags, 2, signal.SIGTERM)
    before = files(folder)
    with workdir.lock(folder):
        assert refused(folder, *flags, "--resume") == f"error: another run is using {folder}"
        assert files(folder) == before


def test_changed_data_is_refused_by_its_digest(folder, blobs, tmp_path):
    flags = [save_npz(tmp_path / "blobs.npz", blobs), *SETTINGS]
    interrupted(folder, flags, 2, signal.SIGTERM)
    inputs = blobs.train_inputs.copy()
    inputs[7, 1] += 1
    save_npz(tmp_path / "blobs.npz", blobs._replace(train_inputs=inputs))
    before = files(folder)
    assert "settings; data_sha256: expected " in refused(folder, *flags, "--resume")
    assert files(folder) == before


def test_nothing_to_resume_is_one_line(folder):
    folder.mkdir()
    (folder / "thesis.tex").touch()
    assert f"error: nothing to resume in {folder}: expected a run" in refused(folder, "--resume")
    assert os.listdir(folder) == ["thesis.tex"]


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_one_command_serves_a_run_that_is_killed_at_any_moment_of_its_start(
    every, flags, folder, tmp_path, capsys
):
    flags = [*flags, "--num_epochs=2", "--checkpoint_every=1epoch", "--resume"]
    whole, said = trained(tmp_path / "whole", flags), set()
    for number in itertools.count(step=every):
        with killed_at(number, folder):
            train(folder, *flags)
        is_started = (folder / "metrics.jsonl").exists()
        capsys.readouterr()
        train(folder, *flags)
        said |= {line for line in capsys.readouterr().out.splitlines() if "beginning" in line}
        assert result(folder) == whole
        assert not [name for name in os.listdir(folder) if name[0] == "." and name != ".lock"]
        shutil.rmtree(folder)
        if is_started:
            break
    assert number > 8
    assert said == {"no checkpoint yet: starting from the beginning"}


def test_resuming_what_was_killed_before_it_had_its_settings_takes_other_flags(flags, folder):
    train(folder, *flags)
    for path in folder.iterdir():
        if path.name not in ("config.json", ".lock"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    train(folder, *flags, "--seed=5", "--resume")
    assert read(folder / "config.json")["seed"] == 5


def test_a_run_is_found_again_in_the_home_folder(flags, folder, whole, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(folder))
    interrupted("~/x", flags, 2, signal.SIGTERM)
    train("~/x", "--resume")
    assert "going on after step 8" in capsys.readouterr().out
    assert result(folder / "x") == whole


def test_what_a_run_leaves_is_what_the_first_command_asked_for(flags, folder, monkeypatch):
    asked = ["--checkpoint_every=5steps", "--keep=2", "--noplots"]
    interrupted(folder, [*flags, *asked], 2, signal.SIGTERM)
    seen = []
    live = life.live
    monkeypatch.setattr(
        life, "live", lambda kind, job, clock: seen.append(job.given) or live(kind, job, clock)
    )
    train(folder, "--resume")
    assert (seen[0].checkpoint_every, seen[0].keep, seen[0].plots) == ((5, "step"), 2, False)
    assert checkpoint.steps(folder / "checkpoints") == [20, 24]
    train(folder, "--resume", "--keep=4", "--plots")
    assert (seen[1].checkpoint_every, seen[1].keep, seen[1].plots) == ((5, "step"), 4, True)
    assert read(folder / "config.json")["outputs"]["keep"] == 4


def test_a_run_that_takes_the_folder_meanwhile_is_not_mixed_with(flags, folder, monkeypatch):
    interrupted(folder, flags, 2, signal.SIGTERM)
    warm_up = jaxmlp.warm_up

    def overwrite(*arguments, **options):
        config = read(folder / "config.json")
        (folder / "config.json").write_text(json.dumps(config | {"seed": 9}))
        warm_up(*arguments, **options)

    monkeypatch.setattr(jaxmlp, "warm_up", overwrite)
    assert "another run has changed config.json" in refused(folder, *flags, "--resume")


def test_resuming_needs_a_folder():
    with pytest.raises(SystemExit, match=r"error: --resume needs --workdir"):
        call(mnist, "--resume")


def test_a_run_that_ended_before_its_first_checkpoint_begins_again(flags, folder, whole):
    interrupted(folder, flags, 2, signal.SIGTERM)
    for path in (folder / "checkpoints").iterdir():
        shutil.rmtree(path)
    train(folder, *flags, "--resume")
    assert result(folder) == whole


def damage(folder):
    """Flips one bit of a checkpoint."""
    content = bytearray((folder / "record.json").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "record.json").write_bytes(content)


@warns
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(flags, folder, whole, capsys):
    interrupted(folder, flags, 4, signal.SIGTERM)
    assert checkpoint.steps(folder / "checkpoints") == [12, 15, 16]
    damage(folder / "checkpoints" / "16")
    train(folder, *flags, "--resume")
    out, err = capsys.readouterr()
    assert "going on after step 15\n" in out
    assert "warning: skipped a checkpoint: " in err
    assert "checkpoints/16/record.json needs the sha256 " in err
    assert "life.py" not in err  # a user's line, not a programmer's
    assert result(folder) == whole


@warns
def test_if_all_are_damaged_that_is_one_line_and_nothing_changes(flags, folder, capsys):
    interrupted(folder, flags, 4, signal.SIGTERM)
    for path in (folder / "checkpoints").iterdir():
        damage(path)
    before = files(folder)
    assert refused(folder, *flags, "--resume").startswith("error: no checkpoint is undamaged: ")
    assert files(folder) == before


def test_a_line_cut_short_by_a_crash_is_made_again(flags, folder, whole):
    interrupted(folder, flags, 4, signal.SIGTERM)
    shutil.rmtree(folder / "checkpoints" / "16")
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 5, "step": 2')
    train(folder, *flags, "--resume")
    assert result(folder) == whole


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_a_resume_may_itself_be_killed_at_any_change_of_the_folder(every, flags, folder, whole):
    interrupted(folder, flags, 4, signal.SIGTERM)
    shutil.copytree(folder, folder.with_name("stopped"))
    for number in range(0, 18, every):
        with killed_at(number, folder) as changes:
            train(folder, *flags, "--resume")
        assert len(changes) == number
        train(folder, *flags, "--resume")
        assert result(folder) == whole
        shutil.rmtree(folder)
        shutil.copytree(folder.with_name("stopped"), folder)


# --- a full disk


def no_space(*_, **__):
    raise OSError(28, "No space left on device")


@warns
def test_a_run_goes_on_without_checkpoints_that_cannot_be_written(
    flags, folder, whole, capsys, monkeypatch
):
    write = checkpoint_files.write

    def write_late(path, step, *rest):
        return (write if step > 18 else no_space)(path, step, *rest)

    monkeypatch.setattr(checkpoint_files, "write", write_late)
    train(folder, *flags)
    assert "warning: saving step 3 " in capsys.readouterr().err
    assert checkpoint.steps(folder / "checkpoints") == [21, 24]
    assert result(folder) == whole


@lacks_room
def test_a_run_whose_lines_find_room_in_time_is_as_any_other(flags, folder, whole, capsys):
    flush, calls = Lines._append, []

    def append_late(lines, records):
        calls.append(lines)
        return (flush if len(calls) > 3 else no_space)(lines, records)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lines, "_append", append_late)
        train(folder, *flags)
    err = capsys.readouterr().err
    assert err == "warning: metrics.jsonl cannot be written: [Errno 28] No space left on device\n"
    assert result(folder) == whole


FILES = {
    "metrics.jsonl": (Lines, "_append"),
    "params.npz": (jaxmlp, "save_params"),
    "summary.json": (solo, "write_json"),
    "receipt.json": (report, "write_receipt"),
    "plots": (report, "draw"),
}


@lacks_room
@pytest.mark.parametrize("name", FILES)
def test_training_ends_though_a_file_finds_no_room_and_the_run_says_which(
    name, flags, folder, whole, tmp_path, capsys
):
    if name == "plots":
        flags = [*flags, "--plots"]
        whole = trained(tmp_path / "whole", flags)
    module, function = FILES[name]
    call = getattr(module, function)
    is_full = False

    def late(*arguments, **options):
        return (no_space if is_full else call)(*arguments, **options)

    def fill(*arguments, train=jaxmlp.train, **options):
        nonlocal is_full
        is_full = True  # once the run has its settings
        return train(*arguments, **options)

    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, function, late)
        patch.setattr(jaxmlp, "train", fill)
        error = refused(folder, *flags)
    why = "[Errno 28] No space left on device"
    assert error == f"error: {folder} is not whole: {name} could not be written: {why}"
    out, err = capsys.readouterr()
    assert err == f"warning: {name} cannot be written: {why}\n"
    assert "test accuracy" in out
    train(folder, *flags, "--resume")
    assert result(folder) == whole


@lacks_room
def test_an_interrupted_run_that_finds_no_room_says_so(flags, folder, capsys, monkeypatch):
    monkeypatch.setattr(jaxmlp, "save_params", no_space)
    assert interrupted(folder, flags, 2, signal.SIGTERM) == 143
    *_, kept, lacks = capsys.readouterr().err.splitlines()
    assert kept.endswith("holds a checkpoint of step 8 (--resume goes on)")
    assert lacks == "params.npz could not be written: [Errno 28] No space left on device"


# --- early stopping

HELD_OUT = ["--validation_fraction=0.2", "--num_epochs=60", "--learning_rate=0.05"]


@pytest.fixture
def noisy(blobs, tmp_path):
    """Data that can be learned too well: a fifth of the classes are wrong."""
    labels = blobs.train_labels.copy()
    labels[::5] = (labels[::5] + 1) % 3
    file = save_npz(tmp_path / "noisy.npz", blobs._replace(train_labels=labels))
    return [file, *SETTINGS, *HELD_OUT]


def best_epoch(folder):
    losses = [line["validation_loss"] for line in lines(folder)]
    return 1 + losses.index(min(losses))


def test_patience_ends_a_run_and_keeps_the_best_epochs_parameters(noisy, folder, capsys):
    train(folder, *noisy, "--patience=4")
    best = best_epoch(folder)
    assert best > 1
    assert len(lines(folder)) == best + 4 < 60
    assert f"stopped after epoch {best + 4}: 4 epochs brought no better" in capsys.readouterr().out
    expected, summary = lines(folder)[best - 1], read(folder / "summary.json")
    params = jaxmlp.load_params(folder / "params.npz")
    assert jaxmlp.digest(params) == expected["params_sha256"]
    for name in ("params_sha256", "validation_loss", "test_loss"):
        assert summary[name] == expected[name]
    assert summary["num_epochs"] == best + 4
    assert newest(folder).step == lines(folder)[-1]["step"]  # more patience could go on


def test_a_target_ends_a_run_and_keeps_the_last_parameters(noisy, folder, capsys):
    train(folder, *noisy, "--stop_metric=accuracy", "--target=0.7")
    reached = [line["validation_accuracy"] >= 0.7 for line in lines(folder)]
    assert reached == [False] * (len(reached) - 1) + [True]
    assert "validation_accuracy reached 0.7" in capsys.readouterr().out
    assert read(folder / "summary.json")["params_sha256"] == lines(folder)[-1]["params_sha256"]


@pytest.mark.parametrize("rule", ["--patience=4", "--target=0.9"])
def test_the_test_set_decides_nothing(noisy, folder, tmp_path, rule):
    train(folder, *noisy, rule)
    with np.load(tmp_path / "noisy.npz") as arrays:
        np.savez(tmp_path / "other.npz", **{**arrays, "y_test": (arrays["y_test"] + 1) % 3})
    train(tmp_path / "other", *noisy, f"--dataset={tmp_path / 'other.npz'}", rule)
    here, there = lines(folder), lines(tmp_path / "other")
    assert here[0]["test_loss"] != there[0]["test_loss"]
    assert [line["params_sha256"] for line in here] == [line["params_sha256"] for line in there]
    kept = [read(path / "summary.json")["params_sha256"] for path in (folder, tmp_path / "other")]
    assert kept[0] == kept[1]


@pytest.mark.parametrize(
    ("every", "after"),
    [
        *(("3steps", 0), ("0", 1)),
        *(pytest.param("3steps", after, marks=pytest.mark.slow) for after in (-1, 1, 3)),
        *(pytest.param("0", after, marks=pytest.mark.slow) for after in (-1, 0, 3)),
    ],
)
def test_a_resumed_run_stops_early_alike(noisy, folder, tmp_path, every, after):
    flags = [*noisy, "--patience=4", f"--checkpoint_every={every}", "--keep=1"]
    whole = trained(tmp_path / "whole", flags)
    interrupted(folder, flags, best_epoch(tmp_path / "whole") + after, signal.SIGTERM)
    train(folder, *flags, "--resume")
    assert result(folder) == whole


def test_a_run_that_stopped_early_does_not_go_on_with_more_epochs(noisy, folder):
    flags = [*noisy, "--patience=4"]
    train(folder, *flags)
    before = result(folder)
    train(folder, *flags, "--resume", "--num_epochs=70")
    assert result(folder)["metrics"] == before["metrics"]
    assert result(folder)["parameters"] == before["parameters"]


def test_patience_needs_a_look_at_the_validation_set_in_time(noisy, folder):
    error = refused(folder, *noisy, "--patience=2", "--eval_every=3")
    assert error == (
        "error: --patience needs a look at the validation set in that time: "
        "expected --eval_every=2 or less, got 3"
    )


@warns
def test_the_best_epoch_is_kept_though_no_checkpoint_can_be_written(noisy, folder, monkeypatch):
    monkeypatch.setattr(checkpoint_files, "write", no_space)
    assert "is not whole: checkpoints could not be written: OSError" in refused(
        folder, *noisy, "--patience=4"
    )
    expected = lines(folder)[best_epoch(folder) - 1]["params_sha256"]
    assert jaxmlp.digest(jaxmlp.load_params(folder / "params.npz")) == expected


# --- numbers that are not finite

ROW = 21  # of the training examples


@pytest.fixture
def poisoned(blobs, tmp_path):
    inputs = blobs.train_inputs.copy()
    inputs[ROW, 2] = np.nan
    file = save_npz(tmp_path / "poisoned.npz", blobs._replace(train_inputs=inputs))
    return [file, "--nocheck_finite", *SETTINGS, "--seed=3"]


def poisoned_step(epoch):
    """The step that comes to the poisoned example, from the data's order alone."""
    order = epoch_order(keys(3).shuffle, epoch, 50)
    return epoch * STEPS + order.tolist().index(ROW) // BATCH


def ended_by_a_fault(folder, *flags):
    with pytest.raises(SystemExit) as stopped:
        train(folder, *flags)
    assert stopped.value.code == 3
    return read(folder / "fault.json")


def test_a_poisoned_pixel_is_named_by_step_layer_and_kind(poisoned, folder, capsys):
    fault = ended_by_a_fault(folder, *poisoned)
    assert fault == {
        **{"step": poisoned_step(0), "epoch": 1, "kind": "forward pass", "layer": "layer_0"},
        **{"detail": f"the inputs in row {ROW} of the training set are not finite"},
        **{"dataset": str(folder.parent / "poisoned.npz")},
    }
    err = capsys.readouterr().err
    step = poisoned_step(0)
    assert f"came up in step {step} (epoch 1), forward pass, layer_0: the inputs in" in err
    assert f"{folder} holds fault.json and a checkpoint of step {step} (--resume goes on)" in err
    assert "--resume --on_fault=skip goes on past it" in err
    assert newest(folder).step == step


def test_resuming_replays_the_fault_at_once(poisoned, folder, capsys, monkeypatch):
    first = ended_by_a_fault(folder, *poisoned)
    before, blocks = files(folder), []
    monkeypatch.setattr(
        recorder.Recorder, "on_block", lambda keeper, progress: blocks.append(progress)
    )
    assert ended_by_a_fault(folder, *poisoned, "--resume") == first
    assert blocks == []
    assert f"going on after step {first['step']}\n" in capsys.readouterr().out
    after = files(folder)
    for name in before.keys() | after.keys():  # a file without a line is as good as none
        assert before.get(name, b"") == after.get(name, b"") or name == "environment.json"


def test_faulty_steps_can_be_skipped_from_there_on(poisoned, folder, tmp_path, capsys):
    ended_by_a_fault(folder, *poisoned)
    train(folder, *poisoned, "--resume", "--on_fault=skip")
    assert not (folder / "fault.json").exists()
    summary = read(folder / "summary.json")
    assert summary["num_faults"] == EPOCHS
    faults = newest(folder).record["faults"]
    expected = [poisoned_step(epoch) for epoch in range(EPOCHS)]
    assert [fault[0] for fault in faults] == expected
    noted = (folder / "faults.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in noted] == expected
    assert f"skipped step {expected[-1]} (epoch {EPOCHS}), forward pass" in capsys.readouterr().out
    assert summary["train_loss"] is None  # the poisoned example is in it
    assert summary["test_accuracy"] > 0.3
    assert result(folder) == trained(tmp_path / "skipped", [*poisoned, "--on_fault=skip"])


def test_a_skipped_step_is_noted_once_however_often_a_run_is_resumed(poisoned, folder):
    flags = [*poisoned, "--on_fault=skip"]
    interrupted(folder, flags, 2, signal.SIGTERM)
    shutil.rmtree(folder / "checkpoints" / str(2 * STEPS))
    interrupted(folder, [*flags, "--resume"], 4, signal.SIGTERM)
    train(folder, *flags, "--resume")
    noted = (folder / "faults.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in noted] == list(range(1, EPOCHS + 1))


def strict(text):
    """JSON as the standard has it."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_faults_can_be_ignored_and_leave_null(poisoned, folder):
    train(folder, *poisoned, "--on_fault=ignore", "--plots")
    metrics = [strict(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert len(metrics) == EPOCHS
    assert {line["train_loss"] for line in metrics} == {None}
    assert {line["test_loss"] for line in metrics} == {None}
    for path in folder.glob("*.json"):
        strict(path.read_text())
    assert read(folder / "summary.json")["test_loss"] is None
    assert np.isnan(newest(folder).tree["state"].params[0].kernel).any()


def test_a_fault_leaves_the_epochs_before_it(flags, folder, capsys):
    doubling = ["--optimizer=sgd", "--learning_rate=1", "--l2=3", "--num_epochs=60"]  # 1 - 1 x 3
    fault = ended_by_a_fault(folder, *flags, *doubling)
    epochs = fault["epoch"] - 1
    assert epochs == fault["step"] // STEPS == len(lines(folder)) > 5
    assert f"the metrics and parameters of the {epochs} finished epochs" in capsys.readouterr().err
    digests = [line["params_sha256"] for line in lines(folder)]
    assert jaxmlp.digest(jaxmlp.load_params(folder / "params.npz")) == digests[-1]
    assert read(folder / "receipt.json")["params_sha256"] == digests


def test_a_fault_without_checkpoints_claims_none(poisoned, folder, capsys):
    ended_by_a_fault(folder, *poisoned, "--checkpoint_every=0")
    assert f"{folder} holds fault.json\n" in capsys.readouterr().err


# --- an oracle: plain NumPy up to the first number that is not finite


def is_odd(*arrays):
    return not all(np.isfinite(array).all() for array in arrays)


def forward(params, inputs):
    """What each layer puts out, and the first layer with an output that is not finite."""
    outputs, hidden = [], inputs
    for kernel, bias in params:
        outputs.append(hidden @ kernel + bias)
        hidden = np.maximum(outputs[-1], 0)
    odd = [i for i, output in enumerate(outputs) if is_odd(output)]
    return outputs, odd[0] if odd else None


def gradients(params, inputs, labels, outputs):
    """Of the mean cross-entropy, by backpropagation."""
    exponents = np.exp(outputs[-1] - outputs[-1].max(1, keepdims=True))
    delta = exponents / exponents.sum(1, keepdims=True) - np.eye(10, dtype=np.float32)[labels]
    delta, found = delta / np.float32(len(labels)), []
    for i in reversed(range(len(params))):
        hidden = np.maximum(outputs[i - 1], 0) if i else inputs
        found.insert(0, (hidden.T @ delta, delta.sum(0)))
        if i:
            delta = (delta @ params[i][0].T) * (outputs[i - 1] > 0)
    return found


def first_fault(params, batches, rate, is_adam):
    """Trains until a number is not finite: the step, the kind and the layer."""
    squares = [[np.zeros_like(leaf) for leaf in layer] for layer in params]
    means = [[np.zeros_like(leaf) for leaf in layer] for layer in params]
    for step, (inputs, labels) in enumerate(batches):
        outputs, odd = forward(params, inputs)
        if odd is not None:
            return step, "forward pass", f"layer_{odd}"
        slopes = gradients(params, inputs, labels, outputs)
        for i in reversed(range(len(params))):
            if is_odd(*slopes[i]):
                return step, "gradient", f"layer_{i}/bias"
        for i in reversed(range(len(params))):
            for j, name in ((1, "bias"), (0, "kernel")):
                update = slope = slopes[i][j]
                if is_adam:
                    means[i][j] = np.float32(0.9) * means[i][j] + np.float32(0.1) * slope
                    squares[i][j] = np.float32(0.999) * squares[i][j] + np.float32(1e-3) * slope**2
                    mean = means[i][j] / np.float32(1 - 0.9 ** (step + 1))
                    square = squares[i][j] / np.float32(1 - 0.999 ** (step + 1))
                    update = mean / (np.sqrt(square) + np.float32(1e-8))
                params[i][j] = params[i][j] - np.float32(rate) * update
                if is_odd(params[i][j], squares[i][j]):
                    return step, "update", f"layer_{i}/{name}"
    return None


@pytest.mark.parametrize("optimizer", ["sgd", pytest.param("adam", marks=pytest.mark.slow)])
def test_a_learning_rate_of_a_million_is_located_as_by_plain_numpy(digits, folder, optimizer):
    flags = [save_npz(folder.with_suffix(".npz"), digits), "--hidden_sizes=32,32"]
    flags += [f"--optimizer={optimizer}", "--learning_rate=1e6", "--batch_size=100", "--noplots"]
    found = ended_by_a_fault(folder, *flags)

    params = jaxmlp.mlp((64, 32, 32, 10)).init(keys(0).init)
    order = np.asarray(epoch_order(keys(0).shuffle, 0, len(digits.train_inputs)))
    batches = [
        (digits.train_inputs[rows].astype(np.float32) / 255, digits.train_labels[rows])
        for rows in np.split(order, range(100, len(order), 100))
    ]
    params = [[np.asarray(leaf) for leaf in layer] for layer in params]
    with np.errstate(all="ignore"):
        expected = first_fault(params, batches, 1e6, optimizer == "adam")
    assert (found["step"], found["kind"], found["layer"]) == expected
    assert ended_by_a_fault(folder, *flags, "--resume") == found


def test_what_does_not_fit_is_said_before_anything_is_compiled(flags, folder, capsys):
    with pytest.raises(SystemExit, match="^error: the network needs batches of at least 2 "):
        call(mnist, *flags, "--norm=batch", "--batch_size=1", f"--workdir={folder}")
    assert "compil" not in capsys.readouterr().out
    assert not folder.exists()
