import pytest

from experiments.speed.gpu.expectation import H100, epoch_bytes, rate, seconds_of_step, step_bytes

WIDE = (784, 256, 10)
NUMBER = 784 * 256 + 256 + 2560 + 10  # of parameters


def test_a_step_moves_the_state_and_the_examples():
    assert step_bytes(WIDE) == 32 * NUMBER + 13 * 256 * 784 == 9_122_112
    assert epoch_bytes(WIDE, 512) == 2 * 9_122_112


def test_launches_are_for_all_and_work_is_for_each():
    flop = 2 * 256 * (2 * 784 * 256 + 3 * 2560)
    one = flop / (0.6 * 67e12) + 9_122_112 / (0.8 * 3.35e12)
    assert seconds_of_step(H100, WIDE, "float32", 1) == pytest.approx(90e-6 + one)
    assert seconds_of_step(H100, WIDE, "float32", 100) == pytest.approx(90e-6 + 100 * one)
    assert rate(H100, WIDE, "float32", 10**9) == pytest.approx(1 / (235 * one), rel=1e-3)


def test_faster_products_help_until_it_is_the_bytes():
    found = [rate(H100, WIDE, name, 4096) for name in ("float32", "tf32", "bfloat16")]
    assert [round(each) for each in found] == [493, 1030, 1126]
    assert rate(H100, (784, 32, 10), "float32", 4096) > found[0]
