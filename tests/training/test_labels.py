import functools

import jax.numpy as jnp
import optax
import pytest

from jaxmlp import activations, mlp, optimizers
from jaxmlp.training.labels import as_column, label


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((64, 32), "64x32"),
        ((), "linear"),
        (0.001, "0.001"),
        (None, "None"),
        (activations.relu, "relu"),
        (jnp.tanh, "tanh"),
        (functools.partial(activations.relu, x=0), "relu(x=0)"),
        (1e12, "1e+12"),
        (0.1 + 0.2, "0.30000000000000004"),
        (mlp((4, 8, 3)), "4-8-3"),
        (mlp((4, 8, 3), dropout=0.5), "4-8-3, dropout=0.5"),
        (optimizers.with_decay(optax.adam), "adam with decay"),
    ],
)
def test_values_are_labelled_as_a_reader_writes_them(value, expected):
    assert label(value) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.1, 2), [0.1, 2]),
        (((64, 32), 0.5), ["64x32", "0.5"]),
        ((jnp.tanh, "tanh"), ["tanh (1)", "tanh (2)"]),
    ],
)
def test_a_column_holds_numbers_or_names_that_differ(values, expected):
    assert as_column(values) == expected
