"""Scores for a reader: in a line, or beside each other in a table of 80 columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from experiments.scores.numerals import plain

__all__ = ["HEADS", "interval", "line", "table", "text", "whose_f1", "words"]

Figures = Mapping[str, Any]
HEADS = {  # figure -> how it is called, in a table in two lines; those that are shown, in order
    "exact_match": "all\nright",
    "accuracy": "accuracy",
    "mae": "mean abs.\nerror",
    "balanced_accuracy": "balanced\naccuracy",
    "f1": "F1",
    "macro_f1": "macro\nF1",
    "roc_auc": "ROC-\nAUC",
    "log_loss": "log\nloss",
    "calibration_error": "calibr.\nerror",
    "rmse": "root mean\nsq. error",
    "r2": "R²",
}
LONGER = {  # where there is room
    "exact_match": "rows all right",
    "mae": "mean absolute error",
    "roc_auc": "ROC-AUC",
    "calibration_error": "calibration error",
    "rmse": "root mean squared error",
}
SHARES = ("exact_match", "accuracy", "balanced_accuracy", "f1", "macro_f1", "calibration_error")


def line(figures: Figures) -> str:
    """Figures in a line.

    >>> line({"accuracy": 0.9, "accuracy_low": 0.81, "accuracy_high": 0.95, "log_loss": 0.25})
    'accuracy 90.00 % (95 % interval 81.0 to 95.0 %), log loss 0.2500'
    >>> line({"mae": 2.5, "mae_low": None, "mae_high": None, "r2": None})
    'mean absolute error 2.5, R² -'
    """
    parts = []
    for name in _shown(figures):
        ends = interval(name, figures)
        within = f" (95 % interval {ends})" if ends else ""
        parts.append(f"{words(name)} {text(name, figures[name])}{within}")
    return ", ".join(parts)


def table(scores: Mapping[str, Figures], where: str = "on the test set") -> Table:
    """The network's figures above those of each baseline.

    Args:
      scores: by name, the network's first, whose interval is shown.
      where: what they are of, for the title.
    """
    first = next(iter(scores.values()))
    columns = _shown(first)
    in_per_cent = ", shares in %" if "accuracy" in first else ""
    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    grid.title = f"{where}{in_per_cent}"
    grid.add_column("", no_wrap=True)
    for name in columns:
        grid.add_column(HEADS[name], justify="right", no_wrap=True, vertical="bottom")
        if f"{name}_low" in first:
            grid.add_column("95 %\ninterval", justify="right", no_wrap=True)
    for i, (who, figures) in enumerate(scores.items()):
        cells = []
        for name in columns:
            cells.append(text(name, figures.get(name)).removesuffix(" %"))
            if f"{name}_low" in first:
                cells.append(interval(name, figures).removesuffix(" %"))
        grid.add_row(who.replace("_", " "), *cells, style="bold" if i == 0 else None)
    return grid


def whose_f1(figures: Figures, class_names: Sequence[str] = ()) -> str:
    """Which of two classes the F1 is of, in a sentence; nothing without an F1 of one.

    >>> whose_f1({"f1": 0.5}, ["stayed", "left"]), whose_f1({"f1": 0.5})
    ('F1 is that of left.', 'F1 is that of class 1.')
    """
    if "f1" not in figures:
        return ""
    return f"F1 is that of {class_names[1] if len(class_names) == 2 else 'class 1'}."


def _shown(figures: Figures) -> list[str]:
    """Of two classes the F1 of the second, of more the mean over all; of questions fewer."""
    left_out = {"macro_f1"} if "f1" in figures else set()
    left_out |= {"balanced_accuracy"} if "exact_match" in figures else set()
    return [name for name in HEADS if name in figures and name not in left_out]


def words(name: str) -> str:
    """What a figure is called.

    >>> words("mae"), words("macro_f1")
    ('mean absolute error', 'macro F1')
    """
    return LONGER.get(name) or HEADS.get(name, name.replace("_", " ")).replace("\n", " ")


def interval(name: str, figures: Figures) -> str:
    """The ends of a figure's interval; nothing without one."""
    low, high = (figures.get(f"{name}_{end}") for end in ("low", "high"))
    if low is None or high is None:
        return ""
    if name in SHARES:
        return f"{100 * low:.1f} to {100 * high:.1f} %"
    return f"{plain(low)} to {plain(high)}"


def text(name: str, value: float | None) -> str:
    """A figure, shares in per cent."""
    if value is None:
        return "-"
    if name in SHARES:
        return f"{100 * value:.2f} %"
    if name in ("mae", "rmse"):
        return plain(value)
    return f"{value:.4f}" if abs(value) < 999.9 else plain(value)
