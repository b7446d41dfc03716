import itertools

import jax
import pytest

import jaxmlp
from experiments.speed import limit
from experiments.speed.gpu import training
from experiments.speed.gpu.cases import SMALL, Case

LIMITS = {"flops": {"float32": 1e9, "bfloat16": 4e9}, "bandwidth": 1e8}


def test_a_population_has_its_speed_and_its_shares(monkeypatch):
    memory = iter([{"now": 100, "peak": 500}, {"now": 200, "peak": 900}])
    monkeypatch.setattr(training, "memory", lambda: next(memory))
    asked = []
    for name in ("plan_many", "train_many"):
        function = getattr(jaxmlp, name)

        def noted(recipe, data, seeds, function=function, **options):
            asked.append((recipe, len(data.train_inputs), list(seeds), options["mode"]))
            return function(recipe, data, seeds, **options)

        monkeypatch.setattr(jaxmlp, name, noted)
    case = Case((20, 8, 3), "bfloat16", 3)
    row = training.population(case, SMALL, LIMITS)
    assert {name: row[name] for name in case._fields} == case._asdict()
    speed = row["network_epochs_per_second"]
    assert speed > 0
    assert row["share_of_flops"] == pytest.approx(speed * limit.flops(case.sizes, 600) / 4e9)
    moved = (32 * (21 * 8 + 27) + 13 * 256 * 20) * 600 / 256
    assert row["share_of_bandwidth"] == pytest.approx(speed * moved / 1e8)
    assert row["used_bytes"] == 800
    assert row["planned_bytes"] > 0
    assert row["chunk"] == 3
    assert min(row["compile_seconds"], row["begin_seconds"]) > 0
    for recipe, *rest in asked:
        assert recipe.model == jaxmlp.with_precision(jaxmlp.mlp((20, 8, 3)), "bfloat16")
        assert rest == [600, [0, 1, 2], "fast"]
    assert len(asked) == 2


def test_speed_is_what_was_done_after_the_warm_up(monkeypatch):
    clock = itertools.count(0.0, 0.04)
    monkeypatch.setattr(training.time, "perf_counter", lambda: next(clock))
    stopped = []

    def train_many(recipe, data, seeds, mode, on_block):
        for block in range(100):
            report = training.Report(block, 0.5, 2, {}, None, {}, None)
            if on_block(report):
                stopped.append(block)
                return

    monkeypatch.setattr(jaxmlp, "train_many", train_many)
    row = training.population(Case((20, 8, 3), "float32", 2), SMALL, LIMITS)
    # Blocks at 0.08 and on, each 0.04 later; counted from 0.05 s on after the first, for 0.1 s.
    assert stopped == [5]
    assert row["network_epochs_per_second"] == pytest.approx(2 * 3 / 0.12)
    assert row["used_bytes"] is None  # a CPU does not tell


def test_memory_is_what_the_device_tells(monkeypatch):
    class Device:
        def memory_stats(self):
            return {"bytes_in_use": 5, "peak_bytes_in_use": 9}

    monkeypatch.setattr(jax, "devices", lambda: [Device()])
    assert training.memory() == {"now": 5, "peak": 9}


def test_epochs_alone_are_a_median_without_the_first(monkeypatch):
    moments = iter([0.0, 5.0, 6.0, 9.0])
    monkeypatch.setattr(limit, "seconds_of", lambda function: 7.0)
    monkeypatch.setattr(training.time, "perf_counter", lambda: next(moments))

    def train(recipe, data, seed, callback):
        assert (recipe.num_epochs, len(data.train_inputs), seed) == (3, 600, 0)
        for _ in range(3):
            callback(None)

    monkeypatch.setattr(jaxmlp, "train", train)
    assert training.alone(SMALL) == {"compile_seconds": 7.0, "epoch_seconds": 2.0}


def test_the_time_to_an_accuracy_ends_there_or_is_none(digits, monkeypatch):
    digits = digits._replace(num_classes=10)
    found = training.until(0.5, digits)
    assert found["seconds"] > 0
    assert found["accuracies"][-1] >= 0.5
    assert all(each < 0.5 for each in found["accuracies"][:-1])
    monkeypatch.setattr(training, "LONGEST", 2)
    found = training.until(1.0, digits)
    assert (found["seconds"], len(found["accuracies"]), found["target"]) == (None, 2, 1.0)
