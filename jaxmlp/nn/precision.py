"""Networks whose matrix products are in another arithmetic than float32."""

import functools
from typing import Any

import jax

from jaxmlp.naming import kind_of
from jaxmlp.nn.architecture import checked_precision
from jaxmlp.nn.mlp import architecture_of, described
from jaxmlp.runtime.recompilation import canonical
from jaxmlp.types import Context, Model, PyTree

__all__ = ["has_precision", "precision_of", "refuse_precision", "with_precision"]

NAMES = {"float32": "highest", "tf32": "TF32_TF32_F32"}  # to JAX


def with_precision(model: Model, precision: str) -> Model:
    """A network whose products of matrices are in a certain arithmetic, forward and backward.

    Nothing else is: parameters, biases, the products' own sums, norms, activations, losses,
    gradients and the optimizer's state are float32, and so are the files of all of them. That is
    mixed precision, as Micikevicius et al. have it; bfloat16 reaches as far as float32 does, so
    that no loss needs to be scaled.

    "float32", a network's own: on GPUs and TPUs too, which would take TF32 or bfloat16 instead if
    nobody asked. "bfloat16": both operands of each product are rounded to 8 bits, and products are
    added up in float32. "tf32": rounded to 11 bits, by an NVIDIA GPU.

    Args:
      model: one that `mlp` made is still an `mlp`. Of any other, "float32" and "tf32" are what its
        products take that have no `precision` of their own, as Flax's layers have none.
      precision: "float32", "bfloat16" or "tf32".

    Returns:
      The network, with the same parameters; one that `mlp` made itself where it is so already.

    Raises:
      ValueError: for another name; or for bfloat16 of a network that `mlp` has not made, as there
        is no way to round what its code multiplies: a Flax layer takes `dtype=jnp.bfloat16`.

    Source: Micikevicius et al., Mixed Precision Training, 2018; Kalamkar et al., A Study of
    BFLOAT16 for Deep Learning Training, 2019.

    >>> from jaxmlp.nn.mlp import mlp
    >>> model = with_precision(mlp((4, 8, 3)), "bfloat16")
    >>> model, with_precision(model, "float32") == mlp((4, 8, 3))
    (Model(4-8-3, relu, precision=bfloat16), True)
    """
    if not isinstance(model, Model):
        raise ValueError(f"with_precision needs a Model, such as mlp makes, got {kind_of(model)}")
    precision = checked_precision(precision)
    if (made := architecture_of(model)) is not None:
        return described(made._replace(precision=precision))
    if precision not in NAMES:
        raise ValueError(
            f"{precision} needs a model made by mlp, whose products are known, got {model}: "
            "a Flax layer takes dtype=jax.numpy.bfloat16"
        )
    apply, train = (_within(function, precision) for function in (model.apply, model.train))
    return model._replace(apply=apply, train=train, architecture=None)


def precision_of(model: Model) -> str:
    """What `with_precision` has made of a network.

    >>> from jaxmlp.nn.mlp import mlp
    >>> precision_of(mlp((4, 3))), precision_of(with_precision(mlp((4, 3)), "tf32"))
    ('float32', 'tf32')
    """
    if (made := architecture_of(model)) is not None:
        return made.precision
    apply: Any = model.apply
    return str(apply.keywords["precision"]) if _is_within(apply) else "float32"


def has_precision(precision: str, platform: str) -> bool:
    """Whether a kind of device, such as "cpu" or "gpu", multiplies in an arithmetic.

    >>> has_precision("tf32", "cpu"), has_precision("tf32", "gpu")
    (False, True)
    """
    return precision != "tf32" or platform == "gpu"


def refuse_precision(model: Model, platform: str) -> None:
    """Raises ValueError if a kind of device does not multiply as a network asks for."""
    precision = precision_of(model)
    if not has_precision(precision, platform):
        raise ValueError(
            f"precision={precision} needs an NVIDIA GPU, got a {platform.upper()}: "
            "float32 is more precise, and everywhere"
        )


def _within(function: Any, precision: str) -> Any:
    if function is None:
        return None
    inner = function.args[0] if _is_within(function) else function
    return canonical(functools.partial(_call, inner, precision=precision))


def _is_within(function: Any) -> bool:
    return isinstance(function, functools.partial) and function.func is _call


def _call(
    function: Any, params: PyTree, inputs: jax.Array, *context: Context, precision: str
) -> Any:
    with jax.default_matmul_precision(NAMES[precision]):
        return function(params, inputs, *context)
