"""The table of the preset quick beside the classic recipe, as `quick.measure` has timed them."""

import statistics
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments.speed.quick import CLASSIC, GOAL, QUICK

__all__ = ["show"]


def show(console: Console, figures: Mapping[str, Any]) -> None:
    """Prints what `quick.measure` returned."""
    accuracy, seconds = figures["test_accuracy"], figures["seconds"]
    table = Table("seed", CLASSIC, "test accuracy", QUICK, "test accuracy", "share of the time")
    columns = [seconds[CLASSIC], accuracy[CLASSIC], seconds[QUICK], accuracy[QUICK]]
    for seed, classic, its, quick, own in zip(figures["seeds"], *columns, strict=True):
        times = f"{classic:.2f} s", f"{quick:.2f} s"
        table.add_row(
            str(seed), times[0], f"{its:.2%}", times[1], f"{own:.2%}", f"{quick / classic:.3f}"
        )
    console.print(table)
    for name in (CLASSIC, QUICK):
        middle, worst = statistics.median(accuracy[name]), min(accuracy[name])
        console.print(
            f"{name}: {statistics.median(seconds[name]):.2f} s, "
            f"{statistics.median(figures['seconds_compiling'][name]):.2f} s with compilation; test "
            f"accuracy {middle:.2%}, the worst seed {worst:.2%}",
            soft_wrap=True,
        )
    share, more = figures["share"], figures["share_compiling"]
    console.print(
        f"{QUICK} takes {share['median']:.3f} of the time, at the worst {share['worst']:.3f}; with "
        f"compilation {more['median']:.3f}, at the worst {more['worst']:.3f}; "
        f"{figures['num_there']} of {len(figures['seeds'])} seeds are at {GOAL:.0%} or above",
        soft_wrap=True,
    )
