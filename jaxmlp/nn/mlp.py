"""The multilayer perceptron: affine layers with an activation between them."""

import functools
from collections.abc import Callable, Sequence
from itertools import pairwise
from numbers import Integral

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.naming import kind_of
from jaxmlp.nn import activations, initializers
from jaxmlp.runtime.recompilation import canonical
from jaxmlp.types import Dense, Model, Params

__all__ = ["linear", "mlp", "variant"]

NARROW = 64  # outputs up to which a kernel is multiplied from the left


def mlp(
    sizes: Sequence[int],
    activation: Callable[[jax.Array], jax.Array] = activations.relu,
    kernel_init: Callable[..., jax.Array] = initializers.he,
    bias_init: Callable[..., jax.Array] = initializers.zeros,
) -> Model:
    """A fully connected network; with two sizes it is a linear model, the perceptron's.

    Args:
      sizes: the widths, from the input's to the output's: (784, 256, 10) has one hidden layer.
      activation: elementwise, after every layer but the last.
      kernel_init: for each kernel, (inputs, outputs); He's Gaussian by default.
      bias_init: for each bias, (outputs,); zeros by default.

    Returns:
      `init(key)`, the parameters: a tuple with a `Dense` a layer; and `apply(params, inputs)`,
      for one example: (sizes[0],) -> (sizes[-1],), with no activation on the output.

    Raises:
      ValueError: if there are fewer than two sizes, one is not a positive whole number, or one of
        the functions is none.

    >>> model = mlp((784, 256, 10))
    >>> params = model.init(jax.random.key(0))
    >>> [layer.kernel.shape for layer in params]
    [(784, 256), (256, 10)]
    >>> model.apply(params, jnp.zeros(784)).shape
    (10,)
    """
    sizes = tuple(sizes) if np.iterable(sizes) else (sizes,)
    if len(sizes) < 2:
        raise ValueError(f"sizes needs an input and an output width, got sizes={sizes}")
    if not all(isinstance(size, Integral) and size > 0 for size in sizes):
        raise ValueError(f"sizes needs positive whole numbers, got sizes={sizes}")
    functions = {"activation": activation, "kernel_init": kernel_init, "bias_init": bias_init}
    for name, function in functions.items():
        if not callable(function):
            raise ValueError(f"{name} needs to be a function, got {kind_of(function)}")
    return _mlp(tuple(int(size) for size in sizes), *map(canonical, functions.values()))


def variant(
    model: Model,
    hidden_sizes: Sequence[int] | None = None,
    activation: Callable[[jax.Array], jax.Array] | None = None,
    kernel_init: Callable[..., jax.Array] | None = None,
    bias_init: Callable[..., jax.Array] | None = None,
) -> Model:
    """A network like one that `mlp` made, but for what is given.

    Args:
      model: from `mlp`.
      hidden_sizes: the widths between the input's and the output's; () for a linear model.
      activation: as in `mlp`.
      kernel_init: as in `mlp`.
      bias_init: as in `mlp`.

    Raises:
      ValueError: if the model is another's, or as `mlp` does.

    >>> wide = variant(mlp((784, 256, 10)), hidden_sizes=(512, 64))
    >>> wide == mlp((784, 512, 64, 10))
    True
    """
    init, apply = model.init, model.apply
    if not (isinstance(init, functools.partial) and isinstance(apply, functools.partial)):
        raise ValueError(f"hidden_sizes and the like need a model made by mlp, got {model}")
    sizes = init.keywords["sizes"]
    if hidden_sizes is not None:
        sizes = (sizes[0], *hidden_sizes, sizes[-1])
    return mlp(
        sizes,
        activation or apply.keywords["activation"],
        kernel_init or init.keywords["kernel_init"],
        bias_init or init.keywords["bias_init"],
    )


@functools.cache  # so that a recipe made twice is compiled once
def _mlp(
    sizes: tuple[int, ...],
    activation: Callable[[jax.Array], jax.Array],
    kernel_init: Callable[..., jax.Array],
    bias_init: Callable[..., jax.Array],
) -> Model:
    init = functools.partial(_init, sizes=sizes, kernel_init=kernel_init, bias_init=bias_init)
    apply = functools.partial(_apply, sizes=sizes, activation=activation)
    return Model(canonical(init), canonical(apply))


def _init(
    key: jax.Array,
    *,
    sizes: tuple[int, ...],
    kernel_init: Callable[..., jax.Array],
    bias_init: Callable[..., jax.Array],
) -> Params:
    layers = []
    for layer, shape in enumerate(pairwise(sizes)):
        kernel_key, bias_key = jax.random.split(jax.random.fold_in(key, layer))
        kernel = kernel_init(kernel_key, shape, jnp.float32)
        layers.append(Dense(kernel, bias_init(bias_key, shape[1:], jnp.float32)))
    return tuple(layers)


def _apply(
    params: Params,
    inputs: jax.Array,
    *,
    sizes: tuple[int, ...],
    activation: Callable[[jax.Array], jax.Array],
) -> jax.Array:
    if inputs.shape != sizes[:1]:
        raise ValueError(f"inputs needs the shape {sizes[:1]}, got {inputs.shape}")
    hidden = inputs
    for number, layer in enumerate(params):
        with jax.named_scope(f"layer_{number}"):
            hidden = linear(layer, hidden)
            if number < len(params) - 1:
                hidden = activation(hidden)
    return hidden


def linear(layer: Dense, inputs: jax.Array) -> jax.Array:
    """One affine layer: W'x + b.

    Args:
      layer: the kernel W, (inputs, outputs), and the bias b, (outputs,).
      inputs: (inputs,) float32.

    Returns:
      (outputs,) float32.

    >>> linear(Dense(jnp.array([[1.0], [2.0]]), jnp.array([0.5])), jnp.array([3.0, 4.0])).tolist()
    [11.5]
    """
    kernel, bias = layer
    if kernel.shape[1] > NARROW:
        return inputs @ kernel + bias
    # The gradient of a narrow kernel as (outputs, inputs) is a product that CPUs do several times
    # faster than (inputs, outputs); the barrier keeps the compiler from turning it back.
    return jax.lax.optimization_barrier(kernel.T) @ inputs + bias
