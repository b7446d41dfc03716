"""The states of a population's members, from the processes that have trained them."""

import jax
import numpy as np

from jaxmlp.populations.runs import Runs
from jaxmlp.runtime.exchange import Exchange, coordinator, decoded, encoded
from jaxmlp.runtime.rounds import next_exchange

__all__ = ["gather", "gathered", "merged", "merged_by"]


def gather(runs: Runs) -> Runs:
    """The same results with the states of all members, in every process; all need to call it.

    A process has the states of the members that it has trained, since all of them may be more than
    fit into its memory: `runs.select` first what is wanted. What one process alone has trained
    stays as it is.

    Args:
      runs: from `train_many`, in all processes, or the same selection of it in each.
    """
    if runs.homes is None:
        return runs
    return gathered(runs, _exchange("states", runs))


def merged(runs: Runs, values: np.ndarray) -> np.ndarray:
    """Values of all members, in every process, from each the values of those that it has trained.

    Args:
      runs: from `train_many`, in all processes, or the same selection of it in each; all of them
        need to call this.
      values: (*axes, ...), of which those of members elsewhere are not looked at.
    """
    if runs.homes is None:
        return values
    return merged_by(runs, values, _exchange("values", runs))


def _exchange(kind: str, runs: Runs) -> Exchange:
    """What the processes of a population are to talk by, those that have trained none included."""
    store = coordinator()
    assert store is not None  # where others have states
    return next_exchange(store, kind, runs.processes, jax.process_index())


def merged_by(runs: Runs, values: np.ndarray, exchange: Exchange) -> np.ndarray:
    """What `merged` returns, by an exchange of all processes that call this."""
    assert runs.homes is not None
    exchange.tell("values", encoded({"values": values[runs.homes == exchange.process]}))
    whole = values.copy()
    for process, told in zip(exchange.processes, exchange.hear("values"), strict=True):
        whole[runs.homes == process] = decoded(told)["values"]
    exchange.close()
    return whole


def gathered(runs: Runs, exchange: Exchange) -> Runs:
    """What `gather` returns.

    Args:
      runs: with `homes`.
      exchange: of all processes that call this.
    """
    assert runs.homes is not None
    places, homes = runs.places.reshape(-1, 2), runs.homes.reshape(-1)
    of_program = [np.flatnonzero(places[:, 0] == number) for number in range(len(runs.states))]
    own = {
        f"{number}/{place}": _bytes(leaf[places[members[homes[members] == exchange.process], 1]])
        for number, members in enumerate(of_program)
        for place, leaf in enumerate(jax.tree.leaves(runs.states[number]))
    }
    exchange.tell("states", encoded(own))
    told = dict(zip(exchange.processes, map(decoded, exchange.hear("states")), strict=True))
    exchange.close()
    states, rows = [], np.zeros(len(places), np.int32)
    for number, members in enumerate(of_program):
        rows[members] = np.arange(len(members))
        leaves, structure = jax.tree.flatten(runs.states[number])
        wholes = [np.empty((len(members), *leaf.shape[1:]), leaf.dtype) for leaf in leaves]
        for each, arrays in told.items():
            for place, whole in enumerate(wholes):
                some = arrays[f"{number}/{place}"].view(whole.dtype)
                whole[homes[members] == each] = some.reshape(-1, *whole.shape[1:])
        states.append(jax.tree.unflatten(structure, wholes))
    found = np.stack([places[:, 0], rows], axis=1).reshape(runs.places.shape)
    return runs._replace(states=tuple(states), places=found, homes=None, processes=())


def _bytes(array: np.ndarray) -> np.ndarray:
    """Those of an array, whose dtype NumPy's files may not know."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)
