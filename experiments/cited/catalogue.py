"""The commands whose figures docs/results.md shows, and what others have published: plain data.

Seeds are named here before anything is run, and all of them are shown.
"""

from typing import Any, NamedTuple

__all__ = [
    *("COMMANDS", "INSTEAD", "PARTS", "PLAIN", "PUBLISHED", "SHARED", "WHOLE"),
    *("Command", "Part", "Published"),
]


class Command(NamedTuple):
    """A sweep over seeds, and what the page says of it."""

    id: str  # of the command, its folder and its record
    flags: tuple[str, ...]  # of experiments.sweep, but for where its folder is
    row: str  # what the page calls it
    purpose: str  # what it is run for
    is_first: bool = False  # whether the README shows it too
    is_ensemble: bool = False  # whether its networks also answer together


class Part(NamedTuple):
    """Settings of a preset that an ablation adds at once, as far as the preset has them."""

    name: str
    row: str
    settings: tuple[str, ...]


class Published(NamedTuple):
    """What others report of networks that know nothing of images, trained on all of MNIST."""

    what: str
    accuracy: float  # percent
    source: str


KEPT = "--save_networks"  # for what they answer to each test image
COMMANDS: tuple[Command, ...] = (
    Command(
        "classic",
        ("--dataset=mnist", "--seeds=0:20", KEPT),
        "classic: 784-256-10, Adam, 10 epochs",
        "The defaults, which the other rows are to be held against.",
        is_first=True,
    ),
    Command(
        "quick",
        ("--preset=quick", "--dataset=mnist", "--seeds=0:20", KEPT),
        "quick",
        "98 % in the least time: each of 20 seeds is to reach it.",
        is_first=True,
    ),
    Command(
        "strong",
        ("--preset=strong", "--dataset=mnist", "--seeds=0:5", KEPT),
        "strong",
        "The least errors that one network makes, all five trained as one population.",
        is_first=True,
        is_ensemble=True,
    ),
    Command(
        "ensemble",
        ("--preset=ensemble", "--dataset=mnist"),
        "ensemble: one of sixteen",
        "What sixteen networks say together, beside what one of them says.",
        is_first=True,
        is_ensemble=True,
    ),
    Command(
        "fashion_classic",
        ("--dataset=fashion_mnist", "--seeds=0:20", KEPT),
        "classic on Fashion-MNIST",
        "As on MNIST, with nothing tuned to it; so are the next.",
    ),
    Command(
        "fashion_quick",
        ("--preset=quick", "--dataset=fashion_mnist", "--seeds=0:20", KEPT),
        "quick on Fashion-MNIST",
        "As on MNIST.",
    ),
    Command(
        "fashion_strong",
        ("--preset=strong", "--dataset=fashion_mnist", "--seeds=0:5", KEPT),
        "strong on Fashion-MNIST",
        "As on MNIST. Other work ran beside its first epochs, which its time tells of.",
    ),
    Command(
        "fashion_ensemble",
        ("--preset=ensemble", "--dataset=fashion_mnist"),
        "ensemble on Fashion-MNIST: one of sixteen",
        "As on MNIST.",
        is_ensemble=True,
    ),
)

# The ablation is of the preset strong: its settings are added to the others in this order, those
# of a row at once. What no row names, the first network has already. All train for less than by
# the preset, with a learning rate that has fallen to 0 by then, or they would take hours.
WHOLE = "strong"
INSTEAD: dict[str, Any] = {"num_epochs": 12}
SHARED = ("--dataset=mnist", "--seeds=0:5", KEPT)
PLAIN = "a plain network with Adam"
PARTS: tuple[Part, ...] = (
    Part("size", "+ wider and deeper", ("hidden_sizes",)),
    Part("norm", "+ batch norm", ("norm",)),
    Part("decay", "+ decay of the learning rate", ("schedule", "warmup", "decay")),
    Part("noise", "+ noise on the inputs and at every layer", ("input_noise", "noise")),
    Part("ladder", "+ the cost of a Ladder network", ("ladder",)),
)

PUBLISHED: tuple[Published, ...] = (
    Published(
        "dropout",
        98.95,
        "Srivastava, Improving Neural Networks with Dropout, 2013, as Goodfellow et al. cite it",
    ),
    Published(
        "dropout and max-norm, two hidden layers of 8,192",
        99.05,
        "Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting, "
        "2014, table 2",
    ),
    Published("maxout and dropout", 99.06, "Goodfellow et al., Maxout Networks, 2013"),
    Published(
        "batch norm and Gaussian noise at every layer",
        99.20,
        "the baseline of Rasmus et al., 2015",
    ),
    Published(
        "virtual adversarial training",
        99.36,
        "Miyato et al., Virtual Adversarial Training, 2017",
    ),
    Published(
        "Ladder network",
        99.43,
        "Rasmus et al., Semi-Supervised Learning with Ladder Networks, 2015: error 0.57 ± 0.02 %",
    ),
    Published(
        "Ladder network with a small network on each rung",
        99.43,
        "Pezeshki et al., Deconstructing the Ladder Network Architecture, 2016: error 0.57 %",
    ),
)
