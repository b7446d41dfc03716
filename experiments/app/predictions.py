"""What networks made of examples: as a .csv file, and on the screen."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from experiments.app.examples import Examples
from experiments.app.votes import Votes, guesses_of
from experiments.folder.files import write_csv
from experiments.scores.numerals import exact

__all__ = ["Predictions", "columns_of", "show", "write_table"]

ROWS = 20  # of the table on the screen
CELLS = 6  # numbers beside each other there


class Predictions(NamedTuple):
    """What came out."""

    task: str
    names: Sequence[str]  # of the outputs; of yes or no both answers'
    votes: Votes
    unlike: Sequence[str]  # why each example looks like nothing known, or ""
    are_named: bool  # whether the names are more than numbers
    words: Sequence[Sequence[str]] = ()  # of questions, no and yes for each, where there are any

    @property
    def guesses(self) -> np.ndarray:
        """(examples,) the likeliest classes, or (examples, outputs); -1 for none."""
        return guesses_of(self.votes.outputs, self.task)

    def class_name(self, number: int) -> str:
        """What a class is called; nothing where there is no guess."""
        return "" if number < 0 else self.names[number]

    def column(self, what: str, name: str) -> str:
        """What a column about an output is called: p_setosa, or p0 where classes are numbers."""
        return f"{what}_{name}" if self.are_named or len(what) > 1 else f"{what}{name}"


def write_table(path: Path, examples: Examples, found: Predictions) -> None:
    """Every example's answers, as a .csv file; no guess is no text."""
    made = columns_of(examples, found)
    write_csv(path, [list(made), *zip(*made.values(), strict=True)])


def columns_of(examples: Examples, found: Predictions) -> dict[str, Sequence[Any]]:
    """The columns of the file: name -> a cell for each example."""
    made: dict[str, Sequence[Any]] = {examples.called: examples.names}
    made |= {name: values for name, values in examples.keys.items() if name not in made}
    if found.task == "regression":
        return made | _of_values(examples, found)
    if found.task == "multilabel":
        return made | _of_answers(examples, found)
    return made | _of_classes(examples, found)


def _of_classes(examples: Examples, found: Predictions) -> dict[str, Sequence[Any]]:
    votes = found.votes
    guesses = [found.class_name(number) for number in found.guesses]
    labels = [""] * len(guesses)
    if examples.labels is not None:
        labels = [found.class_name(int(label)) for label in examples.labels]
    made: dict[str, Sequence[Any]] = {"label": labels, "guess": guesses}
    made["agree"] = _shares(votes.agree)
    made |= {"unlike": found.unlike}
    made |= _each(found, "p", votes.outputs, "{:.6f}".format) | _each(
        found, "std", votes.spread, "{:.6f}".format
    )
    return {name: cells for name, cells in made.items() if name != "agree" or len(cells)}


def _of_answers(examples: Examples, found: Predictions) -> dict[str, Sequence[Any]]:
    votes = found.votes
    made = _worded(found, "label", examples.labels) | _worded(found, "guess", found.guesses)
    agree = {} if votes.agree is None else {"agree": _shares(votes.agree)}
    made |= agree | _marks(examples, found) | _each(found, "p", votes.outputs, "{:.6f}".format)
    return made | _each(found, "std", votes.spread, "{:.6f}".format)


def _worded(found: Predictions, what: str, values: np.ndarray | None) -> dict[str, Sequence[str]]:
    """A column for each question, of no and yes in its own words."""
    made = _each(found, what, values, str)
    if not made or not found.words:
        return made
    pairs = zip(made.items(), found.words, strict=True)
    return {
        name: [text and words[int(float(text))] for text in texts] for (name, texts), words in pairs
    }


def _of_values(examples: Examples, found: Predictions) -> dict[str, Sequence[Any]]:
    votes, labels = found.votes, examples.labels
    if labels is not None:
        labels = labels.reshape(votes.outputs.shape)
    made = _each(found, "answer", votes.outputs, exact)
    made |= _each(found, "std", votes.spread, exact) | _marks(examples, found)
    return made | _each(found, "label", labels, exact)


