"""Exchanges of the same processes, one after another: at each they see whether all do the same."""

import collections
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jaxmlp.runtime.exchange import Exchange, Store

__all__ = ["flat", "next_exchange", "refuse_differences"]

_turns: dict[str, Callable[[], int]] = collections.defaultdict(lambda: itertools.count().__next__)
_earlier: dict[str, Exchange] = {}


def next_exchange(store: Store, kind: str, processes: Sequence[int], process: int) -> Exchange:
    """What some processes are to talk by, once; they all ask for as many of a kind, in one order.

    Args:
      store: where processes find what others have.
      kind: what it is about.
      processes: those that talk.
      process: this one.
    """
    label = hashlib.sha256(repr(tuple(map(int, processes))).encode()).hexdigest()[:8]
    series = f"jaxmlp/{kind}/{label}"
    return Exchange(store, f"{series}/{_turns[series]()}", process, tuple(processes))


def refuse_differences(exchange: Exchange, facts: Mapping[str, Any]) -> None:
    """Waits for all processes, and sees whether they are about to do the same.

    What was told at the exchange before this one, of `next_exchange`, is forgotten.

    Args:
      exchange: of them.
      facts: name -> what JSON can hold, or more of such.

    Raises:
      ValueError: in all of them, naming the first of the facts that differs.
    """
    exchange.tell("facts", json.dumps(dict(flat(facts)), default=_plain).encode())
    first, *others = [json.loads(told) for told in exchange.hear("facts")]
    for process, other in zip(exchange.processes[1:], others, strict=True):
        for name in dict.fromkeys([*first, *other]):
            if repr(first.get(name)) != repr(other.get(name)):  # NaN is itself
                raise ValueError(
                    f"{name} needs to be the same in all processes, got {first.get(name)} in "
                    f"process {exchange.processes[0]} and {other.get(name)} in process {process}"
                )
    # All have returned from what they did together before this: nobody is going to ask of that.
    series = exchange.name.rpartition("/")[0]
    if (earlier := _earlier.pop(series, None)) is not None:
        earlier.forget()
    _earlier[series] = exchange


def flat(facts: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Facts that hold facts, each by its whole name.

    >>> dict(flat({"seed": 0, "recipe": {"batch_size": 16}}))
    {'seed': 0, 'recipe.batch_size': 16}
    """
    for name, fact in facts.items():
        if isinstance(fact, Mapping):
            yield from flat(fact, f"{before}{name}.")
        else:
            yield f"{before}{name}", fact


def _plain(fact: Any) -> Any:
    """A number of NumPy's as one of Python's, and all else as a text."""
    return fact.item() if hasattr(fact, "item") else str(fact)
