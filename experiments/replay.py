"""Trains one network of a sweep again, alone, and compares it with what the sweep made of it.

    python -m experiments.replay runs/sweep-2026-11-21-120000 --member learning_rate=1e-3,seed=7

Compares all that runs.npz says of it (the parameters, each column of its history, when it ended and
at which fault), and the settings in config.json. Says "identical to the bit", or what differs; and
what it does not vouch for. Uses the number of threads that the sweep used, reads what
`experiments.verify` does and writes as little. Exit code 0 if all is identical, 4 if not, 1 for a
mistake. A sweep in fast mode promises no equal bits.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import flags
from rich.console import Console

import jaxmlp
from experiments import verify
from experiments.app import determinism, devices, endings, points, startup, voters
from experiments.app.job import window_of
from experiments.app.material import Material
from experiments.app.progress import EpochTable
from experiments.folder import arrays, records, schema, sweep_proof
from experiments.folder.workdir import user_path
from experiments.verify import say
from jaxmlp.optim.averages import eval_params
from jaxmlp.populations.grid import FOLD
from jaxmlp.runtime import receipt
from jaxmlp.training import stopping
from jaxmlp.training.batches import num_steps
from jaxmlp.types import Dataset, Progress

NOT_VOUCHED_FOR = (
    "the other networks, what sums them up (summary.json, table.csv, metrics.jsonl) or rests on "
    "them (that halving ends one), which outputs were asked for, the texts of notice and "
    "environment, how a file is packed, and whatever else is in the folder, such as checkpoints "
    "and pictures"
)
LISTED = 20  # values of an axis in a message

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(startup)
flags.adopt_module_key_flags(verify)
flags.adopt_module_key_flags(voters)


class Member(NamedTuple):
    """One network of a sweep: how it is trained, and what the sweep has of it."""

    recipe: jaxmlp.Recipe
    data: Dataset  # of a cross-validation, its fold
    described: Material  # of whose data, the first fold, config.json speaks
    config: Mapping[str, Any]  # the sweep's
    values: Mapping[str, Any]  # along the axes
    record: Mapping[str, np.ndarray]  # its part of the arrays in runs.npz

    @property
    def devices(self) -> dict[str, Any]:
        """Those that divide its batches, as `jaxmlp.train` takes them."""
        alone = devices.of_member(self.config)
        return {"mesh": devices.mesh_of(alone), "mode": alone["mode"]}

    def is_rung(self, epoch: int) -> bool:
        """Whether halving looks at the networks after an epoch."""
        rung, factor = 1, self.config["halving"]
        while factor and rung < epoch:
            rung *= factor
        return bool(factor) and rung == epoch

    def seen(self, line: Mapping[str, float], epoch: int) -> dict[str, float]:
        """An epoch's line as the sweep has it: NaN where it did not look."""
        is_last = epoch == self.recipe.num_epochs
        is_due = is_last or epoch % self.config["eval_every"] == 0 or self.is_rung(epoch)
        unseen = () if is_due else ("validation_", "test_")
        return {n: np.nan if n.startswith(unseen) else value for n, value in line.items()}

    def has_ended(self, history: Sequence[Mapping[str, float]]) -> bool:
        """Whether its length or its patience ends it; or halving, as far as the sweep says so."""
        epoch, patience = len(history), self.config["patience"]
        metric = f"validation_{self.config['stop_metric']}"
        return (
            epoch == self.recipe.num_epochs
            or (patience is not None and stopping.is_exhausted(history, metric, patience))
            or (self.is_rung(epoch) and epoch == self.record["stopped_at"])
        )


