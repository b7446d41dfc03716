"""The main job from its command line to its last file, and every way a user may get it wrong."""

import csv
import json
import os
import signal
import time

import numpy as np
import parquet_files
import pytest
from PIL import Image
from programs import call, finish, start

import jaxmlp
from experiments import mnist, predict, sweep, verify
from experiments.data import sources
from experiments.data.npz import open_arrays
from experiments.folder import records
from experiments.folder.workdir import CONTENTS

SUMMARY = {
    *("dataset", "num_train", "num_test", "train_accuracy", "test_accuracy", "train_loss"),
    *("test_loss", "num_epochs", "seed", "num_parameters", "seconds", "params_sha256"),
}


def needs(name):
    """Skips a test of a data set that is not at hand."""
    return pytest.mark.skipif(
        not os.path.isdir(os.path.join(os.environ.get("JAXMLP_DATA_DIR", "/nowhere"), name)),
        reason=f"needs the files of {name}: set JAXMLP_DATA_DIR to the folder above {name}/",
    )


needs_mnist = needs("mnist")


def read(path):
    return json.loads(path.read_text())


def lines(path):
    return [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    """The whole default run where MNIST is not to be had, as a user starts it."""
    path = tmp_path_factory.mktemp("home")
    nowhere = {"HOME": str(path), "JAXMLP_DATA_DIR": "", "TFDS_DATA_DIR": ""}
    without_network = {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    process = start("mnist", f"--workdir={path / 'run'}", env=nowhere | without_network)
    code, out, err = finish(process)
    assert code == 0, err
    return path / "run", out


def test_without_mnist_it_says_so_and_reads_digits_well(digits_run):
    path, out = digits_run
    summary = read(path / "summary.json")
    assert summary["test_accuracy"] >= 0.96
    assert summary["dataset"] == "digits"
    assert "MNIST WAS NOT TO BE HAD" in out
    for name in ("summary.json", "config.json", "environment.json"):
        assert "MNIST WAS NOT TO BE HAD" in read(path / name)["notice"]
    assert {line["dataset"] for line in lines(path)} == {"digits"}


def test_the_summary_has_every_figure_and_the_screen_shows_it(digits_run):
    path, out = digits_run
    summary = read(path / "summary.json")
    assert summary.keys() >= SUMMARY
    assert summary["num_train"] + summary["num_test"] == 1797
    assert summary["num_parameters"] == 64 * 256 + 256 + 256 * 10 + 10
    assert set(summary["seconds"]) == {"load", "compile", "train", "evaluate"}
    assert all(spent > 0 for spent in summary["seconds"].values())
    assert f"test accuracy {100 * summary['test_accuracy']:.2f} %" in out
    assert str(path) in out.replace("\n", "")


def test_there_is_a_line_for_each_epoch(digits_run):
    path, _ = digits_run
    metrics = lines(path)
    assert [line["epoch"] for line in metrics] == list(range(1, 41))
    assert [line["step"] for line in metrics] == [45 * epoch for epoch in range(1, 41)]
    assert metrics[-1]["test_accuracy"] == read(path / "summary.json")["test_accuracy"]
    assert metrics[0]["learning_rate"] == 0.001


def test_the_pictures_are_there(digits_run):
    path, _ = digits_run
    names = {"learning_curves", "confusion_matrix", "wrong_examples", "first_layer"}
    assert {item.stem for item in (path / "plots").iterdir()} == names
    for item in (path / "plots").iterdir():
        with Image.open(item) as picture:
            assert min(picture.size) > 200


def test_the_parameters_come_back_in_one_call(digits_run):
    path, _ = digits_run
    params = jaxmlp.load_params(path / "params.npz")
    assert jaxmlp.digest(params) == read(path / "summary.json")["params_sha256"]
    assert [layer.kernel.shape for layer in params] == [(64, 256), (256, 10)]


def test_the_environment_says_what_it_ran_on(digits_run):
    facts = read(digits_run[0] / "environment.json")
    assert facts["versions"]["jaxmlp"] == jaxmlp.__version__
    assert len(facts["data"]["sha256"]) == 64
    assert facts["devices"]
    assert facts["processor"]


def test_the_same_seed_gives_the_same_bits_in_another_process_and_another_seed_others(
    digits_run, tmp_path
):
    expected = read(digits_run[0] / "summary.json")
    for seed in (0, 1):
        flags = ("--dataset=digits", f"--seed={seed}", f"--workdir={tmp_path / str(seed)}")
        call(mnist, *flags, "--noplots")
    same, other = (read(tmp_path / seed / "summary.json") for seed in ("0", "1"))
    assert same["params_sha256"] == expected["params_sha256"]
    assert same["test_loss"] == expected["test_loss"]
    assert other["params_sha256"] != expected["params_sha256"]
    assert "notice" not in same


def test_eval_every_leaves_the_epochs_between_without_a_test(tmp_path):
    call(
        mnist,
        *("--dataset=digits", "--num_epochs=5", "--eval_every=2", "--noplots"),
        f"--workdir={tmp_path / 'run'}",
    )
    tested = [line["test_accuracy"] is not None for line in lines(tmp_path / "run")]
    assert tested == [False, True, False, True, True]


def test_tensorboard_files_are_written_on_demand(tmp_path):
    pytest.importorskip("tensorboardX")
    call(
        mnist,
        *("--dataset=digits", "--num_epochs=1", "--tensorboard", "--noplots"),
        f"--workdir={tmp_path / 'run'}",
    )
    (file,) = (tmp_path / "run" / "tensorboard").iterdir()
    assert b"test_accuracy" in file.read_bytes()


def npz(tmp_path, **arrays):
    np.savez(tmp_path / "data.npz", **arrays)
    return f"--dataset={tmp_path / 'data.npz'}"


def test_a_users_own_file_trains(tmp_path):
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 200)
    x = np.eye(3)[y] + random.normal(0, 0.1, (200, 3))
    call(mnist, npz(tmp_path, x=x, y=y), f"--workdir={tmp_path / 'run'}")
    summary = read(tmp_path / "run" / "summary.json")
    assert summary["test_accuracy"] > 0.95
    assert (summary["num_train"], summary["num_test"]) == (160, 40)
    plots = {item.stem for item in (tmp_path / "run" / "plots").iterdir()}
    assert plots == {"learning_curves", "confusion_matrix"}  # rows of 3 are no pictures


def test_a_folder_read_in_windows_trains_to_the_bits_of_a_file_in_memory(tmp_path, monkeypatch):
    y = np.arange(2000) % 3
    x = np.random.default_rng(0).normal(size=(2000, 150)).astype(np.float32)
    x[np.arange(2000), y] += 3
    arrays = {"x_train": x, "y_train": y, "x_test": x[:500], "y_test": y[:500]}
    (tmp_path / "data").mkdir()
    for name, array in arrays.items():
        np.save(tmp_path / "data" / f"{name}.npy", array)
    common = ("--num_epochs=2", "--hidden_sizes=8", "--noplots")
    call(mnist, npz(tmp_path, **arrays), *common, f"--workdir={tmp_path / 'file'}")
    asked = []

    def telling(function):
        def tell(*arguments, window=None, **options):
            asked.append(window)
            return function(*arguments, window=window, **options)

        return tell

    for function in (jaxmlp.warm_up, jaxmlp.train, jaxmlp.evaluate):
        monkeypatch.setattr(jaxmlp, function.__name__, telling(function))
    flags = f"--dataset={tmp_path / 'data'}", "--window=1"  # MiB, of 1.2
    call(mnist, *flags, *common, f"--workdir={tmp_path / 'folder'}")
    one, other = (read(tmp_path / name / "summary.json") for name in ("file", "folder"))
    figures = [
        {k: v for k, v in s.items() if k not in ("seconds", "dataset")} for s in (one, other)
    ]
    assert figures[0] == figures[1]
    assert read(tmp_path / "folder" / "config.json")["outputs"]["window"] == 1
    call(verify, tmp_path / "folder")
    call(mnist, "--resume", "--num_epochs=3", f"--workdir={tmp_path / 'folder'}")
    assert read(tmp_path / "folder" / "summary.json")["num_epochs"] == 3
    assert set(asked) == {2**20}


def test_a_table_read_in_windows_trains_to_the_bits_of_a_file_in_memory(
    tmp_path, capsys, monkeypatch
):
    y = np.arange(2500) % 3
    x = np.random.default_rng(0).normal(size=(2500, 200)).astype(np.float32)
    x[np.arange(2500), y] += 3
    parquet_files.write(tmp_path / "data" / "train.parquet", 300, x=x[500:], y=y[500:])
    parquet_files.write(tmp_path / "data" / "test.parquet", 300, x=x[:500], y=y[:500])
    arrays = {"x_train": x[500:], "y_train": y[500:], "x_test": x[:500], "y_test": y[:500]}
    flags = "--num_epochs=2", "--hidden_sizes=8", "--noplots"
    call(mnist, npz(tmp_path, **arrays), *flags, f"--workdir={tmp_path / 'file'}")
    table, path, load, asked = (
        f"--dataset={tmp_path / 'data'}",
        tmp_path / "table",
        sources.load,
        [],
    )

    def loading(*arguments, window=None, **options):
        asked.append(window)
        return load(*arguments, window=window, **options)

    monkeypatch.setattr(sources, "load", loading)
    call(mnist, table, *flags, "--window=1", f"--workdir={path}")  # MiB, of 1.6
    one, other = (read(tmp_path / name / "summary.json") for name in ("file", "table"))
    assert one["params_sha256"] == other["params_sha256"]
    assert one["test_loss"] == other["test_loss"]
    call(verify, path)
    assert asked == [2**20, 2**20]
    call(predict, path, tmp_path / "data" / "test.parquet")
    right = round(500 * other["test_accuracy"])
    assert f"right: {right:,} of 500" in capsys.readouterr().out
    call(mnist, table, *flags[:2], "--validation_fraction=0.2", "--window=1", f"--workdir={path}-2")
    assert read(tmp_path / "table-2" / "summary.json")["num_validation"] == 400
    assert (tmp_path / "table-2" / "plots" / "confusion_matrix.png").exists()


@pytest.fixture
def values(tmp_path):
    """A file with values to learn, and the flag that names it."""
    x = np.random.default_rng(0).normal(size=(120, 3))
    return npz(tmp_path, x=x, y=x[:, 0] - 2 * x[:, 1])


FEW = ["--num_epochs=30", "--hidden_sizes=8", "--learning_rate=0.01"]


def test_values_make_a_regression(values, tmp_path, capsys):
    call(mnist, values, *FEW, f"--workdir={tmp_path / 'run'}")
    out, path = capsys.readouterr().out, tmp_path / "run"
    config, summary = read(path / "config.json"), read(path / "summary.json")
    assert (config["task"], config["sizes"]) == ("regression", [3, 8, 1])
    assert summary["verdict"] == {}
    assert f"test absolute error {summary['test_absolute_error']:.4f}" in out
    assert "accuracy" not in out
    assert summary["test_r2"] > 0.9
    params = jaxmlp.load_params(path / "params.npz")
    inputs = np.load(tmp_path / "data.npz")["x"].astype(np.float32)
    hidden = np.maximum(inputs @ params[0].kernel + params[0].bias, 0)
    error = (hidden @ params[1].kernel + params[1].bias)[:, 0] - np.load(tmp_path / "data.npz")["y"]
    means = [
        summary[f"{kind}_absolute_error"] * summary[f"num_{kind}"] for kind in ("train", "test")
    ]
    assert np.abs(error).sum() == pytest.approx(sum(means), rel=1e-4)
    assert {item.stem for item in (path / "plots").iterdir()} == {
        "learning_curves",
        "values",
    }
    call(verify, path)
    capsys.readouterr()
    call(predict, path, tmp_path / "data.npz")
    out = capsys.readouterr().out
    rows = np.genfromtxt(path / "predictions.csv", delimiter=",", skip_header=1)[:, 1:]
    np.testing.assert_allclose(rows[:, 0] - rows[:, 1], error, atol=1e-4)
    assert f"mean absolute error {np.abs(error).mean():.4g} (95 % interval " in out
    assert "R² 0.9" in out
    table = parquet_files.write(tmp_path / "data.parquet", **np.load(tmp_path / "data.npz"))
    call(predict, path, table)
    assert f"mean absolute error {np.abs(error).mean():.4g} (" in capsys.readouterr().out
    for given, message in (
        (["digit.png"], "a regression takes one .npz or .parquet file, got digit.png"),
        (
            [tmp_path / "other.npz"],
            r"expected labels \(120, 1\) .*, got float64 \(120, 2\)",
        ),
    ):
        np.savez(tmp_path / "other.npz", x=inputs, y=np.ones((120, 2)))
        with pytest.raises(SystemExit, match=f"^error: .*{message}"):
            call(predict, path, *given)


def test_the_task_that_is_named_decides(tmp_path):
    x = np.random.default_rng(0).normal(size=(100, 3))
    flag, path = npz(tmp_path, x=x, y=(x[:, 0] > 0).astype(int)), tmp_path / "run"
    call(mnist, flag, *FEW, "--task=binary", f"--workdir={path}")
    assert read(path / "config.json")["sizes"] == [3, 8, 1]
    assert read(path / "summary.json")["test_binary_accuracy"] > 0.8
    assert {item.stem for item in (path / "plots").iterdir()} == {
        "learning_curves",
        "confusion_matrix",
    }
    np.savez(tmp_path / "new.npz", x=x[:50], y=(x[:50, 0] > 0).astype(float))
    call(predict, path, tmp_path / "new.npz")
    with (path / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert all(float(row["p0"]) + float(row["p1"]) == pytest.approx(1, abs=1e-5) for row in rows)
    assert sum(row["guess"] == row["label"] for row in rows) > 40
    assert (x[int(rows[0]["name"].split()[-1]), 0] > 0) == (rows[0]["label"] == "1")
    call(mnist, flag, *FEW, "--task=regression", "--noplots", f"--workdir={path}", "--overwrite")
    assert read(path / "summary.json")["test_absolute_error"] < 0.4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--stop_metric=accuracy"],
            "--stop_metric of a regression needs loss or absolute",
        ),
        (
            ["--task=classification"],
            r"expected classes as texts or whole numbers, got -?\d+\.\d+ in row 0",
        ),
        (["--label_smoothing=0.1"], "--label_smoothing needs labels that are classes"),
        (["--class_weights=1,2"], "--class_weights needs labels that are classes"),
        (["--task=values"], "value should be one of <binary|classification|regression>"),
    ],
)
def test_what_is_no_regressions_is_refused(values, tmp_path, arguments, message):
    with pytest.raises(SystemExit, match=f"^error: .*{message}"):
        call(mnist, values, *FEW, *arguments, f"--workdir={tmp_path / 'run'}")
    assert not (tmp_path / "run").exists()


