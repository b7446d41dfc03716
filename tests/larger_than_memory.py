"""Trains on memory-mapped files in a process of its own, with a limit on its memory if need be.

    python tests/larger_than_memory.py FOLDER EPOCHS [WINDOW LIMIT]

FOLDER has x.npy and y.npy; WINDOW and LIMIT are bytes. The limit is on what a process may write to,
RLIMIT_DATA, beyond what it has once JAX is up: the threads' stacks and the compiler's tables are
not the data's. The last line is JSON: the digest of parameters, state and history, the seconds of
the quickest epoch, and the most memory of its own that the process had more than before, in bytes.
"""

import json
import resource
import sys
import threading
import time
from pathlib import Path

import numpy as np
import optax

import jaxmlp


def own_bytes() -> int:
    """Memory that is this process's alone: no pages of files, which the system takes back."""
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["RssAnon"].split()[0]) * 1024


def mapped_bytes() -> int:
    """What RLIMIT_DATA is compared with."""
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["VmData"].split()[0]) * 1024


def main(folder: str, epochs: str, window: str = "", limit: str = "") -> None:
    """Trains, and says what came of it."""
    x, y = (np.load(Path(folder, f"{name}.npy"), mmap_mode="r") for name in "xy")
    if not window:
        x, y = np.array(x), np.array(y)
    data = jaxmlp.Dataset(x, y, x[-5000:], y[-5000:])
    sizes = x.shape[1], 256, 10
    recipe = jaxmlp.Recipe(
        jaxmlp.mlp(sizes), jaxmlp.classification(10), optax.adam, {"learning_rate": 1e-3}, 256,
        int(epochs),
    )  # fmt: skip
    size = int(window) if window else None
    jaxmlp.warm_up(recipe, data, window=size)
    small = data._replace(train_inputs=x[:512], train_labels=y[:512])
    jaxmlp.train(recipe._replace(num_epochs=1), small, seed=0)  # all threads are up
    before, most = own_bytes(), 0
    if limit:
        bound = mapped_bytes() + int(limit)
        resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))
    over = threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.wait(0.02):
            most = max(most, own_bytes())

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    ends = [time.perf_counter()]
    run = jaxmlp.train(
        recipe, data, seed=3, window=size, callback=lambda _: ends.append(time.perf_counter())
    )
    over.set()
    watching.join()
    digest = jaxmlp.digest((run.params, run.state, dict(run.history)))
    seconds = np.diff(ends)[1:] if len(ends) > 2 else np.diff(ends)
    said = {"digest": digest, "seconds": float(seconds.min()), "bytes": most - before}
    print(json.dumps({**said, "all": np.diff(ends).round(2).tolist()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
