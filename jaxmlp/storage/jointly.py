"""Words that processes leave each other while they write one checkpoint together.

They go by way of JAX's coordinator, and not between devices, which are at work on other things.
"""

import contextlib
import itertools
import json
from collections.abc import Callable
from typing import Any

import jax

from jaxmlp.runtime import coordination
from jaxmlp.runtime.processes import is_first

__all__ = ["end", "everyones_word", "from_first", "hear", "needs_others", "next_place", "tell"]

WAIT = 600  # seconds for the others to write their parts

_places = itertools.count()


def needs_others(leaf: Any) -> bool:
    """Whether this process has some of an array, or is to have it, and others have the rest."""
    where: Any = getattr(leaf, "sharding", None)
    if where is None or where.is_fully_addressable or where.is_fully_replicated:
        return False
    every, own = where.devices_indices_map(leaf.shape), where.addressable_devices_indices_map
    return {str(each) for each in own(leaf.shape).values()} != set(map(str, every.values()))


def next_place() -> str:
    """Where words are left that belong together; all processes ask in the same order."""
    return f"jaxmlp/storage/{next(_places)}"


def from_first(find: Callable[[], Any], failed: type[Exception]) -> Any:
    """What the first process finds, in all of them; they ask in the same order.

    Args:
      find: is called by the first process alone, and returns what JSON can hold.
      failed: what the others raise if it raises anything.
    """
    place = next_place()
    if is_first():
        try:
            found = find()
        except Exception as error:
            tell(place, "found", [None, str(error)])
            raise
        tell(place, "found", [found, None])
        return found
    found, problem = hear(place, "found")
    if problem is not None:
        raise failed(problem)
    return found


def tell(place: str, what: str, word: Any) -> None:
    """Leaves a word, anything that JSON can hold, for the other processes."""
    coordination.client().key_value_set(f"{place}/{what}", json.dumps(word))


def hear(place: str, what: str, seconds: float = WAIT) -> Any:
    """Waits for a word that another process leaves.

    Raises:
      TimeoutError: if it does not come.
    """
    try:
        said = coordination.client().blocking_key_value_get(f"{place}/{what}", int(1000 * seconds))
    except jax.errors.JaxRuntimeError as error:
        raise TimeoutError(
            f"all processes need to save and restore together, got no {what} within {seconds:g} s"
        ) from error
    return json.loads(said)


def everyones_word(place: str) -> None:
    """Waits until each of the others has told that its part is written.

    Raises:
      OSError: if one could not.
      TimeoutError: if one does not come.
    """
    for number in range(1, jax.process_count()):
        if problem := hear(place, f"process {number}"):
            raise OSError(f"process {number}: {problem}")


def end(place: str, problem: str | None) -> None:
    """Tells the others how it ended, and takes the words away of the time before, which all know.

    Args:
      place: of this time.
      problem: what went wrong; None if nothing did.
    """
    with contextlib.suppress(jax.errors.JaxRuntimeError):  # said before the first could fail
        tell(place, "name", None)
    tell(place, "end", problem or "")
    before, number = place.rsplit("/", 1)
    if int(number):
        coordination.client().key_value_delete(f"{before}/{int(number) - 1}/")
