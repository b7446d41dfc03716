"""This library beside what people would use instead: the same work, by turns, epoch by epoch."""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.speed import limit, summary
from experiments.speed.peers import PEERS, Peer
from experiments.speed.peers.line import Data, Work
from experiments.speed.processes import AnswerError, Process, answer, missing, running, turn
from jaxmlp.types import Dataset

HIDDEN, BATCH, RATE, MEMBERS = (256,), 256, 1e-3, 8
STARTS = 3  # with what was compiled before

Tell = Callable[[str], object]


def write(data: Dataset, path: Path) -> Work:
    """Writes a file for the peers, with pixels as inputs, and says what to do with it."""
    assert data.test_inputs is not None
    assert data.test_labels is not None
    pixels = [as_pixels(inputs) for inputs in (data.train_inputs, data.test_inputs)]
    arrays = Data(pixels[0], data.train_labels, pixels[1], data.test_labels)
    np.savez(path, **arrays._asdict())
    return Work(str(path), HIDDEN, data.num_classes, BATCH, RATE, 1, MEMBERS, 0)


def as_pixels(inputs: np.ndarray) -> np.ndarray:
    """Numbers from 0 to 1 as whole ones to 255; pixels as they are.

    >>> as_pixels(np.float32([0, 0.2, 1]))
    array([  0,  51, 255], dtype=uint8)
    """
    return inputs if inputs.dtype == np.uint8 else np.rint(inputs * 255).astype(np.uint8)


def measure(data: Dataset, repeats: int, tell: Tell) -> dict[str, Any]:
    """Has all that are installed train by turns.

    Args:
      data: what on.
      repeats: epochs timed for each, and as many that end with a test, after one of each that
        is not.
      tell: called with what is being done.

    Returns:
      What was done, and "rows", of each peer what it took; see `begun` and `summary.of`.
    """
    rows = {peer: begun(peer) for peer in PEERS}
    here = {peer: row for peer, row in rows.items() if not row["absent"]}
    with tempfile.TemporaryDirectory() as folder:
        work = write(data, Path(folder, "data.npz"))._replace(
            num_epochs=2 * repeats + 2, eval_every=2
        )
        with contextlib.ExitStack() as stack:
            processes = {}
            for peer, row in here.items():
                tell(f"{peer.what}: starts, and trains its first epoch")
                with failing(row):
                    follow = running(peer, work, Path(folder, peer.name))
                    processes[peer] = stack.enter_context(follow)
                    row["cold"] = start(processes[peer])
            by_turns(processes, rows, repeats, tell)
        for peer, row in here.items():
            for _ in range(0 if row["failed"] else STARTS):
                tell(f"{peer.what}: starts again")
                with failing(row), running(peer, work, Path(folder, peer.name)) as process:
                    row["warm"].append(start(process))
    sizes, count = work.sizes(data.train_inputs.shape[1]), len(data.train_inputs)
    return {
        "data": {"name": data.name, "source": data.source, "num_examples": count},
        "sizes": sizes,
        **{"batch_size": BATCH, "learning_rate": RATE, "num_epochs": work.num_epochs},
        **summary.of(list(rows.values()), limit.flops(sizes, count)),
    }


def begun(peer: Peer) -> dict[str, Any]:
    """A peer's row before it has done anything."""
    return {
        "name": peer.name,
        "what": peer.what,
        "num_networks": MEMBERS if peer.is_population else 1,
        "absent": missing(peer),  # packages
        "failed": None,  # why
        "cold": None,  # seconds by stage of its first start, with nothing compiled
        "warm": [],  # of later ones
        "epoch_seconds": [],  # of all its networks
        "tested_epoch_seconds": [],  # of epochs that end with a look at the test set
        "waiting_seconds": None,  # of the processor, which it used while others had their turns
        "peak_bytes": None,
        "accuracies": [],  # of each network
        "versions": {},
    }


@contextlib.contextmanager
def failing(row: dict[str, Any]) -> Iterator[None]:
    """Notes in a row why its peer failed."""
    try:
        yield
    except AnswerError as error:
        row["failed"] = row["failed"] or str(error)


def start(process: Process) -> dict[str, float]:
    """Follows a process through its first epoch, in which it compiles: seconds by stage."""
    answer(process, "imported")
    imported = time.perf_counter()
    answer(process, "loaded")
    loaded = time.perf_counter()
    first_epoch, _ = turn(process, "trained")
    stages = {"import": imported - process.started, "load": loaded - imported}
    return {**stages, "first_epoch": first_epoch}


def by_turns(
    processes: Mapping[Peer, Process], rows: Mapping[Peer, dict[str, Any]], repeats: int, tell: Tell
) -> None:
    """Lets processes train epoch by epoch, another one first in each round, and then test."""
    order = list(processes)
    for number in range(2 * repeats + 1):  # after the first epoch, which is a start
        kind = "epoch_seconds" if number % 2 else "tested_epoch_seconds"
        first = number // 2 % max(len(order), 1)
        for peer in order[first:] + order[:first]:
            row = rows[peer]
            if row["failed"]:
                continue
            tell(f"round {number} of {2 * repeats}: {peer.what}")
            with failing(row):
                seconds, said = turn(processes[peer], "trained")
                if number:  # the first test compiles
                    row[kind].append(seconds)
                row |= {name: said[name] for name in ("peak_bytes", "waiting_seconds")}
    for peer in order:
        row = rows[peer]
        if not row["failed"]:
            tell(f"{peer.what}: tests")
            with failing(row):
                _, said = turn(processes[peer], "tested")
                row |= {name: said[name] for name in ("accuracies", "versions")}