def _marks(examples: Examples, found: Predictions) -> dict[str, Sequence[str]]:
    """The column of what is unlike training, where that was looked at."""
    return {"unlike": found.unlike} if examples.unlike else {}


def _each(
    found: Predictions, what: str, values: np.ndarray | None, text: Callable[[Any], str]
) -> dict[str, Sequence[str]]:
    """A column for each output; what is no number is no text."""
    if values is None:
        return {}
    return {
        found.column(what, name): ["" if _is_none(v) else text(v) for v in of]
        for name, of in zip(found.names, values.T, strict=True)
    }


def _is_none(value: Any) -> bool:
    """Whether there is no number, or no guess."""
    is_guess = isinstance(value, np.integer)
    return bool(value < 0 if is_guess else np.isnan(value))


def _shares(agree: np.ndarray | None) -> list[str]:
    return [] if agree is None else [f"{share:.4f}" for share in agree]


def show(examples: Examples, found: Predictions) -> None:
    """Prints the first answers."""
    console = Console(highlight=False)
    for note in examples.notes:
        console.print(note, style="yellow", markup=False, soft_wrap=True)
    if found.task in ("regression", "multilabel"):
        rows = _rows_of_columns(examples, found)
    else:
        rows = _rows_of_guesses(examples, found)
    table = Table(*map(escape, rows[0]))
    for row in rows[1:]:
        table.add_row(*map(Text, row))  # whatever a class is called, it is no markup
    console.print(table)
    if (count := len(examples.names)) > ROWS:
        console.print(f"and {count - ROWS:,} more")


def _rows_of_columns(examples: Examples, found: Predictions) -> list[list[str]]:
    """Those of the file that fit on a screen; of probabilities the file has more."""
    made = columns_of(examples, found)
    left_out = ("p", "std") if found.task == "multilabel" else ()
    names = [name for name in made if name.partition("_")[0].rstrip("0123456789") not in left_out]
    names = [name for name in names if name not in (examples.called, "unlike")][:CELLS]
    names = [examples.called, *names, *["unlike"] * any(found.unlike)]
    if found.task == "multilabel":
        made |= _with_shares(found, made)
    return [names, *([str(made[name][row]) for name in names] for row in _first(examples))]


def _with_shares(found: Predictions, made: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
    """The guesses at questions, each with its probability."""
    columns = [found.column("guess", name) for name in found.names]
    return {
        column: [
            text and f"{text}  ({100 * (p if is_yes else 1 - p):.1f} %)"
            for text, p, is_yes in zip(made[column], shares, guesses, strict=True)
        ]
        for column, shares, guesses in zip(
            columns, found.votes.outputs.T, found.guesses.T, strict=True
        )
    }


def _rows_of_guesses(examples: Examples, found: Predictions) -> list[list[str]]:
    """Each example with its guess and the runner-up."""
    has_labels, has_unlike = examples.labels is not None, any(found.unlike)
    agree, probabilities = found.votes.agree, found.votes.outputs
    names = ["input" if examples.called == "name" else examples.called, *examples.keys]
    names += [*["label"] * has_labels, "guess", "runner-up"]
    rows = [[*names, *["agree"] * (agree is not None), *["unlike"] * has_unlike]]
    for row in _first(examples):
        best = np.argsort(-probabilities[row], kind="stable")[:2]
        cells = [f"{found.names[i]}  ({100 * probabilities[row, i]:.1f} %)" for i in best]
        if found.guesses[row] < 0:
            is_odd = not np.isfinite(examples.inputs[row]).all()
            cells = ["none: NaN or infinity in the input" if is_odd else "none: numbers too large"]
            cells += [""]
        known = [examples.names[row], *(key[row] for key in examples.keys.values())]
        if examples.labels is not None:
            known.append(found.class_name(int(examples.labels[row])))
        shares = [] if agree is None else [f"{100 * agree[row]:.0f} %"]
        rows.append([*known, *cells, *shares, *[found.unlike[row]] * has_unlike])
    return rows


def _first(examples: Examples) -> range:
    return range(min(len(examples.names), ROWS))
