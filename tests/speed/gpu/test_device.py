import itertools

import numpy as np
import pytest

from experiments.speed.gpu import device
from experiments.speed.gpu.cases import SMALL


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_products_are_of_what_the_precision_says(precision):
    made = device.products(precision, 16)()
    assert str(made.dtype) == precision
    np.testing.assert_array_equal(np.asarray(made, np.float32), 1 / 16)


def test_passes_go_over_all_numbers_and_steps_are_many():
    expected = 1.0
    for _ in range(8):
        expected = expected * 0.999 + 1
    np.testing.assert_allclose(device.passes(10)(), expected, rtol=1e-6)
    value = 0.0
    for i in range(1000):
        value = value * 0.999 + i
    assert float(device.empty_steps()()) == pytest.approx(value, rel=1e-5)


def test_limits_are_what_was_done_by_how_long_it_took(monkeypatch):
    seconds = itertools.cycle([2.0, 4.0, 8.0, 16.0])  # two precisions, memory, steps
    monkeypatch.setattr(device, "median", lambda function: next(seconds))
    found = device.limits(SMALL)
    assert found["flops"] == {"float32": 2 * 64**3 * 8 / 2, "bfloat16": 2 * 64**3 * 8 / 4}
    assert found["bandwidth"] == 8 * 2**16 * 8 / 8
    assert found["step_seconds"] == 16 / 1000


def test_the_median_is_of_some_calls(monkeypatch):
    seconds = iter([5.0, 1.0, 3.0, 9.0, 2.0])
    monkeypatch.setattr(device, "seconds_of", lambda function: next(seconds))
    assert device.median(lambda: None) == 3


def test_what_a_device_cannot_multiply_has_no_limit(monkeypatch):
    def refuse(precision, side):
        if precision == "bfloat16":
            raise RuntimeError("unsupported algorithm")
        return lambda: None

    monkeypatch.setattr(device, "products", refuse)
    assert set(device.limits(SMALL)["flops"]) == {"float32"}
