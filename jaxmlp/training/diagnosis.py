"""The first number that is none: in which step, in which layer, and on which side of it."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Var, jaxpr_as_fun

from jaxmlp.naming import name_of
from jaxmlp.objectives.tasks import objective_of
from jaxmlp.randomness import Seeds, keys
from jaxmlp.runtime.compilation import in_float32
from jaxmlp.runtime.leaves import named_leaves
from jaxmlp.training.batches import epoch_order, num_steps, scale_pixels, take_batch
from jaxmlp.training.goals import Goal, goal_of, key_of, seen
from jaxmlp.training.passes import training_pass
from jaxmlp.training.recipe import Recipe, build_model, build_optimizer, build_task, split
from jaxmlp.training.step import descend, objective
from jaxmlp.types import Batch, Dataset, Fault, Model, PyTree, TrainState, trained

__all__ = ["diagnose", "is_finite"]


@jax.jit
def is_finite(tree: PyTree) -> jax.Array:
    """Whether every number in a tree of arrays is finite; () bool, cheap, traceable.

    >>> bool(is_finite({"a": jnp.ones(2), "b": jnp.array(jnp.nan)}))
    False
    """
    leaves = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    return jnp.array([jnp.isfinite(leaf).all() for leaf in leaves]).all()


@in_float32()
def diagnose(recipe: Recipe, data: Dataset, seeds: Seeds, state: TrainState) -> Fault:
    """Replays one step and says where the first number that is not finite comes in.

    Args:
      recipe: as trained.
      data: as trained on.
      seeds: those that decided the order of the examples and the noise.
      state: before the step, every number in it finite.

    Returns:
      The fault. Its kind is "none" where the replay, which runs the step in parts, finds every
      number finite: so it may be for one at the very edge of overflow.
    """
    static, numbers = split(recipe)
    steps = num_steps(len(data.train_inputs), recipe.batch_size)
    epoch, step = divmod(int(state.step), steps)
    order = epoch_order(keys(seeds.shuffle).shuffle, epoch, len(data.train_inputs))
    rows = order[step * recipe.batch_size :][: recipe.batch_size]
    batch = _padded(data, np.asarray(rows), recipe.batch_size)

    def fault(kind: str, layer: str, detail: str = "") -> Fault:
        return Fault(int(state.step), epoch + 1, kind, layer, detail)

    odd = _odd_rows(batch, rows)
    model, noise = build_model(static, numbers), keys(seeds.noise).noise
    task = build_task(static, numbers)
    goal = goal_of(task)
    mixed = seen(goal, batch, key_of(model, noise, state.step, goal))
    if layer := _first_odd_operation(model, state, mixed, noise):
        return fault("forward pass", layer, odd)

    def mean_loss(weights: PyTree, goal: Goal | None = goal) -> jax.Array:
        given = state.params, batch, noise, state.step, goal
        return objective(model, (task.loss,), *given)(weights)[0]

    before = trained(state.params)
    loss, gradient = jax.value_and_grad(mean_loss)(before)
    if not jnp.isfinite(loss):
        is_added = goal is not None and jnp.isfinite(mean_loss(before, goal._replace(penalty=None)))
        own = task.penalty if is_added and task.penalty is not None else objective_of(task)
        return fault("loss", name_of(own), f"it is {loss}")
    if leaf := _first_odd_leaf(gradient, before):
        return fault("gradient", leaf)

    optimizer, _ = build_optimizer(static, numbers, steps * recipe.num_epochs)
    params, opt_state = descend(optimizer, gradient, state.opt_state, before, loss, mean_loss)
    if leaf := _first_odd_leaf((opt_state, params), before):
        return fault("update", leaf)
    return fault("none", "no layer")


def _padded(data: Dataset, rows: np.ndarray, batch_size: int) -> Batch:
    """The batch of a step, of whose training examples no others are read."""
    places = np.argsort(rows)  # as they lie, since that is how a `Source` reads them
    near = rows[places]
    inputs, labels = jnp.asarray(data.train_inputs[near]), jnp.asarray(data.train_labels[near])
    weights = None if data.train_weights is None else jnp.asarray(data.train_weights[near])
    return take_batch(inputs, labels, 0, batch_size, jnp.argsort(jnp.asarray(places)), weights)


def _odd_rows(batch: Batch, rows: jax.Array) -> str:
    """Names the training examples of a batch with inputs that are not finite."""
    flat = jnp.asarray(scale_pixels(batch.inputs), jnp.float32).reshape(len(batch.inputs), -1)
    odd = np.unique(np.asarray(rows)[~np.asarray(jnp.isfinite(flat).all(axis=1))[: len(rows)]])
    if not len(odd):
        return ""
    rows_found = ", ".join(map(str, odd[:5]))
    return f"the inputs in row {rows_found} of the training set are not finite"


def _first_odd_operation(
    model: Model, state: TrainState, batch: Batch, noise: jax.Array
) -> str | None:
    """Runs a network up to each of its operations, until a result is not finite.

    Returns:
      The scope of that operation, which `mlp` and Flax name after its layer; for a network
      without scopes, the operation's name.
    """
    batch = batch._replace(inputs=scale_pixels(batch.inputs))
    given = state.params, batch, jax.random.fold_in(noise, state.step)
    closed = jax.make_jaxpr(functools.partial(training_pass, model))(*given)
    unnamed = None  # an operation outside every layer, such as one that only reshapes
    for end in range(1, len(closed.jaxpr.eqns) + 1):
        operations = closed.jaxpr.eqns[:end]
        results = [var for var in operations[-1].outvars if type(var) is Var]
        start = closed.replace(jaxpr=closed.jaxpr.replace(eqns=operations, outvars=results))
        if not is_finite(jaxpr_as_fun(start)(*jax.tree.leaves(given))):
            if scope := re.sub(r"\w+\(|\)", "", str(operations[-1].source_info.name_stack)):
                return scope
            unnamed = unnamed or str(operations[-1].primitive)
    return unnamed


def _first_odd_leaf(tree: PyTree, params: PyTree) -> str | None:
    """The first leaf that is not finite, from the last layer down as gradients flow.

    Returns:
      The parameter that it belongs to, whose path an optimizer's leaf ends in.
    """
    names = [name for name, _ in named_leaves(params)]
    for full, leaf in reversed(named_leaves(tree)):
        if not is_finite(leaf):
            own = [name for name in names if f"/{full}".endswith(f"/{name}")]
            name = max(own, key=len, default=f"optimizer/{full}")
            return f"layer_{name}" if name[:1].isdigit() else name
    return None
