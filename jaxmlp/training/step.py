"""One step of training: the home of grad."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxmlp.naming import kind_of, metric_names
from jaxmlp.objectives.records import Function, metric_of
from jaxmlp.runtime.compilation import in_float32
from jaxmlp.training.goals import Goal, key_of, penalties, seen
from jaxmlp.training.measures import Measure, figures, finished, is_sum, means_of, weighted_mean
from jaxmlp.training.passes import training_pass
from jaxmlp.types import Batch, Info, Model, PyTree, TrainState, Variables, trained, with_trained

__all__ = [
    "Differentiate",
    "descend",
    "init_state",
    "make_step",
    "make_update",
    "objective",
]

Apply = Callable[[PyTree, jax.Array], jax.Array]  # params, (features,) -> (outputs,)
# What is differentiated -> what a step goes down on, and beside it what is reported, the number of
# examples that this is over, and the parameters with new running statistics.
Objective = Callable[[PyTree], tuple[jax.Array, tuple[list[jax.Array], jax.Array, PyTree]]]
# The arguments of `objective` -> what `jax.value_and_grad` returns of it.
Differentiate = Callable[..., tuple[tuple[jax.Array, Any], PyTree]]


def init_state(params: PyTree, optimizer: optax.GradientTransformation) -> TrainState:
    """The state before the first update.

    >>> init_state({"bias": jnp.zeros(1)}, optax.sgd(0.1)).step.item()
    0
    """
    return TrainState(params, optimizer.init(trained(params)), jnp.int32(0))


def make_update(
    model: Model | Apply,
    loss: Function,
    optimizer: optax.GradientTransformation,
    metrics: tuple[Measure, ...] = (),
    goal: Goal | None = None,
) -> Callable[..., tuple[TrainState, Info]]:
    """One step down the gradient of a batch's mean loss, compiled.

    Args:
      model: or its `apply` alone, for one example, where training has no pass of its own.
      loss: of one example.
      optimizer: from optax.
      metrics: of one example, or records, for the reader; each goes by its name.
      goal: what to go down on where that is not the loss, which is then for the reader alone.

    Returns:
      `update(state, batch, key=None)`: the next state, and an `Info` on the batch as it was met. A
      pure function: the state it is given stays as it was. The key is for a model with a `train`,
      and the same one serves for all steps: each draws by `fold_in(key, state.step)`.

    Raises:
      ValueError: if two metrics have one name, or one has a name that is reserved; or the loss is
        no function, or the optimizer one that is yet to be called.

    >>> import jaxmlp
    >>> model, optimizer = jaxmlp.mlp((2, 1)), optax.sgd(0.1)
    >>> update = make_update(model.apply, jaxmlp.losses.squared_error, optimizer)
    >>> state = init_state(model.init(jax.random.key(0)), optimizer)
    >>> batch = Batch(jnp.ones((8, 2)), jnp.ones(8))
    >>> state, first = update(state, batch)
    >>> state, second = update(state, batch)
    >>> bool(second.loss < first.loss)
    True
    """
    step = make_step(model, loss, optimizer, metrics, goal)
    if not any(map(is_sum, metrics)):
        return step

    @jax.jit
    def update(
        state: TrainState, batch: Batch, key: jax.Array | None = None
    ) -> tuple[TrainState, Info]:
        state, info = step(state, batch, key)
        values = [info.metrics[name] for name in metric_names(metrics)]
        found = figures(metrics, values, lambda mean: mean, functools.partial(finished, metrics))
        named = dict(zip(metric_names(metrics), found, strict=True))
        return state, info._replace(metrics=named)

    return update


def make_step(
    model: Model | Apply,
    loss: Function,
    optimizer: optax.GradientTransformation,
    metrics: tuple[Measure, ...] = (),
    goal: Goal | None = None,
    differentiate: Differentiate | None = None,
) -> Callable[..., tuple[TrainState, Info]]:
    """As `make_update`, but for metrics that are no means, of which `Info` has the sums.

    `differentiate` stands for `value_and_gradient`, where the gradient is found in another way.
    """
    names = metric_names(metrics)
    for metric in metrics:
        metric_of(metric)
    if not callable(loss):
        raise ValueError(f"loss needs to be a function of outputs and label, got {kind_of(loss)}")
    if not isinstance(optimizer, optax.GradientTransformation):
        raise ValueError(
            f"optimizer needs to be one like optax.adam(0.1), got {kind_of(optimizer)}"
        )

    is_alone = not isinstance(model, Model)  # the apply
    model = Model(init=_no_init, apply=model) if not isinstance(model, Model) else model

    @jax.jit
    @in_float32()
    def update(
        state: TrainState, batch: Batch, key: jax.Array | None = None
    ) -> tuple[TrainState, Info]:
        for what, array in (("inputs", batch.inputs), ("labels", batch.labels)):
            if not hasattr(array, "dtype"):
                raise ValueError(f"a batch needs arrays, got {kind_of(array)} of {what}")

        if is_alone and isinstance(state.params, Variables):
            raise ValueError(
                "parameters with running statistics need the model itself, which trains them: "
                "make_update(model, ...), got its apply"
            )
        functions = (loss, *metrics)
        before = trained(state.params)
        given = model, functions, state.params, batch, key, state.step, goal
        values, gradient = (differentiate or value_and_gradient)(*given)
        value, ((reported, *named), count, params) = values
        after, opt_state = descend(
            optimizer,
            gradient,
            state.opt_state,
            before,
            value,  # for those that look at the loss, such as Polyak's step size
            lambda weights: objective(*given)(weights)[0],
        )
        grad_norm = optax.tree.norm(gradient)
        info = Info(reported, dict(zip(names, named, strict=True)), grad_norm, count)
        return TrainState(with_trained(params, after), opt_state, state.step + 1), info

    return update


def objective(
    model: Model,
    functions: tuple[Measure, ...],
    params: PyTree,
    batch: Batch,
    key: jax.Array | None,
    step: jax.Array,
    goal: Goal | None = None,
) -> Objective:
    """What a step goes down on, as a function of what is differentiated.

    Args:
      model: the network.
      functions: what is to be reported, of one example; the first is the loss.
      params: of which the running statistics are taken.
      batch: the examples.
      key: the run's for noise, where the model has a `train`.
      step: the number of updates done, () int32.
      goal: what to go down on where that is not the loss.
    """
    own_key = key_of(model, key, step, goal)
    mixed = seen(goal, batch, own_key)

    def mean_loss(weights: PyTree) -> tuple[jax.Array, tuple[list[jax.Array], jax.Array, PyTree]]:
        now = with_trained(params, weights)

        def forward(inputs: jax.Array) -> jax.Array:
            return training_pass(model, now, mixed._replace(inputs=inputs), own_key).outputs

        outputs, after, cost = training_pass(model, now, mixed, own_key)
        values, count = means_of(functions, outputs, batch)
        if goal is None and cost is None:
            return values[0], (values, count, after)
        aim = goal or Goal(functions[0])  # type: ignore[arg-type]
        added = penalties(goal, forward, mixed, outputs, own_key, cost)
        value = weighted_mean(aim.loss, aim.weight, outputs, mixed, added)
        return value, (values, count, after)

    return mean_loss


def value_and_gradient(
    model: Model, functions: tuple[Measure, ...], params: PyTree, *rest: Any
) -> tuple[tuple[jax.Array, Any], PyTree]:
    """What `jax.value_and_grad` returns of an `objective`, whose arguments these are."""
    mean_loss = objective(model, functions, params, *rest)
    return jax.value_and_grad(mean_loss, has_aux=True)(trained(params))


def descend(
    optimizer: optax.GradientTransformation,
    gradient: PyTree,
    opt_state: PyTree,
    params: PyTree,
    value: jax.Array,
    value_fn: Callable[[PyTree], jax.Array],
) -> tuple[PyTree, PyTree]:
    """One step of an optimizer, which is told what it asks for.

    Args:
      optimizer: from optax.
      gradient: of the loss.
      opt_state: before the step.
      params: before the step: those that are differentiated.
      value: the loss.
      value_fn: params -> the loss, for those that search along a line.

    Returns:
      The parameters and the optimizer's state after the step.
    """
    known: dict[str, Any] = {"value": value, "grad": gradient, "value_fn": value_fn}
    asked = inspect.signature(optimizer.update).parameters
    if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in asked.values()):
        known |= {"grad_fn": lambda params, _: jax.grad(value_fn)(params)}
        known = {name: known[name] for name in known.keys() & asked.keys()}
    update: Any = optimizer.update
    updates, opt_state = update(gradient, opt_state, params, **known)
    return optax.apply_updates(params, updates), opt_state


def _no_init(key: jax.Array) -> PyTree:
    raise ValueError("make_update was given an apply, which has no init")
