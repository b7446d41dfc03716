"""The networks that answer: a run's, or those of a sweep that saved them."""

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

import jaxmlp
from experiments.app import points, recipes, sweep_report, tables
from experiments.data.tables import stored
from experiments.data.tables.preparation import feature_names
from experiments.folder import arrays, records
from jaxmlp.nn.precision import has_precision
from jaxmlp.populations.grid import FOLD
from jaxmlp.types import PyTree, trained

LISTED = 20  # values of an axis in a message

FLAGS = flags.FLAGS
flags.DEFINE_string(
    "member",
    None,
    "Which network of a sweep: learning_rate=1e-3,seed=7. experiments.predict takes some of the "
    "axes too, and asks all networks that have these values.",
)


class Voter(NamedTuple):
    """One network, ready to answer."""

    name: str  # its setting; "" of a run
    recipe: jaxmlp.Recipe
    params: PyTree
    fold: int = 0  # whose rows it was not trained on


class Voters(NamedTuple):
    """The networks of a folder, and what they are for."""

    config: dict[str, Any]
    each: list[Voter]
    notes: list[str]  # for a reader
    preparations: list[dict[str, Any]]  # of a table, by the fold

    @property
    def are_several(self) -> bool:
        """Whether they are a sweep's, whose answers are put together."""
        return "sweep" in self.config

    @property
    def are_named(self) -> bool:
        """Whether the outputs have names that are more than numbers."""
        return "class_names" in self.config or "table" in self.config

    @property
    def names(self) -> list[str]:
        """What the outputs are called: the classes, or the columns; numbers where nothing else is.

        Of one output of yes or no they are both answers.
        """
        if self.config["task"] == "regression" and "table" in self.config:
            return list(self.config["table"]["target"])
        count = self.config["sizes"][-1] + (self.config["task"] == "binary")
        return self.config.get("class_names") or [str(number) for number in range(count)]


def words_of(asked: Voters) -> list[Sequence[str]]:
    """No and yes for each output, as the table's columns say them; nothing where they are 0, 1."""
    forms = asked.preparations[0]["target"].get("columns", []) if asked.preparations else []
    words = [form.get("words", ("0", "1")) for form in forms]
    return words if len(words) == asked.config["sizes"][-1] else []


def load(folder: Path) -> Voters:
    """The networks of a folder: of a sweep those that --member names, or all.

    Raises:
      ValueError: if the folder holds none, or their parameters are not their recipes', or no
        numbers.
    """
    config = records.read_config(folder / "config.json")
    if config["task"] == "binary" and config["sizes"][-1] != 1:
        raise ValueError(f"{folder} needs one answer of yes or no, got {config['sizes'][-1]}")
    prepared = stored.read(folder / tables.PREPARATION) if "table" in config else []
    _check_folds(folder, config, prepared)
    notes, precision = list[str](), config["precision"]
    if not has_precision(precision, jax.default_backend()):
        notes.append(f"{precision} needs a GPU: these answers are made in float32")
    if "sweep" in config:
        return _of_sweep(folder, config, notes, prepared)
    if FLAGS["member"].value is not None:
        raise ValueError(f"--member needs a sweep's folder, got a run's: {folder}")
    path = folder / "params.npz"
    if not path.exists():
        raise ValueError(f"{folder} needs params.npz, got a run without parameters")
    recipe = recipe_of(config)
    params = arrays.read_params(path, recipe.model)
    if why := odd(params):
        raise ValueError(f"{path} needs finite numbers, got {why}: training diverged")
    return Voters(config, [Voter("", recipe, params)], notes, prepared)


def _check_folds(folder: Path, config: Mapping[str, Any], prepared: Sequence[Any]) -> None:
    """Raises ValueError unless each fold has what is its own, and rows become so many inputs."""
    count, scalings = config.get("folds") or 1, config.get("fold_scalings", [])
    for name, of_folds in ((tables.PREPARATION, prepared), ("fold_scalings", scalings)):
        if of_folds and len(of_folds) != count:
            raise ValueError(f"{folder} needs {count} in {name}, got {len(of_folds)}")
    for each in prepared[:1]:
        if (width := len(feature_names(each))) != config["sizes"][0]:
            got = f"{tables.PREPARATION} with {width}"
            raise ValueError(f"{folder} needs {config['sizes'][0]} inputs, got {got}")