EXTRAS = [
    *(
        "--norm=batch",
        "--dropout=0.2",
        "--input_noise=0.1",
        "--noise=0.1",
        "--ladder=2",
        "--input_dropout=0.1",
        "--l1=1e-4",
    ),
    *("--clip_norm=1", "--clip_value=0.5", "--max_norm=2", "--average=0.9", "--noise_seed=7"),
]


def test_what_differs_in_training_is_resumed_and_verified(tmp_path, capsys):
    flags = ["--dataset=digits", "--hidden_sizes=8", "--noplots", *EXTRAS]
    path, whole = tmp_path / "run", tmp_path / "whole"
    call(mnist, *flags, "--num_epochs=1", f"--workdir={path}")
    call(mnist, "--resume", "--num_epochs=2", f"--workdir={path}")
    call(mnist, *flags, "--num_epochs=2", f"--workdir={whole}")
    found, expected = (read(folder / "summary.json")["params_sha256"] for folder in (path, whole))
    assert found == expected
    assert found == lines(path)[-1]["params_sha256"]
    assert read(path / "summary.json")["test_loss"] == lines(path)[-1]["test_loss"]  # the average's
    assert jaxmlp.digest(jaxmlp.load_params(path / "params.npz")) == found
    capsys.readouterr()
    call(verify, path)
    assert "identical to the bit in all 2 epochs" in capsys.readouterr().out
    for flag, name in (("--noise_seed=8", "noise_seed"), ("--dropout=0.3", "dropout")):
        with pytest.raises(SystemExit, match=f"--resume needs the earlier run's settings; {name}"):
            call(mnist, "--resume", flag, f"--workdir={path}")
        call(mnist, *flags, flag, "--num_epochs=1", f"--workdir={whole}", "--overwrite")
        assert lines(whole)[0]["params_sha256"] != lines(path)[0]["params_sha256"]


