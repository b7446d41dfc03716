"""Measures this machine's matrix-product limit, and how much of it training reaches.

    python -m experiments.benchmark

Everything is measured in one process, in turns, and given as medians: shares of the limit can be
compared from one machine to another, seconds cannot. Takes about seven minutes on two cores, two of
them with --nopopulation.
"""

import importlib
import itertools
import sys
import time
from collections.abc import Sequence
from typing import Any

from absl import app, flags, logging

from experiments.app import command_line, screen
from experiments.folder import files, workdir

FLAGS = flags.FLAGS
command_line.define_whole("repeats", 15, "Epochs timed for each network.", low=3, high=10_000)
flags.DEFINE_bool("population", True, "Measure populations of networks too.")
command_line.define_path("json", None, "File for the figures.")

NETWORKS = ((784, 256, 10), (784, 32, 10))
MEMBERS = (1, 8, 64, 512)  # of a population
WAYS = (("exact", "own"), ("fast", "own"), ("fast", "shared"))  # its mode, and its data orders


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
    from experiments.speed import training  # imports what has just been timed

    figures: dict[str, Any] = {"import_seconds": seconds}
    figures["environment"] = environment.describe()
    figures["networks"] = [training.measure(sizes, FLAGS.repeats) for sizes in NETWORKS]
    figures["durability"] = training.durability(NETWORKS[0], FLAGS.repeats)
    cases = itertools.product(NETWORKS, WAYS, MEMBERS) if FLAGS.population else ()
    figures["population"] = [training.population(sizes, *way, count) for sizes, way, count in cases]
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
