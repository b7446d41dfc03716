"""Trains a multilayer perceptron to read handwritten digits.

    python -m experiments.mnist --dataset=mnist

A network of 784-256-10 units with ReLU, He's initial weights and Adam reaches a test accuracy of
about 98 % in 10 epochs. Where MNIST is not to be had, the default `--dataset=auto` says so and
trains on scikit-learn's smaller digits instead.

--preset sets several flags by one name; with --preset=ensemble many networks are trained as one
population, as `experiments.sweep` does it.

One command serves from the first moment on: with --resume and --workdir it starts where there is
nothing yet to go on with, and goes on where there is.

Exit codes: 0 when done; 1 for a mistake in the flags or the data, or when not all could be written;
3 when training came to a number that is not finite, or ended worse than it began; 75 when another
of several processes was lost, or did not come; 130 and 143 when Ctrl-C or SIGTERM stopped it. From
75, 130 and 143 --resume can go on.
"""

from pathlib import Path

from absl import flags

from experiments.app import (
    command_line,
    config,
    devices,
    endings,
    life,
    material,
    preset_flag,
    recipes,
    settings,
    solo,
    startup,
    together,
)
from experiments.app.job import Job
from experiments.app.log import Clock
from jaxmlp import processes

flags.adopt_module_key_flags(settings)
flags.adopt_module_key_flags(startup)


def main(argv: list[str]) -> None:
    """Trains by the flags."""
    if not preset_flag.is_of_many() and not config.goes_on_with_a_sweep(of_preset=True):
        run(argv, "mnist")
        return
    with endings.clear_errors():
        preset_flag.refuse_seed()
    from experiments import sweep  # whose flags this program has not

    sweep.run(argv, "mnist")


def run(argv: list[str], program: str, of_table: bool = False) -> None:
    """Trains one network by the flags.

    Args:
      argv: the words that are no flags, the program's name first.
      program: what a folder is named by, where nobody names it.
      of_table: whether the data can be but a table.
    """
    clock = Clock()
    with endings.clear_errors(), preset_flag.blamed():
        command_line.refuse_arguments(argv)
        count = together.join(config.read_start())
        earlier = processes.told(lambda: config.earlier_config("run"))
        given = config.read(earlier, of_table)
        path = processes.told(lambda: config.folder(given, earlier, program))
        threads = config.threads(given, earlier)
        startup.wake(
            threads, given.deterministic, processes=count, mesh=given.mesh, mode=given.mode
        )
        given = devices.settled(given)
        found = material.load(given, earlier)
        made = config.make(given, found.data, earlier)
        job = Job(recipes.recipe(made), found.data, made, Path(path), found.notice, given, earlier)
        job = job._replace(findings=found.findings, preparations=found.preparations)
    clock.charge("load")
    life.live(solo.NETWORK, job, clock)


if __name__ == "__main__":
    endings.start(main)