def test_products_in_bfloat16_are_resumed_verified_and_predicted_with(tmp_path, capsys):
    flags = ["--dataset=digits", "--hidden_sizes=8", "--noplots", "--precision=bfloat16"]
    path, whole = tmp_path / "run", tmp_path / "whole"
    call(mnist, *flags, "--num_epochs=1", f"--workdir={path}")
    out = capsys.readouterr().out
    assert "network 64-8-10, products in bfloat16, batch" in out
    has_unit = {"amx_bf16", "avx512_bf16"} & {*read(path / "environment.json")["instructions"]}
    assert ("take 1.25 to 2 times as long" in out) is not bool(has_unit)
    call(mnist, "--resume", "--num_epochs=2", f"--workdir={path}")
    call(mnist, *flags, "--num_epochs=2", f"--workdir={whole}")
    found, expected = (read(folder / "summary.json")["params_sha256"] for folder in (path, whole))
    assert found == expected
    assert read(path / "config.json")["precision"] == "bfloat16"
    assert read(path / "receipt.json")["config"]["precision"] == "bfloat16"
    capsys.readouterr()
    call(verify, path)
    assert "identical to the bit in all 2 epochs" in capsys.readouterr().out
    recipe, *_ = predict.load(path)
    assert recipe.model.architecture.precision == "bfloat16"
    with pytest.raises(SystemExit, match="settings; precision: expected bfloat16, got float32"):
        call(mnist, "--resume", "--precision=float32", f"--workdir={path}")
    plain = [flag for flag in flags if not flag.startswith("--precision")]
    call(mnist, *plain, "--num_epochs=1", f"--workdir={whole}", "--overwrite")
    assert lines(whole)[0]["params_sha256"] != lines(path)[0]["params_sha256"]


