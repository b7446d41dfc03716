"""A network in one file: what it is and its parameters, to predict with and without a recipe."""

import json
import os
from collections.abc import Callable
from typing import NamedTuple

import jax
import optax

from jaxmlp.naming import kind_of, name_of
from jaxmlp.nn.activations import identity
from jaxmlp.nn.description import LINKS, description_of, model_of, name_in
from jaxmlp.objectives.tasks import Task, regression
from jaxmlp.runtime.leaves import named_leaves
from jaxmlp.storage import parameters
from jaxmlp.training import evaluation
from jaxmlp.training.recipe import Recipe
from jaxmlp.types import Array, Model, PyTree

__all__ = ["Network", "check_params", "load", "parsed", "save", "text_of"]

VERSION = 1


class Network(NamedTuple):
    """A model, its parameters, and what its outputs mean."""

    model: Model
    params: PyTree
    link: Callable[[jax.Array], jax.Array] = identity  # outputs -> probabilities, or values

    def predict(self, inputs: Array) -> jax.Array:
        """What the network says of examples, with the bits of `jaxmlp.predict`.

        Args:
          inputs: (num_examples, features) float32, or uint8 pixels; see `Dataset` for others.

        Returns:
          (num_examples, outputs) float32: probabilities where the task was saved with the network,
          or else the outputs as they are.

        Raises:
          ValueError: if the inputs do not suit the model.
        """
        task = regression()._replace(link=self.link)  # the rest of it is not used, nor the recipe's
        recipe = Recipe(self.model, task, optax.identity, {})
        return evaluation.predict(recipe, self.params, inputs)

    def __repr__(self) -> str:
        """The network and its link.

        >>> import jaxmlp
        >>> Network(jaxmlp.mlp((4, 8, 3)), (), jax.nn.softmax)
        Network(4-8-3, relu; softmax)
        """
        return f"Network({self.model.architecture or self.model}; {name_of(self.link)})"


def save(
    path: str | os.PathLike[str], model: Model, params: PyTree, task: Task | None = None
) -> None:
    """Writes a network to a file, from which `load` makes it again; whole or not at all.

    The file is one of `save_params` with a description beside the parameters, so that
    `load_params` reads those of it.

    Args:
      path: the .npz file; one that is there is replaced at the last moment.
      model: from `mlp`, with functions of `activations` and `initializers`.
      params: the model's.
      task: what the outputs mean, so that the network predicts probabilities.

    Raises:
      OSError: if the file cannot be written.
      ValueError: if the model is another's or has functions of its own, the parameters are not the
        model's, or the task's link is neither softmax, sigmoid nor identity.
    """
    text = text_of(model, params, task)
    parameters.write(path, params, {"network.json": text})


def text_of(model: Model, params: PyTree, task: Task | None) -> str:
    """What a file says of a network beside its parameters; raises ValueError as `save` does."""
    if not isinstance(model, Model):
        raise ValueError(f"model needs to be a Model, such as recipe.model, got {kind_of(model)}")
    if not isinstance(task, Task | None):
        raise ValueError(f"task needs to be a Task, such as recipe.task, got {kind_of(task)}")
    link = None if task is None else name_in(LINKS, task.link)
    if task is not None and link is None:
        raise ValueError(
            f"the task's link needs to be one of {', '.join(LINKS)}, got {name_of(task.link)}: "
            "without a task the outputs are saved as they are"
        )
    record = {"version": VERSION, "mlp": description_of(model), "link": link}
    check_params(model, params)
    return json.dumps(record)


def load(path: str | os.PathLike[str]) -> Network:
    """Reads a network that `save` wrote.

    Args:
      path: the .npz file.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if it is damaged, holds parameters alone, or is of a newer version.

    >>> import tempfile
    >>> import jaxmlp
    >>> import numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "network.npz")
    >>> model = jaxmlp.mlp((2, 4))
    >>> save(path, model, model.init(jax.random.key(0)), jaxmlp.classification(4))
    >>> load(path).predict(np.zeros((1, 2), np.float32)).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    params, texts = parameters.read(path)
    if "network.json" not in texts:
        raise ValueError(
            f"{path} needs to be a file of jaxmlp.save, got parameters alone: see load_params"
        )
    return parsed(path, texts["network.json"], lambda model: params)


def parsed(
    path: str | os.PathLike[str], text: str, params_of: Callable[[Model], PyTree]
) -> Network:
    """The network of a text of `text_of`.

    Args:
      path: where it is from, for messages.
      text: from a file, and so perhaps damaged.
      params_of: model -> its parameters; raises ValueError.

    Raises:
      ValueError: as `load` does.
    """
    try:
        record = json.loads(text)
        if record["version"] != VERSION:
            raise ValueError(f"version {VERSION} is known here, got {record['version']}")
        model = model_of(record["mlp"])
        params = params_of(model)
        check_params(model, params)
        link = identity if record["link"] is None else LINKS[record["link"]]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} needs a network that is known: {error}") from error
    return Network(model, params, link)


def check_params(model: Model, params: PyTree) -> None:
    """Raises ValueError unless parameters are a model's."""
    expected, got = (
        {name: f"{leaf.dtype} {leaf.shape}" for name, leaf in named_leaves(tree)}
        for tree in (jax.eval_shape(model.init, jax.random.key(0)), params)
    )
    for name in [*expected, *got]:
        if expected.get(name) != got.get(name):
            needs, has = (each.get(name, "nothing") for each in (expected, got))
            raise ValueError(f"params need {needs} at {name}, got {has}")
