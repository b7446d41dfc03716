"""A user's own data from the command line: arrays in all forms, pictures by class, their scale."""

import csv
import json

import numpy as np
import parquet_files
import pytest
from PIL import Image
from programs import call

from experiments import mnist, predict, replay, sweep, verify
from experiments.data import sources
from experiments.plots import run as plots

SHORT = ("--num_epochs=2", "--hidden_sizes=8", "--batch_size=16", "--noplots")


def read(path):
    return json.loads(path.read_text())


def shapes(folder, side=6, count=20, mode="RGB"):
    """Noise that is red, green or blue, of a class each."""
    random = np.random.default_rng(0)
    for place, name in enumerate(("10 blue", "9 <red>", "green")):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = random.integers(0, 90, (side, side, 3))
            pixels[..., (place + 2) % 3] += 150
            Image.fromarray(pixels.astype(np.uint8)).convert(mode).save(folder / name / f"{i}.png")
    return folder


def train(tmp_path, dataset, *flags, name="run"):
    call(mnist, f"--dataset={dataset}", f"--workdir={tmp_path / name}", *SHORT, *flags)
    return tmp_path / name


def is_identical(run, capsys):
    capsys.readouterr()
    call(verify, run)
    return "identical to the bit in all" in capsys.readouterr().out


@pytest.fixture(scope="module")
def painted(tmp_path_factory):
    """A run on pictures in colour, brought to another size."""
    folder = tmp_path_factory.mktemp("painted")
    shapes(folder / "pictures")
    train(folder, folder / "pictures", "--image_size=4x5", "--learning_rate=0.01")
    return folder


def test_pictures_by_class_are_trained_on_and_verified(painted, capsys):
    config = read(painted / "run" / "config.json")
    assert config["image_size"] == "4x5"
    assert config["image_shape"] == [4, 5, 3]
    assert config["class_names"] == ["9 <red>", "10 blue", "green"]
    assert config["dataset"] == f"{painted / 'pictures'}/"
    assert (config["sizes"], config["task"]) == ([60, 8, 3], "classification")
    assert is_identical(painted / "run", capsys)
    flags = (f"--dataset={painted / 'pictures'}", "--num_epochs=3", "--resume")
    call(mnist, f"--workdir={painted / 'run'}", *flags)
    assert read(painted / "run" / "summary.json")["num_epochs"] == 3
    assert is_identical(painted / "run", capsys)


def test_what_is_in_a_folder_of_pictures_is_said_first(painted, tmp_path, capsys):
    train(tmp_path, painted / "pictures")
    lines = capsys.readouterr().out.splitlines()
    assert lines.index("3 classes: 9 <red>, 10 blue, green") < lines.index("compiling")
    assert read(tmp_path / "run" / "config.json")["image_size"] == "6x6"


def test_a_size_without_pictures_is_refused(tmp_path):
    for name in ("digits", "mnist"):
        with pytest.raises(SystemExit, match=f"image_size needs a folder of pictures, got {name}"):
            train(tmp_path, name, "--image_size=8x8")
    with pytest.raises(SystemExit, match="HEIGHTxWIDTH such as 28x28"):
        train(tmp_path, "digits", "--image_size=8")


def answers(run):
    with (run / "predictions.csv").open() as file:
        return list(csv.DictReader(file))


def test_pictures_are_answered_as_they_were_trained_on(painted, tmp_path, monkeypatch):
    names = ["9 <red>", "10 blue", "green"]
    files = [painted / "pictures" / name / f"{i}.png" for name in names for i in range(4)]
    seen = []
    draw = plots.predictions
    monkeypatch.setattr(plots, "predictions", lambda *given: seen.append(given) or draw(*given))
    call(predict, painted / "run", *files, f"--picture={tmp_path / 'p.png'}")
    rows = answers(painted / "run")
    assert {"p_9 <red>", "p_10 blue", "p_green"} < {*rows[0]}
    right = [row["guess"] == name for row, name in zip(rows, np.repeat(names, 4), strict=True)]
    assert np.mean(right) > 0.9
    _, inputs, shares, _, shape, classes = seen[0]
    data = sources.load(str(painted / "pictures"), image_size=(4, 5))
    assert inputs[0].tolist() in data.train_inputs.tolist() + data.test_inputs.tolist()
    assert (shape, [*classes]) == ((4, 5, 3), names)
    assert shares.argmax(axis=1).tolist() == [names.index(row["guess"]) for row in rows]


@pytest.mark.parametrize(
    "labels", [["b", "a", "c"], [1, 0, 2], np.eye(3)[[1, 0, 2]], [["b"], ["a"], ["c"]]]
)
def test_labels_to_compare_with_may_have_any_form(lettered, labels, capsys):
    np.savez(lettered / "more.npz", data=3 * np.eye(4)[[1, 0, 2]], targets=labels)
    call(predict, lettered / "run", lettered / "more.npz")
    assert [row["label"] for row in answers(lettered / "run")] == ["b", "a", "c"]
    assert "right: 3 of 3" in capsys.readouterr().out


