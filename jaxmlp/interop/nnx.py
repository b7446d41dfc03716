"""Modules of Flax nnx as passes over a batch."""

import functools
import inspect
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jaxmlp.interop.passes import Imported, Passes, check_call, flags_of, masked
from jaxmlp.naming import kind_of, name_of
from jaxmlp.types import Array, Context, PyTree, Variables

if TYPE_CHECKING:
    from flax import nnx

__all__ = ["imported", "passes_of"]

Make = Callable[..., Any]  # rngs -> nnx.Module


def passes_of(make: Make, example: Array) -> Passes:
    """What makes an nnx module, as passes over a batch of what it makes.

    Args:
      make: a function of `rngs`.
      example: one example.

    Raises:
      ValueError: if it does not make a module anew, or the module's call takes more than a batch,
        a mode and rngs.
    """
    from flax import nnx

    abstract = _abstract(make)
    graph, *states = nnx.split(abstract, *_kinds(), ...)
    flags = {training: flags_of(abstract, training) for training in (False, True)}
    takes_rngs = "rngs" in inspect.signature(abstract.__call__).parameters
    check_call(abstract, [*flags[True], *(["rngs"] if takes_rngs else [])])

    drawn: set[str] = set()  # from what the call is handed

    def init(key: jax.Array) -> Variables:
        return _variables(_build(make, key))

    def evaluate(variables: Variables, inputs: jax.Array) -> Any:
        module = nnx.merge(graph, *_filled(states, variables))
        module.eval()
        counts = [stream.count.get_value() for stream in _streams(module)]
        outputs = module(inputs, **flags[False])
        for count, stream in zip(counts, _streams(module), strict=True):
            if stream.count.get_value() is not count:
                raise ValueError(
                    f'module needs to draw nothing in evaluation, got a draw of "{stream.tag}"'
                )
        return outputs

    def train(variables: Variables, inputs: jax.Array, context: Context) -> tuple[Any, PyTree]:
        module = nnx.merge(graph, *_filled(states, variables))
        module.train()
        names = {stream.tag for stream in _streams(module)}
        keys: dict[str, Any] = {name: _key_of(name, context.key) for name in names}
        nnx.reseed(module, policy="match_shape", **keys)
        rngs = nnx.Rngs(_key_of("rngs", context.key))
        layers, count = _hand_mask(module, context.mask), rngs.default.count.get_value()
        outputs = module(inputs, **flags[True], **({"rngs": rngs} if takes_rngs else {}))
        if rngs.default.count.get_value() is not count:
            drawn.add("rngs")
        for layer in layers:
            del layer.padding
        return outputs, _variables(module).running

    if takes_rngs:
        context = Context(jax.random.key(0), jnp.ones(2, bool))
        jax.eval_shape(train, jax.eval_shape(init, context.key), jnp.stack([example] * 2), context)
    differs = bool(flags[True] or drawn) or _has_modes(abstract)
    has_statistics = bool(nnx.state(abstract, nnx.BatchStat))
    return Passes(init, evaluate, train, differs, 2 if has_statistics else 1)


def imported(make: Make) -> Imported:
    """What such a module is, as the architecture of a `Model`."""
    from flax import nnx

    abstract = _abstract(make)
    _, *states = nnx.split(abstract, *_kinds(), ...)

    def tree(params: PyTree) -> Any:
        variables = params if isinstance(params, Variables) else Variables(params, {})
        trained, _, running, _ = _filled(states, variables)
        return nnx.merge_state(trained, running)

    def module(training: bool) -> "nnx.Module":
        built = _build(make, 0)
        built.train() if training else built.eval()
        return built

    return Imported(f"nnx {type(abstract).__name__}", tree, module)


def _build(make: Make, key: jax.Array | int) -> "nnx.Module":
    """The module with fresh parameters."""
    from flax import nnx

    try:
        signature = _signature(make)
        by_name = "rngs" in signature.parameters
        signature.bind(**{"rngs": None}) if by_name else signature.bind(None)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "from_flax needs a function of rngs alone, such as functools.partial(Net, 784, 10), "
            f"got {name_of(make)}"
        ) from error
    rngs = nnx.Rngs(key)
    module = make(rngs=rngs) if by_name else make(rngs)
    if not isinstance(module, nnx.Module):
        raise ValueError(f"from_flax needs rngs to make an nnx module, got {kind_of(module)}")
    return module


def _signature(make: Make) -> inspect.Signature:
    """What a function takes; of a class of nnx, that of its `__init__`."""
    bare, *bound = (make.func, make) if isinstance(make, functools.partial) else (make,)
    taking = functools.partial(bare.__init__, None) if isinstance(bare, type) else bare
    for partial in bound:
        taking = functools.partial(taking, *partial.args, **partial.keywords)
    return inspect.signature(taking)


def _abstract(make: Make) -> Any:
    """The module, with shapes in the place of arrays."""
    from flax import nnx

    made: list[nnx.Module] = []

    def remembered() -> nnx.Module:
        made.append(_build(make, 0))
        return made[-1]

    abstract = nnx.eval_shape(remembered)
    nnx.eval_shape(remembered)
    if made[0] is made[1]:
        raise ValueError(
            "from_flax needs a function that makes the nnx module anew, got one "
            f"that returns the same {type(made[0]).__name__}"
        )
    return abstract


def _kinds() -> tuple[Any, ...]:
    """What a module keeps: what is trained, what only draws, and what runs along."""
    from flax import nnx

    running = nnx.Not(nnx.Any(nnx.Param, nnx.RngState, nnx.Intermediate))
    return nnx.Param, nnx.RngState, running


def _variables(module: "nnx.Module") -> Variables:
    from flax import nnx

    trained, _, running = nnx.state(module, *_kinds())
    return Variables(nnx.to_pure_dict(trained), nnx.to_pure_dict(running))


def _filled(states: list[Any], variables: Variables) -> list[Any]:
    """The states of a module, with the variables' values; what it draws from begins anew."""
    trained, drawn, running, rest = states
    filled = [
        jax.tree.unflatten(jax.tree.structure(state), jax.tree.leaves(values))
        for state, values in ((trained, variables.trained), (running, variables.running))
    ]
    drawn, rest = jax.tree.map(_blank, (drawn, rest))
    return [filled[0], drawn, filled[1], rest]


def _blank(leaf: jax.ShapeDtypeStruct) -> jax.Array:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jnp.broadcast_to(jax.random.key(0), leaf.shape)
    return jnp.zeros(leaf.shape, leaf.dtype)


def _key_of(name: str, key: jax.Array) -> jax.Array:
    """The key for what is drawn under a name."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def _streams(module: "nnx.Module") -> list[Any]:
    from flax import nnx

    nodes = [node for _, node in nnx.iter_graph(module)]
    return [node for node in nodes if isinstance(node, nnx.RngStream)]


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
