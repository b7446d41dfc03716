"""A peer's end of the line: it trains an epoch when told to, and says when it is done.

A message is a line. Up go JSON objects whose "at" is "imported", "loaded", "trained" after each
epoch, and "tested", through a pipe of their own, for libraries print what they like; down come
empty lines, each of which says to go on. All clocks are at the other end: a peer cannot be wrong
about its own time.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Work(NamedTuple):
    """What is to be trained, the same for all."""

    data: str  # a file with the arrays of `Data`
    hidden: tuple[int, ...]
    num_classes: int
    batch_size: int
    learning_rate: float
    num_epochs: int
    num_networks: int  # at once, of those that train many; the seeds are seed, seed + 1, ...
    seed: int
    eval_every: int = 0  # epochs from one test, as a part of the epoch, to the next; 0 for none

    def has_test(self, epoch: int) -> bool:
        """Whether an epoch, counted from 1, ends with a look at the test set.

        >>> [
        ...     Work("", (), 2, 1, 0.1, 4, 1, 0, eval_every=2).has_test(epoch)
        ...     for epoch in (1, 2, 3, 4)
        ... ]
        [False, True, False, True]
        """
        return bool(self.eval_every) and epoch % self.eval_every == 0

    def sizes(self, num_features: int) -> tuple[int, ...]:
        """The widths of the network, from its inputs on."""
        return (num_features, *self.hidden, self.num_classes)


class Data(NamedTuple):
    """Pixels and classes."""

    train_inputs: np.ndarray  # (N, features) uint8
    train_labels: np.ndarray  # (N,) int32
    test_inputs: np.ndarray  # (M, features) uint8
    test_labels: np.ndarray  # (M,) int32


# Of the data and the work: trains, calls the third after each epoch, with its test where it has
# one, and returns the accuracy on the test set of each of its networks.
Train = Callable[[Data, Work, Callable[[], None]], list[float]]


def serve(train: Train, *packages: str) -> None:
    """Trains as the command line says, an epoch at a time; see `processes.running`.

    Args:
      train: what to do.
      *packages: whose versions to tell.
    """
    pipe = int(sys.argv[2])
    waiting = 0.0  # seconds of the processor that this process used while it had nothing to do

    def say(at: str, **more: Any) -> None:
        os.write(pipe, (json.dumps({"at": at, **more}) + "\n").encode())

    def wait() -> None:
        nonlocal waiting
        before = time.process_time()
        if not sys.stdin.readline():
            os._exit(1)  # nobody is there any more, and some libraries' threads do not end
        waiting += time.process_time() - before

    def pause() -> None:
        say("trained", peak_bytes=peak_bytes(), waiting_seconds=waiting)
        wait()

    work = Work(**json.loads(sys.argv[1]))
    say("imported")
    with np.load(work.data) as arrays:
        data = Data(**arrays)
    say("loaded")
    wait()
    accuracies = train(data, work, pause)
    say("tested", accuracies=accuracies, versions={name: version(name) for name in packages})


def peak_bytes() -> int:
    """The most memory that this process has had at once.

    Linux counts what the parent had into what `getrusage` says; its own page does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        if "VmHWM" in lines:
            return int(lines["VmHWM"].split()[0]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def scaled(pixels: np.ndarray) -> np.ndarray:
    """Pixels as numbers from 0 to 1, float32.

    >>> scaled(np.uint8([0, 51, 255]))
    array([0. , 0.2, 1. ], dtype=float32)
    """
    return pixels.astype(np.float32) / np.float32(255)


def accuracy(predicted: Any, labels: np.ndarray) -> float:
    """The share of classes that are right.

    >>> accuracy([1, 0, 2, 2], np.array([1, 0, 2, 1]))
    0.75
    """
    return float(np.mean(np.asarray(predicted) == labels))