def test_a_label_of_no_class_is_refused(lettered):
    np.savez(lettered / "more.npz", x=np.eye(4)[:2], y=["a", "d"])
    message = "more.npz: expected labels of the network's classes, a, b, c, got d in row 1"
    with pytest.raises(SystemExit, match=message):
        call(predict, lettered / "run", lettered / "more.npz")


@pytest.fixture(scope="module")
def lettered(tmp_path_factory):
    """A run on arrays whose labels are letters."""
    folder = tmp_path_factory.mktemp("lettered")
    np.savez(folder / "a.npz", **arrays())
    train(folder, folder / "a.npz", "--learning_rate=0.05", "--num_epochs=5")
    return folder


def arrays(**more):
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    inputs = random.normal(size=(60, 4)) + 3 * np.eye(3, 4)[labels]
    return {"X": inputs.astype(np.float32), "labels": np.array(list("abc"))[labels], **more}


def test_arrays_by_other_names_with_texts_for_labels(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", **arrays())
    run = train(tmp_path, tmp_path / "a.npz")
    out = capsys.readouterr().out
    assert "text target with 3 values: classification\n" in out
    assert "labels a, b, c are the classes 0 to 2\n" in out
    assert read(run / "config.json")["class_names"] == ["a", "b", "c"]
    assert is_identical(run, capsys)


def test_a_regression_is_said_loudly(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", **arrays(labels=np.arange(60) / 6))
    run = train(tmp_path, tmp_path / "a.npz", "--task=auto")
    line = "float target with 60 values: regression (--task=classification for classes)\n"
    assert line in capsys.readouterr().out
    assert read(run / "config.json")["task"] == "regression"


def test_answers_of_their_own_are_trained_on(tmp_path, capsys):
    answers = np.random.default_rng(0).integers(0, 2, (60, 3))
    np.savez(tmp_path / "a.npz", **arrays(labels=answers, class_names=np.array(["p", "q", "r"])))
    run = train(tmp_path, tmp_path / "a.npz")
    config = read(run / "config.json")
    assert (config["task"], config["sizes"][-1]) == ("multilabel", 3)
    assert config["class_names"] == ["p", "q", "r"]
    assert is_identical(run, capsys)


def test_a_run_from_before_names_and_colours_is_what_it_was(tmp_path, capsys):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 2, 2, 3), np.uint8)
    names = np.array(["a", "b", "c"])
    np.savez(tmp_path / "a.npz", x=pixels, y=np.arange(60) % 3, class_names=names)
    run = train(tmp_path, tmp_path / "a.npz")
    assert read(run / "config.json")["image_shape"] == [2, 2, 3]
    assert is_identical(run, capsys)

    def older(config):
        for name in ("class_names", "image_size", "standardize"):
            del config[name]
        config["image_shape"] = None

    for name, of in (("config.json", lambda r: r), ("receipt.json", lambda r: r["config"])):
        record = read(run / name)
        older(of(record))
        (run / name).write_text(json.dumps(record))
    assert is_identical(run, capsys)
    call(mnist, f"--workdir={run}", "--resume", "--num_epochs=3")
    assert "class_names" not in read(run / "config.json")
    assert is_identical(run, capsys)


def breast_cancer(path):
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    np.savez(path, x=x, y=y)
    return path


def test_columns_of_other_sizes_are_named_and_the_flag_mends_them(tmp_path, capsys):
    path = breast_cancer(tmp_path / "a.npz")
    raw = train(tmp_path, path, name="raw")
    out = capsys.readouterr().out
    assert "of 30 are; --standardize brings all columns to a mean of 0 and a deviation of 1" in out
    scaled = train(tmp_path, path, "--standardize", "--num_epochs=8", name="scaled")
    assert "brings all columns" not in capsys.readouterr().out
    accuracy = [read(run / "summary.json")["test_accuracy"] for run in (raw, scaled)]
    assert accuracy[0] < 0.92 < 0.94 < accuracy[1]
    assert is_identical(scaled, capsys)
    config = read(scaled / "config.json")
    inputs = np.load(path)["x"]
    assert [len(config["input_scaling"][name]) for name in ("mean", "scale")] == [30, 30]
    np.testing.assert_allclose(config["input_scaling"]["mean"], inputs.mean(axis=0), rtol=0.05)
    np.savez(tmp_path / "some.npz", x=inputs, y=np.load(path)["y"])
    path.unlink()  # predicting needs none of the data
    call(predict, scaled, tmp_path / "some.npz")
    rows = answers(scaled)
    assert np.mean([row["label"] == row["guess"] for row in rows]) > 0.94


