"""What a sweep leaves in files, on results made up for it."""

import csv
import hashlib

import numpy as np
import pytest
from run_tables import made_up

from experiments.app import sweep_report


def test_files_are_named_by_their_member_or_by_its_digest_where_that_is_too_long():
    texts = [f"{'learning_rate=0.1,' * 30}seed={seed}" for seed in range(3)]
    names = [sweep_report.file_name(text) for text in texts]
    assert len(set(names)) == 3
    assert {len(name) for name in names} == {200}
    for text, name in zip(texts, names, strict=True):
        assert name == f"{text[:183]}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    assert sweep_report.file_name(texts[0][:200]) == texts[0][:200]


def test_the_table_in_a_file_has_mean_epochs_and_all_digits(tmp_path):
    accuracies, epochs = [[0.1, 0.3], [0.9, 0.75]], [[1, 4], [2, 2]]
    runs, rows = made_up(accuracies, epochs, learning_rate=(0.1, 0.2))
    path = tmp_path / "table.csv"
    sweep_report.write_table(path, "test_accuracy", runs, rows, [0.25, np.nan])
    with path.open() as file:
        first, second = csv.DictReader(file)
    assert (first["learning_rate"], first["epochs"], first["num_seeds"]) == ("0.1", "2.5", "2")
    assert (second["learning_rate"], second["epochs"]) == ("0.2", "2")
    assert float(second["mean"]) == pytest.approx(0.825)
    assert (first["p_against_best"], second["p_against_best"]) == ("0.25", "nan")
    assert [item.name for item in tmp_path.iterdir()] == ["table.csv"]
