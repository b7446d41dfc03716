"""What processes tell each other by way of JAX's coordinator, for which no device waits.

A collective of devices would do for processes that are always at the same step. Those that train
networks of their own are not: they tell what they know when they know it, and look for what others
know when they need it.
"""

import io
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from jaxmlp.runtime import coordination

__all__ = ["Exchange", "Store", "coordinator", "decoded", "encoded"]

PAUSE = 0.05  # seconds from one look to the next, at first
LONGEST = 1.0  # and at last
PART = 2**24  # bytes that the coordinator is given at a time


class Store(Protocol):
    """Where names have contents, for all processes alike."""

    def put(self, name: str, content: bytes) -> None:
        """Keeps a content, in the place of another where there is one."""

    def get(self, name: str) -> bytes | None:
        """A name's content; None where there is none yet."""

    def within(self, folder: str) -> dict[str, bytes]:
        """All whose names begin with this and a slash, at one request."""

    def remove(self, folder: str) -> None:
        """Forgets all whose names begin with this and a slash."""


class _Coordinator:
    """The key-value store that `jax.distributed` keeps in the first process."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, name: str, content: bytes) -> None:
        self._client.key_value_set_bytes(name, content, allow_overwrite=True)

    def get(self, name: str) -> bytes | None:
        try:
            content: bytes = self._client.key_value_try_get_bytes(name)
        except jax.errors.JaxRuntimeError as error:
            if str(error).startswith("NOT_FOUND"):
                return None
            raise
        return content

    def within(self, folder: str) -> dict[str, bytes]:
        return dict(self._client.key_value_dir_get_bytes(f"{folder}/"))

    def remove(self, folder: str) -> None:
        self._client.key_value_delete(folder)


def coordinator() -> Store | None:
    """That of the processes at work; None without `jax.distributed`."""
    client = coordination.client()
    return None if client is None else _Coordinator(client)


class Exchange(NamedTuple):
    """Processes that tell each other what each of them knows, by topics."""

    store: Store
    name: str  # before all topics
    process: int  # this one
    processes: tuple[int, ...]  # all, in their order

    def tell(self, topic: str, content: bytes) -> None:
        """Tells all processes; what was told of a topic before is as if it had not been."""
        name = f"{self.name}/{topic}/{self.process}"
        parts = [content[i : i + PART] for i in range(0, len(content), PART)]
        for number, part in enumerate(parts):
            self.store.put(f"{name}/{number}", part)
        self.store.put(f"{name}/count", str(len(parts)).encode())  # last: then it is there

    def told(self, topic: str, process: int) -> bytes | None:
        """What a process has told of a topic; None where it has not."""
        name = f"{self.name}/{topic}/{process}"
        if (count := self.store.get(f"{name}/count")) is None:
            return None
        return b"".join(self.store.get(f"{name}/{i}") or b"" for i in range(int(count)))

    def told_by_any(self, topic: str) -> dict[int, bytes]:
        """What those processes have told of a topic that have: one request, however many they are.

        Each needs to be short, since all come.
        """
        folder, found = f"{self.name}/{topic}", self.store.within(f"{self.name}/{topic}")
        return {
            process: b"".join(found[f"{folder}/{process}/{i}"] for i in range(int(count)))
            for process in self.processes
            if (count := found.get(f"{folder}/{process}/count")) is not None
        }

    def hear(self, topic: str, wait: Callable[[], object] = lambda: None) -> list[bytes]:
        """What all processes tell of a topic, once they have.

        Args:
          topic: of which each of them is going to tell.
          wait: called again and again in the meantime; what it raises ends it.
        """
        heard, pause = [], PAUSE
        for process in self.processes:
            while (content := self.told(topic, process)) is None:
                wait()
                time.sleep(pause)
                pause = min(2 * pause, LONGEST)
            heard.append(content)
        return heard

    def close(self) -> None:
        """Tells that this process has all that it asks for; the last thing that each of them does.

        The first one waits for the others, and removes all that was told.
        """
        self.tell("closed", b"")
        if self.process == self.processes[0]:
            self.hear("closed")
            self.forget()

    def forget(self) -> None:
        """Removes all that was told, once nobody is going to ask."""
        self.store.remove(self.name)


def encoded(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as bytes.

    >>> {name: array.tolist() for name, array in decoded(encoded({"a": np.arange(2)})).items()}
    {'a': [0, 1]}
    """
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def decoded(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of `encoded`."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
