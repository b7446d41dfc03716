"""Networks whose hidden layers are divided among the devices of a mesh, each with some units."""

from collections.abc import Sequence
from itertools import pairwise

from jaxmlp.naming import kind_of
from jaxmlp.nn.architecture import MLP, usual_layers
from jaxmlp.nn.mlp import architecture_of, described
from jaxmlp.types import Model

__all__ = ["divided_axes", "sharded_layers", "with_sharded"]


def with_sharded(model: Model, layers: Sequence[int] | None = None) -> Model:
    """A network whose hidden layers `train` divides among devices, for one that needs several.

    It is the same network, with the same parameters from the same seed, and on one device it runs
    the same programs. On a mesh with an axis "model", each device along it has some of a divided
    layer's units: these columns of the kernel before it, their biases and norms, these rows of the
    kernel behind it, and the optimizer's state of all of them.

    Args:
      model: from `mlp`.
      layers: which hidden layers, 0 the first; () for none. By default every other one, from the
        first or from the second, whichever way divides more parameters: a kernel is then divided
        by its columns or by its rows, and only what goes out of a pair of kernels is added up.

    Returns:
      The network; the model itself where it is so already.

    Raises:
      ValueError: if the model is another's, or has no such hidden layer.

    Source: Shoeybi et al., Megatron-LM: Training Multi-Billion Parameter Language Models Using
    Model Parallelism, 2019, section 3.

    >>> from jaxmlp.nn.mlp import mlp
    >>> with_sharded(mlp((784, 4096, 4096, 10)))
    Model(784-4096-4096-10, relu, sharded=0)
    >>> with_sharded(mlp((784, 4096, 4096, 4096, 10)))
    Model(784-4096-4096-4096-10, relu, sharded=0+2)
    """
    if not isinstance(model, Model):
        raise ValueError(f"with_sharded needs a Model, such as mlp makes, got {kind_of(model)}")
    made = architecture_of(model)
    if made is None:
        raise ValueError(
            f"with_sharded needs a model made by mlp, whose layers are known, got {model}"
        )
    if len(made.sizes) == 2 and layers is None:
        raise ValueError(f"with_sharded needs a network with a hidden layer, got {model}")
    chosen = usual_layers(made.sizes) if layers is None else layers
    return described(made._replace(sharded=chosen))  # type: ignore[arg-type]


def sharded_layers(model: Model) -> tuple[int, ...]:
    """The hidden layers that `with_sharded` has divided.

    >>> from jaxmlp.nn.mlp import mlp
    >>> sharded_layers(mlp((4, 8, 3))), sharded_layers(with_sharded(mlp((4, 8, 3))))
    ((), (0,))
    """
    made = architecture_of(model)
    return () if made is None else made.sharded


def divided_axes(made: MLP) -> dict[str, tuple[tuple[int, ...], int]]:
    """What is divided of a network's parameters.

    Returns:
      An array's name -> its shape, and the axis along which it is divided, counted from the last.

    >>> from jaxmlp.nn.mlp import mlp
    >>> divided = divided_axes(with_sharded(mlp((4, 8, 3))).architecture)
    >>> divided["0/kernel"], divided["0/bias"], divided["1/kernel"], "1/bias" in divided
    (((4, 8), -1), ((8,), -1), ((8, 3), -2), False)
    """
    found: dict[str, tuple[tuple[int, ...], int]] = {}
    for layer, shape in enumerate(pairwise(made.sizes)):
        if layer in made.sharded:
            own = [f"{layer}/{name}" for name in ("bias", "scale")]
            own += [f"running/{layer}/{name}" for name in ("mean", "var")]
            found |= {f"{layer}/kernel": (shape, -1)} | dict.fromkeys(own, (shape[1:], -1))
        elif layer - 1 in made.sharded:
            found[f"{layer}/kernel"] = (shape, -2)
    return found
