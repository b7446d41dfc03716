"""One step of training: the home of grad."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from jaxmlp.naming import kind_of, metric_names
from jaxmlp.training.evaluation import Apply, Function, means_of
from jaxmlp.training.passes import descend, training_pass
from jaxmlp.types import Batch, Info, Model, PyTree, TrainState, trained, with_trained

__all__ = ["init_state", "make_update", "objective"]

# What is differentiated -> the loss, and beside it the other functions' means, the number of
# examples that they are over, and the parameters with new running statistics.
Objective = Callable[[PyTree], tuple[jax.Array, tuple[list[jax.Array], jax.Array, PyTree]]]


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
    metrics: tuple[Function, ...] = (),
) -> Callable[..., tuple[TrainState, Info]]:
    """One step down the gradient of a batch's mean loss, compiled.

    Args:
      model: or its `apply` alone, for one example, where training has no pass of its own.
      loss: of one example.
      optimizer: from optax.
      metrics: of one example, for the reader; each goes by its name.

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
    names = metric_names(metrics)
    if not callable(loss):
        raise ValueError(f"loss needs to be a function of outputs and label, got {kind_of(loss)}")
    if not isinstance(optimizer, optax.GradientTransformation):
        raise ValueError(
            f"optimizer needs to be one like optax.adam(0.1), got {kind_of(optimizer)}"
        )

    model = model if isinstance(model, Model) else Model(init=_no_init, apply=model)

    @jax.jit
    def update(
        state: TrainState, batch: Batch, key: jax.Array | None = None
    ) -> tuple[TrainState, Info]:
        for what, array in (("inputs", batch.inputs), ("labels", batch.labels)):
            if not hasattr(array, "dtype"):
                raise ValueError(f"a batch needs arrays, got {kind_of(array)} of {what}")

        mean_loss = objective(model, (loss, *metrics), state.params, batch, key, state.step)
        before = trained(state.params)
        values, gradient = jax.value_and_grad(mean_loss, has_aux=True)(before)
        value, (named, count, params) = values
        after, opt_state = descend(
            optimizer,
            gradient,
            state.opt_state,
            before,
            value,  # for those that look at the loss, such as Polyak's step size
            lambda weights: mean_loss(weights)[0],
        )
        info = Info(value, dict(zip(names, named, strict=True)), optax.tree.norm(gradient), count)
        return TrainState(with_trained(params, after), opt_state, state.step + 1), info

    return update


def objective(
    model: Model,
    functions: tuple[Function, ...],
    params: PyTree,
    batch: Batch,
    key: jax.Array | None,
    step: jax.Array,
) -> Objective:
    """What a step goes down on, as a function of what is differentiated.

    Args:
      model: the network.
      functions: the loss, and what else is to be measured, of one example.
      params: of which the running statistics are taken.
      batch: the examples.
      key: the run's for noise, where the model has a `train`.
      step: the number of updates done, () int32.
    """
    own_key = None if key is None or model.train is None else jax.random.fold_in(key, step)

    def mean_loss(weights: PyTree) -> tuple[jax.Array, tuple[list[jax.Array], jax.Array, PyTree]]:
        outputs, after = training_pass(model, with_trained(params, weights), batch, own_key)
        (value, *named), count = means_of(functions, outputs, batch)
        return value, (named, count, after)

    return mean_loss


def _no_init(key: jax.Array) -> PyTree:
    raise ValueError("make_update was given an apply, which has no init")
