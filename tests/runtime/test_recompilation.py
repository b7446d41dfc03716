import functools
import warnings

import numpy as np
import pytest

from jaxmlp.runtime.recompilation import MANY, RecompilationWarning, canonical, warn_of_lookalikes


def add(*numbers, **more):
    return sum(numbers) + sum(more.values())


@pytest.mark.parametrize(
    "make",
    [
        lambda: functools.partial(add, 1, scale=2.0),
        lambda: functools.partial(functools.partial(add, 1), scale=(3, "a")),
        lambda: functools.partial(add, functools.partial(add, 1)),
    ],
)
def test_equal_partials_are_the_first_of_them(make):
    first, second = make(), make()
    assert first != second
    assert canonical(first) is first
    assert canonical(second) is first


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (functools.partial(add, 1), functools.partial(add, 1.0)),
        (functools.partial(add, 1), functools.partial(add, True)),
        (functools.partial(add, (1,)), functools.partial(add, (1.0,))),
        (functools.partial(add, x=0.0), functools.partial(add, x=-0.0)),
        (functools.partial(add, x=1), functools.partial(add, y=1)),
        (functools.partial(add, x=1), functools.partial(max, x=1)),
        (functools.partial(add, functools.partial(add, 1)), functools.partial(add, add)),
    ],
)
def test_partials_that_differ_stay_apart(left, right):
    assert canonical(left) is not canonical(right)


def test_what_cannot_be_told_apart_stays_as_it_is():
    for value in (add, None, 3, functools.partial(add, np.zeros(2)), functools.partial(add, {})):
        assert canonical(value) is value
    named = functools.partial(add, 1)
    named.__name__ = "one"
    assert canonical(named) is named


def made(number):
    """Every call makes a function of its own."""
    return lambda rate: rate + number


def told(functions, field="optimizer"):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for function in functions:
            warn_of_lookalikes(field, function)
    assert {warning.category for warning in caught} <= {RecompilationWarning}
    return [str(warning.message) for warning in caught]


def test_functions_that_look_alike_are_told_of_once():
    assert told(made(-1) for _ in range(MANY - 1)) == []
    (message,) = told(made(-1) for _ in range(3 * MANY))
    assert message.startswith(f"optimizer <lambda> has been made {MANY} times over")


def test_they_may_differ_in_floats():
    assert len(told(made(number / 8) for number in range(MANY))) == 1


def test_functions_that_do_not_look_alike_are_not_told_of():
    assert told(made(number) for number in range(2, 3 * MANY)) == []
    assert told([max, None, add] * 3 * MANY) == []
    once = made(-2)
    assert told([once] * 3 * MANY) == []
