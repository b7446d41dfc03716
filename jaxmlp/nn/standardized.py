"""Networks that take their inputs, and give their outputs, in the data's own units."""

import functools
from typing import Any

import jax

from jaxmlp.naming import kind_of
from jaxmlp.nn.mlp import architecture_of, described
from jaxmlp.nn.scaling import Scaling, checked_scaling, scaled, unscaled
from jaxmlp.runtime.recompilation import canonical
from jaxmlp.types import Context, Model, PyTree

__all__ = ["standardized"]


def standardized(
    model: Model, inputs: Scaling | None = None, outputs: Scaling | None = None
) -> Model:
    """A network with the scaling of its inputs, of its outputs, or of both as a part of it.

    It is (inputs - mean) / scale that the network sees, in training and wherever it is evaluated
    from then on, and outputs scale + mean that it returns: whoever has the network needs no table
    of means beside it. The parameters are those of the network without. Noise and dropout of the
    inputs come after the scaling. Pixels, uint8, are scaled as what they are to a network, floats
    from 0 to 1.

    Args:
      model: any; one that `mlp` made is still an `mlp`, with all that is done to such.
      inputs: from `scaling_of` of the *training* inputs, or any other `Scaling`.
      outputs: the same of the training labels, for a regression in the labels' units. The loss is
        then in these too, and `regression(..., unit=scaling.scale)` trains on it without them.

    Returns:
      The network; the model itself where there is nothing to scale.

    Raises:
      ValueError: if a scaling is none, is not of as many columns as the network has inputs, or
        outputs, or the network has one already.

    Source: LeCun, Bottou, Orr and Müller, Efficient BackProp, 1998, section 4.3.

    >>> from jaxmlp.nn.mlp import mlp
    >>> model = standardized(mlp((2, 1)), inputs=Scaling((1.0, 2.0), (1.0, 4.0)))
    >>> model
    Model(2-1, standardized inputs)
    >>> params = model.init(jax.random.key(0))
    >>> model.apply(params, jax.numpy.array([1.0, 2.0])).tolist()  # the mean itself
    [0.0]
    """
    if not isinstance(model, Model):
        raise ValueError(f"standardized needs a Model, such as mlp makes, got {kind_of(model)}")
    pairs = (("input_scaling", inputs), ("output_scaling", outputs))
    given: dict[str, Any] = {name: scaling for name, scaling in pairs if scaling is not None}
    made = architecture_of(model)
    known: Any = made._asdict() if made is not None else _scalings_of(model)
    if twice := [name for name in given if known.get(name) is not None]:
        raise ValueError(f"{twice[0]} needs a network without one, got {model}")
    if made is not None:
        return described(made._replace(**given)) if given else model
    checked = {name: checked_scaling(name, scaling) for name, scaling in given.items()}
    return _wrapped(model, **checked) if checked else model


def _wrapped(model: Model, **scalings: Any) -> Model:
    """Another's network with scalings around its functions."""
    apply = canonical(functools.partial(_apply, model.apply, **scalings))
    train = model.train and canonical(functools.partial(_train, model.train, **scalings))
    return model._replace(apply=apply, train=train, architecture=None)


def _scalings_of(model: Model) -> dict[str, Any]:
    known: dict[str, Any] = {}
    apply: Any = model.apply
    while isinstance(apply, functools.partial) and apply.func is _apply:
        known |= apply.keywords
        apply = apply.args[0]
    return known


def _apply(
    apply: Any,
    params: PyTree,
    inputs: jax.Array,
    *,
    input_scaling: Scaling | None = None,
    output_scaling: Scaling | None = None,
) -> jax.Array:
    return unscaled(output_scaling, apply(params, scaled(input_scaling, inputs)))


def _train(
    train: Any,
    params: PyTree,
    inputs: jax.Array,
    context: Context,
    *,
    input_scaling: Scaling | None = None,
    output_scaling: Scaling | None = None,
) -> tuple[Any, ...]:
    inputs = jax.vmap(functools.partial(scaled, input_scaling))(inputs)
    outputs, *rest = train(params, inputs, context)
    return jax.vmap(functools.partial(unscaled, output_scaling))(outputs), *rest
