"""The members of a chunk on the devices, each of which has its share."""

import operator
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.populations.members import Worker
from jaxmlp.randomness import Seeds
from jaxmlp.types import TrainState

__all__ = ["Share", "chunks", "deal", "on_all"]


class Share(NamedTuple):
    """The members of a chunk that one device has."""

    worker: Worker
    rows: np.ndarray  # (members,) their rows among their program's
    carried: Any  # the worker's


def chunks(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """As few chunks as there need be, of like size."""
    return np.array_split(rows, -(-len(rows) // size)) if len(rows) else []


def deal(
    rows: np.ndarray,
    size: int,
    workers: Sequence[Worker],
    given: tuple[Mapping[str, np.ndarray], Seeds, TrainState, np.ndarray],
) -> list[Share]:
    """Puts rows of the host's arrays on the devices, as evenly as may be; none gets no share."""

    def share(worker: Worker, own: np.ndarray) -> Share:
        numbers, seeds, states, folds = jax.tree.map(operator.itemgetter(own), given)
        return Share(worker, own, worker.load(numbers, seeds, states, folds, size))

    parts = zip(workers, np.array_split(rows, len(workers)), strict=True)
    return [share(worker, own) for worker, own in parts if len(own)]


def on_all(function: Callable[[Any], Any], shares: Sequence[Any]) -> list[Any]:
    """Calls a function for each device's share, at the same time."""
    if len(shares) == 1:
        return [function(shares[0])]
    with ThreadPoolExecutor(len(shares)) as pool:
        return list(pool.map(function, shares))
