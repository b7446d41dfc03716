"""Several questions of yes or no, from an .npz file to the answers and back to the bit."""

import csv

import numpy as np
import pytest
from programs import call
from run_files import read

from experiments import mnist, predict, verify


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A run on three questions, one of which nobody could answer."""
    home, random = tmp_path_factory.mktemp("questions"), np.random.default_rng(0)
    x = random.normal(size=(160, 4))
    y = np.stack([x[:, 0] > 0, x[:, 1] > 0, random.normal(size=160) > 0], axis=1).astype(int)
    np.savez(home / "data.npz", x=x, y=y)
    call(
        *(mnist, f"--dataset={home / 'data.npz'}", "--num_epochs=20", "--hidden_sizes=8"),
        *("--learning_rate=0.02", "--noreport", f"--workdir={home / 'run'}"),
    )
    return home


def test_questions_are_known_by_their_labels_and_drawn(home):
    config, summary = read(home / "run" / "config.json"), read(home / "run" / "summary.json")
    assert (config["task"], config["sizes"]) == ("multilabel", [4, 8, 3])
    assert 0.7 < summary["test_binary_accuracy"] < 0.95
    assert summary["verdict"] == {}
    plots = {item.stem for item in (home / "run" / "plots").iterdir()}
    assert plots == {"learning_curves", "answers"}


def test_the_run_proves_itself(home, capsys):
    call(verify, home / "run")
    assert "identical to the bit in all 20 epochs" in capsys.readouterr().out


def test_each_question_is_answered(home, capsys):
    call(predict, home / "run", home / "data.npz")
    with (home / "run" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    labels = np.load(home / "data.npz")["y"]
    guesses = np.array([[int(row[f"guess_{i}"]) for i in range(3)] for row in rows])
    assert ([[int(row[f"label_{i}"]) for i in range(3)] for row in rows] == labels).all()
    shares = np.array([[float(row[f"p{i}"]) for i in range(3)] for row in rows])
    assert ((shares > 0.5) == guesses).all()
    right = (guesses == labels).mean(axis=0)
    assert min(right[:2]) > 0.85
    exact = (guesses == labels).all(axis=1).mean()
    assert f"rows all right {100 * exact:.2f} %" in capsys.readouterr().out


def test_labels_of_another_number_of_questions_are_one_line(home, tmp_path):
    np.savez(tmp_path / "odd.npz", x=np.zeros((5, 4)), y=np.zeros((5, 2), int))
    with pytest.raises(SystemExit, match=r"expected whole numbers \(5, 3\) as labels, got int"):
        call(predict, home / "run", tmp_path / "odd.npz")
    np.savez(tmp_path / "odd.npz", x=np.zeros((5, 4)), y=np.full((5, 3), 2))
    with pytest.raises(SystemExit, match="expected labels from 0 to 1"):
        call(predict, home / "run", tmp_path / "odd.npz")
