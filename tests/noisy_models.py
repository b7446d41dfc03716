"""Networks that differ in training, as a user writes them: with noise, with running means, both."""

import jax
import jax.numpy as jnp

from jaxmlp import Model, Variables, lift, mlp
from jaxmlp.nn.lift import AXIS

PLAIN = mlp((4, 6, 3))


def _noisy(params, inputs, key, weight):
    first, last = params
    hidden = jax.nn.relu(inputs @ first.kernel + first.bias)
    kept = jax.random.bernoulli(key, 0.5, hidden.shape)
    return jnp.where(kept, hidden * 2, 0.0) @ last.kernel + last.bias, ()


NOISY = Model(PLAIN.init, PLAIN.apply, lift(_noisy))  # dropout of one half on the hidden layer


def _centred_init(key):
    return Variables(PLAIN.init(key), {"mean": jnp.zeros(4)})


def _centred(params, inputs):
    return PLAIN.apply(params.trained, inputs - params.running["mean"])


def _centred_train(params, inputs, key, weight):
    mean = jax.lax.psum(weight * inputs, AXIS) / jax.lax.psum(weight, AXIS)
    running = {"mean": 0.9 * params.running["mean"] + 0.1 * mean}
    return PLAIN.apply(params.trained, inputs - mean), running


def _both(params, inputs, key, weight):
    mean = jax.lax.psum(weight * inputs, AXIS) / jax.lax.psum(weight, AXIS)
    running = {"mean": 0.9 * params.running["mean"] + 0.1 * mean}
    return _noisy(params.trained, inputs - mean, key, weight)[0], running


CENTRED = Model(_centred_init, _centred, lift(_centred_train), least_batch=2)
BOTH = Model(_centred_init, _centred, lift(_both), least_batch=2)
