"""How time and memory grow: one thing is made larger at a time, each case in its own process."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.speed import limit, race, summary
from experiments.speed.peers import ALONE, PEERS, POPULATION
from experiments.speed.peers.line import Work
from experiments.speed.processes import answer, running, turn
from jaxmlp.types import Dataset

EPOCHS = 3  # timed, after one that is not
MEMBERS = (1, 8, 64)
WIDTHS = (64, 256, 1024)  # of one hidden layer
DEPTHS = (1, 2, 4)  # hidden layers of 256
BATCHES = (64, 256, 1024)
SHARES = (0.25, 1, 4)  # of the examples: four times as many are the same ones again
USUAL = {"members": race.MEMBERS, "width": 256, "depth": 1, "batch": race.BATCH, "data": 1}


class Case(NamedTuple):
    """What is made larger, how large, and the work that this makes."""

    axis: str
    value: float
    peer: str
    work: Work
    share: float = 1  # of the data


def cases(work: Work) -> Iterator[Case]:
    """All of them; a single network each, but for the members."""
    for members in MEMBERS:
        yield Case("members", members, POPULATION, work._replace(num_networks=members))
    for width in WIDTHS:
        yield Case("width", width, ALONE, work._replace(hidden=(width,)))
    for depth in DEPTHS:
        yield Case("depth", depth, ALONE, work._replace(hidden=work.hidden * depth))
    for batch in BATCHES:
        yield Case("batch", batch, ALONE, work._replace(batch_size=batch))
    for share in SHARES:
        yield Case("data", share, ALONE, work, share)


def measure(data: Dataset, tell: race.Tell) -> list[dict[str, Any]]:
    """Trains each case for some epochs.

    Args:
      data: what on.
      tell: called with what is being done.

    Returns:
      A row for each case; see `trained`.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = race.write(data, Path(folder, "data.npz"))._replace(num_epochs=EPOCHS + 1)
        rows = []
        for case in cases(work):
            tell(f"{case.axis} {case.value:g}")
            row: dict[str, Any] = {"axis": case.axis, "value": case.value, "failed": None}
            with race.failing(row):
                row |= trained(case, data, Path(folder))
            rows.append(row)
    return rows


def trained(case: Case, data: Dataset, folder: Path) -> dict[str, Any]:
    """Trains a case.

    Args:
      case: what to train.
      data: what on, of which the case takes its share.
      folder: a place for files.

    Returns:
      The quartiles of a network-epoch's seconds, its products' GFLOP/s, and the most memory that
      the process had, in bytes.
    """
    rows = np.resize(np.arange(len(data.train_inputs)), int(case.share * len(data.train_inputs)))
    own = data._replace(train_inputs=data.train_inputs[rows], train_labels=data.train_labels[rows])
    work = case.work._replace(data=race.write(own, folder / "case.npz").data)
    networks = work.num_networks if case.peer == POPULATION else 1
    [peer] = [each for each in PEERS if each.name == case.peer]
    cache = folder / f"{case.axis} {case.value:g}"  # its own: all compile, which takes memory too
    with running(peer, work, cache) as process:
        answer(process, "imported")
        answer(process, "loaded")
        turns = [turn(process, "trained") for _ in range(work.num_epochs)]
    seconds = [each / networks for each, _ in turns[1:]]
    sizes = work.sizes(data.train_inputs.shape[1])
    return {
        "sizes": sizes,
        "num_networks": networks,
        "network_epoch_seconds": summary.quartiles(seconds),
        "gflops": limit.flops(sizes, len(rows)) / float(np.median(seconds)) / 1e9,
        "peak_bytes": turns[-1][1]["peak_bytes"],
    }
