"""A training in a folder by one process or two, which go on where they were stopped."""

import json

import several
from several import ends, free_address

# Trains in a folder; each process takes a time of its own for a block, and notes where they end.
PROGRAM = """
import itertools, json, os, signal, sys, time, types
sys.path[:0] = ["tests", "tests/training"]
import numpy as np, optax
import jaxmlp
from jaxmlp import Dataset, Recipe, classification, digest, mlp, processes

given = json.loads(sys.argv[1])
number = given["number"]
if given["count"] > 1:
    processes.join(given["address"], given["count"], number)
    print("joined", flush=True)
inputs = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
data = Dataset(inputs, np.arange(64) % 3, inputs[:16], np.arange(16) % 3)
recipe = Recipe(mlp((4, 8, 3), dropout=0.2), classification(3), optax.adam,
                {"learning_rate": 0.01}, 16, given["epochs"])
ends, asked = [], []
if given["slow"] and number == 1:  # all that it does seems to take two seconds
    from jaxmlp.training import loop
    clock = itertools.count(0, 2)
    loop.time = types.SimpleNamespace(perf_counter=lambda: float(next(clock)))
signal.signal(signal.SIGTERM, lambda *_: asked.append(True))

def on_block(progress):
    saved.save(progress)
    ends.append(int(progress.state.step))
    if len(ends) == 1:
        print("training", flush=True)
    time.sleep(given["pause"] * (1 + number))
    return bool(asked)

def on_epoch(progress):
    return number == 1 and given["last"] == len(progress.history)

mesh = jaxmlp.make_mesh("auto")
with jaxmlp.resumable(given["folder"], recipe, data, 0, every=0.0, mesh=mesh) as saved:
    first = int(saved.start.state.step) if saved.start else 0
    run = jaxmlp.train(recipe, data, 0, mesh=mesh, start=saved.start, on_block=on_block,
                       callback=on_epoch)
print(json.dumps([first, ends, digest((run.params, run.state, run.history))]), flush=True)
processes.leave()
"""


def start(folder, address=None, count=2, number=0, **options):
    """A process; with how many epochs, after which the second one stops all, and how slow it is."""
    given = {"folder": str(folder), "address": address, "count": count, "number": number}
    usual = {"epochs": 200, "pause": 0.2, "slow": False, "last": None}
    return several.start(PROGRAM, json.dumps({**given, **usual, **options}))


def both(folder, **options):
    address = free_address()
    return [start(folder, address, 2, number, **options) for number in range(2)]


def found(started):
    """What each process says at its end: the first step, those where blocks ended, all bits."""
    codes, lines, said = ends(*started)
    assert codes == [0] * len(started), said
    return [json.loads(each[-1]) for each in lines]
