import base64

import numpy as np
from report_subjects import subject

from experiments.report import examples
from experiments.report.subject import Guesses


def guessed(labels, guesses, confidence):
    arrays = map(np.array, (labels, guesses, confidence))
    return Guesses(["a", "b", "c"], *arrays)


def test_mistakes_come_first_the_most_confident_of_them_first():
    found = guessed([0, 0, 1, 1], [0, 1, 0, 0], [0.9, 0.5, 0.8, 0.6])
    assert examples.chosen(found, 10).tolist() == [2, 3, 1, 0]


def test_each_cell_has_its_first_before_any_its_second():
    found = guessed([0, 0, 0, 1], [1, 1, 1, 2], [0.9, 0.8, 0.7, 0.4])
    assert examples.chosen(found, 2).tolist() == [0, 3]
    assert examples.chosen(found, 3).tolist() == [0, 1, 3]


def test_of_what_is_right_the_least_sure_are_shown():
    sure = np.linspace(0.5, 0.99, 20)
    found = guessed([0] * 20, [0] * 20, sure)
    assert examples.chosen(found, 100).tolist() == [0, 1, 2, 3, 4, 5]


def test_no_number_is_a_mistake():
    found = guessed([0, 0], [0, 0], [0.9, np.nan])
    assert examples.chosen(found, 1).tolist() == [1]


def test_pictures_lie_one_after_another(tmp_path):
    made = subject(tmp_path)
    found = examples.of(made)
    pixels = np.frombuffer(base64.b64decode(found["pixels"]), np.uint8).reshape(-1, 6)
    indices = [row["index"] for row in found["rows"]]
    np.testing.assert_array_equal(pixels, made.job.data.test_inputs[indices])
    assert sorted(indices) == [*range(8)]
    assert found["shape"] == [2, 3, 1]
    for row in found["rows"]:
        assert row["label"] == (row["index"] + 8) % 3
        assert row["guess"] == made.outputs[row["index"]].argmax()
        assert row["confidence"] == made.outputs[row["index"]].max()
    wrong = sum(row["label"] != row["guess"] for row in found["rows"])
    assert (found["num_wrong"], found["num_wrong_here"]) == (wrong, wrong)


def test_mistakes_that_there_is_no_room_for_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "MOST", 2)
    found = examples.of(subject(tmp_path))
    assert len(found["rows"]) == 2
    assert (found["num_wrong"], found["num_wrong_here"]) == (5, 2)


def test_a_file_is_read_in_its_order(tmp_path):
    class Reader(np.ndarray):
        def __getitem__(self, rows):
            assert (np.diff(rows) > 0).all()
            return np.asarray(self)[rows]

    made = subject(tmp_path)
    data = made.job.data
    read = data._replace(test_inputs=data.test_inputs.view(Reader))
    assert examples.of(made._replace(job=made.job._replace(data=read))) == examples.of(made)


def test_rows_that_are_no_pictures_show_their_values(tmp_path):
    found = examples.of(subject(tmp_path, image_shape=None))
    assert "pixels" not in found
    assert found["columns"] == [f"input {number}" for number in range(6)]
    first = found["rows"][0]["index"]
    shown = [float(text) for text in found["values"][0]]
    assert shown == subject(tmp_path).job.data.test_inputs[first].tolist()


def test_values_have_no_mistakes(tmp_path):
    assert examples.of(subject(tmp_path, "regression")) is None
