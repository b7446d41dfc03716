"""Shows what a trained network makes of pictures, or of the examples in a file.

    python -m experiments.predict runs/mnist-2026-11-20-120000 digit.png another.jpg

Pictures may have any size, dark on light or light on dark. An .npz file has inputs x, or x_test,
and may have classes y, or y_test, or values for a regression; a .parquet file has columns as in
docs/data.md, and is read piece by piece. A network of a table takes a table with the same columns,
in any order, with the target or without.

Of a sweep's folder, whose networks --save_networks kept, all networks answer, or those that
--member names (learning_rate=1e-3, say): the mean of their answers, how far they spread, and the
share of them that guess alike.

What is unlike the training data is marked, with the reason: a picture, or a row of a table with a
value out of the range, missing or new.

Prints a table; the folder's plots/ gets a picture, and predictions.csv all the guesses. An example
whose probabilities are no numbers, as NaN among its inputs makes them, gets no guess.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags
from rich.console import Console

import jaxmlp
from experiments.app import answers, endings, examples, predictions, startup, voters, votes
from experiments.app.command_line import define_path
from experiments.app.examples import Examples
from experiments.app.predictions import Predictions
from experiments.app.voters import Voters
from experiments.data import likeness
from experiments.folder.workdir import user_path
from experiments.scores import figures, screen
from jaxmlp.types import PyTree

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(startup)
flags.adopt_module_key_flags(voters)
define_path("picture", None, "File for the picture; by default WORKDIR/plots/predictions.png.")


def main(argv: list[str]) -> None:
    """Guesses, prints and draws."""
    with endings.clear_errors():
        if len(argv) < 3:
            raise ValueError(
                "expected a run's folder and pictures, or an .npz or .parquet file or a table, "
                f"got {' '.join(argv[1:]) or 'nothing'}"
            )
        folder, paths = user_path(argv[1]), argv[2:]
        startup.wake(None)
        asked = voters.load(folder)
        table = folder / "predictions.csv"
        picture = place_for_picture(folder, asked.config)
        refuse_places([table, *([picture] if picture else [])], [*map(user_path, paths)])
        given = examples.read(paths, asked)
        found = ask(asked, given)
        given = given._replace(inputs=examples.first(given.inputs))
        predictions.write_table(table, given, found)
        introduce(asked)
        predictions.show(given, found)
        conclude(given, found)
        if picture and found.task in ("classification", "binary"):
            draw(picture, given, found, asked.config["image_shape"])
            print(f"picture in {picture}")
        print(f"all {'answers' if found.task == 'regression' else 'guesses'} in {table}")


def load(folder: Path) -> tuple[jaxmlp.Recipe, PyTree, dict[str, Any]]:
    """A run's recipe, parameters and config; raises as `voters.load`."""
    asked = voters.load(folder)
    return asked.each[0].recipe, asked.each[0].params, asked.config


def ask(asked: Voters, given: Examples) -> Predictions:
    """What all networks answer, put together."""
    task, each = asked.config["task"], []
    by_views = given.pictures and task in ("classification", "binary")
    for voter in asked.each:
        if by_views:
            each.append(likeness.guess(voter.recipe, voter.params, given.pictures).probabilities)
        else:
            inputs = given.folds.get(voter.fold, given.inputs)
            each.append(answers.predict(voter.recipe, voter.params, inputs))
    together = votes.together(each, task)
    unlike = [*given.unlike] or [""] * len(given.names)
    if by_views:
        pairs = zip(given.pictures, together.outputs, strict=True)
        unlike = [picture.oddity or likeness.undecided(row) for picture, row in pairs]
    words = voters.words_of(asked)
    return Predictions(task, asked.names, together, unlike, asked.are_named, words)


def introduce(asked: Voters) -> None:
    """Says who answers."""
    console = Console(highlight=False)
    for note in asked.notes:
        console.print(note, style="yellow", markup=False, soft_wrap=True)
    if asked.are_several:
        first, last = asked.each[0].name, asked.each[-1].name
        which = f"{first} to {last}" if len(asked.each) > 1 else first
        text = f"the mean of {len(asked.each):,} networks: {which}"
        console.print(text, markup=False, soft_wrap=True)


def conclude(given: Examples, found: Predictions) -> None:
    """Says what is odd, and how good the answers are where that is known."""
    console, count = Console(highlight=False), len(given.names)
    lost = int((found.guesses.reshape(count, -1) < 0).any(axis=1).sum())
    if found.task != "regression" and lost:
        console.print(f"no guess at {lost:,} of {count:,}", style="bold red")
    if marked := sum(map(bool, found.unlike)):
        console.print(f"{marked:,} of {count:,} look unlike what the network was trained on")
    if found.votes.agree is not None:
        same = int((found.votes.agree == 1).sum())
        console.print(f"all networks guess alike at {same:,} of {count:,}")
    if given.labels is None:
        return
    rows = np.flatnonzero(_are_known(given.labels).reshape(count, -1).all(axis=1))
    labels, num_known = given.labels[rows], len(rows)
    if found.task in ("classification", "binary"):
        right = int((found.guesses[rows] == labels).sum())
        share = f"{100 * right / num_known:.2f} %"
        console.print(f"right: {right:,} of {num_known:,}, {share}", style="bold")
    task = "classification" if found.task == "binary" else found.task  # with both answers' shares
    scores = figures.of(task, labels, found.votes.outputs[rows], found.names)
    console.print(screen.line(scores), markup=False, soft_wrap=True)
    if said := screen.whose_f1(scores, found.names):
        console.print(said, markup=False, soft_wrap=True)


def _are_known(labels: np.ndarray) -> np.ndarray:
    """Where there is a label: a table may have rows without."""
    return ~np.isnan(labels) if labels.dtype.kind == "f" else labels >= 0


def place_for_picture(folder: Path, config: Mapping[str, Any]) -> Path | None:
    """Where the picture goes; None where there is none, as the inputs are no pictures.

    Raises:
      ValueError: if --picture asks for one nevertheless, or is no picture's name.
    """
    if not config["image_shape"]:
        if FLAGS.picture:
            raise ValueError(
                f"--picture needs a network of pictures, got rows of {config['sizes'][0]}"
            )
        return None
    path = user_path(FLAGS.picture or str(folder / "plots" / "predictions.png"))
    if path.suffix.lower() != ".png":
        raise ValueError(f"--picture needs a file that ends in .png, got {path}")
    return path


def refuse_places(outputs: list[Path], inputs: list[Path]) -> None:
    """Raises ValueError if a file cannot be written, or is one of those to be read."""
    for path in outputs:
        there = next(each for each in (path, *path.absolute().parents) if each.exists())
        if path.is_dir() or not (there.is_dir() or there == path) or not os.access(there, os.W_OK):
            raise ValueError(f"expected a file that can be written, got {path}")
        if path.resolve() in [each.resolve() for each in inputs]:
            raise ValueError(f"expected another file than {path}, which is to be read")


def draw(path: Path, given: Examples, found: Predictions, image_shape: tuple[int, ...]) -> None:
    """The first inputs as the network sees them, with their probabilities."""
    from experiments.plots import run as plots

    path.parent.mkdir(parents=True, exist_ok=True)
    shares = np.nan_to_num(found.votes.outputs)  # no guess: no bars
    pairs = zip(given.names, found.unlike, strict=True)
    names = [f"{name}: {unlike}" if unlike else name for name, unlike in pairs]
    classes = found.names if found.are_named else ()
    plots.predictions(path, given.inputs, shares, names, tuple(image_shape), classes)


if __name__ == "__main__":
    endings.start(main)