def main(argv: list[str]) -> None:
    """Compares, says what came out, and ends with the exit code."""
    console = Console(highlight=False)
    with endings.clear_errors():
        if len(argv) != 2 or FLAGS.member is None:
            raise ValueError(
                "expected one sweep's folder and --member=learning_rate=1e-3,seed=7 or the like, "
                f"got {' '.join(argv[1:]) or 'no folder'} and {FLAGS.member or 'no member'}"
            )
        folder = user_path(argv[1])
        config = records.read_config(folder / "config.json")
        if "sweep" not in config or not (folder / "runs.npz").exists():
            raise ValueError(f"{folder} needs to hold a finished sweep, got none")
        machine = schema.read(folder / "environment.json", records.ENVIRONMENT)
        member = choose(console, folder, config)
        found = list(sweep_proof.settings_differences(config, member.described))
        found += sweep_proof.preparation_differences(folder, member.described)
        with startup.compiling(console) as on_compiled:
            jaxmlp.warm_up(member.recipe, member.data, on_compiled, **member.devices)
    found += sweep_proof.member_differences(member.record, train(console, member))
    if found:
        console.print(f"{FLAGS.member} differs:", style="bold red")
    else:
        console.print(f"{FLAGS.member}: identical to the bit", style="bold green")
    now = {**receipt.describe(), "num_devices": machine.get("num_devices")}
    then = {name: machine.get(name) for name in now}
    why = determinism.remark(config, machine) if found else []
    for line in [*found, *receipt.differences(then, now, "environment"), *why]:
        say(console, line)
    say(console, f"not vouched for: {NOT_VOUCHED_FOR}")
    if found:
        sys.exit(verify.NOT_IDENTICAL)


def choose(console: Console, folder: Path, config: Mapping[str, Any]) -> Member:
    """The network that --member names.

    Raises:
      ValueError: if it is none of the sweep's, or the data are others.
    """
    axes = points.axes(config)
    record = arrays.read_runs(folder / "runs.npz", axes)
    values = points.parse_member(FLAGS.member, axes)
    position = find(axes, values)
    alone = devices.of_member(config)
    on_these = {"mesh": devices.needed(alone), "mode": alone["mode"]}
    startup.wake(config["threads"], config["deterministic"], **on_these)
    described = described_by(console, config)
    data = described.folds[values[FOLD]] if described.folds else described.data
    recipe = points.recipe_at(data, points.given(config), points.setting_of(values))
    part = {name: values[position] for name, values in record.items()}
    return Member(recipe, data, described, config, values, part)


def described_by(console: Console, config: Mapping[str, Any]) -> Material:
    """What config.json speaks of; raises ValueError if the data are others now."""
    found = verify.load(console, config)
    data = found.data
    if data.sha256 != config["data_sha256"]:
        raise ValueError(
            f"expected data with sha256 {config['data_sha256']}, got {data.sha256}: {data.source}"
        )
    return found


def find(axes: Mapping[str, list[str]], values: Mapping[str, Any]) -> tuple[int, ...]:
    """Where a member's values are along the axes.

    Raises:
      ValueError: if it is none of the sweep's.
    """
    position = []
    for name, labels in axes.items():
        text = points.value_text(values[name])
        if text not in labels:
            more = f", ... {labels[-1]}" if len(labels) > LISTED else ""
            known = ", ".join(labels[:LISTED]) + more
            raise ValueError(f"--member needs {name} to be one of {known}, got {text}")
        position.append(labels.index(text))
    return tuple(position)


def train(console: Console, member: Member) -> dict[str, np.ndarray]:
    """The member alone, up to where it ends: what runs.npz would say of it."""
    config, recipe = member.config, member.recipe
    history: list[dict[str, float]] = []
    own_order = member.values.get("shuffle_seed")
    steps = num_steps(len(member.data.train_inputs), recipe.batch_size)
    with EpochTable(console, recipe.num_epochs, steps) as table:
        started = time.perf_counter()

        def on_block(progress: Progress) -> None:
            table.step(int(progress.state.step))

        def on_epoch(progress: Progress) -> bool:
            epoch = len(progress.history)
            history.append(member.seen(progress.history[-1], epoch))
            table.line(epoch, history[-1], time.perf_counter() - started)
            return member.has_ended(history)

        try:
            params, fault_step = (
                jaxmlp.train(
                    recipe,
                    member.data,
                    member.values["seed"],
                    shuffle_seed=0 if config["shuffle"] == "shared" else own_order,
                    noise_seed=member.values.get("noise_seed"),
                    on_fault="ignore" if config["on_fault"] == "ignore" else "raise",
                    window=window_of(config),
                    **member.devices,
                    callback=on_epoch,
                    on_block=on_block,
                ).params,
                -1,
            )
        except jaxmlp.TrainingFault as error:
            params = eval_params(recipe.eval_params, error.progress.state)
            fault_step = error.fault.step
    names = history[0] if history else ()
    return {
        "params_sha256": np.array(jaxmlp.digest(params)),
        "stopped_at": np.array(len(history)),
        "fault_step": np.array(fault_step),
        **{f"history/{n}": np.array([line[n] for line in history], np.float32) for n in names},
    }


if __name__ == "__main__":
    endings.start(main)
