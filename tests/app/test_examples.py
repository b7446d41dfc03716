"""What networks are asked about, read without any network."""

import re

import numpy as np
import pytest
from PIL import Image

from experiments.app import examples, tables
from experiments.app.voters import Voter, Voters
from experiments.data.tables import loading

HEADER = "id,age,town,code,bought\n"


def table(path, ages, missing=()):
    towns, lines = ("Bonn", "Ulm"), []
    for row, age in enumerate(ages):
        text = "" if row in missing else age
        lines.append(f"{100 + row},{text},{towns[row % 2]},{7 * row + 3},{['no', 'yes'][row % 2]}")
    path.write_text(HEADER + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def loaded(tmp_path):
    ages = [20.5 + (7 * row) % 40 for row in range(40)]
    path = table(tmp_path / "train.csv", ages)
    return loading.load(path, loading.Options(("bought",), ignore=("code",), folds=2))


def asked(loaded, *folds, **more):
    config = {"table": {"target": ["bought"]}, "task": loaded.task, **more}
    voters = [Voter(f"fold={fold}", None, None, fold) for fold in folds]
    return Voters(config, voters, [], loaded.preparations)


def test_rows_of_a_table_are_prepared_as_each_fold_was(loaded, tmp_path):
    path = table(tmp_path / "new.csv", [30.5, 99, 40.5], missing=[2])
    found = examples.read([str(path)], asked(loaded, 0, 1))
    assert (found.names, found.called) == (["1", "2", "3"], "row")
    assert {**found.keys} == {"id": ["100", "101", "102"]}  # and no column that was left out
    assert found.labels.tolist() == [0, 1, 0]
    assert [*found.unlike] == ["", "age 99, above 59.5", "age missing"]
    assert any("missing in 1 row, as never in training" in note for note in found.notes)
    assert len(found.notes) == len({*found.notes})
    assert [*found.folds] == [0, 1]
    for fold in (0, 1):
        expected = loading.prepare_rows(path, loaded.preparations[fold]).inputs
        np.testing.assert_array_equal(found.folds[fold], expected)
    assert (found.folds[0] != found.folds[1]).any()
    np.testing.assert_array_equal(found.inputs, found.folds[0])


def test_one_fold_alone_is_asked_by_its_own(loaded, tmp_path):
    path = table(tmp_path / "new.csv", [30.5, 40.5])
    found = examples.read([str(path)], asked(loaded, 1))
    assert [*found.folds] == [1]
    np.testing.assert_array_equal(found.inputs, found.folds[1])
    path.write_text("town,age\nUlm,30\n")
    found = examples.read([str(path)], asked(loaded, 1))
    assert (found.keys, found.labels, found.names) == ({}, None, ["1"])


def test_a_row_is_unlike_those_of_the_folds_that_answer(loaded, tmp_path):
    path = table(tmp_path / "new.csv", [30.5, 40.5])
    loaded.preparations[0]["columns"][0]["high"] = 39.5
    marks = [
        examples.read([str(path)], asked(loaded, *folds)).unlike for folds in ([0], [1], [0, 1])
    ]
    assert marks == [["", "age 40.5, above 39.5"], ["", ""], ["", ""]]


def test_a_table_is_asked_alone(loaded):
    said = "a network of a table takes one such table, got "
    for paths in (["a.csv", "b.csv"], ["a.npz"]):
        with pytest.raises(ValueError, match=re.escape(said + " ".join(paths))):
            examples.read(paths, asked(loaded, 0))


def test_as_many_inputs_as_are_shown_are_kept():
    assert examples.first(np.zeros((3, 2))).shape == (3, 2)
    assert examples.first(np.zeros((500, 2))).shape == (100, 2)


@pytest.mark.parametrize(
    ("task", "outputs", "labels", "expected"),
    [
        ("classification", 3, [0, 2], [0, 2]),
        ("classification", 3, [0.0, 2.0], [0, 2]),
        ("binary", 1, [0, 1], [0, 1]),
        ("multilabel", 2, [[0, 1], [1, 1]], [[0, 1], [1, 1]]),
        ("regression", 1, [0.5, 7], [[0.5], [7]]),
    ],
)
def test_a_file_of_arrays_has_its_labels(task, outputs, labels, expected, tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros((2, 4), np.float32), y=np.array(labels))
    found = examples.read_file(path, {"sizes": [4, outputs], "task": task})
    assert found.names == ["a.npz 0", "a.npz 1"]
    assert found.labels.tolist() == expected
    assert (found.called, [*found.unlike]) == ("name", [])


@pytest.mark.parametrize(
    ("task", "outputs", "labels", "said"),
    [
        ("classification", 3, [0, 3], "expected labels from 0 to 2, .*, got 3 in row 1"),
        ("binary", 1, [2, 0], "expected labels from 0 to 1, .*, got 2 in row 0"),
        ("multilabel", 2, [0, 1], r"expected whole numbers \(2, 2\) as labels, got int64 \(2,\)"),
        ("regression", 2, [0.5, 1], r"expected labels \(2, 2\) of numbers, got float64 \(2,\)"),
    ],
)
def test_other_labels_are_refused_in_one_line(task, outputs, labels, said, tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros((2, 4), np.float32), y=np.array(labels))
    with pytest.raises(ValueError, match=f"a.npz: {said}$|a.npz: {said}"):
        examples.read_file(path, {"sizes": [4, outputs], "task": task})


def test_what_identifies_rows_goes_by_the_reason_that_is_written(loaded):
    """Folders keep this text: another would have later programs find no such column."""
    ignored = loaded.preparations[0]["ignored"]
    assert ignored == [
        {"name": "id", "why": "identifies rows"},
        {"name": "code", "why": "as asked"},
    ]
    assert tables.PREPARATION == "preparation.json"


def picture(path):
    Image.fromarray(np.uint8([[0, 102], [51, 255]])).save(path)
    return [str(path)]


def of_pictures(**more):
    config = {"task": "classification", "image_shape": [2, 2], "image_size": None, "sizes": [4, 2]}
    return Voters({**config, **more}, [], [], [])


def test_pictures_are_as_bright_as_those_of_the_training(tmp_path):
    paths = picture(tmp_path / "a.png")
    for more, white in (({}, 1), ({"white": 255.0}, 255)):
        found = examples.read(paths, of_pictures(**more))
        np.testing.assert_allclose(found.inputs, np.float32([[0, 0.4, 0.2, 1]]) * white, rtol=1e-6)
        assert found.inputs.dtype == np.float32
        np.testing.assert_array_equal(found.pictures[0].rows, found.inputs)


def test_a_network_of_pixels_below_0_takes_no_picture(tmp_path):
    with pytest.raises(ValueError, match="pixels below 0, which .* expected one .npz .* got .*png"):
        examples.read(picture(tmp_path / "a.png"), of_pictures(white=None))
