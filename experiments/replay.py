"""Trains one network of a sweep again, alone, and compares it with what the sweep made of it.

    python -m experiments.replay runs/sweep-2026-11-21-120000 --member learning_rate=1e-3,seed=7

Says "identical to the bit", or what differs: the parameters, or the first epoch of a column of its
history. Uses the number of threads that the sweep used. Exit code 0 if all is identical, 4 if not,
1 for a mistake. A sweep in fast mode promises no equal bits.
"""

import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags
from rich.console import Console

import jaxmlp
from experiments import environment, points, runner, verify, workdir
from experiments.progress import EpochTable
from jaxmlp import receipt
from jaxmlp.batches import num_steps
from jaxmlp.types import Dataset, Progress, Run

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(verify)
flags.DEFINE_string("member", None, "Which network: learning_rate=1e-3,seed=7.")


def main(argv: list[str]) -> None:
    """Compares, says what came out, and ends with the exit code."""
    with runner.clear_errors():
        if len(argv) != 2 or FLAGS.member is None:
            raise ValueError(
                "expected one sweep's folder and --member=learning_rate=1e-3,seed=7 or the like, "
                f"got {' '.join(argv[1:]) or 'no folder'} and {FLAGS.member or 'no member'}"
            )
        folder = Path(argv[1])
        config = workdir.read_json(folder / "config.json")
        if "sweep" not in config or not (folder / "runs.npz").exists():
            raise ValueError(f"{folder} needs to hold a finished sweep, got none")
        record = read(folder / "runs.npz")
        axes = [name.partition("/")[2] for name in record if name.startswith("axes/")]
        member = points.parse_member(FLAGS.member, axes)
        expected = select(record, axes, member)
        environment.use_threads(config["threads"])
        data = verify.load(config)
        if data.sha256 != config["data_sha256"]:
            raise ValueError(
                f"expected data with sha256 {config['data_sha256']}, "
                f"got {data.sha256}: {data.source}"
            )
        setting = {name: value for name, value in member.items() if not name.endswith("seed")}
        recipe = points.recipe_at(data, config["given"], setting)
        jaxmlp.warm_up(recipe, data)
    console = Console(highlight=False)
    run = train(console, recipe, data, config, member, expected)
    found = list(differences(expected, run))
    if found:
        console.print(f"{FLAGS.member} differs:", style="bold red")
    else:
        console.print(f"{FLAGS.member}: identical to the bit", style="bold green")
    environment_then = workdir.read_json(folder / "environment.json")
    now = {**receipt.describe(), "num_devices": environment_then.get("num_devices")}
    then = {name: environment_then.get(name) for name in now}
    for line in [*found, *receipt.differences(then, now, "environment")]:
        console.print(line, markup=False, soft_wrap=True)
    if found:
        sys.exit(verify.NOT_IDENTICAL)


def read(path: Path) -> dict[str, np.ndarray]:
    """A sweep's runs.npz.

    Raises:
      ValueError: if it is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} needs to be a sweep's undamaged runs.npz: {error}") from error


def select(
    record: Mapping[str, np.ndarray], axes: list[str], member: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """What the sweep has of one member.

    Raises:
      ValueError: if it is none of the sweep's.
    """
    position = []
    for name in axes:
        labels = record[f"axes/{name}"].tolist()
        text = points.value_text(member[name])
        if text not in labels:
            raise ValueError(f"--member needs {name} to be one of {', '.join(labels)}, got {text}")
        position.append(labels.index(text))
    return {
        name: values[tuple(position)]
        for name, values in record.items()
        if not name.startswith("axes/")
    }


def train(
    console: Console,
    recipe: jaxmlp.Recipe,
    data: Dataset,
    config: Mapping[str, Any],
    member: Mapping[str, Any],
    expected: Mapping[str, np.ndarray],
) -> Run:
    """The member alone, up to where it ended in the sweep."""
    shuffle_seed = 0 if config["shuffle"] == "shared" else member.get("shuffle_seed")
    num_epochs, has_fault = int(expected["stopped_at"]), expected["fault_step"] >= 0
    epochs = num_epochs + int(has_fault)
    with EpochTable(console, epochs, num_steps(len(data.train_inputs), recipe.batch_size)) as table:

        def step(progress: Progress) -> None:
            table.step(int(progress.state.step))

        try:
            return jaxmlp.train(
                recipe,
                data,
                member["seed"],
                shuffle_seed=shuffle_seed,
                on_fault="raise" if has_fault else "ignore",
                callback=lambda progress: len(progress.history) == epochs,
                on_block=step,
            )
        except jaxmlp.TrainingFault as fault:
            state, history = fault.progress.state, fault.progress.history
            columns = {
                name: np.array([line[name] for line in history], np.float32)
                for name in (history[0] if history else ())
            }
            return Run(state.params, state, columns)


def differences(expected: Mapping[str, np.ndarray], run: Run) -> list[str]:
    """Where a member's parameters and history are not the sweep's."""
    epochs = int(expected["stopped_at"])
    found = list(
        receipt.differences(
            {"params_sha256": str(expected["params_sha256"])},
            {"params_sha256": jaxmlp.digest(run.params)},
        )
    )
    for name, values in run.history.items():
        column, values = expected[f"history/{name}"][:epochs], values[:epochs]
        is_equal = (column == values) | np.isnan(column)  # a look that the sweep did not take
        if not is_equal.all():
            epoch = int(np.argmin(is_equal))
            found.append(
                f"{name}, epoch {epoch + 1}: expected {column[epoch]}, got {values[epoch]}"
            )
    return found


if __name__ == "__main__":
    runner.start(main)
