"""How fast networks train on a device, alone and in populations, and what memory they take."""

import statistics
import time
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import optax

import jaxmlp
from experiments.speed import limit
from experiments.speed.gpu.cases import Case, Scale
from experiments.speed.gpu.expectation import epoch_bytes
from jaxmlp.populations.many import Report
from jaxmlp.types import Dataset, Progress

LONGEST = 30  # epochs that an accuracy is waited for


def recipe_of(sizes: tuple[int, ...], precision: str, num_epochs: int) -> jaxmlp.Recipe:
    """A network and how it is trained."""
    model = jaxmlp.with_precision(jaxmlp.mlp(sizes), precision)
    task, rate = jaxmlp.classification(sizes[-1]), {"learning_rate": 1e-3}
    return jaxmlp.Recipe(model, task, optax.adam, rate, limit.BATCH, num_epochs)


def random_data(sizes: tuple[int, ...], num_examples: int) -> Dataset:
    """Random pixels, which cost what any others do."""
    rng = np.random.default_rng(0)
    inputs = rng.integers(0, 256, (num_examples, sizes[0]), np.uint8)
    labels = rng.integers(0, sizes[-1], num_examples, np.int32)
    return Dataset(inputs, labels, num_classes=sizes[-1])


def alone(scale: Scale) -> dict[str, Any]:
    """Epochs of one network: `jaxmlp.train`."""
    sizes = scale.networks[0]
    recipe = recipe_of(sizes, "float32", scale.epochs + 1)
    data = random_data(sizes, scale.num_examples)
    compiling = limit.seconds_of(lambda: jaxmlp.warm_up(recipe, data))
    times = [time.perf_counter()]
    jaxmlp.train(recipe, data, 0, callback=lambda _: times.append(time.perf_counter()))
    seconds = np.diff(times)[1:]
    return {"compile_seconds": compiling, "epoch_seconds": statistics.median(seconds.tolist())}


def population(case: Case, scale: Scale, limits: Mapping[str, Any]) -> dict[str, Any]:
    """Trains a population side by side for some seconds.

    Args:
      case: which one.
      scale: how many examples, and how long.
      limits: from `device.limits`.

    Returns:
      The case; networks times epochs a second, with shares of the limits; seconds to compile and
      to begin; members at a time; and bytes on the device: planned, and used, None where an earlier
      case took more, for a process only knows the most that it ever had.
    """
    recipe = recipe_of(case.sizes, case.precision, 100_000)
    data, seeds = random_data(case.sizes, scale.num_examples), range(case.members)
    started = time.perf_counter()
    before = memory()
    plan = jaxmlp.plan_many(recipe, data, seeds, mode="fast")
    compiled = time.perf_counter()
    done: list[float] = []  # network-epochs, after each block
    times: list[float] = []

    def on_block(report: Report) -> bool:
        times.append(time.perf_counter())
        done.append(case.members * (report.epoch + report.share))
        counted = [each for each in times if each - times[0] >= scale.warm_up]
        return len(counted) > 1 and counted[-1] - counted[0] >= scale.measured

    jaxmlp.train_many(recipe, data, seeds, mode="fast", on_block=on_block)
    first = next(i for i, each in enumerate(times) if each - times[0] >= scale.warm_up)
    speed = (done[-1] - done[first]) / (times[-1] - times[first])
    after = memory()
    is_known = after["peak"] > before["peak"]
    return {
        **case._asdict(),
        "network_epochs_per_second": speed,
        "share_of_flops": speed
        * limit.flops(case.sizes, scale.num_examples)
        / limits["flops"][case.precision],
        "share_of_bandwidth": speed
        * epoch_bytes(case.sizes, scale.num_examples)
        / limits["bandwidth"],
        "compile_seconds": compiled - started,
        "begin_seconds": times[0] - compiled,
        "chunk": plan.chunk,
        "planned_bytes": plan.device_bytes,
        "used_bytes": after["peak"] - before["now"] if is_known else None,
    }


def memory() -> dict[str, int]:
    """Bytes of the device: now, and the most since the process began; 0 where it does not tell."""
    stats = jax.devices()[0].memory_stats() or {}
    return {"now": stats.get("bytes_in_use", 0), "peak": stats.get("peak_bytes_in_use", 0)}


def until(target: float, data: Dataset) -> dict[str, Any]:
    """Trains a network until it has an accuracy on the test set.

    Returns:
      Seconds of training up to then, None if it did not get there, seconds to compile before that,
      and each epoch's accuracy.
    """
    sizes = (data.train_inputs.shape[1], 256, data.num_classes)
    recipe = recipe_of(sizes, "float32", LONGEST)
    compiling = limit.seconds_of(lambda: jaxmlp.warm_up(recipe, data))
    accuracies: list[float] = []

    def is_there(progress: Progress) -> bool:
        accuracies.append(float(progress.history[-1]["test_accuracy"]))
        return accuracies[-1] >= target

    seconds = limit.seconds_of(lambda: jaxmlp.train(recipe, data, 0, callback=is_there))
    is_reached = accuracies[-1] >= target
    return {
        "data": data.name,
        "target": target,
        "seconds": seconds if is_reached else None,
        "compile_seconds": compiling,
        "accuracies": accuracies,
    }
