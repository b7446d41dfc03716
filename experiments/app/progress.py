"""A run on the screen: a live bar, and a line for each epoch above it."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from experiments.scores.numerals import plain
from jaxmlp.objectives.records import Metric, of_column

LONGEST = 9  # characters of a number in a column
WIDTH = 80  # of a screen that a table fits on
NARROW = ("learning_rate", "seconds")  # columns whose values are short


def bar(console: Console, text: str, *columns: ProgressColumn | str) -> Progress:
    """A context with a bar, on a terminal alone, that goes when it is left."""
    is_hidden = not console.is_terminal
    shown = TextColumn(text), BarColumn(), *columns
    return Progress(*shown, console=console, transient=True, disable=is_hidden)


class EpochTable(contextlib.AbstractContextManager["EpochTable"]):
    """A context in which `step` moves the bar and `line` prints an epoch."""

    def __init__(
        self,
        console: Console,
        num_epochs: int,
        steps_per_epoch: int,
        metrics: Sequence[Metric] = (),
    ) -> None:
        self._console = console
        self._metrics = metrics  # that are known by more than their names
        self._num_epochs = num_epochs
        self._widths: dict[str, int] = {}  # of the columns, by name
        columns = MofNCompleteColumn(), TextColumn("steps"), TimeRemainingColumn()
        self._bar = bar(console, "training", *columns)
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
            columns = [of_column(name, self._metrics) for name in values]
            spare = [metric.name for metric in self._metrics[2:]]  # after the loss and the primary
            self._widths = _widths(columns, self._num_epochs, spare)
            for line in (0, 1):
                self._row([_words(name)[line] for name in self._widths], "bold")
        cells = {
            name: format_metric(of_column(name, self._metrics), value)
            for name, value in values.items()
        }
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


def _widths(columns: Iterable[Metric], num_epochs: int, spare: Iterable[str]) -> dict[str, int]:
    """The columns that fit on a screen, whatever is in them; metrics.jsonl has them all."""
    widths = {"epoch": max(len("epoch"), 2 * len(str(num_epochs)) + 1)}
    for metric in columns:
        widest = 8 if metric.is_share or metric.name in NARROW else 9
        widths[metric.name] = max(widest, *map(len, _words(metric.name)))
    others = [name for name in widths if name.startswith("train_") and name != "train_loss"]
    others += [name for name in reversed(widths) if name.partition("_")[2] in spare]
    for name in ("learning_rate", *others):
        if sum(widths.values()) + len(widths) - 1 > WIDTH:
            widths.pop(name, None)
    return widths


def format_metric(metric: str | Metric, value: float) -> str:
    """A metric for a reader: shares in per cent, the rest with their digits that matter.

    Args:
      metric: its record, or its name alone.
      value: as it is in a history.

    >>> format_metric("test_accuracy", 0.98), format_metric("train_loss", 0.38254)
    ('98.00 %', '0.3825')
    >>> format_metric("train_loss", -1.234e20), format_metric("train_loss", 999.8)
    ('-1.23e+20', '999.8000')
    >>> format_metric("test_absolute_error", 32407.3)
    '32,407'
    """
    metric = of_column(metric)
    if value != value:
        return "-"
    if metric.is_share:
        return f"{100 * value:.2f} %"
    if metric.name == "learning_rate":
        return f"{value:.3g}"
    if metric.name == "seconds":
        return f"{value:.2f}" if value < 10_000 else f"{value:.0f}"
    if abs(value) < 999.9:
        return f"{value:.4f}"
    return text if len(text := plain(value)) <= LONGEST else f"{value:.3g}"
