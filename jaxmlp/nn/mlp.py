"""The multilayer perceptron: affine layers with an activation between them."""

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from types import EllipsisType
from typing import Any

import jax

from jaxmlp.nn import activations, initializers
from jaxmlp.nn.architecture import MLP, RATES, checked, usual_layers
from jaxmlp.nn.ladder import without_way_back
from jaxmlp.nn.layers import NARROW, linear
from jaxmlp.nn.passes import functions_of
from jaxmlp.runtime.recompilation import are_alike
from jaxmlp.types import Model, PyTree, trained, with_trained

__all__ = [
    "MLP",
    "NARROW",
    "architecture_of",
    "described",
    "linear",
    "mlp",
    "rates",
    "variant",
    "with_rates",
    "without_ladder",
]


def mlp(
    sizes: Sequence[int],
    activation: Callable[[jax.Array], jax.Array] = activations.relu,
    kernel_init: Callable[..., jax.Array] = initializers.he,
    bias_init: Callable[..., jax.Array] = initializers.zeros,
    dropout: float | None = None,
    input_dropout: float | None = None,
    input_noise: float | None = None,
    norm: str | None = None,
    norm_momentum: float | None = None,
    norm_epsilon: float | None = None,
    noise: float | None = None,
    ladder: float | None = None,
) -> Model:
    """A fully connected network; with two sizes it is a linear model, the perceptron's.

    A hidden layer is the affine map, the norm, the activation and dropout, in this order. What is
    None is not there, and all of it off is the plain network; 0.0 is a rate like any other.

    Args:
      sizes: the widths, from the input's to the output's: (784, 256, 10) has one hidden layer.
      activation: elementwise, after every layer but the last.
      kernel_init: for each kernel, (inputs, outputs); He's Gaussian by default.
      bias_init: for each bias, (outputs,); zeros by default.
      dropout: the share of each hidden layer's outputs that training drops, below 1.
      input_dropout: the same, of the inputs.
      input_noise: the standard deviation of Gaussian noise that training adds to the inputs.
      norm: "batch" or "layer", of what a hidden layer's kernel makes of its inputs. Scale and bias
        come after it, in the place of the layer's own bias, which the batch's mean would undo.
      norm_momentum: the share of the running statistics that a step leaves, with the batch's norm
        alone; 0.9 where None. This is Flax's convention; PyTorch's momentum is one less this.
      norm_epsilon: is added to the variance; 1e-5 where None.
      noise: the standard deviation of Gaussian noise that training adds to what each hidden layer
        computes, before its activation; with a norm, in the unit of what is normalised.
      ladder: the weight of a Ladder network's cost beside the loss. A way back leads from the
        outputs to the inputs, and is helped at each layer by what this was given, noisy as it was:
        so the layers above need not keep what the labels do not ask for. The cost is the mean
        square of what it misses of the inputs without noise, and nothing is to be learnt from it
        where they have none. The source has norm="batch", 0.3 for both noises, and 2000 for this
        cost alone. In the unit of standardized inputs. With the batch's norm, running statistics
        follow a pass without noise and dropout, here and with `noise`.

    Returns:
      `init(key)`, the parameters: a tuple with a `Dense` a layer, or a `Normed` where there is a
      norm; of a Ladder network a `LadderDense` and a `LadderNormed`; with the batch's norm the
      `Variables` of this and of the running means and variances. And `apply(params, inputs)`, for
      one example: (sizes[0],) -> (sizes[-1],), with no activation on the output. `train` where
      training differs, and the arguments as `architecture`.

    Raises:
      ValueError: if there are fewer than two sizes, one is not a positive whole number, one of
        the functions is none, a rate is not in its range, or there is no layer for it.

    >>> model = mlp((784, 256, 10))
    >>> params = model.init(jax.random.key(0))
    >>> [layer.kernel.shape for layer in params]
    [(784, 256), (256, 10)]
    >>> model.apply(params, jax.numpy.zeros(784)).shape
    (10,)
    >>> mlp((784, 256, 10), dropout=0.5, norm="batch")
    Model(784-256-10, relu, dropout=0.5, norm=batch)

    Source: of the ladder, Rasmus et al., Semi-Supervised Learning with Ladder Networks, 2015,
    sections 3 and 4.2; there the outputs are normalised and noisy too, and the way back begins at
    their softmax.
    """
    functions = activation, kernel_init, bias_init
    noises = dropout, input_dropout, input_noise
    given = MLP(sizes, *functions, *noises, norm, norm_momentum, norm_epsilon)  # type: ignore[arg-type]
    return described(given._replace(noise=noise, ladder=ladder))


