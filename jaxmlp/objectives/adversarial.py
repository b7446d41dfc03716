"""Virtual adversarial training: outputs that change little where they would change most."""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmlp.naming import kind_of
from jaxmlp.nn.noise import normal
from jaxmlp.objectives.tasks import Task, check_rate, refuse_others

__all__ = ["DIVERGENCES", "direction", "with_vat"]

Forward = Callable[[jax.Array], jax.Array]  # (batch, ...) -> (batch, outputs)


def with_vat(task: Task, weight: float = 1.0, epsilon: float = 2.0) -> Task:
    """A task whose training also holds the answers still around each example.

    To each example's training loss is added weight · D(p(x), p(x + r)), the divergence of what the
    network makes of the example when it moves by r: by the distance epsilon, in the direction in
    which the answer changes most. No label has a part in it. D is the Kullback-Leibler divergence
    of the answers' distributions: of classes, of yes and no summed over the questions, or, for
    values, of normal distributions around them with a variance of 1, which is half the squared
    distance, in the unit of training. Its gradient goes through p(x + r) alone; neither p(x) nor r
    has one.

    The direction is that of the dominant eigenvector of the matrix of D's second derivatives at the
    example, by one step of the power iteration from a random direction. The source takes it from a
    finite difference, over a small distance ξ; here it is the derivative itself, ξ -> 0, at the
    same cost and in numbers of any precision. All passes of a step through the network see the same
    noise, and each the statistics of its own batch; running statistics follow the first alone.

    Args:
      task: from `classification`, `binary_classification` or `regression`.
      weight: of the term beside the loss, from 0 on: the hyperparameter "vat". The source's
        penalty, "local distributional smoothing", has 1.
      epsilon: the length of r, in the unit of the inputs and the Euclidean norm: "vat_epsilon".
        What is right depends on the inputs: about 2 for pictures from 0 to 1. Inputs of unlike
        scales are to be brought to one before they come here: a network's own `standardized` comes
        after the move. A sweep may vary both without compiling anew.

    Returns:
      The task, with `penalty`. A step has 8 products with each kernel, where it had 3, and 6 with
      the first, where it had 2. Inputs need to be floats or pixels.

    Raises:
      ValueError: if the task has a penalty already, is of no known kind, or a number is below 0.

    Source: Miyato et al., Virtual Adversarial Training: A Regularization Method for Supervised and
    Semi-Supervised Learning, 2018, eqs. 5 to 12.

    >>> from jaxmlp.objectives.tasks import classification
    >>> with_vat(classification(10))
    Task(softmax_cross_entropy, accuracy, vat=1.0, vat_epsilon=2.0)
    """
    refuse_others("with_vat", task)
    if task.penalty is not None:
        raise ValueError(f"with_vat needs a task without a penalty, got {task}")
    if task.kind not in DIVERGENCES:
        kinds = ", ".join(DIVERGENCES)
        raise ValueError(f"with_vat needs a task of one of the kinds {kinds}, got {task.kind!r}")
    values = {"vat": weight, "vat_epsilon": epsilon}
    for name, value in values.items():
        check_rate(name, value)
    given = tuple((name, float(value)) for name, value in values.items())
    return task._replace(penalty=_penalty(task.kind, task.unit), rates=(*task.rates, *given))


