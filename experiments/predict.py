"""Shows what a trained network makes of pictures, or of the examples in a file.

    python -m experiments.predict runs/mnist-2026-11-20-120000 digit.png another.jpg

Pictures may have any size, dark on light or light on dark. An .npz file has inputs x, or x_test,
and may have classes y, or y_test, or values for a regression; a .parquet file has columns as in
docs/data.md, and is read piece by piece. Prints a table; the folder's plots/
gets a picture, and predictions.csv all the guesses. An example whose probabilities are no numbers,
as NaN among its inputs makes them, gets no guess.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from rich.console import Console
from rich.table import Table

import jaxmlp
from experiments.app import answers, endings, recipes, startup
from experiments.app.command_line import define_path
from experiments.data import likeness
from experiments.data.images import Picture, read_picture
from experiments.data.likeness import Guesses
from experiments.data.own import ENDINGS
from experiments.data.rows import Rows
from experiments.folder import arrays, records
from experiments.folder.files import write_csv
from experiments.folder.workdir import user_path
from jaxmlp.nn.precision import has_precision
from jaxmlp.types import PyTree, trained

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(startup)
define_path("picture", None, "File for the picture; by default WORKDIR/plots/predictions.png.")

ROWS = 20  # of the table on the screen
SHOWN = 100  # examples whose inputs are looked at again, at the most


class Examples(NamedTuple):
    """What to guess at."""

    names: list[str]
    inputs: Any  # (num_examples, features) float32, or uint8 pixels; an array, or `Rows`
    labels: np.ndarray | None  # (num_examples,) where they are known
    pictures: Sequence[Picture] = ()  # that the inputs come from, where they do


def main(argv: list[str]) -> None:
    """Guesses, prints and draws."""
    with endings.clear_errors():
        if len(argv) < 3:
            raise ValueError(
                "expected a run's folder and pictures, or an .npz or .parquet file, "
                f"got {' '.join(argv[1:]) or 'nothing'}"
            )
        folder, paths = user_path(argv[1]), argv[2:]
        startup.wake(None)
        recipe, params, config = load(folder)
        table = folder / "predictions.csv"
        picture = place_for_picture(folder, config)
        refuse_places([table, *([picture] if picture else [])], [*map(user_path, paths)])
        if config["task"] == "regression":
            if len(paths) != 1 or not paths[0].endswith(ENDINGS):
                got = " ".join(paths)
                raise ValueError(f"a regression takes one .npz or .parquet file, got {got}")
            answers.answer(table, recipe, params, user_path(paths[0]), config["sizes"][0])
            print(f"all answers in {table}")
            return
        examples = read(paths, config)
        if examples.pictures:
            guesses = likeness.guess(recipe, params, examples.pictures)
        else:
            probabilities = answers.predict(recipe, params, examples.inputs)
            examples = examples._replace(inputs=first(examples.inputs))
            guesses = Guesses(probabilities, [""] * len(probabilities))
        write_table(table, examples, guesses)
        show(examples, guesses)
        if picture:
            draw(picture, examples, guesses, config["image_shape"])
            print(f"picture in {picture}")
        print(f"all guesses in {table}")


def load(folder: Path) -> tuple[jaxmlp.Recipe, PyTree, dict[str, Any]]:
    """A run's recipe, parameters and config.

    Raises:
      ValueError: if the folder holds no run, or its parameters are not its recipe's, or no numbers.
    """
    config = records.read_config(folder / "config.json")
    path = folder / "params.npz"
    if not path.exists():
        raise ValueError(f"{folder} needs params.npz, got a run without parameters")
    recipe = recipes.recipe(config)
    if not has_precision(config["precision"], jax.default_backend()):
        print(f"{config['precision']} needs a GPU: these answers are made in float32")
        recipe = recipe._replace(model=jaxmlp.with_precision(recipe.model, "float32"))
    if config["task"] == "binary":
        if config["sizes"][-1] != 1:
            raise ValueError(f"{folder} needs one answer of yes or no, got {config['sizes'][-1]}")
        recipe = recipe._replace(task=recipe.task._replace(link=no_and_yes))
    params = arrays.read_params(path, recipe.model)
    for layer, leaves in enumerate(trained(params)):
        odd = sum(int((~np.isfinite(leaf)).sum()) for leaf in leaves)
        if odd:
            got = f"{odd:,} NaN or infinite in layer_{layer}: training diverged"
            raise ValueError(f"{path} needs finite numbers, got {got}")
    return recipe, params, config


def no_and_yes(outputs: jax.Array) -> jax.Array:
    """The probabilities of 0 and of 1, (2,), by the one output of a network of yes or no."""
    yes = jax.nn.sigmoid(outputs)
    return jnp.concatenate([1 - yes, yes])


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


def read(paths: list[str], config: dict[str, Any]) -> Examples:
    """Pictures, or one file of examples, as examples for a network."""
    if len(paths) == 1 and paths[0].endswith(ENDINGS):
        return read_file(user_path(paths[0]), config["sizes"])
    if not config["image_shape"]:
        raise ValueError(
            f"this network takes rows of {config['sizes'][0]} numbers: expected one .npz or "
            f".parquet file, got {' '.join(paths)}"
        )
    shape = tuple(config["image_shape"])
    pictures = [read_picture(user_path(path), shape) for path in paths]
    return Examples(paths, np.stack([each.rows[0] for each in pictures]), None, pictures)


def first(inputs: np.ndarray | Rows) -> np.ndarray:
    """As many of the inputs as are shown."""
    return inputs[np.arange(min(len(inputs), SHOWN))]


def read_file(path: Path, sizes: list[int]) -> Examples:
    """The inputs of a file of examples, and its labels where it has them."""
    num_classes = max(sizes[-1], 2)  # one output is of yes or no
    inputs, labels = answers.read(path, sizes[0])
    if labels is not None and labels.dtype.kind == "f" and (labels == np.round(labels)).all():
        labels = labels.astype(np.int64)
    if labels is not None and (labels.shape != inputs.shape[:1] or labels.dtype.kind not in "bui"):
        got = f"{labels.dtype} {labels.shape}"
        raise ValueError(f"{path}: expected {len(inputs)} whole numbers as labels, got {got}")
    if labels is not None and (odd := (labels < 0) | (labels >= num_classes)).any():
        row = int(odd.argmax())
        raise ValueError(
            f"{path}: expected labels from 0 to {num_classes - 1}, as the network has classes, "
            f"got {labels[row]} in row {row}"
        )
    return Examples([f"{path.name} {row}" for row in range(len(inputs))], inputs, labels)


def guesses_of(probabilities: np.ndarray) -> np.ndarray:
    """The likeliest classes, (num_examples,) int64; -1 where the probabilities are no numbers."""
    return np.where(np.isfinite(probabilities).all(axis=1), probabilities.argmax(axis=1), -1)


def write_table(path: Path, examples: Examples, guesses: Guesses) -> None:
    """Every example's guess and probabilities, as a .csv file; no guess is no text."""
    probabilities, unlike = guesses
    classes = [f"p{number}" for number in range(probabilities.shape[1])]
    lines: list[list[Any]] = [["name", "label", "guess", "unlike", *classes]]
    for row, guess in enumerate(guesses_of(probabilities)):
        label = "" if examples.labels is None else int(examples.labels[row])
        cells = ["" if guess < 0 else f"{share:.6f}" for share in probabilities[row]]
        known = [examples.names[row], label, "" if guess < 0 else guess, unlike[row]]
        lines.append([*known, *cells])
    write_csv(path, lines)


