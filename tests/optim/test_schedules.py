import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxmlp.optim import schedules

STEPS = 200

EXPECTED = [
    (schedules.constant, lambda t: 1.0),
    (schedules.step_decay, lambda t: 0.1 ** math.floor(3 * t)),
    (functools.partial(schedules.step_decay, factor=0.5, drops=3), lambda t: 0.5 ** int(4 * t)),
    (schedules.exponential, lambda t: 0.01**t),
    (functools.partial(schedules.exponential, end=0.5), lambda t: 0.5**t),
    (schedules.cosine, lambda t: (1 + math.cos(math.pi * t)) / 2),
    (schedules.linear, lambda t: 1 - t),
    (functools.partial(schedules.linear, decay=0.25), lambda t: min(1.0, (1 - t) / 0.25)),
    (functools.partial(schedules.linear, decay=0.0), lambda t: 1.0),
    (schedules.warmup_linear, lambda t: t / 0.1 if t < 0.1 else (1 - t) / 0.9),
    (
        functools.partial(schedules.warmup_linear, warmup=0.25, decay=0.5),
        lambda t: min(1.0, t / 0.25, (1 - t) / 0.5),
    ),
    (  # more than there is: the fall takes what the rise leaves
        functools.partial(schedules.warmup_linear, warmup=0.75, decay=0.5),
        lambda t: min(t / 0.75, (1 - t) / 0.25),
    ),
    (functools.partial(schedules.warmup_linear, warmup=0.0, decay=0.0), lambda t: 1.0),
    (functools.partial(schedules.warmup_linear, warmup=1.0), lambda t: t),
    (schedules.warmup_constant, lambda t: min(1.0, t / 0.1)),
    (functools.partial(schedules.warmup_constant, warmup=0.0), lambda t: 1.0),
    (
        functools.partial(schedules.warmup_cosine, warmup=0.25),
        lambda t: t / 0.25 if t < 0.25 else (1 + math.cos(math.pi * (t - 0.25) / 0.75)) / 2,
    ),
]


def name_of(schedule):
    return getattr(schedule, "func", schedule).__name__


def test_every_schedule_has_its_formula_here():
    assert {name_of(schedule) for schedule, _ in EXPECTED} == set(schedules.__all__)


@pytest.mark.parametrize(("schedule", "formula"), EXPECTED)
def test_rates_are_those_of_the_formula(schedule, formula):
    rate = schedule(0.3, STEPS)
    for step in [0, 1, 10, 49, 50, 66, 68, 99, 100, 132, 134, 150, 199]:
        assert float(rate(step)) == pytest.approx(0.3 * formula(step / STEPS), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize(("schedule", "formula"), EXPECTED)
def test_the_rate_and_the_step_may_be_traced(schedule, formula):
    del formula
    traced = jax.jit(lambda rate, step: schedule(rate, STEPS)(step))
    for step in [0, 20, 133, 199]:
        assert float(traced(0.3, step)) == pytest.approx(
            float(schedule(0.3, STEPS)(step)), rel=1e-5
        )


@pytest.mark.parametrize("name", schedules.__all__)
@given(num_steps=st.integers(1, 40))
def test_rates_of_the_shortest_runs_lie_between_zero_and_the_rate(name, num_steps):
    rate = getattr(schedules, name)(0.3, num_steps)
    rates = [float(rate(step)) for step in range(num_steps)]
    assert all(0 <= value <= 0.3 + 1e-7 for value in rates)
    assert max(rates) > 0


def test_a_linear_schedule_with_shares_that_are_traced_is_the_same():
    def rates(warmup, decay):
        steps = range(0, STEPS, 9)
        made = schedules.warmup_linear(0.3, STEPS, warmup=warmup, decay=decay)
        return jnp.stack([made(step) for step in steps])

    traced = jax.jit(rates)
    for shares in [(0.0, 1.0), (0.25, 1.0), (0.25, 0.5), (0.75, 0.5), (0.5, 0.0)]:
        np.testing.assert_allclose(traced(*shares), rates(*shares), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("shares", [{}, {"warmup": 0.0, "decay": 0.0}, {"decay": 0.0}])
def test_the_only_step_of_a_run_has_the_whole_rate(shares):
    assert float(schedules.warmup_linear(0.3, 1, **shares)(0)) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: schedules.linear(1.0, 100, decay=2.0), "decay needs to be a share .* got 2$"),
        (lambda: schedules.warmup_linear(1.0, 100, decay=-0.1), "decay needs to be a share"),
        (lambda: schedules.warmup_linear(1.0, 100, warmup=1.5), "warmup needs .* got 1.5$"),
        (lambda: schedules.warmup_cosine(1.0, 100, warmup=2.0), "warmup needs .* got 2$"),
        (lambda: schedules.warmup_constant(1.0, 100, warmup=float("nan")), "warmup needs .* nan$"),
    ],
)
def test_what_is_no_share_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
