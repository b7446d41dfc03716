import dataclasses

import numpy as np
import pytest
from run_files import save_npz

from experiments.app import material
from experiments.app.settings import Settings


@pytest.mark.parametrize("fraction", [0.0, 0.25])
def test_folds_are_of_the_whole_training_set_and_hold_out_of_their_own(fraction, blobs, tmp_path):
    dataset = save_npz(tmp_path / "blobs.npz", blobs).removeprefix("--dataset=")
    given = Settings(dataset=dataset, folds=4, validation_fraction=fraction)
    found = material.load(given, None)
    assert found.data is found.folds[0]
    assert sum(len(fold.test_labels) for fold in found.folds) == 50
    sizes = [[len(labels) for _, labels in fold.sets().values()] for fold in found.folds]
    assert [sum(each[:-1]) for each in sizes] == [37] * 4
    assert len(sizes[0]) == 2 + bool(fraction)
    assert material.load(Settings(dataset=dataset), None).folds == ()


def test_a_table_is_in_folds_where_they_are_asked_for(tmp_path):
    rows = [f"{row % 7}.5,{row % 2},{'ab'[row % 3 > 0]}" for row in range(60)]
    path = tmp_path / "a.csv"
    path.write_text("x,z,y\n" + "\n".join(rows) + "\n")
    given = Settings(dataset=str(path), target_column=["y"], validation_fraction=0.25)
    one = material.load(given, None)
    assert (one.folds, one.notice, len(one.preparations)) == ((), None, 1)
    sizes = [len(labels) for _, labels in one.data.sets().values()]
    assert sizes == [36, 12, 12]
    assert any("classification" in line for line in one.findings)
    several = material.load(dataclasses.replace(given, folds=3, validation_fraction=0.0), None)
    assert (len(several.folds), len(several.preparations)) == (3, 3)
    assert several.data is several.folds[0]
    assert sum(len(fold.test_labels) for fold in several.folds) == 60


def test_data_that_are_not_divided_hold_out_alone(blobs):
    found = material.divided(blobs, 0, 0.2)
    assert (len(found.data.train_labels), len(found.data.validation_labels)) == (40, 10)
    assert (found.folds, found.preparations) == ((), ())


def test_a_number_that_is_infinite_is_refused_unless_it_is_to_be_taken(tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"{'1e999' if row == 3 else row * 0.5},{'ab'[row % 2]}" for row in range(60)]
    path.write_text("x,y\n" + "\n".join(rows) + "\n")
    given = Settings(dataset=str(path), target_column=["y"])
    with pytest.raises(ValueError, match="expected finite float32 numbers, got inf of x in row 4"):
        material.load(given, None)
    found = material.load(dataclasses.replace(given, check_finite=False), None)
    inputs = np.concatenate([found.data.train_inputs, found.data.test_inputs])
    assert int((~np.isfinite(inputs)).sum()) == 1
