"""What is measured; the figures themselves are of `tests/test_benchmark.py`."""

import pytest

from experiments.speed import limit, training


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(limit, "NUM_EXAMPLES", 600)
    monkeypatch.setattr(limit, "SIDE", 64)


def test_each_safeguard_is_compared_with_training_without(monkeypatch):
    asked = []
    monkeypatch.setattr(training.jaxmlp, "train", lambda *_, **options: asked.append(options))
    seconds = iter([2.0, 3.0, 4.0, 5.0] * 3)
    monkeypatch.setattr(limit, "seconds_of", lambda way: next(seconds))
    assert training.durability((20, 8, 3), 3) == {
        "checking for NaN": 1.5,
        "digest of the parameters each epoch": 2,
        "checkpoint each epoch": 2.5,
    }
    faults, callbacks = ([options[name] for options in asked] for name in ("on_fault", "callback"))
    assert faults == ["ignore", "raise", "ignore", "ignore"]  # each once, before it is timed
    assert [callback and callback.__name__ for callback in callbacks] == [
        *(None, None, "digest_of", "save"),
    ]


def test_epochs_are_medians_without_the_first(monkeypatch):
    seconds = iter([9.0, *(7.0, 7.0), *(2.0, 4.0) * 3])  # compiling, then after each epoch
    monkeypatch.setattr(limit, "seconds_of", lambda function: next(seconds))
    row = training.measure((20, 8, 3), 3)
    assert (row["compile_seconds"], row["products_seconds"]) == (9, 4)
    assert row["limit_gflops"] == limit.flops_per_second(2.0) / 1e9
    assert row["products_share_of_limit"] == pytest.approx(
        limit.flops((20, 8, 3)) / 4 / limit.flops_per_second(2.0)
    )