def test_tf32_is_refused_on_a_cpu_and_predicted_with_in_float32(tmp_path, capsys):
    path = tmp_path / "run"
    flags = ["--dataset=digits", "--hidden_sizes=8", "--noplots", f"--workdir={path}"]
    with pytest.raises(SystemExit, match="^error: precision=tf32 needs an NVIDIA GPU, got a CPU"):
        call(mnist, *flags, "--precision=tf32")
    assert not path.exists()
    call(mnist, *flags, "--num_epochs=1")
    config = read(path / "config.json")
    (path / "config.json").write_text(json.dumps({**config, "precision": "tf32"}))
    assert predict.load(path)[0].model.architecture.precision == "float32"
    capsys.readouterr()
    examples = tmp_path / "x.npz"
    np.savez(examples, x=np.zeros((1, 64), np.float32))
    call(predict, path, examples)
    printed = capsys.readouterr().out
    assert "tf32 needs a GPU: these answers are made in float32\n" in printed


def test_a_folder_from_before_the_younger_settings_is_read_as_ever(tmp_path, capsys):
    path = tmp_path / "run"
    flags = ["--dataset=digits", "--hidden_sizes=8", "--noplots"]
    call(mnist, *flags, "--num_epochs=1", f"--workdir={path}")
    for name in ("config.json", "receipt.json"):
        record = read(path / name)
        config = record.get("config", record)
        for setting in records.LATER & config.keys():
            del config[setting]
        (path / name).write_text(json.dumps(record))
    capsys.readouterr()
    call(verify, path)
    assert "identical to the bit in all 1 epochs" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="settings; dropout: expected 0.0, got 0.5"):
        call(mnist, "--resume", "--dropout=0.5", f"--workdir={path}")
    call(mnist, "--resume", "--num_epochs=2", f"--workdir={path}")
    call(verify, path)
    assert "identical to the bit in all 2 epochs" in capsys.readouterr().out