def test_a_sweep_standardizes_all_its_networks_and_each_again_alone(tmp_path, capsys):
    path = breast_cancer(tmp_path / "a.npz")
    flags = ("--seeds=0:2", "--sweep=learning_rate=0.001,0.01", "--standardize")
    call(sweep, f"--dataset={path}", f"--workdir={tmp_path / 'sweep'}", *SHORT, *flags)
    capsys.readouterr()
    call(replay, tmp_path / "sweep", "--member=learning_rate=0.01,seed=1")
    assert "learning_rate=0.01,seed=1: identical to the bit" in capsys.readouterr().out
    alone = train(tmp_path, path, "--learning_rate=0.01", "--seed=1", "--standardize")
    with np.load(tmp_path / "sweep" / "runs.npz") as runs:
        digest = str(runs["params_sha256"][1, 1])
    assert read(alone / "summary.json")["params_sha256"] == digest
    config = read(tmp_path / "sweep" / "config.json")
    assert config["input_scaling"] == read(alone / "config.json")["input_scaling"]


def test_constant_columns_are_scaled_by_one(tmp_path, capsys):
    inputs = arrays()["X"]
    inputs[:, 2] = 7
    np.savez(tmp_path / "a.npz", **arrays(X=inputs))
    run = train(tmp_path, tmp_path / "a.npz", "--standardize")
    scaling = read(run / "config.json")["input_scaling"]
    assert (scaling["mean"][2], scaling["scale"][2]) == (7, 1)


def test_standardizing_needs_inputs_in_memory(tmp_path):
    x = np.random.default_rng(0).normal(size=(2000, 200))
    table = parquet_files.write(tmp_path / "a.parquet", 1000, x=x, y=np.arange(2000) % 2)
    with pytest.raises(SystemExit, match="--standardize needs inputs in memory, got .* and --win"):
        train(tmp_path, table, "--standardize", "--window=1")


X, Y = np.random.default_rng(0).normal(size=(50, 4)), np.arange(50) % 2
BAD = {
    "two inputs": ({"X": X, "images": X, "y": Y}, "expected one array of inputs, x, got X and ima"),
    "two labels": (
        {"x": X, "Y": Y, "label": Y},
        "expected one array of labels, y, got Y and label",
    ),
    "no labels": (
        {"features": X, "names": Y},
        "expected the arrays .* or x, y, got features, names",
    ),
    "train alone": ({"train_x": X, "train_y": Y}, "expected the arrays .*, got train_x, train_y"),
    "names that are numbers": ({"x": X, "y": Y, "class_names": [0, 1]}, "a text for each class"),
    "too many names": ({"x": X, "y": Y, "class_names": ["a", "b", "c"]}, "got none of c$"),
    "too few names": (
        {"x": X, "y": Y, "class_names": ["a"]},
        "as many classes as class_names, got",
    ),
    "a name twice": ({"x": X, "y": Y, "class_names": ["a", "a"]}, "got a twice"),
    "names of others": (
        {"x": X, "y": np.array(["a", "b"])[Y], "target_names": ["a", "c"]},
        "expected labels of class_names, a, c, got b",
    ),
    "names that need pickling": (
        {"x": X, "y": Y, "class_names": np.array(["a", "b"], object)},
        r"objects in class_names, which could run code: save texts by astype\(str\)",
    ),
    "texts and numbers": (
        {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y.astype(str)},
        "expected labels alike in y_train and y_test",
    ),
    "texts as inputs": ({"x": X.astype(str), "y": Y}, "x: expected numbers, got <U"),
    "a class of test alone": (
        {"train_x": X, "train_y": Y, "test_x": X, "test_y": Y + 1},
        "expected classes in test_y that train_y has, got 2",
    ),
    "transparent pictures": (
        {"x": np.zeros((50, 2, 3, 4), np.uint8), "y": Y},
        r"x: expected pictures \(N, height, width, 3\), got a fourth .*: x\[..., :3\] is without",
    ),
    "one-hot with a gap": ({"x": X, "y": np.eye(3)[Y * 2]}, "in y, got none of 1"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_arrays_get_one_line(tmp_path, kind):
    found, message = BAD[kind]
    np.savez(tmp_path / "a.npz", **found)
    with pytest.raises(SystemExit, match=f"^error: .*a.npz: .*{message}") as stopped:
        train(tmp_path, tmp_path / "a.npz")
    assert "\n" not in str(stopped.value)
    assert not (tmp_path / "run").exists()


def test_a_table_is_standardized_already(tmp_path):
    lines = ["a,b", *(f"{i * i % 7 + 0.5},{'xy'[i % 2]}" for i in range(40))]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with pytest.raises(SystemExit, match="columns of a table are standardised already"):
        train(tmp_path, tmp_path / "a.csv", "--target=b", "--standardize")
    with pytest.raises(SystemExit, match="--image_size needs a folder of pictures, got .*a.csv"):
        train(tmp_path, tmp_path / "a.csv", "--target=b", "--image_size=2x2")
