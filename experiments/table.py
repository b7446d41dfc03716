"""Trains a network on a table of your own: a file with a column to predict by the others.

    python -m experiments.table --data=houses.csv --target=price

Takes .csv, .tsv, .txt, .parquet, .arrow and .feather files, and the flags of `experiments.mnist`.
What the target is for (classes, yes or no, values), what each column is, and what is odd about the
table is found out and said before training. A fifth of the rows is kept apart for the test: of each
class alike, or whole groups (--group), or the latest (--time). The network stands beside baselines
on the same rows, so that one sees whether it was worth it.

With --seeds or --sweep, or other flags that `experiments.sweep` alone has, trains
many networks as one population.

The folder gets what `experiments.mnist` leaves, and preparation.json: how a row becomes the
network's inputs, fitted on the training rows alone. `experiments.predict FOLDER FILE` answers the
rows of another file, whose columns may come in any order and need no target.

Exit codes: those of `experiments.mnist`, and of `experiments.sweep`.
"""

from absl import flags

from experiments import mnist, sweep
from experiments.app import config, endings, preset_flag, settings, startup
from experiments.app.fields import SWEEP, SWEEP_OUTPUT

FLAGS = flags.FLAGS
flags.adopt_module_key_flags(settings)
flags.adopt_module_key_flags(startup)
flags.adopt_module_key_flags(sweep)
flags.DEFINE_alias("data", "dataset")


def main(argv: list[str]) -> None:
    """Trains by the flags."""
    program = sweep if is_sweep() else mnist
    program.run(argv, "table", of_table=True)


def is_sweep() -> bool:
    """Whether there are to be many networks: flags ask for them, or such a sweep goes on."""
    names = settings.names_of(SWEEP, SWEEP_OUTPUT)
    is_asked = any(FLAGS[name].present for name in names) or preset_flag.is_of_many()
    return is_asked or config.goes_on_with_a_sweep()


if __name__ == "__main__":
    endings.start(main)
