"""Populations: many networks, compiled once, each trained as it would be alone."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxmlp.populations.cohort import Cohort, Report
from jaxmlp.populations.folds import Data, as_data, by_shapes, checked, folds_of, num_folds
from jaxmlp.populations.grid import Grid, make_grid
from jaxmlp.populations.identity import population_record
from jaxmlp.populations.loop import train_portion
from jaxmlp.populations.peers import Peers
from jaxmlp.populations.planning import Plan, prepare
from jaxmlp.populations.population import Population, beginning, columns, copied, population_of
from jaxmlp.populations.portions import Portion, own_portion
from jaxmlp.populations.retire import Halving
from jaxmlp.populations.runs import Runs
from jaxmlp.runtime import bars, processes
from jaxmlp.runtime.compilation import OnCompiled
from jaxmlp.runtime.exchange import coordinator
from jaxmlp.runtime.rounds import next_exchange, refuse_differences
from jaxmlp.training.agreement import facts_of
from jaxmlp.training.checks import refuse_traced
from jaxmlp.training.recipe import Recipe
from jaxmlp.types import Dataset

__all__ = ["Halving", "Plan", "Population", "Report", "plan_many", "population_like", "train_many"]


def train_many(
    recipe: Recipe | Callable[..., Recipe],
    data: Dataset | Sequence[Dataset],
    seeds: Iterable[int],
    sweep: Mapping[str, Iterable[Any]] | None = None,
    *,
    shuffle: str = "own",
    shuffle_seeds: Iterable[int] | None = None,
    noise_seeds: Iterable[int] | None = None,
    mode: str | None = None,
    mesh: Mesh | None = None,
    memory: int | None = None,
    window: int | None = None,
    eval_every: int = 1,
    on_fault: str = "stop",
    patience: int | None = None,
    stop_metric: str = "validation_loss",
    halving: Halving | None = None,
    start: Population | None = None,
    callback: Callable[[Report], bool | None] | None = None,
    on_block: Callable[[Report], bool | None] | None = None,
    progress: bool = False,
) -> Runs:
    """Trains a network for every combination of swept values and seeds, on all devices.

    In exact mode each member's bits are those of `train` with its values and its seed, whatever
    the population's size, order and number of devices: a device trains one member after another,
    with the programs that `train` runs. In fast mode a device trains many members side by side,
    and a member equals its solo run within rounding only.

    Args:
      recipe: what to train, and how; or a function of the swept values that returns that, and of
        the fold's number, if it takes `fold` and there are folds.
      data: what on. The devices of a CPU share one copy. Of several data sets, as those of a cross
        validation are, each has networks of its own for every setting and seed, along an axis
        "fold": 0, 1 and so on. Those whose arrays have the same shapes share their programs.
      seeds: whole numbers from 0 to 2**32 - 1, each once. What one seed draws is independent of
        what any other does, and of which others there are.
      sweep: name -> values. A name is a hyperparameter, whose floats are traced, so that all values
        share one compilation; or "batch_size", "num_epochs", "optimizer", "schedule", "task" or
        "model" of the recipe, or "hidden_sizes", "activation", "kernel_init" or "bias_init" of a
        network that `mlp` made. Members are grouped into as few programs as there are.
      shuffle: "own": a member's seed decides its data order; "shared": all have that of seed 0,
        for paired comparisons, and in fast mode for wider matrix products.
      shuffle_seeds: an axis of its own, "shuffle_seed", for the data order: `seeds` then decide the
        initial parameters, and the noise, and each of the ones is combined with each of the others.
      noise_seeds: the same for what a network draws in training, as dropout does: "noise_seed".
      mode: "exact" or "fast"; by default exact on CPUs and fast elsewhere.
      mesh: the devices; by default all. Those at different places along its axis "member" train
        different members. Those along its axis "data" train a member together, as in `train`, and
        with the bits that it has on them in exact mode. Where a mesh has neither, each device
        trains members of its own. Where there are several processes it may have devices of all of
        them, as by default it has: each process trains a part of the members and all call this
        with the same arguments.
      memory: bytes that may be used; by default nine tenths of what is free.
      window: bytes, as of `train`, in exact mode: the members that a device trains in turn have
        each window one after another, so that it is read once where they share an order, and else
        once for each. Sets for testing are read once for all of them.
      eval_every: as in `train`.
      on_fault: "stop" ends a member at its first number that is not finite; "ignore" does not look.
      patience: ends a member after this many epochs without a better `stop_metric`.
      stop_metric: what `patience` looks at, a name in the history.
      halving: ends the worse settings early; see `Halving`.
      start: where to go on; by default from the beginning. That it came from the same arguments,
        in this process of as many, is for the caller to know.
      callback: called after each epoch. True stops, in all processes. Of several processes each
        sees its own members, at an epoch of their own.
      on_block: called about once a second, also while others are awaited. True stops at once: a
        member that is in the middle of an epoch is left as it was before. Where another process
        stops all, this is called once more, with `is_last`.
      progress: whether to show a bar, by the package tqdm.

    Returns:
      The members' results, whose axes are those of `sweep` in their order, "fold" where there are
      folds, and then "seed". Of several processes each has all of them, but the states of its own
      members alone: see `gather`.

    Raises:
      ValueError: before anything is computed, if the arguments do not fit each other, or the
        members do not fit into memory.
      PeerError: if another process has come to an error.
      ProcessLostError: if one has ended that `jaxmlp.processes.join` had joined to this one.

    >>> import jaxmlp, optax
    >>> inputs = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    >>> data = Dataset(inputs, inputs[:, 0] ** 2)
    >>> recipe = Recipe(jaxmlp.mlp((1, 16, 1)), jaxmlp.regression(), optax.adam, {}, 16, 20)
    >>> runs = train_many(recipe, data, seeds=range(3), sweep={"learning_rate": [1e-4, 1e-2]})
    >>> runs.history["train_loss"].shape
    (2, 3, 20)
    >>> runs.best("train_loss")
    {'learning_rate': 0.01}
    >>> alone = recipe._replace(hyperparameters={"learning_rate": 0.01})
    >>> member = runs.member(learning_rate=0.01, seed=2)
    >>> jaxmlp.digest(member.params) == jaxmlp.digest(jaxmlp.train(alone, data, seed=2).params)
    True

    Two folds, each of which is tested on the half that the other is trained on:

    >>> low, high = (inputs[:32], inputs[:32, 0] ** 2), (inputs[32:], inputs[32:, 0] ** 2)
    >>> folds = train_many(alone, [Dataset(*low, *high), Dataset(*high, *low)], seeds=range(3))
    >>> folds.history["test_loss"].shape, folds.axes["fold"]
    ((2, 3, 20), (0, 1))
    """
    refuse_traced(jnp.zeros(()), *(data if isinstance(data, tuple) else ()))
    grid, shaped = _laid_out(
        recipe, data, seeds, sweep, shuffle, shuffle_seeds, noise_seeds, window
    )
    _check(grid, shaped, eval_every, on_fault, patience, stop_metric, halving)
    portion = own_portion(grid, shaped, mesh)
    if start is not None:
        _check_start(portion.grid, shaped, start)
    rules = patience, stop_metric, halving
    epochs = int(grid.num_epochs.max())
    moving = bars.moving(progress, epochs, "epoch", _position, callback, on_block)
    with processes.noticing_losses(), moving as hooks:
        options = {"mode": mode, "shuffle": shuffle, "eval_every": eval_every}
        options |= {"on_fault": on_fault, "patience": patience, "stop_metric": stop_metric}
        peers = _peers(portion, shaped, options, halving)
        is_shared = shuffle == "shared"
        crew, _ = prepare(portion.grid, shaped, mode, mesh, memory, is_shared, window=window)
        population = beginning(portion.grid, shaped, crew) if start is None else copied(start)
        cohort = Cohort(portion.grid, shaped, eval_every, on_fault, crew, population)
        return train_portion(cohort, portion, shaped, peers, *rules, *hooks)


def _peers(
    portion: Portion, data: Data, options: Mapping[str, Any], halving: Halving | None
) -> Peers | None:
    """The processes that train the rest, once they are seen to be about the same; None if none."""
    if len(portion.processes) == 1:
        return None
    store = coordinator()
    assert store is not None  # where there are other processes
    exchange = next_exchange(store, "populations", portion.processes, jax.process_index())
    record = population_record(portion.whole, options["shuffle"])
    homes = hashlib.sha256(portion.homes.tobytes()).hexdigest()[:8]
    facts = {**record.pop("axes"), **options, "halving": str(halving)}
    for fold, each in enumerate(folds_of(data)):
        where = "" if isinstance(data, Dataset) else f" of fold {fold}"
        facts |= {f"{name}{where}": fact for name, fact in facts_of(each).items()}
    facts |= {**record, "the division of members": homes}
    refuse_differences(exchange, facts)
    return Peers(exchange, portion, halving)


def _position(report: Report) -> tuple[float, dict[str, int]]:
    """The epochs that are done, and how many members go on."""
    return round(report.epoch + report.share, 2), {"members": report.num_live}


def plan_many(
    recipe: Recipe | Callable[..., Recipe],
    data: Dataset | Sequence[Dataset],
    seeds: Iterable[int],
    sweep: Mapping[str, Iterable[Any]] | None = None,
    *,
    shuffle: str = "own",
    shuffle_seeds: Iterable[int] | None = None,
    noise_seeds: Iterable[int] | None = None,
    mode: str | None = None,
    mesh: Mesh | None = None,
    memory: int | None = None,
    window: int | None = None,
    on_compiled: OnCompiled | None = None,
) -> Plan:
    """What `train_many` will need for the same arguments, which this compiles, and raises alike.

    `on_compiled` is called after each program, with the number that is done, and that of all.
    """
    grid, shaped = _laid_out(
        recipe, data, seeds, sweep, shuffle, shuffle_seeds, noise_seeds, window
    )
    own = own_portion(grid, shaped, mesh).grid
    plan = prepare(own, shaped, mode, mesh, memory, shuffle == "shared", on_compiled, window)[1]
    return plan._replace(num_members=len(grid.seeds), num_programs=len(grid.programs))


def population_like(
    recipe: Recipe | Callable[..., Recipe],
    data: Dataset | Sequence[Dataset],
    seeds: Iterable[int],
    sweep: Mapping[str, Iterable[Any]] | None = None,
    *,
    shuffle: str = "own",
    shuffle_seeds: Iterable[int] | None = None,
    noise_seeds: Iterable[int] | None = None,
    mesh: Mesh | None = None,
) -> Population:
    """The shapes of the population that `train_many` would train, to restore a saved one by.

    Where several processes train one, they are those of the members that this process trains.

    Returns:
      A population without faults whose leaves are `jax.ShapeDtypeStruct`.
    """
    shaped = as_data(data)
    folds = num_folds(shaped)
    grid = make_grid(recipe, seeds, sweep, shuffle, shuffle_seeds, noise_seeds, folds)
    if folds:  # what shapes decide, is decided by those of training
        shaped = checked(grid, shaped)
        grid = by_shapes(grid, shaped)
    return population_of(own_portion(grid, shaped, mesh).grid, shaped)


def _laid_out(
    recipe: Recipe | Callable[..., Recipe],
    data: Any,
    seeds: Iterable[int],
    sweep: Mapping[str, Iterable[Any]] | None,
    shuffle: str,
    shuffle_seeds: Iterable[int] | None,
    noise_seeds: Iterable[int] | None,
    window: int | None = None,
) -> tuple[Grid, Data]:
    """The members by program, and the data as all programs take them, once they fit each other."""
    given = as_data(data)
    count = num_folds(given)
    grid = make_grid(recipe, seeds, sweep, shuffle, shuffle_seeds, noise_seeds, count)
    shaped = checked(grid, given, window)
    return by_shapes(grid, shaped), shaped


def _check(
    grid: Grid,
    data: Data,
    eval_every: int,
    on_fault: str,
    patience: int | None,
    stop_metric: str,
    halving: Halving | None,
) -> None:
    """Raises ValueError for rules that do not fit the members, or each other."""
    if on_fault not in ("stop", "ignore"):
        raise ValueError(f"on_fault needs to be stop or ignore, got {on_fault}")
    for name, value, least in (
        ("eval_every", eval_every, 1),
        ("patience", 1 if patience is None else patience, 1),
        ("halving's factor", halving.factor if halving else 2, 2),
        ("halving's first", halving.first if halving else 1, 1),
    ):
        if value < least:
            raise ValueError(f"{name} needs to be at least {least}, got {value}")
    if patience is not None and patience < eval_every:
        raise ValueError(f"patience needs to be at least eval_every, {eval_every}, got {patience}")
    looked_at = {"patience": stop_metric if patience else None}
    looked_at |= {"halving": halving.metric if halving else None}
    names = columns(grid, data)
    for what, metric in looked_at.items():
        if metric is not None and metric not in names:
            raise ValueError(
                f"{what} needs a metric of the history, {', '.join(names)}; got {metric}"
            )


def _check_start(grid: Grid, data: Data, start: Population) -> None:
    """Sees whether a population is one of this grid's."""
    like = population_of(grid, data)
    if jax.tree.map(np.shape, start[:-1]) != jax.tree.map(np.shape, like[:-1]):
        raise ValueError(
            f"start needs {len(grid.seeds)} members of {len(like.states)} programs, "
            f"{int(grid.num_epochs.max())} epochs and the history {', '.join(like.history)}, got "
            f"{len(start.epochs)} of {len(start.states)} with {', '.join(start.history)}, or others"
        )
