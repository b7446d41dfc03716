import numpy as np
import pytest

from experiments.speed import limit


def test_it_counts_the_products_of_an_epoch():
    # Forward, and backward to the kernels and, but for the first layer, to its inputs.
    assert limit.flops((2, 3, 5)) == 60_000 * 2 * (2 * 2 * 3 + 3 * 3 * 5)


def test_the_limit_is_what_products_of_squares_reach(monkeypatch):
    monkeypatch.setattr(limit, "SIDE", 10)
    assert limit.flops_per_second(2.0) == 4 * 2 * 10**3 / 2
    assert np.asarray(limit.square_product()()) == pytest.approx(np.full((10, 10), 0.1))


def test_the_data_are_pixels_and_classes(monkeypatch):
    monkeypatch.setattr(limit, "NUM_EXAMPLES", 40)
    data = limit.random_data((6, 4, 3))
    assert (data.train_inputs.shape, data.train_inputs.dtype) == ((40, 6), np.uint8)
    assert set(data.train_labels) == {0, 1, 2}


def test_own_products_wait_for_each_other_and_end_finite(monkeypatch):
    monkeypatch.setattr(limit, "NUM_EXAMPLES", 8)
    monkeypatch.setattr(limit, "BATCH", 4)
    # A link of about 0 is in the place of one 1 in each product: forward, gradient of the kernel
    # and, but for the first layer, of the inputs; for each of 2 batches.
    first, second = (2 - 1) + (4 - 1), (3 - 1) + (4 - 1) + (1 - 1)
    assert float(limit.own_products((2, 3, 1))()) == pytest.approx(2 * (first + second) * 1e-9)
