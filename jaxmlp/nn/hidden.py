"""What goes on inside of a multilayer perceptron."""

import jax

from jaxmlp.nn.mlp import architecture_of
from jaxmlp.types import Model, PyTree

__all__ = ["layer_outputs"]


def layer_outputs(model: Model, params: PyTree, inputs: jax.Array) -> tuple[jax.Array, ...]:
    """What each layer makes of one example in evaluation, after its activation.

    Args:
      model: from `mlp`.
      params: the model's.
      inputs: (features,); `jax.vmap(..., (None, None, 0))` takes a batch.

    Returns:
      One array a layer, (outputs,), of which the last is what `model.apply` returns.

    Raises:
      ValueError: if the model is another's.

    >>> from jaxmlp.nn.mlp import mlp
    >>> model = mlp((784, 256, 10))
    >>> params = model.init(jax.random.key(0))
    >>> [outputs.shape for outputs in layer_outputs(model, params, jax.numpy.zeros(784))]
    [(256,), (10,)]
    """
    made = architecture_of(model)
    if made is None:
        raise ValueError(f"layer_outputs needs a model made by mlp, got {model}")
    seen: list[jax.Array] = []

    def recorded(values: jax.Array) -> jax.Array:
        seen.append(made.activation(values))
        return seen[-1]

    # The model's apply is a partial of which this is one keyword.
    outputs = model.apply(params, inputs, activation=recorded)  # type: ignore[call-arg]
    return (*seen, outputs)
