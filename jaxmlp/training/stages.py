"""A function of one shard of a batch, run for several shards in step with each other.

A network that needs a mean over the batch, as batch normalization does, is cut in stages at the
sums over the examples. Every shard goes through a stage before any goes on to the next, and what
the next one is given is the sum over the shards of all devices. The gradient goes back through the
stages in the same way. A stage is compiled once and run for each shard in a loop, so that what a
shard's numbers are does not depend on how many a device has.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import ClosedJaxpr, Var, jaxpr_as_fun

from jaxmlp.runtime.keydata import plain, typed
from jaxmlp.types import PyTree

__all__ = ["gradients", "sums_batch"]

Total = Callable[[jax.Array], jax.Array]  # (shards here, ...) -> (...): over all shards, everywhere
One = Callable[[PyTree, PyTree], tuple[jax.Array, PyTree]]


class Stage(NamedTuple):
    """Operations of a function, up to the next sum over a batch."""

    run: ClosedJaxpr
    inputs: list[Var]
    outputs: list[Var]
    is_sum: bool  # whether the last output is one's share of such a sum


def gradients(
    one: One, weights: PyTree, shards: PyTree, total: Total
) -> tuple[jax.Array, PyTree, PyTree]:
    """What a function makes of each shard, and the gradient of the sum of its values.

    Args:
      one: weights, shard -> a value, (), and whatever else is wanted. A sum over the examples of a
        shard by `jax.lax.psum` under `jax.vmap` becomes one over the whole batch.
      weights: what is differentiated; the same for all shards.
      shards: arrays (shards, ...).
      total: of (shards, ...), the sum over these shards and those that other devices have.

    Returns:
      The values, (shards,); the rest, (shards, ...); and the gradients, each of what depends on a
      shard's own use of the weights: like the weights, (shards, ...).
    """
    count = len(jax.tree.leaves(shards)[0])
    example = jax.tree.map(lambda leaf: leaf[0], shards)
    if count == 1:  # for a loop to take its place by an index, as from among several
        shards = jax.tree.map(lambda leaf: jnp.concatenate([leaf, leaf]), shards)
    closed, shape = jax.make_jaxpr(one, return_shape=True)(weights, example)
    size = len(jax.tree.leaves(weights))
    own, given = closed.jaxpr.invars[:size], closed.jaxpr.invars[size:]
    tape = _Tape(count, total, dict(zip(own, jax.tree.leaves(weights), strict=True)))
    tape.stacked |= dict(zip(given, jax.tree.leaves(shards), strict=True))
    *before, last = _stages(closed)
    for stage in before:
        tape.forward(stage)
    slopes = tape.end(last, closed.jaxpr.outvars[0])
    for stage in reversed(before):
        tape.backward(stage, slopes)
    found = [tape.read(var) for var in closed.jaxpr.outvars]
    value, rest = jax.tree.unflatten(jax.tree.structure(shape), found)
    zeros = [jnp.zeros((count, *leaf.shape), leaf.dtype) for leaf in jax.tree.leaves(weights)]
    slopes_of = [slopes.get(var, zero)[:count] for var, zero in zip(own, zeros, strict=True)]
    return value, rest, jax.tree.unflatten(jax.tree.structure(weights), slopes_of)


class _Tape:
    """The values of a function's variables, for the shards of this device."""

    def __init__(self, count: int, total: Total, shared: dict[Var, Any]) -> None:
        self.count, self.total = count, total
        self.room = max(count, 2)
        self.shared = shared  # the same for all shards: weights, and sums over the batch
        self.stacked: dict[Var, Any] = {}  # (room, ...), of which the first are the shards'
        self.followed = set(shared)  # what depends on the weights

    def read(self, var: Any) -> Any:
        """A variable, (shards, ...)."""
        if isinstance(var, Var) and var in self.stacked:
            return self.stacked[var][: self.count]
        value = self.shared[var] if isinstance(var, Var) else jnp.asarray(var.val)
        return jnp.broadcast_to(value, (self.count, *value.shape))

    def forward(self, stage: Stage) -> None:
        """Runs a stage for each shard."""
        function = jaxpr_as_fun(stage.run)
        self._keep(stage, self._each(stage, lambda inputs: function(*inputs), stage.outputs))

    def end(self, stage: Stage, goal: Any) -> dict[Var, Any]:
        """Runs the last stage and returns the slopes of its value in what it is given."""
        function, inputs = jaxpr_as_fun(stage.run), self._followed(stage)
        place = stage.outputs.index(goal)

        def both(values: list[Any]) -> tuple[list[Any], list[Any]]:
            def value(followed: list[Any]) -> tuple[Any, list[Any]]:
                outputs = function(*self._filled(stage, values, inputs, followed))
                return outputs[place], outputs

            followed = [values[stage.inputs.index(var)] for var in inputs]
            (_, outputs), slopes = jax.value_and_grad(value, has_aux=True)(followed)
            return outputs, slopes

        outputs, slopes = self._each(stage, both, (stage.outputs, inputs))
        self._keep(stage, outputs)
        return dict(zip(inputs, slopes, strict=True))

    def backward(self, stage: Stage, slopes: dict[Var, Any]) -> None:
        """Adds the slopes in what a stage is given, from those in what it returns."""
        function, inputs = jaxpr_as_fun(stage.run), self._followed(stage)
        outputs = [var for var in stage.outputs if var in slopes]
        if not inputs or not outputs:
            return
        places = [stage.outputs.index(var) for var in outputs]
        if stage.is_sum and stage.outputs[-1] in slopes:  # every shard's goal depends on the sum
            var = stage.outputs[-1]
            whole = self.total(slopes[var][: self.count])
            slopes[var] = jnp.broadcast_to(whole, (self.room, *whole.shape))
        given = [slopes[var] for var in outputs]

        def back(values: list[Any], own: list[Any]) -> list[Any]:
            def some(followed: list[Any]) -> list[Any]:
                found = function(*self._filled(stage, values, inputs, followed))
                return [found[place] for place in places]

            followed = [values[stage.inputs.index(var)] for var in inputs]
            return jax.vjp(some, followed)[1](own)[0]

        found = self._each(stage, back, inputs, given)
        for var, slope in zip(inputs, found, strict=True):
            slopes[var] = slopes[var] + slope if var in slopes else slope

    def _followed(self, stage: Stage) -> list[Var]:
        """The inputs that have slopes."""
        return [var for var in stage.inputs if var in self.followed]

    def _filled(
        self, stage: Stage, values: list[Any], inputs: Sequence[Var], followed: list[Any]
    ) -> list[Any]:
        replaced = dict(zip(inputs, followed, strict=True))
        return [replaced.get(v, value) for v, value in zip(stage.inputs, values, strict=True)]

    def _keep(self, stage: Stage, outputs: list[Any]) -> None:
        self.stacked |= dict(zip(stage.outputs, outputs, strict=True))
        if self._followed(stage):
            avals: Any = {var: var.aval for var in stage.outputs}
            self.followed |= {v for v in avals if jnp.issubdtype(avals[v].dtype, jnp.floating)}
        if stage.is_sum:
            var = stage.outputs[-1]
            self.shared[var] = self.total(self.stacked.pop(var)[: self.count])

    def _each(
        self, stage: Stage, function: Callable[..., Any], like: PyTree, *more: list[Any]
    ) -> Any:
        """A function of a stage's inputs, for one shard after another.

        Args:
          stage: which it is.
          function: of the inputs, and of one shard's part of each of `more`.
          like: a tree of variables, of which the function's results have the shapes and types.
          more: values (shards, ...).

        Returns:
          A tree like `like`: (shards, ...).
        """
        shared = {var: self.shared[var] for var in stage.inputs if var in self.shared}
        stacked = plain([self.stacked[var] for var in stage.inputs if var not in self.shared])

        def run(i: Any) -> Any:
            def own(values: PyTree) -> Any:
                return jax.tree.map(
                    lambda v: lax.dynamic_index_in_dim(v, i, keepdims=False), values
                )

            here = iter(typed(own(stacked)))
            values = [shared[v] if v in shared else next(here) for v in stage.inputs]
            return plain(function(values, *own(more)))

        def body(i: jax.Array, found: Any) -> Any:
            put = functools.partial(lax.dynamic_update_index_in_dim, index=i, axis=0)
            return jax.tree.map(put, found, run(i))

        # Known without another trace, and all of a network is traced here.
        one = jax.tree.map(lambda var: jax.ShapeDtypeStruct(var.aval.shape, var.aval.dtype), like)
        empty = jax.tree.map(lambda s: jnp.zeros((self.room, *s.shape), s.dtype), plain(one))
        # A loop whose length the compiler knows to be one is none, and the numbers others.
        length = jax.lax.optimization_barrier(jnp.int32(self.count))
        return typed(jax.lax.fori_loop(0, length, body, empty))


