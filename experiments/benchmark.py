"""Measures this machine's matrix-product limit, and how much of it training reaches.

    python -m experiments.benchmark

Everything is measured in one process, in turns, and given as medians: shares of the limit can be
compared from one machine to another, seconds cannot. Takes about seven minutes on two cores, two of
them with --nopopulation.
"""

import importlib
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from absl import app, flags, logging

from experiments.app import command_line, screen
from experiments.folder import files, workdir

FLAGS = flags.FLAGS
command_line.define_whole("repeats", 15, "Epochs timed for each network.", low=3, high=10_000)
flags.DEFINE_bool("population", True, "Measure populations of networks too.")
command_line.define_path("json", None, "File for the figures.")

NETWORKS = ((784, 256, 10), (784, 32, 10))
NUM_EXAMPLES, BATCH = 60_000, 256
MEMBERS = (1, 8, 64, 512)  # of a population
WAYS = (("exact", "own"), ("fast", "own"), ("fast", "shared"))  # its mode, and its data orders
WARM_UP, MEASURED = 2.0, 6.0  # seconds of a population's training
EPOCHS = 5  # of the runs that compare safeguards
SIDE = 2048  # of the square matrices whose product sets the limit


def main(argv: list[str]) -> None:
    """Measures and prints."""
    try:
        command_line.refuse_arguments(argv)
        if FLAGS.json:
            command_line.refuse_unwritable(workdir.user_path(FLAGS.json), "--json")
        seconds = import_seconds(["jax", "optax", "flax", "jaxmlp"])
        from experiments.app import environment

        environment.use_devices()
        environment.use_threads(None)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {screen.one_line(error)}")
    figures: dict[str, Any] = {"import_seconds": seconds}
    figures["environment"] = environment.describe()
    figures["networks"] = [measure(sizes, FLAGS.repeats) for sizes in NETWORKS]
    figures["durability"] = durability(FLAGS.repeats)
    cases = itertools.product(NETWORKS, WAYS, MEMBERS) if FLAGS.population else ()
    figures["population"] = [population(sizes, *way, count) for sizes, way, count in cases]
    show(figures)
    if FLAGS.json:
        files.write_json(workdir.user_path(FLAGS.json), figures)


def import_seconds(names: Sequence[str]) -> dict[str, float]:
    """How long each package takes to import after those before it."""
    seconds = {}
    for name in names:
        started = time.perf_counter()
        importlib.import_module(name)
        seconds[name] = time.perf_counter() - started
    return seconds


def measure(sizes: Sequence[int], repeats: int) -> dict[str, Any]:
    """Trains one network on random pixels, and between epochs multiplies matrices alone."""
    import optax

    import jaxmlp

    data = random_data(sizes)
    recipe = jaxmlp.Recipe(
        jaxmlp.mlp(sizes),
        jaxmlp.classification(sizes[-1]),
        optax.adam,
        {"learning_rate": 1e-3},
        BATCH,
        repeats + 1,
    )
    compile_seconds = seconds_of(lambda: jaxmlp.warm_up(recipe, data))
    square, alone = square_product(), own_products(sizes)
    times: dict[str, list[float]] = {"epoch": [], "square": [], "products": []}
    started = time.perf_counter()

    def between_epochs(*_: object) -> None:
        nonlocal started
        times["epoch"].append(time.perf_counter() - started)
        times["square"].append(seconds_of(square))
        times["products"].append(seconds_of(alone))
        started = time.perf_counter()

    jaxmlp.train(recipe, data, seed=0, callback=between_epochs)
    epoch, square_time, products = (statistics.median(values[1:]) for values in times.values())
    limit = 2 * SIDE**3 * SQUARES / square_time
    work = flops(sizes)
    return {
        "sizes": list(sizes),
        "batch_size": BATCH,
        "limit_gflops": limit / 1e9,
        "compile_seconds": compile_seconds,
        "epoch_seconds": epoch,
        "share_of_limit": work / epoch / limit,
        "products_seconds": products,
        "products_share_of_limit": work / products / limit,
    }


def durability(repeats: int) -> dict[str, float]:
    """How much longer training takes with each safeguard, as medians of ratios taken in turns."""
    import tempfile

    import optax

    import jaxmlp
    from jaxmlp.storage.checkpoint import Checkpoints

    sizes = NETWORKS[0]
    data = random_data(sizes)
    model, task = jaxmlp.mlp(sizes), jaxmlp.classification(sizes[-1])
    recipe = jaxmlp.Recipe(model, task, optax.adam, {"learning_rate": 1e-3}, BATCH, EPOCHS)

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
        rounds = [{name: seconds_of(way) for name, way in ways.items()} for _ in range(repeats)]
    return {
        name: statistics.median(seconds[name] / seconds["without"] for seconds in rounds)
        for name in ways
        if name != "without"
    }


def population(sizes: Sequence[int], mode: str, shuffle: str, members: int) -> dict[str, Any]:
    """Trains networks on random pixels for some seconds, multiplying matrices alone in between."""
    import optax

    import jaxmlp
    from jaxmlp.populations.many import Report

    model, task = jaxmlp.mlp(sizes), jaxmlp.classification(sizes[-1])
    recipe = jaxmlp.Recipe(model, task, optax.adam, {"learning_rate": 1e-3}, BATCH, 1000)
    square = square_product()
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
            squares.append(seconds_of(square))
        now = time.perf_counter()
        return sum(busy[1:]) > MEASURED

    arguments = (recipe, random_data(sizes), range(members))
    jaxmlp.train_many(*arguments, mode=mode, shuffle=shuffle, on_block=on_block)
    rate = (done[-1] - done[0]) / sum(busy[1:])
    limit = 2 * SIDE**3 * SQUARES / statistics.median(squares)
    return {
        "sizes": list(sizes),
        "members": members,
        "mode": mode,
        "shuffle": shuffle,
        "network_epochs_per_second": rate,
        "share_of_limit": rate * flops(sizes) / limit,
    }


