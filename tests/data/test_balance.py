import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from experiments.data import balance

LABELS = np.repeat([0, 1, 2], [6, 3, 1])


@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None] * 1.0, np.eye(3)[LABELS]])
def test_weights_are_scikit_learns(labels):
    expected = compute_class_weight("balanced", classes=np.arange(3), y=LABELS)
    assert balance.weights(labels, 3) == pytest.approx(expected.tolist(), rel=1e-15)
    assert balance.weights(labels, 3) == pytest.approx([10 / 18, 10 / 9, 10 / 3])


def test_a_class_without_an_example_weighs_nothing_and_is_not_counted():
    assert balance.weights(np.array([0, 0, 0, 2]), 3) == pytest.approx([4 / 6, 0, 2])


def test_no_and_yes_are_two_classes_though_their_number_is_not_known():
    assert balance.weights(np.array([0, 0, 0]), 0) == [1, 0]