GOOD_X, GOOD_Y = np.ones((50, 4)), np.arange(50) % 2
MISTAKES = {
    "unknown data set": (["--dataset=mnits"], None, r"got 'mnits'; did you mean mnist"),
    "missing file": (["--dataset=no.npz"], None, r"no\.npz: expected an \.npz file, got no such"),
    "wrong keys": ([], {"images": GOOD_X}, r"expected the arrays .*, got images"),
    "lengths differ": ([], {"x": GOOD_X, "y": GOOD_Y[:9]}, r"as many rows .*, got 50 and 9"),
    "labels of the wrong shape": (
        [],
        {"x": GOOD_X, "y": GOOD_X[:, None]},
        r"numbers or texts \(N,\)",
    ),
    "NaN": ([], {"x": GOOD_X * np.nan, "y": GOOD_Y}, r"expected finite .*, got 200 NaN"),
    "pickled": ([], {"x": GOOD_X.astype(object), "y": GOOD_Y}, r"got pickled Python objects"),
    "one class": ([], {"x": GOOD_X, "y": 0 * GOOD_Y}, r"num_classes needs .* at least 2, got 1"),
    "batch too large": (
        ["--batch_size=41"],
        {"x": GOOD_X, "y": GOOD_Y},
        r"at most the 40 .* got 41",
    ),
    "no folder": (["--workdir=/dev/null/run"], {"x": GOOD_X, "y": GOOD_Y}, r"/dev/null"),
    "words": (["fast"], None, r"expected flags only.*got fast"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_before_anything_is_written(mistake, tmp_path, monkeypatch):
    arguments, arrays, message = MISTAKES[mistake]
    monkeypatch.setattr(jaxmlp, "train", lambda *_, **__: pytest.fail("it trained"))
    if arrays is not None:
        arguments = [npz(tmp_path, **arrays), *arguments]
    with pytest.raises(SystemExit, match=f"^error: .*{message}") as stopped:
        call(mnist, f"--workdir={tmp_path / 'run'}", *arguments)
    assert "\n" not in str(stopped.value)
    assert not (tmp_path / "run").exists()


def test_an_earlier_run_is_kept_unless_told_otherwise(tmp_path):
    flags = ("--dataset=digits", "--num_epochs=1", "--noplots", f"--workdir={tmp_path}")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SystemExit, match=r"error: --workdir needs a new or empty folder"):
        call(mnist, *flags)
    assert os.listdir(tmp_path) == ["notes.txt"]
    call(mnist, *flags, "--overwrite")
    call(mnist, *flags, "--overwrite")
    assert len(lines(tmp_path)) == 1
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert {*os.listdir(tmp_path)} <= {*CONTENTS, "notes.txt", ".lock"}


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ("--hidden_sizes=0", "expected widths"),
        ("--batch_size=0", "expected a whole number from 1"),
        ("--sed=1", "sed"),
    ],
)
def test_a_wrong_flag_ends_the_program_without_a_traceback(flag, expected):
    code, _, err = finish(start("mnist", flag))
    assert code == 1
    assert expected in err
    assert "Traceback" not in err


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root can write anywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(SystemExit, match=r"^error: .*[Pp]ermission"):
        call(mnist, "--dataset=digits", f"--workdir={tmp_path / 'run'}")


