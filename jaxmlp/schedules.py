"""Learning-rate schedules, over optax, in the form a `Recipe` takes.

Each is a function of the run's learning rate and its whole number of steps, and returns an optax
schedule: a function of the step. Bind further arguments with `functools.partial`.
"""

import jax
import optax

__all__ = ["constant", "cosine", "exponential", "step_decay", "warmup_constant", "warmup_cosine"]

Rate = float | jax.Array  # of learning, a step


def constant(learning_rate: Rate, num_steps: int) -> optax.Schedule:
    """The same rate throughout.

    >>> constant(0.1, 100)(50)
    0.1
    """
    del num_steps
    return optax.constant_schedule(learning_rate)


def step_decay(
    learning_rate: Rate, num_steps: int, *, factor: float = 0.1, drops: int = 2
) -> optax.Schedule:
    """The rate times `factor` after each of `drops` + 1 equal parts of the run but the last.

    >>> [round(float(step_decay(1.0, 90)(step)), 3) for step in (0, 30, 60)]
    [1.0, 0.1, 0.01]
    """
    boundaries = {round(num_steps * (i + 1) / (drops + 1)): factor for i in range(drops)}
    return optax.piecewise_constant_schedule(learning_rate, boundaries)


def exponential(learning_rate: Rate, num_steps: int, *, end: float = 0.01) -> optax.Schedule:
    """A fall by the same share each step, to `end` times the rate after the last.

    >>> [round(float(exponential(1.0, 100)(step)), 3) for step in (0, 50, 100)]
    [1.0, 0.1, 0.01]
    """
    return optax.exponential_decay(learning_rate, num_steps, end)


def cosine(learning_rate: Rate, num_steps: int) -> optax.Schedule:
    """Half a cosine wave down to 0 after the last step (Loshchilov and Hutter, 2017).

    >>> [round(float(cosine(1.0, 100)(step)), 3) for step in (0, 50, 100)]
    [1.0, 0.5, 0.0]
    """
    return optax.cosine_decay_schedule(learning_rate, num_steps)


def warmup_constant(learning_rate: Rate, num_steps: int, *, warmup: float = 0.1) -> optax.Schedule:
    """A straight rise from 0 over the first `warmup` share of the run, then the same rate.

    >>> [round(float(warmup_constant(1.0, 100)(step)), 3) for step in (0, 5, 10, 100)]
    [0.0, 0.5, 1.0, 1.0]
    """
    return _after_warmup(learning_rate, optax.constant_schedule(learning_rate), num_steps, warmup)


def warmup_cosine(learning_rate: Rate, num_steps: int, *, warmup: float = 0.1) -> optax.Schedule:
    """A straight rise from 0 over the first `warmup` share of the run, then half a cosine wave.

    >>> [round(float(warmup_cosine(1.0, 100)(step)), 3) for step in (0, 10, 55, 100)]
    [0.0, 1.0, 0.5, 0.0]
    """
    rise = round(num_steps * warmup)
    fall = optax.cosine_decay_schedule(learning_rate, max(1, num_steps - rise))
    return _after_warmup(learning_rate, fall, num_steps, warmup)


def _after_warmup(
    learning_rate: Rate, schedule: optax.Schedule, num_steps: int, warmup: float
) -> optax.Schedule:
    rise = round(num_steps * warmup)
    if rise == 0:
        return schedule
    return optax.join_schedules([optax.linear_schedule(0.0, learning_rate, rise), schedule], [rise])
