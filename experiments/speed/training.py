"""How fast networks train, alone and in populations, and what each safeguard costs."""

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import optax

import jaxmlp
from experiments.speed import limit
from jaxmlp.populations.many import Report
from jaxmlp.storage.checkpoint import Checkpoints

WARM_UP, MEASURED = 2.0, 6.0  # seconds of a population's training
EPOCHS = 5  # of the runs that compare safeguards


def measure(sizes: Sequence[int], repeats: int) -> dict[str, Any]:
    """Trains one network on random pixels, and between epochs multiplies matrices alone."""
    data = limit.random_data(sizes)
    recipe = jaxmlp.Recipe(
        jaxmlp.mlp(sizes),
        jaxmlp.classification(sizes[-1]),
        optax.adam,
        {"learning_rate": 1e-3},
        limit.BATCH,
        repeats + 1,
    )
    compile_seconds = limit.seconds_of(lambda: jaxmlp.warm_up(recipe, data))
    square, alone = limit.square_product(), limit.own_products(sizes)
    times: dict[str, list[float]] = {"epoch": [], "square": [], "products": []}
    started = time.perf_counter()

    def between_epochs(*_: object) -> None:
        nonlocal started
        times["epoch"].append(time.perf_counter() - started)
        times["square"].append(limit.seconds_of(square))
        times["products"].append(limit.seconds_of(alone))
        started = time.perf_counter()

    jaxmlp.train(recipe, data, seed=0, callback=between_epochs)
    epoch, square_time, products = (statistics.median(values[1:]) for values in times.values())
    most = limit.flops_per_second(square_time)
    work = limit.flops(sizes)
    return {
        "sizes": list(sizes),
        "batch_size": limit.BATCH,
        "limit_gflops": most / 1e9,
        "compile_seconds": compile_seconds,
        "epoch_seconds": epoch,
        "share_of_limit": work / epoch / most,
        "products_seconds": products,
        "products_share_of_limit": work / products / most,
    }


def durability(sizes: Sequence[int], repeats: int) -> dict[str, float]:
    """How much longer training takes with each safeguard, as medians of ratios taken in turns."""
    data = limit.random_data(sizes)
    model, task = jaxmlp.mlp(sizes), jaxmlp.classification(sizes[-1])
    recipe = jaxmlp.Recipe(model, task, optax.adam, {"learning_rate": 1e-3}, limit.BATCH, EPOCHS)

    def train(callback: Callable[..., Any] | None = None, on_fault: str = "ignore") -> None:
        jaxmlp.train(recipe, data, 0, callback=callback, on_fault=on_fault)

    def digest_of(progress: jaxmlp.Progress) -> None:
        jaxmlp.digest(progress.state.params)

    def save(progress: jaxmlp.Progress) -> None:
        tree = {"state": progress.state, "totals": progress.totals}
        checkpoints.save(next(numbers), tree, progress.history)

    numbers = itertools.count()
    ways: dict[str, Callable[[], Any]] = {
        "without": train,
        "checking for NaN": lambda: train(on_fault="raise"),
        "digest of the parameters each epoch": lambda: train(digest_of),
        "checkpoint each epoch": lambda: train(save),
    }
    with tempfile.TemporaryDirectory() as folder, Checkpoints(folder) as checkpoints:
        for way in ways.values():
            way()
        rounds = [
            {name: limit.seconds_of(way) for name, way in ways.items()} for _ in range(repeats)
        ]
    return {
        name: statistics.median(seconds[name] / seconds["without"] for seconds in rounds)
        for name in ways
        if name != "without"
    }


def population(sizes: Sequence[int], mode: str, shuffle: str, members: int) -> dict[str, Any]:
    """Trains networks on random pixels for some seconds, multiplying matrices alone in between."""
    model, task = jaxmlp.mlp(sizes), jaxmlp.classification(sizes[-1])
    recipe = jaxmlp.Recipe(model, task, optax.adam, {"learning_rate": 1e-3}, limit.BATCH, 1000)
    square = limit.square_product()
    done: list[float] = []  # network-epochs, since the warm-up
    busy: list[float] = []  # seconds, each block's
    squares: list[float] = []
    started = now = 0.0

    def on_block(report: Report) -> bool:
        nonlocal started, now
        started = started or time.perf_counter()
        if time.perf_counter() - started > WARM_UP:
            busy.append(time.perf_counter() - now)
            done.append(members * (report.epoch + report.share))
            squares.append(limit.seconds_of(square))
        now = time.perf_counter()
        return sum(busy[1:]) > MEASURED

    arguments = (recipe, limit.random_data(sizes), range(members))
    jaxmlp.train_many(*arguments, mode=mode, shuffle=shuffle, on_block=on_block)
    rate = (done[-1] - done[0]) / sum(busy[1:])
    most = limit.flops_per_second(statistics.median(squares))
    return {
        "sizes": list(sizes),
        "members": members,
        "mode": mode,
        "shuffle": shuffle,
        "network_epochs_per_second": rate,
        "share_of_limit": rate * limit.flops(sizes) / most,
    }