def show(examples: Examples, guesses: Guesses) -> None:
    """Prints the first guesses, and how many of all are right where that is known."""
    (probabilities, unlike), console = guesses, Console(highlight=False)
    best_guesses = guesses_of(probabilities)
    has_labels, has_unlike = examples.labels is not None, any(unlike)
    table = Table("input", *["label"] * has_labels, "guess", "runner-up", *["unlike"] * has_unlike)
    for row, name in enumerate(examples.names[:ROWS]):
        best = np.argsort(-probabilities[row])[:2]
        cells = [f"{guess}  ({100 * probabilities[row, guess]:.1f} %)" for guess in best]
        if best_guesses[row] < 0:
            is_odd = not np.isfinite(examples.inputs[row]).all()
            cells = ["none: NaN or infinity in the input" if is_odd else "none: numbers too large"]
        label = [str(examples.labels[row])] if examples.labels is not None else []
        table.add_row(name, *label, *cells, *[unlike[row]] * has_unlike)
    console.print(table)
    count = len(examples.names)
    if count > ROWS:
        console.print(f"and {count - ROWS:,} more")
    if lost := int((best_guesses < 0).sum()):
        console.print(f"no guess at {lost:,} of {count:,}", style="bold red")
    if marked := sum(map(bool, unlike)):
        console.print(f"{marked:,} of {count:,} look unlike what the network was trained on")
    if examples.labels is not None:
        right = int((best_guesses == examples.labels).sum())
        console.print(f"right: {right:,} of {count:,}, {100 * right / count:.2f} %", style="bold")


def draw(path: Path, examples: Examples, guesses: Guesses, image_shape: tuple[int, int]) -> None:
    """The first inputs as the network sees them, with their probabilities."""
    from experiments.plots import run as plots

    path.parent.mkdir(parents=True, exist_ok=True)
    shares = np.nan_to_num(guesses.probabilities)  # no guess: no bars
    pairs = zip(examples.names, guesses.unlike, strict=True)
    names = [f"{name}: {unlike}" if unlike else name for name, unlike in pairs]
    plots.predictions(path, examples.inputs, shares, names, tuple(image_shape))


if __name__ == "__main__":
    endings.start(main)