def test_a_pipe_gets_each_epoch_at_once_and_may_be_closed(tmp_path):
    path = tmp_path / "run"
    flags = ("--dataset=digits", "--num_epochs=100000", f"--workdir={path}")
    process = start("mnist", *flags, env={"PYTHONUNBUFFERED": ""})
    assert any(line.startswith("     1/100000 ") for line in process.stdout)
    process.stdout.close()
    size = (path / "metrics.jsonl").stat().st_size
    deadline = time.monotonic() + 90
    while (path / "metrics.jsonl").stat().st_size < size + 9999 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    with process.stderr as stderr:
        err = stderr.read()
    assert process.wait(timeout=90) == 143
    assert err.startswith("interrupted; ")
    assert err.count("\n") == 1


def test_a_setting_from_outside_that_would_stop_the_pictures_stops_the_start(tmp_path):
    flags = ("--dataset=digits", f"--workdir={tmp_path / 'run'}")
    code, _, err = finish(start("mnist", *flags, env={"MPLBACKEND": "bogus"}))
    assert code == 1
    assert err.startswith("error: MPLBACKEND needs to be known to matplotlib: ")
    assert err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_run_of_no_use_says_so_and_does_not_pass_for_a_success(tmp_path, capsys):
    flags = ("--dataset=digits", "--optimizer=sgd", "--learning_rate=1e6", "--num_epochs=2")
    with pytest.raises(SystemExit) as ended:
        call(mnist, *flags, "--noplots", f"--workdir={tmp_path / 'run'}")
    assert ended.value.code == 3
    out, verdict = capsys.readouterr().out, read(tmp_path / "run" / "summary.json")["verdict"]
    assert set(verdict) == {"no better than guessing", "worse than it began"}
    for finding, figures in verdict.items():
        assert f"THIS RUN ENDED {finding.upper()}: {figures}\n" in out