def _of_sweep(
    folder: Path, config: dict[str, Any], notes: list[str], prepared: list[dict[str, Any]]
) -> Voters:
    chosen = members(points.axes(config), FLAGS["member"].value)
    found, recipe_by, scalings = [], {}, config.get("fold_scalings", [])
    for values in chosen:
        setting, fold = points.setting_of(values), int(values.get(FOLD, 0))
        own = scalings[fold] if scalings else {}
        key = points.as_text(setting), json.dumps(own)  # folds mostly share them, and a program
        if key not in recipe_by:
            recipe_by[key] = recipe_of(_config_at(config, setting) | own)
        name = points.as_text(values)
        path = folder / "networks" / f"{sweep_report.file_name(name)}.npz"
        if not path.exists():
            raise ValueError(f"{folder} needs {path.name} in networks/, as --save_networks writes")
        params = arrays.read_params(path, recipe_by[key].model)
        if why := odd(params):
            notes.append(f"{name} has no say: {why}")
            continue
        found.append(Voter(name, recipe_by[key], params, fold))
    if not found:
        raise ValueError(f"{folder} needs a network of finite numbers, got {len(chosen)} without")
    return Voters(config, found, notes, prepared)


def members(axes: Mapping[str, list[str]], text: str | None) -> list[dict[str, Any]]:
    """The members of a sweep, by their values along all axes, that have some values.

    Args:
      axes: name -> the texts of its values.
      text: such as learning_rate=1e-3, or seed=7; None for all members.

    Raises:
      ValueError: if there are no such values.
    """
    names = [part.partition("=")[0].strip() for part in (text or "").split(",") if text is not None]
    if strange := [name for name in names if name not in axes]:
        raise ValueError(f"--member needs some of {', '.join(axes)}, got {', '.join(strange)}")
    wanted = points.parse_member(text, names) if text is not None else {}
    kept = {name: [points.value_text(wanted[name])] for name in names}
    for name, (value,) in kept.items():
        if value not in axes[name]:
            known = ", ".join(axes[name][:LISTED]) + ", ..." * (len(axes[name]) > LISTED)
            raise ValueError(f"--member needs {name} to be one of {known}, got {value}")
    texts = {**axes, **kept}
    return [
        points.parse_member(",".join(map("=".join, zip(axes, each, strict=True))), axes)
        for each in itertools.product(*(texts[name] for name in axes))
    ]


def _config_at(config: Mapping[str, Any], setting: Mapping[str, Any]) -> dict[str, Any]:
    """What the config of a sweep's network says of what it answers."""
    values = {n: list(v) if isinstance(v, tuple) else v for n, v in setting.items()}
    made = {**config, **values}
    ends = config["sizes"][0], config["sizes"][-1]
    return made | {"sizes": [ends[0], *made["hidden_sizes"], ends[1]]}


def recipe_of(config: Mapping[str, Any]) -> jaxmlp.Recipe:
    """A config's recipe, for answers alone: on this device, and of yes or no with both shares."""
    recipe = recipes.recipe(config)
    if not has_precision(config["precision"], jax.default_backend()):
        recipe = recipe._replace(model=jaxmlp.with_precision(recipe.model, "float32"))
    if config["task"] == "binary":
        recipe = recipe._replace(task=recipe.task._replace(link=no_and_yes))
    return recipe


def no_and_yes(outputs: jax.Array) -> jax.Array:
    """The probabilities of 0 and of 1, (2,), by the one output of a network of yes or no."""
    yes = jax.nn.sigmoid(outputs)
    return jnp.concatenate([1 - yes, yes])


def odd(params: PyTree) -> str:
    """Where parameters are no numbers; "" where all are."""
    for layer, leaves in enumerate(trained(params)):
        if count := sum(int((~np.isfinite(leaf)).sum()) for leaf in leaves):
            return f"{count:,} NaN or infinite in layer_{layer}"
    return ""
