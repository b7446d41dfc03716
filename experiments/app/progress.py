"""A run on the screen: a live bar, and a line for each epoch above it."""

import contextlib
from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

WIDTH = 80  # of a screen that a table fits on


class EpochTable(contextlib.AbstractContextManager["EpochTable"]):
    """A context in which `step` moves the bar and `line` prints an epoch."""

    def __init__(self, console: Console, num_epochs: int, steps_per_epoch: int) -> None:
        self._console = console
        self._num_epochs = num_epochs
        self._widths: dict[str, int] = {}  # of the columns, by name
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("training", total=num_epochs * steps_per_epoch)

    def __enter__(self) -> "EpochTable":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def step(self, steps_done: int) -> None:
        """Moves the bar."""
        self._bar.update(self._task, completed=steps_done)

    def line(self, epoch: int, metrics: Mapping[str, float], seconds: float) -> None:
        """Prints an epoch's metrics, with their names above the first."""
        values = {**metrics, "seconds": seconds}
        if not self._widths:
            self._widths = _widths(values, self._num_epochs)
            for line in (0, 1):
                self._row([_words(name)[line] for name in self._widths], "bold")
        cells = {name: format_metric(name, value) for name, value in values.items()}
        cells["epoch"] = f"{epoch}/{self._num_epochs}"
        self._row([cells.get(name, "") for name in self._widths])

    def _row(self, cells: Iterable[str], style: str | None = None) -> None:
        gap = " " * (2 if sum(self._widths.values()) + 2 * len(self._widths) <= WIDTH else 1)
        pairs = zip(cells, self._widths.values(), strict=True)
        self._print(gap.join(f"{cell:>{width}}" for cell, width in pairs), style)

    def note(self, text: str) -> None:
        """Prints what a reader should know between two epochs."""
        self._print(text, "yellow")

    def _print(self, text: str, style: str | None = None) -> None:
        self._console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)


def _words(name: str) -> tuple[str, str]:
    """A column's name in two lines."""
    first, _, last = name.rpartition("_")
    return first.replace("_", " "), last


def _widths(names: Iterable[str], num_epochs: int) -> dict[str, int]:
    """The columns that fit on a screen, whatever is in them; metrics.jsonl has them all."""
    widths = {"epoch": max(len("epoch"), 2 * len(str(num_epochs)) + 1)}
    for name in names:
        widest = 8 if name.endswith(("accuracy", "rate", "seconds")) else 9
        widths[name] = max(widest, *map(len, _words(name)))
    for name in ("learning_rate", "train_accuracy"):
        if sum(widths.values()) + len(widths) - 1 > WIDTH:
            widths.pop(name, None)
    return widths


def format_metric(name: str, value: float) -> str:
    """A metric for a reader: accuracies in per cent, the rest with their digits that matter.

    >>> format_metric("test_accuracy", 0.98), format_metric("train_loss", 0.38254)
    ('98.00 %', '0.3825')
    >>> format_metric("train_loss", -1.234e20), format_metric("train_loss", 999.8)
    ('-1.23e+20', '999.8000')
    """
    if value != value:
        return "-"
    if name.endswith("accuracy"):
        return f"{100 * value:.2f} %"
    if name == "learning_rate":
        return f"{value:.3g}"
    if name == "seconds":
        return f"{value:.2f}" if value < 10_000 else f"{value:.0f}"
    return f"{value:.4f}" if abs(value) < 999.9 else f"{value:.3g}"