def direction(
    forward: Forward,
    divergence: Callable[[jax.Array, jax.Array], jax.Array],
    inputs: jax.Array,
    outputs: jax.Array,
    keys: jax.Array,
    mask: jax.Array,
) -> jax.Array:
    """Which way to move each example so that its outputs diverge most: one power iteration.

    Args:
      forward: the network, of a batch.
      divergence: of the outputs of one example from others, () float32.
      inputs: (batch, ...) float32.
      outputs: (batch, outputs), what it makes of them.
      keys: (batch,), of the random directions to start from.
      mask: (batch,) bool, the examples that count: what becomes of the others' outputs, by which
        they may all move where each depends on the batch, is of no interest.

    Returns:
      (batch, ...): each of length 1, or 0 where no direction changes anything. It has no gradient.

    >>> kernel = jnp.array([[3.0, 0.0], [0.0, 0.1]])
    >>> inputs, keys = jnp.ones((1, 2)), jax.random.split(jax.random.key(0), 1)
    >>> given = inputs, inputs @ kernel, keys, jnp.array([True])
    >>> there = direction(lambda x: x @ kernel, DIVERGENCES["regression"], *given)
    >>> [round(abs(float(part)), 3) for part in there[0]]
    [1.0, 0.0]
    """
    outputs = jax.lax.stop_gradient(outputs)
    size = math.prod(inputs.shape[1:])
    drawn = jax.vmap(functools.partial(normal, count=size))(keys)
    start = _unit(drawn.reshape(inputs.shape).astype(inputs.dtype))
    _, change = jax.jvp(forward, (inputs,), (start,))

    def second(output: jax.Array, by: jax.Array) -> jax.Array:
        slope = jax.grad(functools.partial(divergence, output))
        return jax.jvp(slope, (output,), (by,))[1]

    _, back = jax.vjp(forward, inputs)
    slopes = jnp.where(mask[:, None], jax.vmap(second)(outputs, change), 0.0)
    return jax.lax.stop_gradient(_unit(back(slopes)[0]))


@functools.cache
def _penalty(kind: str, unit: tuple[float, ...] | None) -> Callable[..., jax.Array]:
    def divergence(outputs: jax.Array, others: jax.Array) -> jax.Array:
        by = 1.0 if unit is None else jnp.array(unit, jnp.float32)
        return DIVERGENCES[kind](outputs / by, others / by)

    def penalty(
        forward: Forward,
        inputs: jax.Array,
        outputs: jax.Array,
        keys: jax.Array,
        mask: jax.Array,
        *,
        vat: Any,
        vat_epsilon: Any,
    ) -> jax.Array:
        if not jnp.issubdtype(inputs.dtype, jnp.floating):
            raise ValueError(f"vat needs inputs that are floats or pixels, got {kind_of(inputs)}")
        still = jax.lax.stop_gradient(outputs)
        moved = inputs + vat_epsilon * direction(forward, divergence, inputs, still, keys, mask)
        return vat * jax.vmap(divergence)(still, forward(moved))

    return penalty


def _unit(vectors: jax.Array) -> jax.Array:
    """Each of a batch at a length of 1; zeros as they are."""
    axes = tuple(range(1, vectors.ndim))
    largest = jnp.abs(vectors).max(axes, keepdims=True)  # whose square might be no number
    vectors = vectors / jnp.where(largest > 0, largest, 1.0)
    length = jnp.sqrt(jnp.square(vectors).sum(axes, keepdims=True))
    return vectors / jnp.where(length > 0, length, 1.0)


def _of_classes(logits: jax.Array, others: jax.Array) -> jax.Array:
    """The Kullback-Leibler divergence of the classes' probabilities; () float32, in nats."""
    logs = jax.nn.log_softmax(logits)
    return (jnp.exp(logs) * (logs - jax.nn.log_softmax(others))).sum()


def _of_answers(logits: jax.Array, others: jax.Array) -> jax.Array:
    """The same of yes and no, summed over the questions."""
    yes, no = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
    of_yes, of_no = yes - jax.nn.log_sigmoid(others), no - jax.nn.log_sigmoid(-others)
    return (jnp.exp(yes) * of_yes + jnp.exp(no) * of_no).sum()


def _distance(values: jax.Array, others: jax.Array) -> jax.Array:
    """Half the squared distance, which is that of normal distributions with a variance of 1."""
    return jnp.square(values - others).sum() / 2


DIVERGENCES: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "classification": _of_classes,
    "binary": _of_answers,
    "regression": _distance,
}
