"""The flags that describe a run, and the config that they make."""

from typing import Any

from absl import flags

from experiments import datasets
from experiments.recipes import BIAS_INITS, KERNEL_INITS, LEARNING_RATES
from jaxmlp import activations, schedules
from jaxmlp.types import Dataset

SMALL = 10_000  # training examples below which smaller batches and more epochs pay


class WidthsParser(flags.ArgumentParser[list[int]]):
    """Whole numbers separated by commas; an empty text is no number at all."""

    def parse(self, argument: str | list[int]) -> list[int]:
        """Raises ValueError if the text is not of that form."""
        if isinstance(argument, list):
            return argument
        parts = [part.strip() for part in argument.split(",") if argument.strip()]
        if not all(part.isdigit() and int(part) > 0 for part in parts):
            raise ValueError(f"expected widths of at least 1 such as 256 or 256,64, got {argument}")
        return [int(part) for part in parts]


def _positive(name: str, default: float | None, help: str) -> None:
    flags.DEFINE_float(name, default, help, lower_bound=0)


flags.DEFINE_string(
    "dataset",
    "auto",
    "What to train on: auto (MNIST where it is to be had, else digits), "
    f"{', '.join(datasets.NAMES)}, or the path of an .npz file with x_train, y_train, x_test and "
    "y_test, or x and y.",
)
flags.DEFINE_string("data_dir", None, "Folder to look for data in first, and to download to.")
flags.DEFINE_string(
    "workdir", None, "Folder for all that the run leaves; by default a new one in runs/."
)
flags.DEFINE_bool("overwrite", False, "Replace an earlier run's files in the workdir.")
flags.DEFINE_integer(
    "seed", 0, "Decides initial weights and data order.", lower_bound=0, upper_bound=2**32 - 1
)
flags.DEFINE_integer(
    "num_epochs",
    None,
    f"Passes over the training data; by default 10, or 40 below {SMALL:,} examples.",
    lower_bound=1,
)
flags.DEFINE_integer(
    "batch_size",
    None,
    f"Examples a step; by default 256, or 32 below {SMALL:,} examples.",
    lower_bound=1,
)
flags.DEFINE_enum("optimizer", "adam", sorted(LEARNING_RATES), "How gradients become updates.")
_positive(
    "learning_rate",
    None,
    "Size of a step; by default the optimizer's: "
    + ", ".join(f"{name} {rate:g}" for name, rate in LEARNING_RATES.items())
    + ".",
)
flags.DEFINE_enum(
    "schedule", "constant", schedules.__all__, "How the learning rate changes over the run."
)
_positive("l2", 0.0, "Penalty l2/2 |W|² on the kernels, added to the loss's gradient.")
_positive(
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
_positive("kernel_stddev", 1.0, "Standard deviation of kernels, for --kernel_init=gaussian.")
flags.DEFINE_enum("bias_init", "zeros", BIAS_INITS, "Distribution of the initial biases.")
_positive("bias_stddev", 1.0, "Standard deviation of biases, for --bias_init=gaussian.")
flags.DEFINE_integer(
    "eval_every", 1, "Epochs from one look at the test set to the next.", lower_bound=1
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
]


def refuse_arguments(argv: list[str]) -> None:
    """Raises ValueError if there is a word on the command line that is no flag."""
    if len(argv) > 1:
        raise ValueError(f"expected flags only, such as --seed=1, got {' '.join(argv[1:])}")


def load_data() -> tuple[Dataset, str | None]:
    """The data set that the flags name, and a notice where it is not what they might mean."""
    name, data_dir = flags.FLAGS.dataset, flags.FLAGS.data_dir
    if name == "auto":
        return datasets.load_auto(data_dir)
    return datasets.load(name, data_dir), None


def config(data: Dataset) -> dict[str, Any]:
    """The flags that decide a result, with the defaults that depend on others filled in."""
    values: dict[str, Any] = {name: flags.FLAGS[name].value for name in NAMES}
    num_train, is_small = len(data.train_inputs), len(data.train_inputs) < SMALL
    defaults = {
        "num_epochs": 40 if is_small else 10,
        "batch_size": min(num_train, 32 if is_small else 256),
        "learning_rate": LEARNING_RATES[values["optimizer"]],
        "weight_decay": 1e-4 if values["optimizer"] == "adamw" else 0.0,
    }
    values |= {name: default for name, default in defaults.items() if values[name] is None}
    sizes = [data.train_inputs.shape[1], *values["hidden_sizes"], data.num_classes]
    return values | {"dataset": data.name, "sizes": sizes, "image_shape": data.image_shape}