def test_ctrl_c_keeps_the_finished_epochs_and_says_so(tmp_path):
    path = tmp_path / "run"
    process = start("mnist", "--dataset=digits", "--num_epochs=100000", f"--workdir={path}")
    deadline = time.monotonic() + 300
    while not (path / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    finished = lines(path)[-1]["epoch"]
    assert code == 130
    assert f"metrics and parameters of the {finished} finished epochs, of 100000" in err
    assert "Traceback" not in err
    assert [line["epoch"] for line in lines(path)] == list(range(1, finished + 1))

    # The parameters are those of the last line: they have its loss.
    from experiments.app import recipes
    from experiments.data import sources

    params = jaxmlp.load_params(path / "params.npz")
    recipe = recipes.recipe(read(path / "config.json"))
    data = sources.load("digits")
    tested = jaxmlp.evaluate(recipe, params, data.test_inputs, data.test_labels)
    assert tested["loss"] == lines(path)[-1]["test_loss"]


@pytest.mark.slow
@needs_mnist
def test_mnist_is_learned_as_the_lesson_says(tmp_path):
    call(mnist, "--dataset=mnist", "--noplots", f"--workdir={tmp_path / 'run'}")
    summary = read(tmp_path / "run" / "summary.json")
    assert (summary["dataset"], summary["num_test"]) == ("mnist", 10_000)
    assert summary["test_accuracy"] >= 0.976


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "num_seeds", "dataset", "least"),
    [
        pytest.param("quick", 5, "mnist", 0.98, marks=needs("mnist")),
        pytest.param("strong", 1, "mnist", 0.992, marks=needs("mnist")),
        # Nothing is tuned to it.
        pytest.param("quick", 5, "fashion_mnist", 0.85, marks=needs("fashion_mnist")),
        pytest.param("strong", 1, "fashion_mnist", 0.89, marks=needs("fashion_mnist")),
    ],
)
def test_a_preset_is_there_with_each_seed(preset, num_seeds, dataset, least, tmp_path):
    given = f"--preset={preset}", f"--dataset={dataset}", f"--seeds=0:{num_seeds}"
    call(sweep, *given, f"--workdir={tmp_path / 'sweep'}")
    accuracies = open_arrays(tmp_path / "sweep" / "runs.npz")["history/test_accuracy"][:, -1]
    assert len(accuracies) == num_seeds
    assert accuracies.min() >= np.float32(least)


@needs_mnist
def test_auto_takes_mnist_where_it_is(tmp_path):
    call(mnist, "--num_epochs=1", "--noplots", f"--workdir={tmp_path / 'run'}")
    summary = read(tmp_path / "run" / "summary.json")
    assert (summary["dataset"], summary["num_test"]) == ("mnist", 10_000)
    assert summary["test_accuracy"] >= 0.94
    assert "notice" not in summary


def test_a_sweeps_folder_is_not_resumed_as_a_run(tmp_path):
    flags = ["--dataset=digits", "--num_epochs=1", "--hidden_sizes=4", "--noplots"]
    call(sweep, *flags, "--seeds=0:1", f"--workdir={tmp_path / 'sweep'}")
    with pytest.raises(SystemExit, match="^error: --resume needs a run's folder, got a sweep's"):
        call(mnist, f"--workdir={tmp_path / 'sweep'}", "--resume")
