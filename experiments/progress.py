"""A run on the screen: a live bar, and a line for each epoch above it."""

import contextlib
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class EpochTable(contextlib.AbstractContextManager["EpochTable"]):
    """A context in which `step` moves the bar and `line` prints an epoch."""

    def __init__(self, console: Console, num_epochs: int, steps_per_epoch: int) -> None:
        self._console = console
        self._num_epochs = num_epochs
        self._has_header = False
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
        if not self._has_header:
            self._has_header = True
            names = [f"{name.replace('_', ' '):>16}" for name in values]
            self._print(f"{'epoch':>7}" + "".join(names), "bold")
        cells = [f"{format_metric(name, value):>16}" for name, value in values.items()]
        self._print(f"{f'{epoch}/{self._num_epochs}':>7}" + "".join(cells))

    def note(self, text: str) -> None:
        """Prints what a reader should know between two epochs."""
        self._print(text, "yellow")

    def _print(self, text: str, style: str | None = None) -> None:
        self._console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)


def format_metric(name: str, value: float) -> str:
    """A metric for a reader: accuracies in per cent, the rest with their digits that matter.

    >>> format_metric("test_accuracy", 0.98), format_metric("train_loss", 0.38254)
    ('98.00 %', '0.3825')
    """
    if value != value:
        return "-"
    if name.endswith("accuracy"):
        return f"{100 * value:.2f} %"
    if name == "learning_rate":
        return f"{value:.4g}"
    return f"{value:.2f}" if name == "seconds" else f"{value:.4f}"
