"""Every setting of a run and of a sweep, said once.

From its line in `Settings` come a setting's flag and its line in --help, its field of config.json
and what that may hold, whether a sweep may take several values of it, and whether a run that is
resumed may have another.
"""

import dataclasses

from experiments.app.command_line import Interval
from experiments.app.environment import MOST_THREADS
from experiments.app.fields import (
    DATA,
    LIFE,
    OUTPUT,
    RESULT,
    SWEEP,
    SWEEP_OUTPUT,
    About,
    interval,
    number,
    one_of,
    path,
    switch,
    text,
    texts,
    whole,
    widths,
)
from experiments.app.recipes import CHOICES, LEARNING_RATES
from experiments.data import sources

SMALL = 10_000  # training examples below which smaller batches and more epochs pay
RATES = ", ".join(f"{name} {rate:g}" for name, rate in LEARNING_RATES.items())


@dataclasses.dataclass(frozen=True)
class Settings:
    """The values of all flags: of those not given, an earlier run's, or else the defaults."""

    # --- what is trained on, and where all is left
    dataset: str = path(
        "auto",
        "What to train on: auto (MNIST where it is to be had, else digits), "
        f"{', '.join(sources.NAMES[1:])}, or the path of an .npz file with x_train, y_train, "
        "x_test and y_test, or x and y.",
        role=DATA,
    )
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

    # --- what decides a result
    seed: int = whole(0, "Decides initial weights and data order.", 0, 2**32 - 1, is_fixed=True)
    num_epochs: int | None = whole(
        None,
        f"Passes over the training data; by default 10, or 40 below {SMALL:,} examples.",
        is_filled=True,
        may_change=True,  # upwards
    )
    batch_size: int | None = whole(
        None, f"Examples a step; by default 256, or 32 below {SMALL:,} examples.", is_filled=True
    )
    optimizer: str = one_of(CHOICES["optimizer"], "adam", "How gradients become updates.")
    learning_rate: float | None = number(
        None, f"Size of a step; by default the optimizer's: {RATES}.", is_filled=True
    )
    schedule: str = one_of(
        CHOICES["schedule"], "constant", "How the learning rate changes over the run."
    )
    l2: float = number(0.0, "Penalty l2/2 |W|² on the kernels, added to the loss's gradient.")
    weight_decay: float | None = number(
        None,
        "Share of the kernels, times the learning rate, taken off each step; by default 0, "
        "adamw 0.0001.",
        is_filled=True,
    )
    hidden_sizes: list[int] = widths(
        [256], "Widths of the hidden layers, separated by commas; empty for a linear model."
    )
    activation: str = one_of(
        CHOICES["activation"], "relu", "What follows every layer but the last."
    )
    kernel_init: str = one_of(
        CHOICES["kernel_init"],
        "he",
        "Distribution of the initial kernels; he, xavier and lecun are Gaussians scaled to the "
        "layer.",
    )
    kernel_stddev: float = number(1.0, "Standard deviation of kernels, for --kernel_init=gaussian.")
    bias_init: str = one_of(CHOICES["bias_init"], "zeros", "Distribution of the initial biases.")
    bias_stddev: float = number(1.0, "Standard deviation of biases, for --bias_init=gaussian.")
    eval_every: int = whole(1, "Epochs from one look at the test set to the next.", is_fixed=True)
    validation_fraction: float = number(
        0.0, "Share of the training examples to keep apart for validation.", 0.99, is_fixed=True
    )
    patience: int | None = whole(
        None,
        "Stop after this many epochs that bring nothing better on the validation set, and keep the "
        "best epoch's parameters.",
        is_fixed=True,
    )
    target: float | None = number(
        None, "Stop once the validation set's --stop_metric is this good.", is_fixed=True
    )
    stop_metric: str = one_of(
        ["loss", "accuracy"], "loss", "What --patience and --target look at.", is_fixed=True
    )
    on_fault: str = one_of(
        ["raise", "skip", "ignore"],
        "raise",
        "At the first number that is not finite: stop and say where it came in, skip the step, or "
        "look away.",
        is_fixed=True,
        may_change=True,
    )
    check_finite: bool = switch(
        True, "Refuse an .npz file with NaN or infinity in it.", is_fixed=True
    )
    threads: int | None = whole(
        None,
        "Threads for a CPU's work, by default one a core. Their number changes a result's last "
        "bits.",
        high=MOST_THREADS,
        is_fixed=True,
    )

    # --- what else is left
    checkpoint_every: Interval = interval(
        Interval(1, "second"),
        "How often to save a checkpoint, such as 500steps, 1epoch or 5seconds; 0 for never.",
        role=OUTPUT,
    )
    keep: int = whole(3, "Checkpoints to keep, besides the best.", role=OUTPUT, is_alone=True)
    plots: bool = switch(True, "Draw pictures into the workdir's plots/.", role=OUTPUT)
    tensorboard: bool = switch(
        False,
        "Write TensorBoard files into the workdir's tensorboard/.",
        role=OUTPUT,
        is_alone=True,
    )

    # --- a sweep's alone: which networks there are, how they train, and what else is left of them
    seeds: str = text(
        "0:8", "Seeds of the networks: 0:32, which leaves 32 out, or 1,2,5.", role=SWEEP
    )
    sweep: list[str] = texts(
        "A flag of experiments.mnist and its values, learning_rate=1e-4,1e-3 or "
        "hidden_sizes=64,256x64; may be given several times, for every combination.",
        role=SWEEP,
    )
    mode: str | None = one_of(
        ["exact", "fast"],
        None,
        "Equal bits, or many networks side by side; by default exact on a CPU and fast elsewhere.",
        role=SWEEP,
    )
    shuffle: str = one_of(
        ["own", "shared"], "own", "Whether each network has a data order of its own.", role=SWEEP
    )
    shuffle_seeds: str | None = text(
        None,
        "Seeds of the data order, as --seeds, to be crossed with those of the initial weights.",
        role=SWEEP,
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


def define(*roles: str) -> None:
    """Makes the flags of these roles; --help lists them under this module."""
    for name in names_of(*roles):
        ABOUT[name].define(name, DEFAULTS[name], ABOUT[name].help)


define(DATA, LIFE, RESULT, OUTPUT)
