"""Measures this machine's matrix-product limit, and how much of it training reaches.

    python -m experiments.benchmark
    python -m experiments.benchmark --peers --scaling --json=peers.json
    python -m experiments.benchmark --gpu --json=gpu.json

Everything is measured in one process, in turns, and given as medians: shares of the limit can be
compared from one machine to another, seconds cannot. Takes about seven minutes on two cores, two of
them with --nopopulation.

With --peers it measures this library beside what people would use instead, on the same work, each
in a process of its own, by turns: PyTorch, Keras, Flax and scikit-learn, those that are installed.
With --scaling it measures how time and memory grow with members, width, depth, batch and data. Of
both --json leaves a picture too, a PNG beside its file.

With --search it tries three learning rates by eight seeds and five folds on breast_cancer: as
one population, and by scikit-learn's GridSearchCV over its own MLPClassifier, by turns; with the
time to compile, and without. Exit code 4 where a member has other bits than it has alone. Three
minutes.

With --quick it trains the classic recipe and --preset=quick on MNIST by turns, each with seeds 0 to
19: seconds, with compilation and without, and the test accuracy of every network. Exit code 4 where
one of quick's is below 98 %. Two minutes.

With --gpu it runs every program once on a GPU, sees whether the promises on bits hold there, and
how fast networks train, alone and up to 4,096 at once, in --minutes: what there is no time for is
named. --json leaves a picture, and tables in Markdown. Exit code 4 where a promise did not hold.
"""

import importlib
import itertools
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from experiments.app import command_line, endings, screen
from experiments.folder import files, workdir

FLAGS = flags.FLAGS
command_line.define_whole("repeats", 15, "Epochs timed for each network.", low=3, high=10_000)
flags.DEFINE_bool("population", True, "Measure populations of networks too.")
flags.DEFINE_bool("peers", False, "Measure this library beside others, and not the limit.")
flags.DEFINE_bool("scaling", False, "Measure how time and memory grow, and not the limit.")
flags.DEFINE_bool("search", False, "Measure a cross-validated search beside scikit-learn's.")
flags.DEFINE_bool("quick", False, "Measure --preset=quick beside the classic recipe.")
flags.DEFINE_bool("gpu", False, "Measure on a GPU: programs, promises and speed.")
flags.DEFINE_bool("rehearse", False, "Try what --gpu does, in small, on whatever there is.")
command_line.define_whole("minutes", 8, "After which --gpu begins nothing more.", 1, 600)
command_line.define_path("json", None, "File for the figures.")

NETWORKS = ((784, 256, 10), (784, 32, 10))
MEMBERS = (1, 8, 64, 512)  # of a population
UNSOUND = 4  # exit code: a promise that did not hold
WAYS = (("exact", "own"), ("fast", "own"), ("fast", "shared"))  # its mode, and its data orders


def main(argv: list[str]) -> None:
    """Measures and prints."""
    try:
        command_line.refuse_arguments(argv)
        refuse_contradictions()
        if FLAGS.json:
            for path in (workdir.user_path(FLAGS.json), *paths_beside().values()):
                command_line.refuse_unwritable(path, "--json")
        if FLAGS.gpu:  # this process shares the GPU with those that it starts
            os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        seconds = import_seconds(["jax", "optax", "flax", "jaxmlp"])
        from experiments.app import environment

        environment.use_devices()
        environment.use_threads(None)
        if FLAGS.gpu:
            from experiments.speed.gpu import measure

            measure.refuse_without_gpu(FLAGS.rehearse)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {screen.one_line(error)}")
    figures: dict[str, Any] = {"import_seconds": seconds, "environment": environment.describe()}
    show_machine(figures)
    if FLAGS.gpu:
        on_a_gpu(figures)
        return
    if FLAGS.peers or FLAGS.scaling:
        figures |= beside_others()
    elif FLAGS.search:
        figures |= a_search()
    elif FLAGS.quick:
        figures |= quickly()
    else:
        figures |= against_the_limit()
    if FLAGS.json:
        files.write_json(workdir.user_path(FLAGS.json), figures)
    if FLAGS.search and figures["search"]["num_equal"] < figures["search"]["num_networks"]:
        sys.exit(UNSOUND)
    if FLAGS.quick and figures["quick"]["num_there"] < len(figures["quick"]["seeds"]):
        sys.exit(UNSOUND)


