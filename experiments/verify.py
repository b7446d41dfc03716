"""Runs a finished or interrupted run again by its receipt, and compares every epoch's parameters.

    python -m experiments.verify runs/mnist-2026-11-20-120000

Says "identical to the bit", or the first epoch that differs and what else differs: the receipt's
settings from config.json's, the data's digest, the versions and the machine. Uses the number of
threads that the receipt has. Exit code 0 if all is identical, else 1. Takes as long as the run did.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags
from rich.console import Console

import jaxmlp
from experiments import datasets, environment, recipes, runner, workdir
from experiments.progress import EpochTable
from jaxmlp import receipt
from jaxmlp.types import Dataset, Progress

FLAGS = flags.FLAGS
flags.DEFINE_string("look_in", None, "Folder to look for the data in first.")


def main(argv: list[str]) -> None:
    """Compares, says what came out, and ends with the exit code."""
    with runner.clear_errors():
        if len(argv) != 2:
            raise ValueError(f"expected one run's folder, got {' '.join(argv[1:]) or 'nothing'}")
        folder = Path(argv[1])
        record = read(folder)
        environment.use_threads(record["config"]["threads"])
        data = load(record["config"])
        recipe = recipes.recipe(record["config"])
        jaxmlp.warm_up(recipe, data)
    console = Console(highlight=False)
    epoch = first_difference(console, recipe, data, record)
    lines = differences(folder, record, data)
    num_epochs = len(record["params_sha256"])
    if epoch is None and data.sha256 == record["data"]["sha256"]:
        console.print(f"identical to the bit in all {num_epochs} epochs", style="bold green")
        return
    if epoch is None:
        console.print(f"identical in all {num_epochs} epochs, but not by this receipt")
    else:
        console.print(f"epoch {epoch} of {num_epochs} is the first to differ", style="bold red")
    for line in lines or ["nothing else that is recorded differs"]:
        console.print(line, markup=False, soft_wrap=True)
    sys.exit(1)


def read(folder: Path) -> dict[str, Any]:
    """A run's receipt.

    Raises:
      ValueError: if there is none, or none with an epoch.
    """
    record = workdir.read_json(folder / "receipt.json")
    missing = [name for name in ("config", "data", "environment") if name not in record]
    if missing or not record.get("params_sha256"):
        raise ValueError(
            f"{folder / 'receipt.json'} needs a run's settings, data, environment and at least one "
            f"epoch's digest, got {', '.join(record)}"
        )
    return record


def load(config: Mapping[str, Any]) -> Dataset:
    """The data of a receipt, as they are here."""
    place = FLAGS.look_in or config["data_dir"]
    data = datasets.load(config["dataset"], place, check_finite=config["check_finite"])
    return datasets.hold_out(data, config["validation_fraction"])


def first_difference(
    console: Console, recipe: jaxmlp.Recipe, data: Dataset, record: Mapping[str, Any]
) -> int | None:
    """Trains again up to the first epoch that differs from the receipt; None if none does."""
    expected, config = record["params_sha256"], record["config"]
    got: list[str] = []
    steps_per_epoch = -(-len(data.train_inputs) // recipe.batch_size)
    with EpochTable(console, len(expected), steps_per_epoch) as table:

        def compare(progress: Progress) -> bool:
            got.append(jaxmlp.digest(progress.state.params))
            return got[-1] != expected[len(got) - 1] or len(got) == len(expected)

        try:
            jaxmlp.train(
                recipe,
                data,
                config["seed"],
                eval_every=config["num_epochs"],  # looks change no parameters
                on_fault=config["on_fault"],
                callback=compare,
                on_block=lambda progress: table.step(int(progress.state.step)),
            )
        except jaxmlp.TrainingFault as error:
            console.print(str(error))
            return len(got) + 1
    return None if got == expected else len(got)


def differences(folder: Path, record: Mapping[str, Any], data: Dataset) -> list[str]:
    """All that a receipt says otherwise than the run's config.json, the data, and this machine."""
    settings = workdir.read_json(folder / "config.json")
    ours = {name: settings.get(name) for name in record["config"]}
    found = {
        "config": ours,
        "data": {"sha256": data.sha256},
        "environment": receipt.describe(),
    }
    expected = {
        "config": record["config"],
        "data": {"sha256": record["data"]["sha256"]},
        "environment": record["environment"],
    }
    return list(receipt.differences(expected, found))


if __name__ == "__main__":
    runner.start(main)
