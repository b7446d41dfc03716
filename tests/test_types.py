import numpy as np

from jaxmlp import Dataset

INPUTS, LABELS = np.zeros((4, 2), np.float32), np.arange(4)


def test_a_data_set_has_a_training_set_and_a_test_set_where_there_is_one():
    data = Dataset(INPUTS, LABELS, INPUTS[:1], LABELS[:1])
    assert list(data.sets()) == ["train", "test"]
    assert data.sets()["train"][0] is INPUTS
    assert data.sets()["train"][1] is LABELS
    assert data.sets()["test"][0] is data.test_inputs
    assert data.sets()["test"][1] is data.test_labels
    assert list(Dataset(INPUTS, LABELS).sets()) == ["train"]
