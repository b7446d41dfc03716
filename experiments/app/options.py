"""The flags that describe a run, and the config that they make."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from absl import flags

from experiments.app.command_line import (
    Interval,
    IntervalParser,
    WidthsParser,
    define_number,
    define_path,
    define_whole,
)
from experiments.app.environment import MOST_THREADS
from experiments.app.recipes import BIAS_INITS, KERNEL_INITS, LEARNING_RATES
from experiments.data import sources
from experiments.folder import records, workdir
from jaxmlp import activations, schedules
from jaxmlp.runtime import receipt
from jaxmlp.types import Dataset

SMALL = 10_000  # training examples below which smaller batches and more epochs pay


define_path(
    "dataset",
    "auto",
    "What to train on: auto (MNIST where it is to be had, else digits), "
    f"{', '.join(sources.NAMES[1:])}, or the path of an .npz file with x_train, y_train, x_test "
    "and y_test, or x and y.",
)
define_path("data_dir", None, "Folder to look for data in first, and to download to.")
define_path("workdir", None, "Folder for all that the run leaves; by default a new one in runs/.")
flags.DEFINE_bool(
    "resume",
    False,
    "Go on with the run in --workdir from its last checkpoint, or start it where there is none "
    "yet. Its settings hold; only --num_epochs may be raised, where the learning rate has no "
    "schedule.",
)
flags.DEFINE_bool(
    "accept_changes", False, "Resume with other versions or threads, whose bits may differ."
)
flags.DEFINE_bool("overwrite", False, "Replace an earlier run's files in the workdir.")
define_whole("seed", 0, "Decides initial weights and data order.", 0, 2**32 - 1)
define_whole(
    "num_epochs",
    None,
    f"Passes over the training data; by default 10, or 40 below {SMALL:,} examples.",
    low=1,
)
define_whole(
    "batch_size",
    None,
    f"Examples a step; by default 256, or 32 below {SMALL:,} examples.",
    low=1,
)
flags.DEFINE_enum("optimizer", "adam", sorted(LEARNING_RATES), "How gradients become updates.")
define_number(
    "learning_rate",
    None,
    "Size of a step; by default the optimizer's: "
    + ", ".join(f"{name} {rate:g}" for name, rate in LEARNING_RATES.items())
    + ".",
)
flags.DEFINE_enum(
    "schedule", "constant", schedules.__all__, "How the learning rate changes over the run."
)
define_number("l2", 0.0, "Penalty l2/2 |W|² on the kernels, added to the loss's gradient.")
define_number(
    "weight_decay",
    None,
    "Share of the kernels, times the learning rate, taken off each step; by default 0, "
    "adamw 0.0001.",
)
flags.DEFINE(  # type: ignore[misc]
    WidthsParser(),
    "hidden_sizes",
    [256],
    "Widths of the hidden layers, separated by commas; empty for a linear model.",
    serializer=flags.ListSerializer(","),
)
flags.DEFINE_enum(
    "activation", "relu", activations.__all__, "What follows every layer but the last."
)
flags.DEFINE_enum(
    "kernel_init",
    "he",
    KERNEL_INITS,
    "Distribution of the initial kernels; he, xavier and lecun are Gaussians scaled to the layer.",
)
define_number("kernel_stddev", 1.0, "Standard deviation of kernels, for --kernel_init=gaussian.")
flags.DEFINE_enum("bias_init", "zeros", BIAS_INITS, "Distribution of the initial biases.")
define_number("bias_stddev", 1.0, "Standard deviation of biases, for --bias_init=gaussian.")
define_whole("eval_every", 1, "Epochs from one look at the test set to the next.", low=1)
define_number(
    "validation_fraction",
    0.0,
    "Share of the training examples to keep apart for validation.",
    high=0.99,
)
define_whole(
    "patience",
    None,
    "Stop after this many epochs that bring nothing better on the validation set, and keep the "
    "best epoch's parameters.",
    low=1,
)
define_number("target", None, "Stop once the validation set's --stop_metric is this good.")
flags.DEFINE_enum(
    "stop_metric", "loss", ["loss", "accuracy"], "What --patience and --target look at."
)
flags.DEFINE_enum(
    "on_fault",
    "raise",
    ["raise", "skip", "ignore"],
    "At the first number that is not finite: stop and say where it came in, skip the step, or "
    "look away.",
)
flags.DEFINE_bool("check_finite", True, "Refuse an .npz file with NaN or infinity in it.")
flags.DEFINE(
    IntervalParser(),
    "checkpoint_every",
    Interval(1, "second"),
    "How often to save a checkpoint, such as 500steps, 1epoch or 5seconds; 0 for never.",
)
define_whole("keep", 3, "Checkpoints to keep, besides the best.", low=1)
define_whole(
    "threads",
    None,
    "Threads for a CPU's work, by default one a core. Their number changes a result's last bits.",
    low=1,
    high=MOST_THREADS,
)
flags.DEFINE_bool("plots", True, "Draw pictures into the workdir's plots/.")
flags.DEFINE_bool("tensorboard", False, "Write TensorBoard files into the workdir's tensorboard/.")

NAMES = [  # of the flags that decide a result
    "seed",
    "num_epochs",
    "batch_size",
    "optimizer",
    "learning_rate",
    "schedule",
    "l2",
    "weight_decay",
    "hidden_sizes",
    "activation",
    "kernel_init",
    "kernel_stddev",
    "bias_init",
    "bias_stddev",
    "eval_every",
    "validation_fraction",
    "patience",
    "target",
    "stop_metric",
    "on_fault",
    "check_finite",
    "threads",
]
MAY_CHANGE = {"num_epochs", "on_fault", "outputs"}  # when a run is resumed; epochs upwards only


def earlier_config() -> dict[str, Any] | None:
    """The config of the run to resume, None where none is, or it ended before it had begun.

    Raises:
      ValueError: if there is something else in its place.
    """
    if not flags.FLAGS.resume:
        return None
    if flags.FLAGS.overwrite:
        raise ValueError("expected --resume or --overwrite, got both")
    if flags.FLAGS.workdir is None:
        raise ValueError("--resume needs --workdir, the folder of the run to go on with")
    folder = workdir.user_path(flags.FLAGS.workdir)
    if workdir.is_beginning(folder):
        return None
    path = folder / "config.json"
    if not path.exists():
        raise ValueError(f"nothing to resume in {path.parent}: expected a run, got no config.json")
    return records.read_config(path)


def outputs(names: Iterable[str], earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    """The flags that decide no result but what a run leaves; the earlier run's where not given.

    Raises:
      ValueError: naming the flag, if its value in the earlier config is none.
    """
    before = (earlier or {}).get("outputs", {})
    if not isinstance(before, dict):
        raise ValueError(f"config.json needs an object as outputs, got {before!r}")
    values = _values(names, before)
    for name, value in values.items():
        try:
            values[name] = flags.FLAGS[name].parser.parse(value)
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"config.json needs a value of --{name} in outputs: {error}") from None
    every = values["checkpoint_every"]
    return values | {"checkpoint_every": f"{every.number}{every.unit}s" if every.number else "0"}


def interval(text: str) -> Interval:
    """What `outputs` made of --checkpoint_every."""
    return IntervalParser().parse(text)


def threads(earlier: Mapping[str, Any] | None) -> int | None:
    """How many threads to start JAX with; None for as many as there are cores."""
    return _values(("threads",), earlier)["threads"]


def load_data(earlier: Mapping[str, Any] | None) -> tuple[Dataset, str | None]:
    """The data that the flags name, or the earlier run's, with its validation set held out.

    Returns:
      The data; and a notice where they are not what the name might mean.
    """
    values = _values(("dataset", "check_finite", "validation_fraction"), earlier)
    data_dir = flags.FLAGS.data_dir  # where a download may go: no folder's record decides that
    if values["dataset"] == "auto":
        data, notice = sources.load_auto(data_dir)
    else:
        look_in = [earlier["data_dir"]] if earlier and earlier["data_dir"] else []
        data = sources.load(
            values["dataset"], data_dir, look_in=look_in, check_finite=values["check_finite"]
        )
        notice = None if earlier is None else earlier.get("notice")
    return sources.hold_out(data, values["validation_fraction"]), notice


def config(data: Dataset, earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    """The flags that decide a result, with the defaults that depend on others filled in.

    Args:
      data: what the run trains on.
      earlier: the config of the run to resume, whose settings hold where no flag is given.

    Raises:
      ValueError: naming the settings, if they contradict each other or the earlier run's.
    """
    made = complete(given(earlier), data)
    if earlier is not None:
        _refuse_changes(made, earlier)
        made["data_dir"] = earlier["data_dir"]
    return made


def given(earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    """The flags that decide a result, None where a default depends on others or on the data."""
    data_dir = flags.FLAGS.data_dir and str(Path(flags.FLAGS.data_dir).absolute())
    return _values(NAMES, earlier) | {"data_dir": data_dir}


def complete(values: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
    """A config from what `given` returns; raises as `config` does."""
    num_train, is_small = len(data.train_inputs), len(data.train_inputs) < SMALL
    defaults = {
        "num_epochs": 40 if is_small else 10,
        "batch_size": min(num_train, 32 if is_small else 256),
        "learning_rate": LEARNING_RATES[values["optimizer"]],
        "weight_decay": 1e-4 if values["optimizer"] == "adamw" else 0.0,
    }
    values = dict(values)
    values |= {name: default for name, default in defaults.items() if values[name] is None}
    if values["threads"] is None:
        values["threads"] = receipt.num_threads()
    for name in ("patience", "target"):
        if values[name] is not None and data.validation_inputs is None:
            raise ValueError(f"--{name} needs a validation set: expected --validation_fraction=0.1")
    if values["stop_metric"] == "accuracy" and (values["target"] or 0) > 1:
        raise ValueError(f"--target of the accuracy needs a share up to 1, got {values['target']}")
    if values["patience"] is not None and values["patience"] < values["eval_every"]:
        raise ValueError(
            "--patience needs a look at the validation set in that time: "
            f"expected --eval_every={values['patience']} or less, got {values['eval_every']}"
        )
    return values | {
        "dataset": data.name,
        "data_sha256": data.sha256,
        "sizes": [data.train_inputs.shape[1], *values["hidden_sizes"], data.num_classes],
        "image_shape": data.image_shape and list(data.image_shape),
    }


def _values(names: Iterable[str], earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    """The flags' values; of those not given, the earlier run's."""
    return {
        name: earlier[name]
        if earlier is not None and name in earlier and not flags.FLAGS[name].present
        else flags.FLAGS[name].value
        for name in names
    }


def _refuse_changes(config: Mapping[str, Any], earlier: Mapping[str, Any]) -> None:
    names = [name for name in config if name not in MAY_CHANGE and name != "data_dir"]
    changes = list(
        receipt.differences(
            {name: earlier.get(name) for name in names}, {name: config[name] for name in names}
        )
    )
    if config["num_epochs"] < earlier["num_epochs"]:
        changes.append(
            f"num_epochs: expected {earlier['num_epochs']} or more, got {config['num_epochs']}"
        )
    elif config["num_epochs"] > earlier["num_epochs"] and config["schedule"] != "constant":
        changes.append(
            f"num_epochs: expected {earlier['num_epochs']}, the length of the schedule "
            f"{config['schedule']}, got {config['num_epochs']}"
        )
    if changes:
        raise ValueError(f"--resume needs the earlier run's settings; {'; '.join(changes)}")