def variant(
    model: Model,
    hidden_sizes: Sequence[int] | None = None,
    activation: Callable[[jax.Array], jax.Array] | None = None,
    kernel_init: Callable[..., jax.Array] | None = None,
    bias_init: Callable[..., jax.Array] | None = None,
    dropout: float | EllipsisType | None = ...,
    input_dropout: float | EllipsisType | None = ...,
    input_noise: float | EllipsisType | None = ...,
    norm: str | EllipsisType | None = ...,
    norm_momentum: float | EllipsisType | None = ...,
    norm_epsilon: float | EllipsisType | None = ...,
    precision: str | None = None,
    noise: float | EllipsisType | None = ...,
    ladder: float | EllipsisType | None = ...,
) -> Model:
    """A network like one that `mlp` made, but for what is given.

    Args:
      model: from `mlp`.
      hidden_sizes: the widths between the input's and the output's; () for a linear model.
      activation: as in `mlp`; None leaves it as it is.
      kernel_init: as in `mlp`; None leaves it as it is.
      bias_init: as in `mlp`; None leaves it as it is.
      dropout: as in `mlp`, where None is none of it; `...` leaves it as it is.
      input_dropout: the same.
      input_noise: the same.
      norm: the same; a norm of another kind has its own momentum and epsilon.
      norm_momentum: the same.
      norm_epsilon: the same.
      precision: as in `with_precision`; None leaves it as it is.
      noise: as in `mlp`, where None is none of it; `...` leaves it as it is.
      ladder: the same.

    Raises:
      ValueError: if the model is another's, or as `mlp` does.

    >>> wide = variant(mlp((784, 256, 10)), hidden_sizes=(512, 64))
    >>> wide == mlp((784, 512, 64, 10))
    True
    >>> variant(mlp((4, 8, 3), dropout=0.5), dropout=None) == mlp((4, 8, 3))
    True
    """
    before = architecture_of(model)
    if before is None:
        raise ValueError(f"hidden_sizes and the like need a model made by mlp, got {model}")
    functions = {"activation": activation, "kernel_init": kernel_init, "bias_init": bias_init}
    named: dict[str, Any] = {**functions, "precision": precision}
    changed: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if hidden_sizes is not None:
        changed["sizes"] = (before.sizes[0], *hidden_sizes, before.sizes[-1])
        if before.sharded and before.sharded == usual_layers(before.sizes):
            changed["sharded"] = usual_layers(changed["sizes"])
    if norm is not ... and norm != before.norm:
        changed |= {"norm_momentum": None, "norm_epsilon": None}
    rest = dropout, input_dropout, input_noise, norm, norm_momentum, norm_epsilon, noise, ladder
    names = (*MLP._fields[4:10], "noise", "ladder")
    changed |= {n: v for n, v in zip(names, rest, strict=True) if v is not ...}
    return described(before._replace(**changed))


def without_ladder(model: Model, params: PyTree) -> tuple[Model, PyTree]:
    """A network without the way back of a ladder, which is for training alone: half the numbers.

    Args:
      model: any; where `mlp` made it with a ladder, the rest of it stays as it is.
      params: the model's.

    Returns:
      The model and its parameters, of the same outputs in evaluation.

    >>> ladder = mlp((4, 8, 3), noise=0.3, ladder=1000.0)
    >>> plain, params = without_ladder(ladder, ladder.init(jax.random.key(0)))
    >>> plain, [type(layer).__name__ for layer in params]
    (Model(4-8-3, relu, noise=0.3), ['Dense', 'Dense'])
    """
    made = architecture_of(model)
    if made is None or made.ladder is None:
        return model, params
    layers = tuple(map(without_way_back, trained(params)))
    return described(made._replace(ladder=None)), with_trained(params, layers)


def described(description: MLP) -> Model:
    """The network of a description; of equal ones it is the same, so that they are compiled once.

    Raises:
      ValueError: as `mlp` does.
    """
    return _model(checked(description))


def architecture_of(model: Model) -> MLP | None:
    """What `mlp` made a network of; None for another's, or where a function has been replaced.

    >>> architecture_of(mlp((4, 3))._replace(init=print)) is None
    True
    """
    made = model.architecture
    if not isinstance(made, MLP):
        return None
    pairs = zip(model[:3], _model(made)[:3], strict=True)  # init, apply and train
    return made if all(itertools.starmap(are_alike, pairs)) else None


def rates(model: Model) -> dict[str, float]:
    """The numbers of a network that training may trace, so that others compile nothing anew.

    Returns:
      Those that are set, of dropout, input_dropout, input_noise, norm_momentum, noise and ladder.

    >>> rates(mlp((4, 8, 3), dropout=0.5)), rates(mlp((4, 8, 3)))
    ({'dropout': 0.5}, {})
    """
    description = architecture_of(model)
    if description is None:
        return {}
    values = {name: getattr(description, name) for name in RATES}
    return {name: value for name, value in values.items() if value is not None}


def with_rates(model: Model, values: Mapping[str, Any]) -> Model:
    """The same network with other numbers in the place of those that `rates` has.

    Args:
      model: from `mlp`, or any where there are no values.
      values: name -> a number; or () float32, which may be traced: what the network then is
        belongs to the function that is being traced.

    Raises:
      ValueError: if the network has no such number, or as `mlp` does.

    >>> with_rates(mlp((4, 8, 3), dropout=0.5), {"dropout": 0.25})
    Model(4-8-3, relu, dropout=0.25)
    """
    known = rates(model)
    if others := values.keys() - known.keys():
        raise ValueError(
            f"{', '.join(sorted(others))} needs a network with it, got {', '.join(known) or model}"
        )
    if not values:
        return model
    description: MLP = model.architecture._replace(**values)
    if any(isinstance(value, jax.Array) for value in values.values()):
        return functions_of(description)
    return described(description)


_model = functools.cache(functions_of)  # so that a recipe made twice is compiled once
