"""Tables that everybody knows, trained by one command, beside scikit-learn's own MLP."""

import csv

import numpy as np
import pytest
from programs import call
from run_files import read
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from experiments import predict, table
from experiments.data.tables import loading
from experiments.scores import figures

SLOW = ("breast_cancer", "wine", "diabetes", "digits")


def rows_of(name):
    """A data set's columns and target: as (N, columns) texts with the names above."""
    scaled = {"scaled": False} if name == "diabetes" else {}
    found = getattr(datasets, f"load_{name}")(**scaled)
    names = getattr(found, "target_names", None)
    is_text = names is not None and name != "digits"
    target = [str(names[i]) if is_text else f"{i:g}" for i in found.target]
    header = [str(each) for each in getattr(found, "feature_names", range(found.data.shape[1]))]
    rows = [[*map(repr, map(float, row)), t] for row, t in zip(found.data, target, strict=True)]
    return [[*header, "target"], *rows]


def peers_outputs(task, loaded, rows):
    """What scikit-learn's MLP answers on the same split, of the columns as they are in the file."""
    (split,) = loaded.rows
    inputs = np.array([row[:-1] for row in rows[1:]], float)
    labels = loaded.datasets[0].train_labels
    if task == "regression":
        network = MLPRegressor(random_state=0, max_iter=1000)
        model = TransformedTargetRegressor(network, transformer=StandardScaler())
        model = make_pipeline(StandardScaler(), model).fit(inputs[split.train], labels)
        return model.predict(inputs[split.test])[:, None]
    network = MLPClassifier(random_state=0, max_iter=1000)
    model = make_pipeline(StandardScaler(), network).fit(inputs[split.train], labels)
    return model.predict_proba(inputs[split.test])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "name", ["iris", *(pytest.param(each, marks=pytest.mark.slow) for each in SLOW)]
)
def test_one_command_reaches_scikit_learns_mlp_with_a_scaler(name, tmp_path, capsys):
    rows, path = rows_of(name), tmp_path / f"{name}.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    call(table, f"--data={path}", "--target=target", f"--workdir={tmp_path / 'run'}")
    config = read(tmp_path / "run" / "config.json")
    loaded = loading.load(path, loading.Options(("target",)))
    labels = loaded.datasets[0].test_labels
    (split,) = loaded.rows
    write_some(tmp_path / "test.csv", rows, split.test)
    call(predict, tmp_path / "run", tmp_path / "test.csv")
    with (tmp_path / "run" / "predictions.csv").open() as file:
        answers = list(csv.DictReader(file))
    peer = figures.of(config["task"], labels, peers_outputs(config["task"], loaded, rows))
    figure = "mae" if config["task"] == "regression" else "accuracy"
    if figure == "mae":
        ours = np.mean(
            [abs(float(row["answer_target"]) - float(row["label_target"])) for row in answers]
        )
    else:
        ours = np.mean([row["guess"] == row["label"] for row in answers])
    low, high = peer[f"{figure}_low"], peer[f"{figure}_high"]
    with capsys.disabled():
        print(
            f"\n{name}, {len(labels)} rows of the test: {figure} {ours:.4f}, "
            f"scikit-learn's MLP {peer[figure]:.4f} ({low:.4f} to {high:.4f})"
        )
    assert ours <= high if figure == "mae" else ours >= low
    said = read(tmp_path / "run" / "summary.json")
    of_file = said["test_absolute_error" if figure == "mae" else "test_accuracy"]
    assert of_file == pytest.approx(ours, rel=1e-4)  # so the rows are those that were held out


def write_some(path, rows, places):
    """The rows of a test, with columns in another order."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([row[::-1] for row in [rows[0], *(rows[1 + i] for i in places)]])
