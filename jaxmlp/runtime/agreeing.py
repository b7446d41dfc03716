"""What several processes agree on: all of them ask at the same place, and have one answer."""

import contextlib
import functools
import itertools
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmlp.runtime import coordination, receipt
from jaxmlp.runtime.losing import (
    ProcessAbsentError,
    ProcessLostError,
    are_joined,
    lost,
    noticing_losses,
)
from jaxmlp.types import Array

__all__ = [
    "DAY",
    "any_of",
    "await_others",
    "everyones",
    "from_first",
    "is_first",
    "largest",
    "meet",
    "same",
    "spans_processes",
    "told",
]

PART = 2**26  # bytes that devices hand on at a time
DAY = 86_400.0  # seconds that a process waits for others that may have much to write

Found = TypeVar("Found")

_turns = itertools.count()  # of `everyones`, in which all processes take part


def is_first() -> bool:
    """Whether this is process 0, or the only one: the one that writes and shows.

    >>> is_first()
    True
    """
    return coordination.numbers()[0] == 0


def any_of(flag: bool, mesh: Mesh | None = None) -> bool:
    """Whether a flag is true in any process; all of them ask at the same place.

    >>> any_of(False), any_of(True)
    (False, True)
    """
    return bool(largest(bool(flag), mesh))


def largest(numbers: Any, mesh: Mesh | None = None) -> Array:
    """The largest of each number over all processes; all of them ask at the same place.

    Args:
      numbers: one, or an array of them; float32 is enough for each.
      mesh: whose processes are asked, in place of all.

    Returns:
      float32, of the same shape; `numbers` itself where there is one process.

    Raises:
      ProcessLostError: if a process does not answer since it has ended.

    >>> largest([1.0, 5.0]).tolist()
    [1.0, 5.0]
    """
    values = np.asarray(numbers, np.float32)
    if not are_joined() or not (mesh is None or spans_processes(mesh)):
        return values
    line = Mesh(np.array(jax.devices()) if mesh is None else mesh.devices.ravel(), ("each",))
    each = NamedSharding(line, PartitionSpec("each"))
    shape = (line.size, *values.shape)
    with noticing_losses():
        given = jax.make_array_from_callback(shape, each, lambda index: values[None])
        return np.asarray(_maximum(line)(given).addressable_data(0))


def spans_processes(mesh: Mesh) -> bool:
    """Whether a mesh has devices of several processes."""
    return len({device.process_index for device in mesh.devices.flat}) > 1


def everyones(word: Any, *, seconds: float = DAY) -> list[Any]:
    """What each process says, by their numbers; all of them ask at the same place.

    It goes by way of JAX's coordinator: no device waits, and the processes may come hours apart.

    Args:
      word: anything that JSON can hold; it comes back as JSON has it.
      seconds: to wait for the slowest process.

    Raises:
      ProcessAbsentError: if a process does not ask.
      ProcessLostError: if one has ended.

    >>> everyones({"step": 8})
    [{'step': 8}]
    """
    if not are_joined():
        return [json.loads(json.dumps(word, default=str))]
    place, client = f"jaxmlp/everyones/{next(_turns)}", coordination.client()
    own, _ = coordination.numbers()  # by which no device need have started
    with noticing_losses():
        client.key_value_set(f"{place}/{own}", json.dumps(word, default=str), allow_overwrite=True)
        meet(place, seconds)
        given = {key: json.loads(value) for key, value in client.key_value_dir_get(f"{place}/")}
        every = [given[f"{place}/{number}"] for number in range(len(given))]
        meet(f"{place}/read", seconds)  # or the first to go would end those that have not read
    return every


def same(what: Mapping[str, Any], *, seconds: float = 60) -> None:
    """Sees to it that all processes were given the same; all of them ask at the same place.

    Args:
      what: settings, digests, whatever JSON has room for.
      seconds: to wait for the slowest process.

    Raises:
      ValueError: in all processes, if one has something else than process 0: what, in one line.
      ProcessAbsentError: if a process does not ask.

    >>> same({"seed": 0})
    """
    if not are_joined():
        return
    every = everyones(what, seconds=seconds)
    for number, other in enumerate(every):
        if lines := list(receipt.differences(every[0], other)):
            raise ValueError(
                f"process {number} needs to have what process 0 has; {'; '.join(lines)}"
            )


def told(find: Callable[[], Found]) -> Found:
    """What process 0 finds, in all processes; all of them ask at the same place.

    Args:
      find: called in process 0 alone; what it returns is such that JSON can hold it.

    Raises:
      ValueError: in the others what `find` raises in process 0, be it a ValueError or an OSError.
      ProcessLostError: if a process has ended.

    >>> told(lambda: {"seed": 0})
    {'seed': 0}
    """
    if not are_joined():
        return find()
    if not is_first():
        said = everyones(None)[0]
        if "error" in said:
            raise ValueError(f"process 0 has ended: {said['error']}")
        found: Found = said["found"]
        return found
    try:
        found = find()
    except (OSError, ValueError) as error:
        everyones({"error": str(error)})
        raise
    everyones({"found": found})
    return found


def from_first(content: bytes) -> bytes:
    """What process 0 has, in all processes; all of them ask at the same place.

    Args:
      content: process 0's; that of the others does not matter.

    Raises:
      ProcessLostError: as for `largest`.

    >>> from_first(b"settings")
    b'settings'
    """
    if not are_joined() or jax.process_count() == 1:
        return content
    from jax.experimental import multihost_utils

    with noticing_losses():
        length = np.frombuffer(len(content).to_bytes(8, "little"), np.uint8)  # of any content
        length = np.asarray(multihost_utils.broadcast_one_to_all(length))
        size, found = int.from_bytes(length.tobytes(), "little"), bytearray()
        for start in range(0, size, PART):
            part = np.zeros(min(PART, size - start), np.uint8)
            if is_first():
                part = np.frombuffer(content, np.uint8, len(part), start)
            part = np.asarray(multihost_utils.broadcast_one_to_all(part))
            found += b"" if is_first() else part.tobytes()
        return content if is_first() else bytes(found)


def await_others(place: str, seconds: float) -> None:
    """Waits until all processes have come to a place, each place once, but no longer than so."""
    if are_joined():
        with contextlib.suppress(ProcessAbsentError, ProcessLostError):
            meet(f"jaxmlp/await/{place}", seconds)
            time.sleep(0.5 * is_first())  # with it ends all that the others may hear


def meet(place: str, seconds: float) -> None:
    """Waits until all processes have come to a place of this name, each place once.

    Raises:
      ProcessAbsentError: naming those that do not come.
      ProcessLostError: if one has ended.
    """
    try:
        coordination.meet(place, seconds)
    except jax.errors.JaxRuntimeError as error:
        absent = coordination.says_who(str(error))
        if not absent:
            raise lost() from error
        raise ProcessAbsentError(
            f"all processes need to be as far within {seconds:g} s, got none with process_id "
            f"{', '.join(map(str, absent))}"
        ) from error


@functools.lru_cache(maxsize=16)
def _maximum(line: Mesh) -> Any:
    everywhere = NamedSharding(line, PartitionSpec())
    return jax.jit(lambda each: each.max(axis=0), out_shardings=everywhere)
