import numpy as np
from report_subjects import subject

from experiments.report import values


def test_each_answer_is_beside_its_true_value(tmp_path):
    outputs = np.arange(8.0)[:, None]
    (found,) = values.of(subject(tmp_path, "regression")._replace(outputs=outputs))["values"]
    assert found["labels"] == [8, 9, 10, 11, 12, 13, 14, 15]
    assert found["answers"] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert found["rows"] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert found["error"] == 8
    assert found["name"] == "value"


def test_some_of_many_are_shown_and_the_error_is_of_all(tmp_path, monkeypatch):
    monkeypatch.setattr(values, "POINTS", 3)
    outputs = np.arange(8.0)[:, None]
    found = values.of(subject(tmp_path, "regression")._replace(outputs=outputs))
    assert found["values"][0]["rows"] == [0, 3, 7]
    assert found["values"][0]["error"] == 8
    assert found["num_examples"] == 8


def test_a_table_s_targets_have_their_names(tmp_path):
    made = subject(tmp_path, "regression")
    config = made.job.config | {"table": {"target": ["price"]}}
    made = made._replace(job=made.job._replace(config=config))
    assert values.of(made)["values"][0]["name"] == "price"


def test_classes_are_no_values(tmp_path):
    assert values.of(subject(tmp_path)) is None
