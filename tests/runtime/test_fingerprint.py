import functools
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from flax import linen, nnx

from jaxmlp import classification, from_flax, lift, metrics
from jaxmlp.runtime.fingerprint import fingerprint

EXAMPLE = np.zeros(4, np.float32)


def lifted(scale):
    return lift(lambda params, inputs, key, weight: (scale * inputs, ()))


def of_linen(rate):
    return from_flax(linen.Sequential([linen.Dense(8), linen.Dropout(rate)]), EXAMPLE)


class Net(nnx.Module):
    def __init__(self, rngs, width=3):
        self.layer = nnx.Linear(4, width, rngs=rngs)

    def __call__(self, inputs):
        return self.layer(inputs)


DIFFERENT = {
    "class weights": [classification(3, class_weights=[1, 2, w]) for w in (3, 300)],
    "bins": [metrics.calibration_error(bins) for bins in (10, 15)],
    "a lifted network's number": [lifted(scale) for scale in (0.1, 0.2)],
    "a rate in linen": [of_linen(rate) for rate in (0.1, 0.8)],
    "a width in nnx": [from_flax(functools.partial(Net, width=w), EXAMPLE) for w in (3, 5)],
    "a constant": [lambda rngs: Net(rngs, 3), lambda rngs: Net(rngs, 5)],
    "a set of texts": [lambda x: x in {"one", "two"}, lambda x: x in {"one", "three"}],
    "a set that is held": [functools.partial(max, {"a", held, "c"}) for held in ("b", "d")],
    "an array": [functools.partial(max, np.ones(2)), functools.partial(max, np.zeros(2))],
    "a jitted function": [jax.jit(lambda x: x + 1), jax.jit(lambda x: x + 2)],
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_what_differs_is_told_apart(what):
    first, second = DIFFERENT[what]
    assert fingerprint(first) != fingerprint(second)
    assert fingerprint(first) == fingerprint(first)


def test_what_is_made_again_alike_is_the_same():
    assert fingerprint(of_linen(0.1)) == fingerprint(of_linen(0.1))
    assert fingerprint(lifted(0.1)) == fingerprint(lifted(0.1))


PROGRAM = """
import sys
sys.path[:0] = ["tests", "tests/runtime"]
import test_fingerprint as told
print([told.fingerprint(first) for first, _ in told.DIFFERENT.values()])
"""


def test_every_process_has_the_same():
    seen = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert seen[0] == seen[1]
    assert seen[0].count("'") == 2 * len(DIFFERENT)