def random_data(sizes: Sequence[int]) -> Any:
    """As many examples as MNIST has, of random pixels."""
    import numpy as np

    import jaxmlp

    rng = np.random.default_rng(0)
    inputs = rng.integers(0, 256, (NUM_EXAMPLES, sizes[0]), np.uint8)
    return jaxmlp.Dataset(inputs, rng.integers(0, sizes[-1], NUM_EXAMPLES, np.int32))


def flops(sizes: Sequence[int]) -> int:
    """Floating-point operations of an epoch's matrix products.

    A layer has one product forward and two backward, but the first has no need of its inputs'
    gradient; a product of (b, i) and (i, o) takes 2 b i o.
    """
    layers = list(itertools.pairwise(sizes))
    products = [2 if layer == 0 else 3 for layer in range(len(layers))]
    return sum(2 * NUM_EXAMPLES * i * o * n for (i, o), n in zip(layers, products, strict=True))


SQUARES = 4  # products a measurement


def square_product() -> Callable[[], Any]:
    """Products of large square matrices, the fastest that this machine multiplies."""
    import jax
    import jax.numpy as jnp

    matrix = jnp.full((SIDE, SIDE), 1 / SIDE)
    chain = jax.jit(lambda x: jax.lax.fori_loop(0, SQUARES, lambda _, y: y @ x, x))
    jax.block_until_ready(chain(matrix))
    return lambda: jax.block_until_ready(chain(matrix))


def own_products(sizes: Sequence[int]) -> Callable[[], Any]:
    """The products of one epoch of a network, with nothing between them."""
    import jax
    import jax.numpy as jnp

    from jaxmlp.nn.layers import NARROW

    layers = [
        (jnp.ones((BATCH, i)), jnp.ones((i, o)), jnp.ones((BATCH, o)))
        for i, o in itertools.pairwise(sizes)
    ]

    def step(_: jax.Array, link: jax.Array) -> jax.Array:
        # The link makes each product wait for the one before, and none the same as the last time.
        for layer, (inputs, kernel, gradient) in enumerate(layers):
            link += (inputs.at[0, 0].set(link) @ kernel)[0, 0] * 1e-9
            changed = gradient.at[0, 0].set(link)
            is_narrow = gradient.shape[1] <= NARROW
            product = changed.T @ inputs if is_narrow else inputs.T @ changed  # as in `mlp.linear`
            link += product[0, 0] * 1e-9
            if layer:
                link += (gradient.at[0, 0].set(link) @ kernel.T)[0, 0] * 1e-9
        return link

    steps = -(-NUM_EXAMPLES // BATCH)
    chain = jax.jit(lambda link: jax.lax.fori_loop(0, steps, step, link))
    jax.block_until_ready(chain(0.0))
    return lambda: jax.block_until_ready(chain(0.0))


def seconds_of(function: Callable[[], Any]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def show(figures: dict[str, Any]) -> None:
    """Prints the figures as a table."""
    from rich.console import Console
    from rich.table import Table

    machine = figures["environment"]
    imports = ", ".join(f"{name} {s:.2f} s" for name, s in figures["import_seconds"].items())
    console = Console(highlight=False)
    console.print(
        f"{machine['processor']}, {machine['num_cores']} cores, on {machine['device_kind']}\n"
        f"import, each after the one before: {imports}"
    )
    table = Table("network", "limit", "epoch", "share of limit", "products alone", "compile")
    for row in figures["networks"]:
        table.add_row(
            "-".join(map(str, row["sizes"])),
            f"{row['limit_gflops']:.0f} GFLOP/s",
            f"{row['epoch_seconds']:.3f} s",
            f"{100 * row['share_of_limit']:.0f} %",
            f"{row['products_seconds']:.3f} s, {100 * row['products_share_of_limit']:.0f} %",
            f"{row['compile_seconds']:.2f} s",
        )
    console.print(table)
    for name, ratio in figures["durability"].items():
        console.print(f"{name}: {100 * (ratio - 1):+.1f} % of the time")
    if figures["population"]:
        show_population(console, figures["population"])


def show_population(console: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Prints networks times epochs a second, and shares of the limit, for each size."""
    from rich.table import Table

    table = Table("network", "mode", "orders", *(f"{count} members" for count in MEMBERS))
    for _, group in itertools.groupby(
        rows, lambda row: (row["sizes"], row["mode"], row["shuffle"])
    ):
        cases = list(group)
        first = cases[0]
        table.add_row(
            "-".join(map(str, first["sizes"])),
            first["mode"],
            first["shuffle"],
            *(
                f"{row['network_epochs_per_second']:.3g}/s, {100 * row['share_of_limit']:.0f} %"
                for row in cases
            ),
        )
    console.print(table)


if __name__ == "__main__":
    logging.set_verbosity(logging.WARNING)
    app.run(main, flags_parser=command_line.parse)
