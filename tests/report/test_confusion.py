import numpy as np
from report_subjects import subject

from experiments.report import confusion


def test_counts_are_by_label_and_then_by_guess(tmp_path):
    outputs = np.eye(3)[[2, 1, 0, 0, 0, 2, 0, 0]]
    found = confusion.of(subject(tmp_path)._replace(outputs=outputs))  # labels 2 0 1 2 0 1 2 0
    assert found["counts"] == [[2, 1, 0], [1, 0, 1], [2, 0, 1]]
    assert found["pairs"][0] == {"label": 2, "guess": 0, "count": 2}
    assert [pair["count"] for pair in found["pairs"]] == [2, 1, 1, 1]
    assert (found["num_right"], found["num_examples"]) == (3, 8)
    shades = np.array(found["shades"])
    assert shades[0, 0] == 9
    assert 0 < shades[0, 1] < 9
    assert shades[1, 1] == 0


def test_classes_have_their_names(tmp_path):
    names = ("<script>", "b", "c")
    assert confusion.of(subject(tmp_path, class_names=names))["classes"] == [*names]
    assert confusion.of(subject(tmp_path))["classes"] == ["0", "1", "2"]


def test_one_answer_of_yes_is_confused_with_no(tmp_path):
    yes = np.array([[0.9], [0.2], [0.8], [0.7], [0.1], [0.6], [0.3], [0.4]])
    found = confusion.of(subject(tmp_path, "binary")._replace(outputs=yes))  # labels 0 1 0 1 ...
    assert found["counts"] == [[2, 2], [2, 2]]


def test_rows_of_probabilities_are_of_their_likeliest_class(tmp_path):
    labels = np.float32([[0.2, 0.8, 0]] * 8)
    made = subject(tmp_path)
    soft = made._replace(job=made.job._replace(data=made.job.data._replace(test_labels=labels)))
    assert np.sum(confusion.of(soft)["counts"], axis=1).tolist() == [0, 8, 0]


def test_values_and_several_answers_have_no_matrix_of_classes(tmp_path):
    assert confusion.of(subject(tmp_path, "regression")) is None
    several = subject(tmp_path, "multilabel")
    assert confusion.of(several) is None
    assert confusion.of_questions(subject(tmp_path, "binary")) is None
    assert confusion.of_questions(subject(tmp_path)) is None
    labels = several.job.data.test_labels
    found = confusion.of_questions(several._replace(outputs=np.full((8, 2), 0.75)))
    assert [row["name"] for row in found["rows"]] == ["0", "1"]
    for column, row in enumerate(found["rows"]):
        yes = int(labels[:, column].sum())
        assert row["counts"] == [yes, 0, 8 - yes, 0]
    found = confusion.of_questions(several._replace(outputs=np.full((8, 2), 0.25)))
    assert found["rows"][0]["counts"][1::2] == [
        int(labels[:, 0].sum()),
        8 - int(labels[:, 0].sum()),
    ]


def test_many_classes_have_their_worst_pairs_alone(tmp_path):
    outputs = np.eye(65)[[0] * 8]
    found = confusion.of(subject(tmp_path)._replace(outputs=outputs))
    assert found["counts"] is None
    assert found["pairs"][0] == {"label": 2, "guess": 0, "count": 3}
