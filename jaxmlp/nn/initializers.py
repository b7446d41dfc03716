"""Initializers, in JAX's own form: `initializer(key, shape, dtype) -> array`.

The kernels of a layer have the shape (inputs, outputs); `fan_in` is the number of inputs. The
named Gaussians are untruncated, as their papers have them; those of `jax.nn.initializers` with the
same names cut the Gaussian off at two standard deviations.
"""

import functools
import math

import jax
from jax.nn.initializers import Initializer, normal, ones, variance_scaling, zeros
from jax.nn.initializers import orthogonal as make_orthogonal

__all__ = [
    "gaussian",
    "he",
    "he_uniform",
    "lecun",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "xavier",
    "xavier_uniform",
    "zeros",
]

he = variance_scaling(2.0, "fan_in", "normal")  # N(0, 2 / fan_in): He et al., 2015, eq. 10
he_uniform = variance_scaling(2.0, "fan_in", "uniform")
xavier = variance_scaling(1.0, "fan_avg", "normal")  # Glorot and Bengio, 2010, eq. 12
xavier_uniform = variance_scaling(1.0, "fan_avg", "uniform")  # the same paper, eq. 16
lecun = variance_scaling(1.0, "fan_in", "normal")  # LeCun et al., Efficient BackProp, 1998, 4.6
lecun_uniform = variance_scaling(1.0, "fan_in", "uniform")
orthogonal = make_orthogonal()  # Saxe, McClelland and Ganguli, 2014


def gaussian(stddev: float | jax.Array = 1.0) -> Initializer:
    """N(0, stddev²), whatever the layer's width.

    Args:
      stddev: the standard deviation, not negative.

    Raises:
      ValueError: if `stddev` is a number and negative or not finite.

    >>> f"{gaussian(0.01)(jax.random.key(0), (784, 256)).std():.3f}"
    '0.010'
    """
    if isinstance(stddev, int | float) and not 0 <= stddev < math.inf:
        raise ValueError(f"stddev needs to be a finite number of at least 0, got {stddev}")
    return _normal(stddev) if isinstance(stddev, int | float) else normal(stddev)


_normal = functools.cache(normal)  # so that a recipe made twice is compiled once
