"""The table of a cross-validated search, as `search.measure` has timed it."""

import statistics
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments.speed.search import JOBS

__all__ = ["show"]

NAMES = {
    "population": "train_many, compiled before",
    "fast": "the same in fast mode",
    "compiling": "train_many, compiling too",
    "runs": "train, one after another",
    "grid_search": f"GridSearchCV(n_jobs={JOBS})",
}


def show(console: Console, figures: Mapping[str, Any]) -> None:
    """Prints what `search.measure` returned."""
    search, seconds = figures["search"], figures["seconds"]
    sizes = search["inputs"][1], search["hidden"], figures["num_classes"]
    console.print(
        f"{search['num_folds']} folds x {len(search['seeds'])} seeds x {len(search['rates'])} "
        f"rates on {search['name']}: {figures['num_networks']} networks of "
        f"{'-'.join(map(str, sizes))}, Adam, batches of {search['batch_size']}, "
        f"{search['num_epochs']} epochs",
        soft_wrap=True,
    )
    table = Table("all of them", "median", "least to most", "of the first")
    first = statistics.median(seconds["population"])
    for name, what in NAMES.items():
        middle = statistics.median(seconds[name])
        span = f"{min(seconds[name]):.2f} to {max(seconds[name]):.2f}"
        table.add_row(what, f"{middle:.2f} s", span, f"{middle / first:.2f}")
    console.print(table)
    ours, own = (f"{100 * figures[n]:.2f} %" for n in ("accuracy", "grid_search_accuracy"))
    console.print(
        f"GridSearchCV takes {figures['ratio']:.2f} times as long, {figures['ratio_fast']:.2f} "
        f"times as fast mode, {figures['ratio_compiling']:.2f} times with all that is to be "
        f"compiled; accuracy {ours}, "
        f"its own {own}; {figures['num_equal']} of {figures['num_networks']} members have the bits "
        "of their single runs",
        soft_wrap=True,
    )