def _stages(closed: ClosedJaxpr) -> list[Stage]:
    """The operations, cut behind each sum over the batch."""
    jaxpr = closed.jaxpr
    parts: list[list[Any]] = [[]]
    for operation in jaxpr.eqns:
        parts[-1].append(operation)
        if sums_batch(operation):
            parts.append([])
    needed = {var for var in jaxpr.outvars if isinstance(var, Var)}
    constants, stages = set(jaxpr.constvars), []
    for place, part in reversed(list(enumerate(parts))):
        made = [var for operation in part for var in operation.outvars if type(var) is Var]
        used = dict.fromkeys(v for each in part for v in each.invars if isinstance(v, Var))
        inputs = [var for var in used if var not in constants and var not in set(made)]
        outputs = [var for var in made if var in needed]
        is_sum = place < len(parts) - 1 and part[-1].outvars[0] in needed
        needed = (needed - set(made)) | set(inputs)
        names: Any = {"arg_names": [""] * len(inputs), "result_paths": [""] * len(outputs)}
        known = jaxpr.debug_info._replace(**names)
        cut = jaxpr.replace(eqns=part, invars=inputs, outvars=outputs, debug_info=known)
        stages.append(Stage(closed.replace(jaxpr=cut), inputs, outputs, is_sum))
    return stages[::-1]


def sums_batch(operation: Any) -> bool:
    """Whether it is a `psum` that `vmap` has made one over the first axis."""
    return operation.primitive.name == "psum" and operation.params["axes"] == (0,)
