"""What keeps steps and weights small, and an average of the weights: for any optimizer.

`regularized(optimizer)` has all of it, each part a hyperparameter, in an order that is always the
same. The parts are optax transformations, for chains of other kinds. A kernel is a parameter of two
axes or more, the last one its layer's units; biases and the vectors of norms are none.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxmlp.naming import kind_of, name_of
from jaxmlp.optim.averages import averaging
from jaxmlp.runtime.leaves import leaf_name
from jaxmlp.types import PyTree

__all__ = ["Optimizer", "add_l1", "bound_norms", "regularized", "with_decay"]

Optimizer = Callable[..., optax.GradientTransformation]
Number = float | jax.Array


@functools.cache
def regularized(optimizer: Optimizer) -> Optimizer:
    """Adds penalties, clipping, decay, bounded norms and an average of the weights to an optimizer.

    What is not given is no part of the program: without any, the optimizer is as it was. A step
    takes what is given in this order:

    1. `l1`, `l2`: penalties on kernels, which are part of the loss, l1 |W|₁ + l2/2 |W|². l1 sign(W)
       and l2 W are added to the gradient. (Kernels come within learning_rate l1 of zero by the
       former; none is held there.)
    2. `clip_value`: bounds each number of that gradient.
    3. `clip_norm`: bounds the Euclidean norm of the whole of it; its direction stays (Pascanu et
       al., 2013).
    4. The optimizer's own update.
    5. `weight_decay`: takes learning_rate weight_decay W off the kernels besides (Loshchilov and
       Hutter, 2019). `regularized(adam)` with it is AdamW.
    6. `max_norm`: bounds the Euclidean norm of the weights that come into each unit of any layer
       (Srivastava et al., 2014); see `bound_norms`.
    7. `average`: keeps an average of the parameters that the steps lead to, over the latest
       1 / (1 - average) or so; 1.0 is the mean of all. No step is changed by it: networks are
       evaluated with it where a recipe has `eval_params=optimizers.averaged`. See `averaging`.

    Args:
      optimizer: a function of hyperparameters. Penalties and decay need `learning_rate` to be among
        them, and updates that are proportional to it, as those of all optimizers here are.

    Returns:
      The same function with these hyperparameters. It raises ValueError where the clips and
      `max_norm` are not above 0, `l1` is below, or `average` is not within 0 and 1.

    >>> optimizer = regularized(optax.sgd)(learning_rate=0.5, clip_norm=1.0)
    >>> params = {"kernel": jnp.zeros((1, 1)), "bias": jnp.zeros(1)}
    >>> gradient = {"kernel": jnp.full((1, 1), 3.0), "bias": jnp.full(1, 4.0)}
    >>> updates, _ = optimizer.update(gradient, optimizer.init(params), params)
    >>> [round(updates[name].item(), 3) for name in ("kernel", "bias")]
    [-0.3, -0.4]
    """
    if isinstance(optimizer, optax.GradientTransformation) or not callable(optimizer):
        raise ValueError(
            "regularized needs a function of hyperparameters such as optax.adam, got "
            f"{kind_of(optimizer)}"
        )

    if isinstance(optimizer, optax.GradientTransformation) or not callable(optimizer):
        raise ValueError(
            "regularized needs a function of hyperparameters such as optax.adam, got "
            f"{kind_of(optimizer)}"
        )

    def build(
        learning_rate: optax.ScalarOrSchedule | None = None,
        *,
        l1: Number = 0.0,
        l2: Number = 0.0,
        clip_value: Number = math.inf,
        clip_norm: Number = math.inf,
        weight_decay: Number = 0.0,
        max_norm: Number = math.inf,
        average: Number = 0.0,
        **hyperparameters: Any,
    ) -> optax.GradientTransformation:
        for name, bound in (
            ("clip_value", clip_value),
            ("clip_norm", clip_norm),
            ("max_norm", max_norm),
        ):
            _check(name, bound, lambda number: number > 0, "above 0")
        _check("average", average, lambda decay: 0 <= decay <= 1, "from 0 to 1")
        is_decaying = any(_is_given(strength, 0.0) for strength in (l1, l2, weight_decay))
        if is_decaying and learning_rate is None:
            raise ValueError("l1, l2 and weight_decay need a learning_rate beside them, got none")
        rate = {} if learning_rate is None else {"learning_rate": learning_rate}
        steps = [
            *([optax.clip(clip_value)] if _is_given(clip_value, math.inf) else []),
            *([optax.clip_by_global_norm(clip_norm)] if _is_given(clip_norm, math.inf) else []),
            optimizer(**hyperparameters, **({"learning_rate": 1.0} if is_decaying else rate)),
        ]
        if is_decaying and learning_rate is not None:
            steps = _decaying(steps, learning_rate, l1, l2, weight_decay)
        steps += [bound_norms(max_norm)] if _is_given(max_norm, math.inf) else []
        steps += [averaging(average)] if _is_given(average, 0.0) else []
        return optax.chain(*steps) if len(steps) > 1 else steps[0]

    build.__name__ = f"regularized {name_of(optimizer)}"
    return build


@functools.cache
def with_decay(optimizer: Optimizer) -> Optimizer:
    """Adds three ways of keeping kernels small; biases and other vectors are left alone.

    Args:
      optimizer: a function of hyperparameters, `learning_rate` among them, whose updates are
        proportional to the learning rate, as those of all the optimizers here are.

    Returns:
      The same function with more hyperparameters: `l2`, which adds l2 W to the gradient, as the
      penalty l2/2 |W|² on the loss does; `weight_decay`, which takes learning_rate weight_decay W
      off the kernels besides the optimizer's update (Loshchilov and Hutter, 2019); and `l1`, which
      adds l1 sign(W) to the gradient. `regularized` has them too, and more.

    >>> params = {"kernel": jnp.ones((1, 1)), "bias": jnp.ones(1)}
    >>> decaying = with_decay(optax.sgd)(learning_rate=0.5, weight_decay=0.1)
    >>> zeros = jax.tree.map(jnp.zeros_like, params)
    >>> updates, _ = decaying.update(zeros, decaying.init(params), params)
    >>> [round(updates[name].item(), 3) for name in ("kernel", "bias")]
    [-0.05, -0.0]
    """

    def build(
        learning_rate: optax.ScalarOrSchedule,
        l2: Number = 0.0,
        weight_decay: Number = 0.0,
        l1: Number = 0.0,
        **hyperparameters: Any,
    ) -> optax.GradientTransformation:
        step = optimizer(learning_rate=1.0, **hyperparameters)
        return optax.chain(*_decaying([step], learning_rate, l1, l2, weight_decay))

    build.__name__ = f"{name_of(optimizer)} with decay"
    return build


def add_l1(l1: Number) -> optax.GradientTransformation:
    """Adds l1 sign(W) to the gradients of kernels, a subgradient of the penalty l1 |W|₁.

    Args:
      l1: at least 0.

    Raises:
      ValueError: if it is less.

    >>> penalty, params = add_l1(0.5), {"kernel": jnp.array([[2.0, -3.0, 0.0]])}
    >>> penalty.update({"kernel": jnp.ones((1, 3))}, penalty.init(params), params)[0]["kernel"]
    Array([[1.5, 0.5, 1. ]], dtype=float32)
    """
    _check("l1", l1, lambda strength: strength >= 0, "at least 0")

    def add(gradients: PyTree, params: PyTree) -> PyTree:
        return jax.tree.map(lambda g, w: g + l1 * jnp.sign(w), gradients, params)

    return optax.masked(optax.stateless(add), _is_kernel)


def bound_norms(max_norm: Number) -> optax.GradientTransformation:
    """Scales the weights that come into a unit back to a norm that they would leave.

    The last of the transformations that change updates: it sees what the parameters are to become.
    A unit's weights are one column of its layer's kernel, (inputs, units), without the bias; within
    the bound they become what they would without this, to the bit.

    Args:
      max_norm: the largest Euclidean norm, above 0; 3 to 4 in "Dropout: A Simple Way to Prevent
        Neural Networks from Overfitting" (Srivastava et al., 2014).

    Raises:
      ValueError: if it is not above 0.

    >>> params = {"kernel": jnp.array([[3.0], [4.0]])}
    >>> bound, still = bound_norms(2.5), {"kernel": jnp.zeros((2, 1))}
    >>> updates, _ = bound.update(still, bound.init(params), params)
    >>> (params["kernel"] + updates["kernel"]).tolist()
    [[1.5], [2.0]]
    """
    _check("max_norm", max_norm, lambda norm: norm > 0, "above 0")

    def project(updates: PyTree, params: PyTree) -> PyTree:
        def within(update: jax.Array, weights: jax.Array) -> jax.Array:
            moved = weights + update
            norms = jnp.sqrt((moved**2).sum(tuple(range(moved.ndim - 1)), keepdims=True))
            scale = max_norm / jnp.maximum(norms, max_norm)
            return jnp.where(norms > max_norm, moved * scale - weights, update)

        return jax.tree.map(within, updates, params)

    return optax.masked(optax.stateless(project), _is_kernel)


def _decaying(
    steps: list[optax.GradientTransformation],
    learning_rate: optax.ScalarOrSchedule,
    l1: Number,
    l2: Number,
    weight_decay: Number,
) -> list[optax.GradientTransformation]:
    """A chain with penalties before it, and decay and the learning rate, so far 1, after it."""
    return [
        optax.add_decayed_weights(l2, mask=_is_kernel),
        *([add_l1(l1)] if _is_given(l1, 0.0) else []),
        *steps,
        optax.add_decayed_weights(-weight_decay, mask=_is_kernel),
        optax.scale_by_learning_rate(learning_rate, flip_sign=False),
    ]


def _is_given(value: Number, default: float) -> bool:
    """Whether a value is other than its default, as far as it is known before the program runs."""
    return not (isinstance(value, int | float) and value == default)


def _check(name: str, value: Number, is_good: Callable[[float], bool], expected: str) -> None:
    """Raises ValueError for a value that is known; those that are traced have been checked."""
    if not isinstance(value, jax.core.Tracer) and not is_good(float(value)):
        raise ValueError(f"{name} needs to be {expected}, got {float(value):g}")


def _is_kernel(params: PyTree) -> PyTree:
    def is_one(path: tuple[Any, ...], leaf: jax.Array) -> bool:
        return leaf.ndim > 1 and leaf_name(path[-1:]) != "merge"  # a ladder's factors

    return jax.tree_util.tree_map_with_path(is_one, params)
