"""Trains a network for every combination of swept values and seeds, as few programs on all cores.

    python -m experiments.sweep --seeds=0:8 --sweep=learning_rate=1e-4,1e-3,1e-2

Takes the flags of `experiments.mnist`, and each network gets the bits that it gets there with the
same values and seed. Leaves a table with intervals over the seeds, pictures, and the history of
all networks in runs.npz; `experiments.replay` trains any of them again alone.

--folds=5 is a cross-validation: the training set in five parts, every network is trained five times
without one of them, and tested on that; the table has intervals over the folds. The test set itself
is left alone.

With --coordinator_address, --num_processes and --process_id, or --distributed, each of several
processes trains a part of the networks; process 0 shows its own, and in the end writes all.

--seed, --target and --tensorboard are for one network alone; --patience ends a network and keeps
its last parameters; --resume takes no other settings.

Exit codes: 0 when done; 1 for a mistake in the flags or the data, or when not all could be written;
75 when another of several processes was lost, or did not come; 130 and 143 when Ctrl-C or SIGTERM
stopped it. From 75, 130 and 143 --resume can go on. A network that diverges ends, and the
others go on. With --resume and --workdir one command serves from the first moment on: it starts
where there is nothing yet to go on with, and goes on where there is.
"""

import itertools
from pathlib import Path
from typing import Any

from absl import flags

from experiments.app import (
    command_line,
    config,
    devices,
    endings,
    environment,
    life,
    material,
    points,
    population,
    preset_flag,
    settings,
    startup,
    together,
)
from experiments.app.fields import SWEEP, SWEEP_OUTPUT
from experiments.app.job import Job
from experiments.app.log import Clock
from experiments.app.settings import DEFAULTS, Settings
from jaxmlp import processes
from jaxmlp.training.recipe import split

settings.define(SWEEP, SWEEP_OUTPUT)
flags.adopt_module_key_flags(settings)
flags.adopt_module_key_flags(startup)


def main(argv: list[str]) -> None:
    """Trains by the flags."""
    run(argv, "sweep")


def run(argv: list[str], program: str, of_table: bool = False) -> None:
    """Trains the networks that the flags ask for; the arguments are those of `mnist.run`."""
    clock = Clock()
    with endings.clear_errors(), preset_flag.blamed():
        command_line.refuse_arguments(argv)
        count = together.join(config.read_start())
        earlier = processes.told(lambda: config.earlier_config("sweep"))
        given = config.read(earlier, of_table)
        refuse_flags(given)
        path = processes.told(lambda: config.folder(given, earlier, program))
        axes = dict(points.parse_axis(text) for text in given.sweep)
        if len(axes) < len(given.sweep):
            raise ValueError(f"--sweep needs each name once, got {' '.join(given.sweep)}")
        seeds = points.parse_seeds(given.seeds)
        crossed = [
            None if text is None else points.parse_seeds(text)
            for text in (given.shuffle_seeds, given.noise_seeds)
        ]
        config.refuse_one_fold(given.folds)
        points.refuse_too_many(seeds, *crossed, *axes.values(), range(given.folds or 1))
        environment.use_devices()
        threads = config.threads(given, earlier)
        startup.wake(threads, given.deterministic, processes=count, mesh=given.mesh, is_alone=False)
        given = devices.settled(given, is_alone=False)
        found = material.load(given, earlier)
        data, notice = found.data, found.notice
        made = config.make_sweep(given, data, earlier)
        made |= config.of_folds(made, found.folds)
        recipe = points.recipe_at(data, points.given(made), {})
        job = Job(recipe, data, made, Path(path), notice, given, earlier, axes, seeds)
        job = job._replace(shuffle_seeds=crossed[0], noise_seeds=crossed[1])
        job = job._replace(findings=found.findings, preparations=found.preparations)
        job = job._replace(folds=found.folds)
        refuse_twins(job)
    clock.charge("load")
    life.live(population.POPULATION, job, clock)


def refuse_flags(given: Settings) -> None:
    """Raises ValueError for a flag of `experiments.mnist` that means nothing here."""
    if flags.FLAGS["seed"].present:
        raise ValueError(f"expected --seeds={given.seed}, got --seed={given.seed}")
    for name in ("target", "tensorboard", "noise_seed"):
        if getattr(given, name) != DEFAULTS[name]:
            raise ValueError(f"--{name} is for one network alone: expected experiments.mnist")
    if given.folds and flags.FLAGS["test_fraction"].present:
        got = f"--folds={given.folds} and --test_fraction={given.test_fraction:g}"
        raise ValueError(f"expected --folds or --test_fraction, got {got}: all rows test")
    if given.on_fault == "skip":
        raise ValueError("--on_fault needs to be raise, which ends a network, or ignore, got skip")
    if given.checkpoint_every.unit == "step":
        raise ValueError("--checkpoint_every needs epochs or seconds here, got steps")


def refuse_twins(job: Job) -> None:
    """Raises ValueError if two settings are the same network, as a flag that does nothing makes."""
    found: dict[Any, dict[str, Any]] = {}
    for point in itertools.product(*job.axes.values()):
        setting = dict(zip(job.axes, point, strict=True))
        static, numbers = split(population.recipe_of(job, setting))
        key = static, job.config["num_epochs"], *((n, float(v)) for n, v in numbers.items())
        key = *key, setting.get("num_epochs")
        if key in found:
            texts = " and ".join(map(points.as_text, (found[key], setting)))
            raise ValueError(
                f"--sweep needs settings that differ, got the same network for {texts}"
            )
        found[key] = setting


if __name__ == "__main__":
    endings.start(main)
