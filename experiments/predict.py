"""Shows what a trained network makes of pictures, or of the examples in an .npz file.

    python -m experiments.predict runs/mnist-2026-11-20-120000 digit.png another.jpg

Pictures may have any size, dark on light or light on dark. An .npz file has inputs x, or x_test,
and may have classes y, or y_test. Prints a table; the folder's plots/ gets a picture, and
predictions.csv all the guesses.
"""

import csv
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import flags
from rich.console import Console
from rich.table import Table

import jaxmlp
from experiments import recipes, runner, workdir
from jaxmlp.types import PyTree

FLAGS = flags.FLAGS
flags.DEFINE_string(
    "picture", None, "File for the picture; by default WORKDIR/plots/predictions.png."
)

ROWS = 20  # of the table on the screen


class Examples(NamedTuple):
    """What to guess at."""

    names: list[str]
    inputs: np.ndarray  # (num_examples, features) float32, or uint8 pixels
    labels: np.ndarray | None  # (num_examples,) where they are known


def main(argv: list[str]) -> None:
    """Guesses, prints and draws."""
    with runner.clear_errors():
        if len(argv) < 3:
            raise ValueError(
                "expected a run's folder and pictures, or an .npz file, "
                f"got {' '.join(argv[1:]) or 'nothing'}"
            )
        folder = Path(argv[1])
        recipe, params, config = load(folder)
        examples = read(argv[2:], config)
        probabilities = np.asarray(jaxmlp.predict(recipe, params, examples.inputs))
        write_table(folder / "predictions.csv", examples, probabilities)
        show(examples, probabilities)
        if config["image_shape"]:
            picture = Path(FLAGS.picture or folder / "plots" / "predictions.png")
            draw(picture, examples, probabilities, config["image_shape"])
            print(f"picture in {picture}")
        print(f"all guesses in {folder / 'predictions.csv'}")


def load(folder: Path) -> tuple[jaxmlp.Recipe, PyTree, dict[str, Any]]:
    """A run's recipe, parameters and config.

    Raises:
      ValueError: if the folder holds no run, or its parameters are not its recipe's.
    """
    config = workdir.read_json(folder / "config.json")
    recipe = recipes.recipe(config)
    if not (folder / "params.npz").exists():
        raise ValueError(f"{folder} needs params.npz, got a run without parameters")
    params = jaxmlp.load_params(folder / "params.npz")
    expected = jax.eval_shape(recipe.model.init, jax.random.key(0))
    shapes = [jax.tree.map(lambda leaf: leaf.shape, tree) for tree in (expected, params)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"params.npz needs the shapes {shapes[0]}, got {shapes[1]}")
    return recipe, params, config


def read(paths: list[str], config: dict[str, Any]) -> Examples:
    """Pictures, or one .npz file, as examples for a network."""
    if len(paths) == 1 and paths[0].endswith(".npz"):
        return read_npz(Path(paths[0]), config["sizes"][0])
    if not config["image_shape"]:
        raise ValueError(
            f"this network takes rows of {config['sizes'][0]} numbers: expected one .npz file, "
            f"got {' '.join(paths)}"
        )
    from experiments import images

    shape = tuple(config["image_shape"])
    rows = [images.read_image(Path(path), shape) for path in paths]
    return Examples(paths, np.stack(rows), None)


def read_npz(path: Path, num_features: int) -> Examples:
    """The inputs of an .npz file, and its labels where it has them."""
    from experiments import npz

    arrays = npz.open_arrays(path, ("x", "y"), ("x_test", "y_test"), ("x",), ("x_test",))
    inputs, *rest = arrays.values()
    labels = rest[0] if rest else None
    if inputs.dtype.kind not in "buif" or inputs.ndim < 1 or not len(inputs):
        got = f"{inputs.dtype} {inputs.shape}"
        raise ValueError(f"{path}: expected inputs (N, ...) of numbers, got {got}")
    inputs = inputs.reshape(len(inputs), -1)
    if inputs.shape[1] != num_features:
        raise ValueError(f"{path}: expected rows of {num_features}, got {inputs.shape[1]}")
    if inputs.dtype != np.uint8:
        inputs = inputs.astype(np.float32)
    if labels is not None and (labels.shape != inputs.shape[:1] or labels.dtype.kind not in "bui"):
        got = f"{labels.dtype} {labels.shape}"
        raise ValueError(f"{path}: expected {len(inputs)} whole numbers as labels, got {got}")
    return Examples([f"{path.name} {row}" for row in range(len(inputs))], inputs, labels)


def write_table(path: Path, examples: Examples, probabilities: np.ndarray) -> None:
    """Every example's guess and probabilities, as a .csv file."""
    classes = [f"p{number}" for number in range(probabilities.shape[1])]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "label", "guess", *classes])
        for row, name in enumerate(examples.names):
            label = "" if examples.labels is None else int(examples.labels[row])
            guess = int(probabilities[row].argmax())
            writer.writerow([name, label, guess, *map("{:.6f}".format, probabilities[row])])


def show(examples: Examples, probabilities: np.ndarray) -> None:
    """Prints the first guesses, and how many of all are right where that is known."""
    console = Console(highlight=False)
    table = Table(
        "input", *(["label"] if examples.labels is not None else []), "guess", "runner-up"
    )
    for row, name in enumerate(examples.names[:ROWS]):
        first, second = np.argsort(-probabilities[row])[:2]
        cells = [f"{guess}  ({100 * probabilities[row, guess]:.1f} %)" for guess in (first, second)]
        label = [str(examples.labels[row])] if examples.labels is not None else []
        table.add_row(name, *label, *cells)
    console.print(table)
    if len(examples.names) > ROWS:
        console.print(f"and {len(examples.names) - ROWS:,} more")
    if examples.labels is not None:
        right = int((probabilities.argmax(axis=1) == examples.labels).sum())
        share = 100 * right / len(examples.names)
        console.print(f"right: {right:,} of {len(examples.names):,}, {share:.2f} %", style="bold")


def draw(
    path: Path, examples: Examples, probabilities: np.ndarray, image_shape: tuple[int, int]
) -> None:
    """The first inputs as the network sees them, with their probabilities."""
    from experiments import plots

    path.parent.mkdir(parents=True, exist_ok=True)
    plots.predictions(path, examples.inputs, probabilities, examples.names, tuple(image_shape))


if __name__ == "__main__":
    runner.start(main)
