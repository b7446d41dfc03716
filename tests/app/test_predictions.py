"""What is written and shown of answers."""

import csv

import numpy as np
import pytest

from experiments.app.examples import Examples
from experiments.app.predictions import Predictions, columns_of, show, write_table
from experiments.app.votes import together

ONE = np.array([[0.7, 0.3], [0.4, 0.6]])


def found(task="classification", each=(ONE,), names=("no", "yes"), unlike=("", ""), named=True):
    return Predictions(task, names, together(list(each), task), unlike, named)


def given(labels=None, **others):
    return Examples(["x", "y"], np.zeros((2, 3), np.float32), labels, **others)


def test_classes_have_a_column_each_and_their_names():
    made = columns_of(given(np.array([0, 0])), found())
    assert made == {
        **{"name": ["x", "y"], "label": ["no", "no"], "guess": ["no", "yes"], "unlike": ("", "")},
        **{"p_no": ["0.700000", "0.400000"], "p_yes": ["0.300000", "0.600000"]},
    }


def test_classes_that_are_numbers_have_the_columns_that_they_had():
    made = columns_of(given(), found(names=("0", "1"), named=False))
    assert [*made] == ["name", "label", "guess", "unlike", "p0", "p1"]
    assert (made["guess"], made["label"]) == (["0", "1"], ["", ""])


def test_several_networks_have_their_spread_and_their_agreement():
    made = columns_of(given(), found(each=(ONE, 1 - ONE, ONE)))
    assert made["agree"] == ["0.6667", "0.6667"]
    assert made["std_yes"] == [f"{np.std([a, 1 - a, a], ddof=1):.6f}" for a in (0.3, 0.6)]
    assert [*made][:5] == ["name", "label", "guess", "agree", "unlike"]


def test_answers_of_their_own_are_yes_or_no_each():
    labels = np.array([[1, 0], [0, 1]])
    made = columns_of(given(labels), found("multilabel"))
    assert (made["label_no"], made["guess_no"], made["guess_yes"]) == (
        *(["1", "0"], ["1", "0"], ["0", "1"]),
    )
    lost = np.array([[0.7, np.nan], [0.4, 0.6]])
    made = columns_of(given(), found("multilabel", (lost,)))
    assert (made["guess_no"], made["p_yes"]) == (["", "0"], ["", "0.600000"])


def test_answers_are_said_in_the_words_of_the_file_and_shown_with_their_probability(capsys):
    lost = np.array([[np.nan, 0.75], [0.375, 0.625]])
    worded = found("multilabel", (lost,), ("wet", "cold"))._replace(words=[["nein", "ja"], "01"])
    labels = np.array([[1.0, 0.0], [0.0, 1.0]])
    made = columns_of(given(labels), worded)
    assert [*made.values()][1:5] == [["ja", "nein"], ["0", "1"], ["", "nein"], ["", "1"]]
    assert made["p_cold"] == ["0.750000", "0.625000"]
    show(given(), worded)
    rows = [line.strip("│").split("│") for line in capsys.readouterr().out.splitlines()[3:5]]
    assert [[cell.strip() for cell in row] for row in rows] == [
        *(["x", "", ""], ["y", "nein  (62.5 %)", "1  (62.5 %)"])
    ]


def test_values_are_called_by_their_columns():
    made = columns_of(given(np.array([1.0, 2.0])), found("regression", (ONE[:, :1],), ("price",)))
    assert made == {
        **{"name": ["x", "y"], "answer_price": ["0.7", "0.4"], "label_price": ["1", "2"]}
    }


def test_no_digit_of_a_value_is_lost():
    outputs = np.float32([[17051084.0, 0.1], [-32407.25, 1e-9]])
    made = columns_of(given(outputs), found("regression", (outputs,), ("a", "b")))
    assert made["answer_a"] == made["label_a"] == ["17051084", "-32407.25"]
    assert made["answer_b"] == ["0.1", "1e-09"]


def test_rows_of_a_table_are_known_by_what_identifies_them(tmp_path):
    rows = given(keys={"id": ["7", "8"]}, called="row")
    write_table(tmp_path / "p.csv", rows, found())
    with (tmp_path / "p.csv").open() as file:
        written = list(csv.DictReader(file))
    assert [(row["row"], row["id"], row["guess"]) for row in written] == [
        *(("x", "7", "no"), ("y", "8", "yes"))
    ]


@pytest.mark.parametrize("task", ["classification", "regression", "multilabel"])
def test_names_are_no_markup(task, capsys):
    names = ("[bold]a", "[/]b")
    show(given(notes=["[red]note"], keys={"[id]": ["[1]", "[/2]"]}), found(task, names=names))
    out = capsys.readouterr().out
    assert "[bold]a" in out
    assert "[/]b" in out
    assert "[red]note" in out
    assert "[/2]" in out


@pytest.mark.parametrize("task", ["classification", "regression", "multilabel"])
def test_rows_unlike_training_have_the_reason_beside_them(task, capsys):
    marks = ["age 130, above 80", ""]
    many = np.zeros((2, 8)) if task == "regression" else ONE
    names = [*"abcdefgh"] if task == "regression" else ["no", "yes"]
    out = found(task, (many, many), names, marks)
    assert columns_of(given(unlike=marks), out)["unlike"] == marks
    show(given(unlike=marks, keys={"id": ["7", "8"]}), out)
    assert "unlike" in capsys.readouterr().out
    if task != "classification":
        assert "unlike" not in columns_of(given(), out)  # arrays are not looked at
