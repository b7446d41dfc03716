"""Every setting of a run and of a sweep, said once.

From its line in `Settings`, or in `Decisive` beneath it, come a setting's flag and its line in
--help, its field of config.json and what that may hold, whether a sweep may take several values of
it, and whether a run that is resumed may have another.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from experiments.app.command_line import Interval
from experiments.app.decisive import Decisive
from experiments.app.fields import (
    DATA,
    LIFE,
    OUTPUT,
    RESULT,
    SWEEP,
    SWEEP_OUTPUT,
    TABLE,
    About,
    interval,
    names,
    number,
    one_of,
    path,
    switch,
    text,
    texts,
    whole,
)
from experiments.app.presets import PRESETS, help_text
from experiments.data import sources


@dataclasses.dataclass(frozen=True)
class Settings(Decisive):
    """The values of all flags: of those not given, an earlier run's, or else the defaults."""

    # --- what is trained on, and where all is left
    dataset: str = path(
        "auto",
        "What to train on: auto (MNIST where it is to be had, else digits), "
        f"{', '.join(sources.NAMES[1:])}, or the path of an .npz file with x_train, y_train, "
        "x_test and y_test, or x and y; of a .parquet file; or of a folder with x_train.npy and so "
        "on, with Parquet files, of tensorflow-datasets, or with a folder of pictures for each "
        "class; or of a table, such as a .csv file, with --target=COLUMN.",
        role=DATA,
    )
    preset: str | None = one_of(list(PRESETS), None, help_text(), role=LIFE)
    data_dir: str | None = path(
        None, "Folder to look for data in first, and to download to.", role=LIFE
    )
    workdir: str | None = path(
        None, "Folder for all that the run leaves; by default a new one in runs/.", role=LIFE
    )
    resume: bool = switch(
        False,
        "Go on with the run in --workdir from its last checkpoint, or start it where there is none "
        "yet. Its settings hold; only --num_epochs may be raised, where the learning rate has no "
        "schedule.",
        role=LIFE,
    )
    accept_changes: bool = switch(
        False, "Resume with other versions or threads, whose bits may differ.", role=LIFE
    )
    overwrite: bool = switch(False, "Replace an earlier run's files in the workdir.", role=LIFE)

    # --- of a table of one's own: what is predicted by what, and how its rows are divided
    target_column: list[str] = names(
        "Column of a table to predict, or several by commas, as --target says it too; with this "
        "flag --target is the score to stop at.",
        role=TABLE,
    )
    ignore: list[str] = names("Columns of a table to leave out, by commas.", role=TABLE)
    include: list[str] = names(
        "Columns of a table to learn from though they would be left out, by commas.", role=TABLE
    )
    log: list[str] = names(
        "Columns of a table whose logarithm is to be taken, as long tails ask for, by commas.",
        role=TABLE,
    )
    category: list[str] = names(
        "Columns of a table whose numbers are names of categories, by commas.", role=TABLE
    )
    group: str | None = text(
        None,
        "Column of a table whose equal values belong together: rows of one person are all trained "
        "on, or all tested.",
        role=TABLE,
    )
    time: str | None = text(
        None, "Column of a table by which the latest rows are tested.", role=TABLE
    )
    test_fraction: float = number(
        0.2,
        "Share of a table's rows to keep apart for the test, without --folds.",
        0.99,
        role=TABLE,
    )

    # --- with which other processes
    coordinator_address: str | None = text(
        None,
        "Where process 0 is reached by the other processes of one training, such as "
        "10.0.0.1:1234: each is started by the same command, but for --process_id.",
        role=LIFE,
    )
    num_processes: int | None = whole(None, "How many processes there are.", role=LIFE)
    process_id: int | None = whole(
        None, "Which of them this one is, from 0; 0 writes and shows.", 0, role=LIFE
    )
    distributed: bool = switch(
        False,
        "Train with all processes of the job, as JAX detects them on Slurm, Kubernetes, Cloud TPU "
        "and by Open MPI; what the three flags say holds.",
        role=LIFE,
    )

    # --- what else is left
    checkpoint_every: Interval = interval(
        Interval(1, "second"),
        "How often to save a checkpoint, such as 500steps, 1epoch or 5seconds; 0 for never.",
        role=OUTPUT,
    )
    keep: int = whole(3, "Checkpoints to keep, besides the best.", role=OUTPUT, is_alone=True)
    window: int | None = whole(
        None,
        "Read sets of more MiB than these piece by piece, while training is at work on the piece "
        "before; by default all sets are in memory. No bit depends on it.",
        role=OUTPUT,
    )
    plots: bool = switch(True, "Draw pictures into the workdir's plots/.", role=OUTPUT)
    report: bool = switch(
        True,
        "Write report.html into the workdir: one page that opens in any browser.",
        role=OUTPUT,
    )
    baselines: bool | None = switch(
        None,
        "Fit what takes no network on the same rows, such as logistic regression and gradient "
        "boosting, and say whether the network was worth it; by default where the data are a "
        "table.",
        role=OUTPUT,
        is_filled=True,
    )
    tensorboard: bool = switch(
        False,
        "Write TensorBoard files into the workdir's tensorboard/.",
        role=OUTPUT,
        is_alone=True,
    )

    # --- a sweep's alone: which networks there are, how they train, and what else is left of them
    seeds: str = text(
        "0:8",
        "Seeds of the networks: 0:32, which leaves 32 out, or 1,2,5; with --folds as many networks "
        "for each fold.",
        role=SWEEP,
    )
    sweep: list[str] = texts(
        "A flag of experiments.mnist and its values, learning_rate=1e-4,1e-3 or "
        "hidden_sizes=64,256x64; may be given several times, for every combination.",
        role=SWEEP,
    )
    folds: int = whole(
        0,
        "Cross-validation: divide the training set into this many parts, train every network once "
        "without each of them, and test it on that; the test set is left alone. 0 for none. "
        "With --folds=5 there are 40 networks, with --seeds=0:1 as well 5.",
        low=0,
        role=SWEEP,
        is_later=True,
    )
    shuffle: str = one_of(
        ["own", "shared"], "own", "Whether each network has a data order of its own.", role=SWEEP
    )
    shuffle_seeds: str | None = text(
        None,
        "Seeds of the data order, as --seeds, to be crossed with those of the initial weights.",
        role=SWEEP,
    )
    noise_seeds: str | None = text(
        None,
        "Seeds of what training draws, as --seeds, to be crossed with the others.",
        role=SWEEP,
        is_later=True,
    )
    halving: int | None = whole(
        None,
        "After 1 epoch, and after this many times as long each time, go on with the best of this "
        "many settings, by the validation set's --stop_metric.",
        low=2,
        role=SWEEP,
    )
    save_networks: bool = switch(
        False,
        "Write each network's parameters into networks/, by its --member; a name that is too long "
        "for a file is cut, and ends in a digest.",
        role=SWEEP_OUTPUT,
    )


ABOUT: dict[str, About] = {
    field.name: field.metadata["about"] for field in dataclasses.fields(Settings)
}
DEFAULTS = dataclasses.asdict(Settings())


def names_of(*roles: str) -> list[str]:
    """The settings that decide what these roles say."""
    return [name for name, about in ABOUT.items() if about.role in roles]


def filled(config: Mapping[str, Any], *roles: str) -> dict[str, Any]:
    """A config from before some settings, with what it means by saying nothing of them."""
    later = {name: ABOUT[name] for name in names_of(*roles) if ABOUT[name].is_later}
    meant = {n: DEFAULTS[n] if a.before is None else a.before for n, a in later.items()}
    return {**meant, **config}


def define(*roles: str) -> None:
    """Makes the flags of these roles; --help lists them under this module."""
    for name in names_of(*roles):
        ABOUT[name].define(name, DEFAULTS[name], ABOUT[name].help)


define(DATA, TABLE, LIFE, RESULT, OUTPUT)
