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
