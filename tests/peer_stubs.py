"""Peers that train nothing, for the tests of what tells them to."""

from experiments.speed import summary
from experiments.speed.peers import Peer

PROGRAM = """
import time
{before}
from experiments.speed.peers import line

def train(data, work, pause):
    for epoch in range(1, work.num_epochs + 1):
        {epoch}
        pause()
    return {accuracies}

line.serve(train, "numpy")
"""


def write(folder, name, before="", epoch="pass", accuracies="[0.5] * work.num_networks", **more):
    """Writes a peer's module and returns its row."""
    text = PROGRAM.format(before=before, epoch=epoch, accuracies=accuracies)
    (folder / f"{name}.py").write_text(text)
    return Peer(name, more.pop("what", f"the {name}"), more.pop("packages", ("numpy",)), **more)


START = {"import": 1.0, "load": 0.25, "first_epoch": 7.0}


def figures():
    """What a race found, of two that are this library's, and three others of which two failed."""

    def row(name, what, networks, seconds, accuracies, **more):
        return {
            **{"name": name, "what": what, "num_networks": networks, "absent": [], "failed": None},
            **{"cold": START, "warm": [START | {"first_epoch": 3.0}], "epoch_seconds": seconds},
            "tested_epoch_seconds": [1.5 * each for each in seconds],
            **{"accuracies": accuracies, "peak_bytes": 3 * 2**29, **more},
        }

    rows = [
        row("alone", "train", 1, [2.0, 2.0, 2.0], [0.905]),
        row("population", "train_many", 8, [8.0, 8.0, 8.0], [0.89, 0.9, 0.91]),
        row(
            "slow", "a slow one", 1, [5.0, 6.0, 7.0], [0.7], tested_epoch_seconds=[9.0, 10.0, 12.0]
        ),
        row("gone", "one that fell", 1, [], [], cold=None, warm=[], failed="it fell"),
        row("none", "one that is not here", 1, [], [], cold=None, warm=[], absent=["a", "b"]),
    ]
    data = {"name": "mnist", "source": "", "num_examples": 60_000}
    settings = {"sizes": [784, 256, 10], "batch_size": 256, "learning_rate": 1e-3}
    return {"data": data, **settings, "num_epochs": 4, **summary.of(rows, 48e9)}


def growth():
    """How time and memory grew with the width, and that one case failed."""
    case = {"axis": "width", "failed": None, "num_networks": 1}
    small = {"value": 64, "sizes": [784, 64, 10], "network_epoch_seconds": [1.0, 2.0, 3.0]}
    large = {"value": 256, "sizes": [784, 256, 10], "network_epoch_seconds": [7.0, 8.0, 9.0]}
    small |= {"gflops": 12.34, "peak_bytes": 2**30}
    large |= {"gflops": 9.0, "peak_bytes": 3 * 2**30}
    return [case | small, case | large, {"axis": "data", "value": 0.25, "failed": "it fell [down]"}]
