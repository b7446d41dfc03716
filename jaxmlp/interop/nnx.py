"""Modules of Flax nnx as passes over a batch."""

import functools
import inspect
import zlib
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jaxmlp.interop.nnx_modules import Parts, build, merged, state_of, variables_of
from jaxmlp.interop.passes import Imported, Passes, as_variables, check_call, flags_of, masked
from jaxmlp.runtime.recompilation import canonical
from jaxmlp.types import Array, Context, PyTree, Variables

if TYPE_CHECKING:
    from flax import nnx

__all__ = ["imported", "passes_of"]


def passes_of(parts: Parts, example: Array) -> Passes:
    """An nnx module as passes over a batch.

    Args:
      parts: of the module.
      example: one example.

    Raises:
      ValueError: if the module's call takes more than a batch, a mode and rngs.
    """
    from flax import nnx

    call = parts.module.__call__
    flags = {training: flags_of(call, training) for training in (False, True)}
    takes_rngs, needs_rngs = _handed_rngs(parts.module)
    check_call(call, [*flags[True], *(["rngs"] if takes_rngs else [])])
    drawn: set[str] = set()  # from what the call is handed

    def init(key: jax.Array) -> Variables:
        return variables_of(build(parts.make, key))

    def evaluate(variables: Variables, inputs: jax.Array) -> Any:
        module = merged(parts, variables)
        module.eval()
        rngs = nnx.Rngs(0)
        streams = [
            (stream, stream.count.get_value()) for stream in (*_streams(module), *_streams(rngs))
        ]
        outputs = module(inputs, **flags[False], **({"rngs": rngs} if needs_rngs else {}))
        for stream, count in streams:
            if stream.count.get_value() is not count:
                raise ValueError(
                    f'module needs to draw nothing in evaluation, got a draw of "{stream.tag}"'
                )
        return outputs

    def train(variables: Variables, inputs: jax.Array, context: Context) -> tuple[Any, PyTree]:
        module = merged(parts, variables)
        module.train()
        names = {stream.tag for stream in _streams(module)}
        keys: dict[str, Any] = {name: _key_of(name, context.key) for name in names}
        nnx.reseed(module, policy="match_shape", **keys)
        rngs = nnx.Rngs(_key_of("rngs", context.key))
        count = rngs.default.count.get_value()
        layers = _hand_mask(module, context.mask)
        outputs = module(inputs, **flags[True], **({"rngs": rngs} if takes_rngs else {}))
        for layer in layers:
            del layer.padding
        if rngs.default.count.get_value() is not count:
            drawn.add("rngs")
        return outputs, variables_of(module).running

    if takes_rngs:  # and may make nothing of them
        context = Context(jax.random.key(0), jnp.ones(2, bool))
        jax.eval_shape(train, jax.eval_shape(init, context.key), jnp.stack([example] * 2), context)
    differs = bool(flags[True] or drawn) or _has_modes(parts.module)
    has_statistics = bool(nnx.state(parts.module, nnx.BatchStat))
    source = canonical(parts.make)
    return Passes(source, init, evaluate, train, differs, 2 if has_statistics else 1)


def imported(parts: Parts) -> Imported:
    """What an nnx module is, as the architecture of a `Model`."""

    def tree(params: PyTree) -> Any:
        return state_of(parts, as_variables(params))

    def module(training: bool) -> "nnx.Module":
        built = build(parts.make, 0)
        built.train() if training else built.eval()
        return built

    return Imported(f"nnx {type(parts.module).__name__}", tree, module)


def _key_of(name: str, key: jax.Array) -> jax.Array:
    """The key for what is drawn under a name."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def _streams(module: Any) -> list[Any]:
    from flax import nnx

    nodes = [node for _, node in nnx.iter_graph(module)]
    return [node for node in nodes if isinstance(node, nnx.RngStream)]


def _handed_rngs(module: "nnx.Module") -> tuple[bool, bool]:
    """Whether a module's call is handed rngs in training, and whether in evaluation."""
    taken = inspect.signature(module.__call__).parameters.get("rngs")
    if taken is None:
        return False, False
    is_needed = taken.default is taken.empty
    # A stream of its own would be passed over: a dropout prefers what it is handed.
    return is_needed or not _streams(module), is_needed


def _has_modes(module: "nnx.Module") -> bool:
    """Whether a module has layers that training sets to another mode, or anything to draw."""
    from flax import nnx

    modes = ("deterministic", "use_running_average")
    layers = [layer for _, layer in nnx.iter_modules(module)]
    return bool(_streams(module)) or any(hasattr(layer, name) for layer in layers for name in modes)


def _hand_mask(module: "nnx.Module", mask: jax.Array) -> list[Any]:
    """Makes every batch norm of a module take its means over the examples that count."""
    from flax import nnx

    layers: list[Any] = [layer for _, layer in nnx.iter_modules(module)]
    layers = [layer for layer in layers if isinstance(layer, nnx.BatchNorm)]
    for layer in layers:
        kind: Any = type(layer)
        layer.__class__ = _masking(kind)
        layer.padding = nnx.Variable(mask)
    return layers


@functools.cache  # a class is known to JAX for as long as the process lives
def _masking(kind: Any) -> Any:
    """A kind of batch norm that hands its own call the mask which it has as `padding`."""
    signature = inspect.signature(kind.__call__)
    if "mask" not in signature.parameters:
        raise ValueError(f"module needs batch norms that take a mask, got {kind.__name__}")

    def call(self: Any, *args: Any, **keywords: Any) -> jax.Array:
        bound = signature.bind(self, *args, **keywords)
        _, inputs, *_ = bound.arguments.values()
        mask = masked(self.padding[...], bound.arguments.get("mask"), inputs)
        bound.arguments["mask"] = mask
        return kind.__call__(*bound.args, **bound.kwargs)

    return type(kind.__name__, (kind,), {"__call__": call})
