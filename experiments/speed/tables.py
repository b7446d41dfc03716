"""The tables of a race, and of how time and memory grow."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.speed.summary import CONFIDENCE

NONE = "–"
RACED = "seconds", "quartiles", "x train", "x many"
INSTALL = "pip install '.[peers]'"


def show_race(console: Console, figures: Mapping[str, Any]) -> None:
    """Prints what `race.measure` returned."""
    data, rows = figures["data"], figures["rows"]
    there = [row for row in rows if row["network_epoch_seconds"]]
    sizes = "-".join(map(str, figures["sizes"]))
    many = [f"{row['num_networks']} in {row['what']}" for row in rows if row["num_networks"] > 1]
    at_once = ", ".join([*many, "else 1"])
    console.print(
        f"{sizes}, ReLU, Adam {figures['learning_rate']:g}, batches of {figures['batch_size']}, "
        f"{figures['num_epochs']} epochs of {data['num_examples']:,} examples of {data['name']}: "
        f"{figures['gflop']:.3g} GFLOP a network-epoch; trained at once: {at_once}"
    )
    table = Table("a network-epoch", *RACED, "GFLOP/s")
    for row in there:
        table.add_row(row["what"], *raced(row, "network_epoch_seconds", ""), f"{row['gflops']:.3g}")
    console.print(table)
    table = Table("one and a test", *RACED)
    for row in there:
        table.add_row(row["what"], *raced(row, "tested_epoch", "tested_"))
    console.print(table)
    table = Table("seconds to start", "accuracy", "memory", "import", "compile", "cold", "warm")
    for row in there:
        starts = [row["cold"]["import"], row["compile_seconds"], total(row["cold"])]
        shown = map(seconds, [*starts, total(row["warm_start"])])
        table.add_row(row["what"], accuracy(row), memory(row["peak_bytes"]), *shown)
    console.print(table)
    for line in notes(figures):
        console.print(line, markup=False)


def raced(row: Mapping[str, Any], name: str, kind: str) -> list[str]:
    """The cells of `RACED`, of a kind of epochs."""
    low, middle, high = row[name] or (None, None, None)
    spans = [f"{middle:.3g}", f"{low:.3g} to {high:.3g}"] if middle else [NONE, NONE]
    return [
        *spans,
        *(times(row[kind + each]) for each in ("ratio_to_alone", "ratio_to_population")),
    ]


def times(ratio: Sequence[float] | None) -> str:
    """A ratio's median."""
    return f"{ratio[1]:.2f}" if ratio else NONE


def seconds(value: float | None) -> str:
    """Seconds to a tenth."""
    return NONE if value is None else f"{value:.1f}"


def total(stages: Mapping[str, float] | None) -> float | None:
    """Seconds of a start, from the process's to the end of the first epoch."""
    return sum(stages.values()) if stages else None


def memory(count: int | None) -> str:
    """Bytes as MiB."""
    return NONE if count is None else f"{count / 2**20:,.0f} MiB"


def accuracy(row: Mapping[str, Any]) -> str:
    """The mean over its networks, with a mark where it is not as expected."""
    if not row["accuracies"]:
        return NONE
    mean = sum(row["accuracies"]) / len(row["accuracies"])
    return f"{100 * mean:.2f} %" + (" (!)" if row["is_alike"] is False else "")


def notes(figures: Mapping[str, Any]) -> Iterator[str]:
    """What is to be said of the tables, and who is not in them."""
    if expected := figures["accuracy_interval"]:
        low, high = (100 * end for end in expected)
        unlike = [row["what"] for row in figures["rows"] if row["is_alike"] is False]
        outside = f"; outside its own: {', '.join(unlike)}" if unlike else "; all are as expected"
        yield (
            f"By the seeds of train_many, {CONFIDENCE:.0%} of single networks reach an accuracy of "
            f"{low:.2f} to {high:.2f} %{outside}."
        )
    for row in figures["rows"]:
        if row["absent"]:
            lacking = " and ".join(row["absent"])
            yield f"{row['what']}: absent, needs {lacking}: {INSTALL}"
        elif row["failed"]:
            yield f"{row['what']}: failed, {row['failed']}"


def show_scaling(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints what `scaling.measure` returned."""
    table = Table("grows", "to", "network", "networks", "seconds", "GFLOP/s", "memory")
    for row in rows:
        head = row["axis"], f"{row['value']:g}"
        if row["failed"]:
            table.add_row(*head, escape(f"failed, {row['failed']}"))
            continue
        table.add_row(
            *head,
            "-".join(map(str, row["sizes"])),
            str(row["num_networks"]),
            f"{row['network_epoch_seconds'][1]:.3g}",
            f"{row['gflops']:.3g}",
            memory(row["peak_bytes"]),
        )
    console.print(table)