def a_search() -> dict[str, Any]:
    """Measures and prints how long a cross-validated search takes, here and in scikit-learn."""
    from rich.console import Console

    from experiments.speed import search, search_table

    console = Console(highlight=False)
    with console.status("") as status:
        found = search.measure(search.breast_cancer(), max(3, FLAGS.repeats // 3), status.update)
    search_table.show(console, found)
    return {"search": found}


def quickly() -> dict[str, Any]:
    """Measures and prints how long the preset quick takes beside the classic recipe."""
    from rich.console import Console

    from experiments.data import sources
    from experiments.speed import quick, quick_table

    try:
        data = sources.load("mnist")
    except (OSError, ValueError) as error:
        sys.exit(f"error: {screen.one_line(error)}")
    console = Console(highlight=False)
    with console.status("") as status:
        found = quick.measure(data, quick.SEEDS, max(3, FLAGS.repeats // 5), status.update)
    quick_table.show(console, found)
    return {"quick": found}


def against_the_limit() -> dict[str, Any]:
    """Measures and prints what training reaches of what the machine can."""
    from experiments.speed import training  # imports what has just been timed

    figures: dict[str, Any] = {}
    figures["networks"] = [training.measure(sizes, FLAGS.repeats) for sizes in NETWORKS]
    figures["durability"] = training.durability(NETWORKS[0], FLAGS.repeats)
    cases = itertools.product(NETWORKS, WAYS, MEMBERS) if FLAGS.population else ()
    figures["population"] = [training.population(sizes, *way, count) for sizes, way, count in cases]
    show(figures)
    return figures


def beside_others() -> dict[str, Any]:
    """Measures, prints and draws what others reach on the same work, and how time grows."""
    from rich.console import Console

    from experiments.speed import race, scaling, tables

    console = Console(highlight=False)
    data = load(console)
    console.print("measuring, which takes minutes")
    figures: dict[str, Any] = {}
    with console.status("") as status:
        if FLAGS.peers:
            figures["peers"] = race.measure(data, FLAGS.repeats, status.update)
        if FLAGS.scaling:
            figures["scaling"] = scaling.measure(data, status.update)
    if FLAGS.peers:
        tables.show_race(console, figures["peers"])
    if FLAGS.scaling:
        tables.show_scaling(console, figures["scaling"])
    if path := paths_beside().get(".png"):
        from experiments.speed import picture

        picture.draw(figures, path)
    return figures


def on_a_gpu(figures: dict[str, Any]) -> None:
    """Measures, prints, writes and draws what a GPU does.

    Args:
      figures: what is known so far.
    """
    from rich.console import Console

    from experiments.speed.gpu import measure, picture, report

    console = Console(highlight=False)
    if FLAGS.rehearse:
        console.print(picture.REHEARSAL, style="bold yellow")
    data = load(console)

    def save(found: dict[str, Any]) -> None:
        if FLAGS.json:
            files.write_json(workdir.user_path(FLAGS.json), figures | {"gpu": found})

    found = measure.measure(data, FLAGS.minutes, FLAGS.rehearse, console.print, save)
    text = report.markdown(found, figures["environment"])
    console.print(text, markup=False, soft_wrap=True)
    save(found)
    if paths := paths_beside():
        files.write_text(paths[".md"], text)
        picture.draw(found, paths[".png"])
    if not measure.is_sound(found):
        sys.exit(UNSOUND)


def load(console: Any) -> Any:
    """MNIST, or what there is instead; says so."""
    from experiments.data import sources

    try:
        data, notice = sources.load_auto()
    except (OSError, ValueError) as error:
        sys.exit(f"error: {screen.one_line(error)}")
    if notice:
        console.print(notice.partition("\n")[0])  # the rest is of flags that this has not
        console.print("$JAXMLP_DATA_DIR says where MNIST's files are")
    return data


def refuse_contradictions() -> None:
    """Raises ValueError for flags that have no sense together."""
    if FLAGS.gpu and (FLAGS.peers or FLAGS.scaling):
        raise ValueError("expected --gpu alone, or --peers and --scaling, which hide GPUs")
    if FLAGS.search and (FLAGS.gpu or FLAGS.peers or FLAGS.scaling):
        raise ValueError("expected --search alone, or one of the others")
    if FLAGS.quick and (FLAGS.gpu or FLAGS.peers or FLAGS.scaling or FLAGS.search):
        raise ValueError("expected --quick alone, or one of the others")
    if FLAGS.rehearse and not FLAGS.gpu:
        raise ValueError("--rehearse needs --gpu, which it tries")


def paths_beside() -> dict[str, Path]:
    """Where what goes beside the figures has its place, by the ending of its name.

    Raises:
      ValueError: if it would take theirs.
    """
    suffixes = [".png"] * (FLAGS.peers or FLAGS.scaling or FLAGS.gpu) + [".md"] * FLAGS.gpu
    if not FLAGS.json:
        return {}
    path = workdir.user_path(FLAGS.json)
    if path.suffix in suffixes:
        raise ValueError(f"--json needs a name such as peers.json, got {FLAGS.json}")
    return {suffix: path.with_suffix(suffix) for suffix in suffixes}


def import_seconds(names: Sequence[str]) -> dict[str, float]:
    """How long each package takes to import after those before it."""
    seconds = {}
    for name in names:
        started = time.perf_counter()
        importlib.import_module(name)
        seconds[name] = time.perf_counter() - started
    return seconds


def show_machine(figures: dict[str, Any]) -> None:
    """Prints what is measured on, and how long imports took."""
    from rich.console import Console

    machine = figures["environment"]
    imports = ", ".join(f"{name} {s:.2f} s" for name, s in figures["import_seconds"].items())
    Console(highlight=False).print(
        f"{machine['processor']}, {machine['num_cores']} cores, on {machine['device_kind']}\n"
        f"import, each after the one before: {imports}"
    )


def show(figures: dict[str, Any]) -> None:
    """Prints the figures as a table."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
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
    endings.start(main)
