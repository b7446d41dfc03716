"""Learning-rate schedules, over optax, in the form a `Recipe` takes.

Each is a function of the run's learning rate and its whole number of steps, and returns an optax
schedule: a function of the step. Further arguments by keyword are hyperparameters of a `Recipe`, by
their names, or bound with `functools.partial`; the floats among them may be traced.
"""

import jax
import jax.numpy as jnp
import optax

__all__ = [
    "constant",
    "cosine",
    "exponential",
    "linear",
    "step_decay",
    "warmup_constant",
    "warmup_cosine",
    "warmup_linear",
]

Rate = float | jax.Array


def constant(learning_rate: Rate, num_steps: int) -> optax.Schedule:
    """The same rate throughout.

    >>> constant(0.1, 100)(50)
    0.1
    """
    del num_steps
    return optax.constant_schedule(learning_rate)


def step_decay(
    learning_rate: Rate, num_steps: int, *, factor: Rate = 0.1, drops: int = 2
) -> optax.Schedule:
    """The rate times `factor` after each of `drops` + 1 equal parts of the run but the last.

    >>> [round(float(step_decay(1.0, 90)(step)), 3) for step in (0, 30, 60)]
    [1.0, 0.1, 0.01]
    """
    ends = [round(num_steps * (part + 1) / (drops + 1)) for part in range(drops)]
    return lambda step: learning_rate * factor ** (step >= jnp.array(ends, jnp.int32)).sum()


def exponential(learning_rate: Rate, num_steps: int, *, end: Rate = 0.01) -> optax.Schedule:
    """A fall by the same share each step, to `end` times the rate after the last.

    >>> [round(float(exponential(1.0, 100)(step)), 3) for step in (0, 50, 100)]
    [1.0, 0.1, 0.01]
    """
    return lambda step: learning_rate * end ** (step / num_steps)


def cosine(learning_rate: Rate, num_steps: int) -> optax.Schedule:
    """Half a cosine wave down to 0 after the last step (Loshchilov and Hutter, 2017).

    >>> [round(float(cosine(1.0, 100)(step)), 3) for step in (0, 50, 100)]
    [1.0, 0.5, 0.0]
    """
    return optax.cosine_decay_schedule(learning_rate, num_steps)


def linear(learning_rate: Rate, num_steps: int, *, decay: Rate = 1.0) -> optax.Schedule:
    """The rate, then a straight fall to 0 over the last `decay` share of the run, by default all.

    >>> [round(float(linear(1.0, 100)(step)), 3) for step in (0, 50, 100)]
    [1.0, 0.5, 0.0]
    >>> [round(float(linear(1.0, 100, decay=0.2)(step)), 3) for step in (0, 80, 90, 100)]
    [1.0, 1.0, 0.5, 0.0]
    """
    _check_share("decay", decay)
    return _fall(learning_rate, num_steps, num_steps * decay)


def warmup_constant(learning_rate: Rate, num_steps: int, *, warmup: Rate = 0.1) -> optax.Schedule:
    """A straight rise from 0 over the first `warmup` share of the run, then the same rate.

    >>> [round(float(warmup_constant(1.0, 100)(step)), 3) for step in (0, 5, 10, 100)]
    [0.0, 0.5, 1.0, 1.0]
    """
    return _after_warmup(learning_rate, optax.constant_schedule(learning_rate), num_steps, warmup)


def warmup_cosine(learning_rate: Rate, num_steps: int, *, warmup: Rate = 0.1) -> optax.Schedule:
    """A straight rise from 0 over the first `warmup` share of the run, then half a cosine wave.

    >>> [round(float(warmup_cosine(1.0, 100)(step)), 3) for step in (0, 10, 55, 100)]
    [0.0, 1.0, 0.5, 0.0]
    """
    rise = jnp.round(num_steps * warmup)
    fall = optax.cosine_decay_schedule(learning_rate, 1)  # of the share that is done
    length = jnp.maximum(1.0, num_steps - rise)
    return _after_warmup(learning_rate, lambda step: fall(step / length), num_steps, warmup)


def warmup_linear(
    learning_rate: Rate, num_steps: int, *, warmup: Rate = 0.1, decay: Rate = 1.0
) -> optax.Schedule:
    """A straight rise from 0 over the first `warmup` share of the run, then as `linear`.

    The fall takes the last `decay` share of the run, or all that the rise leaves where that is
    less: by default it begins where the rise ends, a triangle ("Cyclical Learning Rates for
    Training Neural Networks", Smith, 2017); with less than 1 - `warmup` the rate is held between.

    >>> [round(float(warmup_linear(1.0, 100)(step)), 3) for step in (0, 5, 10, 55, 100)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    >>> held = warmup_linear(1.0, 100, warmup=0.1, decay=0.2)
    >>> [round(float(held(step)), 3) for step in (5, 10, 80, 90)]
    [0.5, 1.0, 1.0, 0.5]
    """
    _check_share("decay", decay)
    rest = num_steps - jnp.round(num_steps * warmup)
    fall = _fall(learning_rate, rest, jnp.minimum(num_steps * decay, rest))
    return _after_warmup(learning_rate, fall, num_steps, warmup)


def _fall(learning_rate: Rate, num_steps: Rate, length: Rate) -> optax.Schedule:
    """The rate, but over the last `length` steps a straight fall to 0."""
    slope = learning_rate / jnp.maximum(1.0, length)
    return lambda step: jnp.clip(slope * (num_steps - step), 0.0, learning_rate)


def _check_share(name: str, share: Rate) -> None:
    """Raises ValueError for what is no share; one that is traced has been seen before."""
    if not isinstance(share, jax.core.Tracer) and not 0 <= float(share) <= 1:
        raise ValueError(f"{name} needs to be a share from 0 to 1, got {float(share):g}")


def _after_warmup(
    learning_rate: Rate, after: optax.Schedule, num_steps: int, warmup: Rate
) -> optax.Schedule:
    _check_share("warmup", warmup)
    rise = jnp.round(num_steps * warmup)

    def schedule(step: int | jax.Array) -> jax.Array:
        rising = learning_rate * step / jnp.maximum(1.0, rise)
        return jnp.where(step < rise, rising, after(jnp.maximum(0.0, step - rise)))

    return schedule
