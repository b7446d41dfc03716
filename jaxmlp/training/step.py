"""One step of training: the home of grad."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from jaxmlp.naming import kind_of, metric_names
from jaxmlp.training.evaluation import Apply, Function, masked_means
from jaxmlp.training.recipe import descend
from jaxmlp.types import Batch, Info, PyTree, TrainState

__all__ = ["init_state", "make_update"]


def init_state(params: PyTree, optimizer: optax.GradientTransformation) -> TrainState:
    """The state before the first update.

    >>> init_state({"bias": jnp.zeros(1)}, optax.sgd(0.1)).step.item()
    0
    """
    return TrainState(params, optimizer.init(params), jnp.int32(0))


def make_update(
    apply: Apply,
    loss: Function,
    optimizer: optax.GradientTransformation,
    metrics: tuple[Function, ...] = (),
) -> Callable[[TrainState, Batch], tuple[TrainState, Info]]:
    """One step down the gradient of a batch's mean loss, compiled.

    Args:
      apply: a model's, for one example.
      loss: of one example.
      optimizer: from optax.
      metrics: of one example, for the reader; each goes by its name.

    Returns:
      `update(state, batch)`: the next state, and an `Info` on the batch as it was met. A pure
      function: the state it is given stays as it was.

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

    @jax.jit
    def update(state: TrainState, batch: Batch) -> tuple[TrainState, Info]:
        for what, array in (("inputs", batch.inputs), ("labels", batch.labels)):
            if not hasattr(array, "dtype"):
                raise ValueError(f"a batch needs arrays, got {kind_of(array)} of {what}")

        def mean_loss(params: PyTree) -> tuple[jax.Array, tuple[list[jax.Array], jax.Array]]:
            (value, *named), count = masked_means(apply, (loss, *metrics), params, batch)
            return value, (named, count)

        values, gradient = jax.value_and_grad(mean_loss, has_aux=True)(state.params)
        value, (named, count) = values
        params, opt_state = descend(
            optimizer,
            gradient,
            state.opt_state,
            state.params,
            value,  # for those that look at the loss, such as Polyak's step size
            lambda params: mean_loss(params)[0],
        )
        info = Info(value, dict(zip(names, named, strict=True)), optax.tree.norm(gradient), count)
        return TrainState(params, opt_state, state.step + 1), info

    return update
