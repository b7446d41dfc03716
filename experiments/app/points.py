"""The settings of a sweep, as the command line names them, and the config that each means."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from absl import flags

from experiments.app import config as configs
from experiments.app import recipes
from experiments.app.command_line import WholeParser
from experiments.app.fields import RESULT
from experiments.app.settings import ABOUT, names_of
from jaxmlp import Recipe
from jaxmlp.populations.grid import FOLD
from jaxmlp.training.labels import label
from jaxmlp.types import Dataset

SEED_AXES = ("shuffle_seed", "noise_seed", "seed")  # in the order of a sweep's results
NUMBERED = (FOLD, *SEED_AXES)  # the axes that nothing is swept along
SEEDS = WholeParser(0, 2**32 - 1)
MOST_MEMBERS = 100_000  # of a sweep: ten times what has been tried
NAMES = [name for name in names_of(RESULT) if not ABOUT[name].is_fixed]


def parse_axis(text: str) -> tuple[str, list[Any]]:
    """A name and its values, from such as learning_rate=1e-4,1e-3 or hidden_sizes=64,256x64.

    Raises:
      ValueError: if it is not of that form, or no flag has that name or takes that value.
    """
    name, equals, values = text.partition("=")
    if not equals or not values:
        raise ValueError(f"--sweep needs such as learning_rate=1e-3,1e-2, got {text}")
    texts = values.split(",")
    refuse_too_many(texts)
    return name, [parse_value(name, value) for value in texts]


def parse_value(name: str, text: str) -> Any:
    """A setting's value; widths are joined by x, and `linear` is for no hidden layers."""
    if name == "preset":
        raise ValueError(
            f"--sweep needs settings, got preset: expected --preset={text}, one for all networks"
        )
    if name not in NAMES:
        raise ValueError(f"a sweep needs one of {', '.join(NAMES)}, got {name}")
    if name == "hidden_sizes":
        text = "" if text.strip() == "linear" else text.replace("x", ",")
    flag = flags.FLAGS[name]
    try:
        value = flag.parser.parse(text.strip())
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}={text}: {error}") from error
    return tuple(value) if isinstance(value, list) else value


def parse_seeds(text: str) -> Sequence[int]:
    """Seeds from such as 0:32, which leaves 32 out, or 1,2,5.

    Raises:
      ValueError: if it is neither, or has none, or more than anybody could train.

    >>> parse_seeds("0:3"), parse_seeds("7,5")
    (range(0, 3), [7, 5])
    """
    expected = f"seeds need a range such as 0:32 or a list 1,2,5, up to {SEEDS.upper_bound}"
    try:
        if ":" in text:
            first, end = text.split(":")
            seeds: Sequence[int] = range(SEEDS.parse(first or "0"), SEEDS.parse(end))
        else:
            seeds = [SEEDS.parse(part) for part in text.split(",")]
    except ValueError as error:
        raise ValueError(f"{expected}, got {text}") from error
    if not 0 < len(seeds) <= MOST_MEMBERS:
        raise ValueError(f"{expected}, and from 1 to {MOST_MEMBERS:,} of them, got {text}")
    return seeds


def refuse_too_many(*axes: Sequence[Any] | None) -> None:
    """Raises ValueError if there are more combinations of the axes' values than could be trained.

    >>> refuse_too_many(range(10_000), [0.1, 0.2], None)
    """
    lengths = [len(axis) for axis in axes if axis is not None]
    if (count := math.prod(lengths)) > MOST_MEMBERS:
        product = " x ".join(map(str, lengths))
        raise ValueError(
            f"a sweep needs at most {MOST_MEMBERS:,} networks, got {product} = {count:,}"
        )


def as_text(setting: Mapping[str, Any]) -> str:
    """A setting as `--member` takes it.

    >>> as_text({"learning_rate": 0.001, "hidden_sizes": (64, 32), "seed": 7})
    'learning_rate=0.001,hidden_sizes=64x32,seed=7'
    """
    return ",".join(f"{name}={value_text(value)}" for name, value in setting.items())


def value_text(value: Any) -> str:
    """A value as `parse_value` takes it."""
    return label(value)


def parse_member(text: str, axes: Iterable[str]) -> dict[str, Any]:
    """One member, from such as learning_rate=1e-3,seed=7.

    Raises:
      ValueError: if it names other axes than there are, or not all.
    """
    pairs = [part.partition("=")[::2] for part in text.split(",")]
    names = [name.strip() for name, _ in pairs]
    if sorted(names) != sorted(axes):
        raise ValueError(f"--member needs a value for each of {', '.join(axes)}, got {text}")
    return {
        name: _parse_seed(name, value) if name in NUMBERED else parse_value(name, value)
        for name, value in zip(names, (value for _, value in pairs), strict=True)
    }


def _parse_seed(name: str, text: str) -> int:
    if not re.fullmatch("[0-9]{1,10}", text.strip()):
        raise ValueError(f"--member needs one whole number as {name}, got {text}")
    return int(text)


def axes(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """The axes of a sweep's results, name -> the texts of its values, in their order.

    Args:
      config: the sweep's.
    """
    swept = {n: list(map(value_text, values)) for n, values in map(parse_axis, config["sweep"])}
    if folds := config.get("folds", 0):
        swept[FOLD] = list(map(str, range(folds)))
    seeds = {name: config.get(f"{name}s") for name in SEED_AXES}
    return swept | {
        n: list(map(str, parse_seeds(text))) for n, text in seeds.items() if text is not None
    }


def given(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a sweep was given, with what all its networks have of the data.

    Folds have scalings of their own, but train for as long and by as many, whatever their lengths.

    Args:
      config: the sweep's.
    """
    known = ["num_epochs", "batch_size"] if config.get("folds", 0) else ["input_scaling"]
    return {**config["given"], **{name: config[name] for name in known if name in config}}


def setting_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is swept, of a member's values along the axes.

    >>> setting_of({"l2": 0.1, "fold": 2, "seed": 7})
    {'l2': 0.1}
    """
    return {name: value for name, value in values.items() if name not in NUMBERED}


def recipe_at(data: Dataset, given: Mapping[str, Any], setting: Mapping[str, Any]) -> Recipe:
    """The recipe that `experiments.mnist` would train with a setting's values for flags.

    Args:
      data: what on.
      given: from `config.decisive`, or a sweep's by `given`.
      setting: name -> value.
    """
    values = {n: list(v) if isinstance(v, tuple) else v for n, v in setting.items()}
    values["threads"] = 0  # no recipe's: they need not be counted once a setting
    return recipes.recipe(configs.complete({**given, **values}, data))
