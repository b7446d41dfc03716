"""The settings that decide a result, each said once; see `settings`."""

import dataclasses

from experiments.app import determinism
from experiments.app.environment import MOST_THREADS
from experiments.app.fields import (
    class_weights,
    mesh,
    number,
    one_of,
    one_or_auto,
    score_or_column,
    size,
    switch,
    whole,
    widths,
)
from experiments.app.recipes import CHOICES, LEARNING_RATES, NORMS, OWN, TASKS
from jaxmlp.nn.products import PRECISIONS

FEW = 1_000  # training rows of a table below which 40 epochs are too few steps
SMALL = 10_000  # training examples below which smaller batches and more epochs pay
RATES = ", ".join(f"{name} {rate:g}" for name, rate in LEARNING_RATES.items())

MOST_KEPT = 0.999999  # of a moving mean: of 1 nothing new would come in


def _takers(name: str) -> str:
    return ", ".join(OWN[name][1])


@dataclasses.dataclass(frozen=True)
class Decisive:
    """What decides a result, as it is given."""

    seed: int = whole(
        0, "Decides initial weights, data order and noise.", 0, 2**32 - 1, is_fixed=True
    )
    num_epochs: int | None = whole(
        None,
        f"Passes over the training data; by default 10, or 40 below {SMALL:,} examples, or 100 "
        f"below {FEW:,} rows of a table.",
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
    target: float | None = score_or_column(
        "Stop once the validation set's --stop_metric is this good. Of a table: the column to "
        "predict, or several by commas.",
        is_fixed=True,
    )
    stop_metric: str = one_of(
        ["loss", "accuracy", "absolute_error", "r2", "binary_accuracy"],
        "loss",
        "What --patience and --target look at; accuracy is of classes, absolute_error and r2 are "
        "of values.",
        is_fixed=True,
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
        True, "Refuse data of your own with NaN or infinity in them.", is_fixed=True
    )
    threads: int | None = whole(
        None,
        "Threads for a CPU's work, by default one a core. Their number changes a result's last "
        "bits.",
        high=MOST_THREADS,
        is_fixed=True,
    )

    # --- younger than some folders, for which the default holds
    task: str | None = one_or_auto(
        sorted(TASKS),
        "What the labels are: one of several classes, no or yes (0 or 1), several of no or yes, or "
        "values; by default as their values tell, which is then said.",
        is_fixed=True,
        is_filled=True,
        is_later=True,
        before="classification",
    )
    image_size: str | None = size(
        None,
        "Height and width, such as 28x28, to bring the pictures of a folder to: the middle of each "
        "is made smaller or larger. By default they are to have one size.",
        is_fixed=True,
        is_filled=True,
        is_later=True,
    )
    standardize: bool = switch(
        False,
        "Have the network bring each input to a mean of 0 and a deviation of 1, by those of the "
        "training examples.",
        is_fixed=True,
        is_later=True,
    )
    norm: str = one_of(
        NORMS,
        "none",
        "Normalise what each hidden layer computes, before its activation: over the batch or over "
        "the layer.",
        is_later=True,
    )
    dropout: float = number(
        0.0, "Share of hidden outputs that training drops.", 0.99, is_later=True
    )
    input_dropout: float = number(0.0, "Share of inputs that training drops.", 0.99, is_later=True)
    input_noise: float = number(
        0.0, "Standard deviation of the noise that training adds to inputs.", is_later=True
    )
    noise: float = number(
        0.0,
        "The same of what each hidden layer computes, before its activation; with --norm, in the "
        "unit of what is normalised.",
        is_later=True,
    )
    ladder: float = number(
        0.0,
        "Weight of a Ladder network's cost beside the loss: a way back from the outputs is to find "
        "the inputs without --input_noise; 0 for none.",
        is_later=True,
    )
    noise_seed: int | None = whole(
        None,
        "Decides what training draws, as dropout does, in the seed's place.",
        0,
        2**32 - 1,
        is_fixed=True,
        is_alone=True,
        is_later=True,
    )
    label_smoothing: float = number(
        0.0, "Share of each label that training spreads over all classes.", 0.99, is_later=True
    )
    mixup: float = number(
        0.0,
        "Train on mixtures of two examples and of their labels, whose shares are drawn from "
        "Beta(mixup, mixup); 0 for none.",
        is_later=True,
    )
    vat: float = number(
        0.0,
        "Weight of virtual adversarial training beside the loss: answers are to stay as they are "
        "where an example moves by --vat_epsilon to where they change most; 0 for none.",
        is_later=True,
    )
    vat_epsilon: float = number(
        2.0, "How far --vat moves an example, in the unit of the inputs.", is_later=True
    )
    class_weights: list[float] | str | None = class_weights(
        "What an example of each class weighs in training, such as 1,2.5; or balanced, for more "
        "the rarer its class is; by default all alike.",
        is_fixed=True,
        is_later=True,
    )
    l1: float = number(0.0, "Penalty l1 |W| on the kernels.", is_later=True)
    clip_norm: float | None = number(
        None, "Bound of the gradient's Euclidean norm; by default none.", is_later=True
    )
    clip_value: float | None = number(
        None, "Bound of each number of the gradient; by default none.", is_later=True
    )
    max_norm: float | None = number(
        None, "Bound of the norm of the weights into a unit; by default none.", is_later=True
    )
    average: float = number(
        0.0,
        "Evaluate with an average of the weights over the latest 1 / (1 - average) steps or so; 1 "
        "is the mean of all steps since the first.",
        1.0,
        is_later=True,
    )
    precision: str = one_of(
        PRECISIONS,
        "float32",
        "Arithmetic of the layers' products; all else, and their sums, are float32 in any case. "
        "bfloat16 and, on NVIDIA GPUs alone, tf32 are for devices that are faster at it.",
        is_later=True,
    )
    deterministic: bool = switch(False, determinism.HELP, is_fixed=True, is_later=True)
    mesh: str | None = mesh(
        None,
        "Devices that train together: data:4 divides each batch among four, auto among all; "
        "member:4 divides the networks of a sweep, data:2,model:2 one network's layers too. By "
        "default none, and all where there are several processes.",
        is_fixed=True,
        is_later=True,
    )
    mode: str | None = one_of(
        ["exact", "fast"],
        None,
        "Bits that no number of devices changes, or speed: the compiler divides the work, and "
        "networks of a sweep train side by side. By default exact on a CPU, unless layers are "
        "divided, and fast elsewhere.",
        is_fixed=True,
        is_later=True,
    )
    warmup: float | None = number(
        None,
        "Share of the run over which the learning rate rises from 0; by default 0.1. Of "
        f"{_takers('warmup')}.",
        1.0,
        is_later=True,
    )
    decay: float | None = number(
        None,
        "Share of the run, its last, over which the learning rate falls straight to 0; by default "
        f"all that a rise leaves. Of {_takers('decay')}.",
        1.0,
        is_later=True,
    )
    b1: float | None = number(
        None,
        "What a step keeps of the mean of the gradients before it; by default 0.9. Of "
        f"{_takers('b1')}.",
        MOST_KEPT,
        is_later=True,
    )
    b2: float | None = number(
        None,
        "What a step keeps of the mean of their squares; by default 0.999. For lion, of the mean "
        f"of the gradients, 0.99. Of {_takers('b2')}.",
        MOST_KEPT,
        is_later=True,
    )
