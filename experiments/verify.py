"""Runs a finished or interrupted run again by its receipt, and compares every epoch's parameters.

    python -m experiments.verify runs/mnist-2026-11-20-120000

Says "identical to the bit", or the first epoch that differs and what else does: the parameters and
figures in the folder from the receipt's, the receipt's settings from config.json's, the data, the
versions and the machine. Uses the number of threads that the receipt has. Exit code 0 if all is
identical, 4 if not, 1 for a mistake. Takes as long as the run did.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags
from rich.console import Console

import jaxmlp
from experiments import datasets, environment, recipes, runner, workdir
from experiments.options import NAMES
from experiments.progress import EpochTable
from jaxmlp import receipt
from jaxmlp.types import Dataset, Progress

NOT_IDENTICAL = 4  # exit code

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
        found = [*result_differences(folder, record), *settings_differences(folder, record, data)]
        jaxmlp.warm_up(recipe, data)
    console = Console(highlight=False)
    epoch = first_difference(console, recipe, data, record)
    num_epochs = len(record["params_sha256"])
    if epoch is not None:
        console.print(f"epoch {epoch} of {num_epochs} is the first to differ", style="bold red")
    elif found:
        console.print(f"identical in all {num_epochs} epochs, but:", style="bold red")
    else:
        console.print(f"identical to the bit in all {num_epochs} epochs", style="bold green")
    machine = receipt.differences(record["environment"], receipt.describe(), "environment")
    for line in [*found, *machine]:
        console.print(line, markup=False, soft_wrap=True)
    if epoch is not None or found:
        sys.exit(NOT_IDENTICAL)


def read(folder: Path) -> dict[str, Any]:
    """A run's receipt.

    Raises:
      ValueError: if there is none, or none with an epoch.
    """
    if (folder / "runs.npz").exists():
        raise ValueError(f"{folder} holds a sweep: expected a run, or experiments.replay")
    record = workdir.read_json(folder / "receipt.json")
    missing = [name for name in ("config", "data", "environment") if name not in record]
    record = {"params_sha256": [], "summary": {}, **record}
    digests, count = _digests(folder), len(record["params_sha256"])
    if not record["summary"] and digests[:count] == record["params_sha256"]:
        record["params_sha256"] = digests  # killed: what was noted after each epoch since stands
    if missing or not record["params_sha256"]:
        raise ValueError(
            f"{folder / 'receipt.json'} needs a run's settings, data, environment and at least one "
            f"epoch's digest, got {', '.join(record)}"
        )
    return record


def load(config: Mapping[str, Any]) -> Dataset:
    """The data of a receipt, as they are here."""
    name, place = config["dataset"], FLAGS.look_in or config["data_dir"]
    if FLAGS.look_in and (Path(FLAGS.look_in) / Path(name).name).is_file():  # a user's own
        name = str(Path(FLAGS.look_in) / Path(name).name)
    data = datasets.load(name, place, check_finite=config["check_finite"])
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


def result_differences(folder: Path, record: Mapping[str, Any]) -> list[str]:
    """Where the results in a run's folder are not those that its receipt vouches for."""
    digests = record["params_sha256"]
    expected: dict[str, Any] = {}
    found: dict[str, Any] = {}
    summary_file, params_file = folder / "summary.json", folder / "params.npz"
    summary = workdir.read_json(summary_file) if summary_file.exists() else {}
    if summary:
        expected |= {f"summary.json {name}": value for name, value in record["summary"].items()}
        found |= {f"summary.json {name}": summary.get(name) for name in record["summary"]}
    if (folder / "metrics.jsonl").exists():
        lines = _digests(folder)
        for epoch in range(max(len(digests), len(lines))):
            name = f"metrics.jsonl epoch {epoch + 1}"
            expected[name], found[name] = digests[epoch:][:1], lines[epoch:][:1]
    if params_file.exists():
        got = found["params.npz"] = jaxmlp.digest(jaxmlp.load_params(params_file))
        epochs = [summary["params_epoch"] - 1] if summary else range(len(digests))
        last = digests[epochs[-1]]
        expected["params.npz"] = next((digests[i] for i in epochs if digests[i] == got), last)
    return list(receipt.differences(expected, found))


def _digests(folder: Path) -> list[str]:
    """The parameters' after each epoch, as metrics.jsonl has them."""
    lines = workdir.read_lines(folder / "metrics.jsonl")
    return [line.get("params_sha256", "") for line in lines]


def settings_differences(folder: Path, record: Mapping[str, Any], data: Dataset) -> list[str]:
    """Where a receipt's settings and data are not those of the run's config.json and of today."""
    file = folder / "config.json"
    settings = workdir.read_json(file) if file.exists() else record["config"]
    expected = {"config": record["config"], "data": {"sha256": record["data"]["sha256"]}}
    ours = {name: settings.get(name) for name in dict.fromkeys([*record["config"], *NAMES])}
    return list(receipt.differences(expected, {"config": ours, "data": {"sha256": data.sha256}}))


if __name__ == "__main__":
    runner.start(main)
