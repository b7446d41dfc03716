"""Sees whether the promises on bits hold on this device; a process of its own, which prints JSON.

    python -m experiments.speed.gpu.promises

Two of them, each with its own compiling, are to print the same digest.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

import jaxmlp
from jaxmlp.randomness import keys
from jaxmlp.training.batches import epoch_order
from jaxmlp.types import Dataset, Progress

SIZES, EXAMPLES, BATCH, EPOCHS = (64, 32, 10), 1000, 64, 3
SEEDS = range(4)
STOP = 23  # a step in the second epoch
RATES = (1e-3, 1e30)  # the second diverges
ORDERED = 60_000  # examples of the order that two devices are to agree on


class Found(NamedTuple):
    """What came out."""

    promise: str
    what: str
    held: bool
    detail: str = ""


def recipe(is_noisy: bool = True) -> jaxmlp.Recipe:
    """A small network, with batch norm and dropout unless told otherwise."""
    model = jaxmlp.mlp(SIZES, dropout=0.1, norm="batch") if is_noisy else jaxmlp.mlp(SIZES)
    rate = {"learning_rate": RATES[0]}
    return jaxmlp.Recipe(model, jaxmlp.classification(10), optax.adam, rate, BATCH, EPOCHS)


def examples() -> Dataset:
    """Random ones, of which a batch does not divide the number."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(EXAMPLES, SIZES[0])).astype(np.float32)
    labels = (inputs[:, :10].argmax(axis=1)).astype(np.int32)
    return Dataset(inputs, labels, inputs[:200], labels[:200])


def bits(result: Any) -> str:
    """A digest of parameters and history."""
    tree = {"params": result.params, "history": dict(result.history)}
    return jaxmlp.digest(jax.tree.map(np.asarray, tree))


def found(promise: str, what: str, pairs: dict[str, bool]) -> Found:
    """Whether all pairs of bits are equal, and which are not."""
    unlike = [name for name, is_equal in pairs.items() if not is_equal]
    return Found(promise, what, not unlike, ", ".join(unlike))


def members(data: Dataset) -> Iterator[Found]:
    """G2: a member of a population in exact mode has the bits of its solo run."""
    for name, made in {"plain": recipe(False), "noisy": recipe()}.items():
        runs = jaxmlp.train_many(made, data, SEEDS, mode="exact")
        pairs = {
            f"seed {seed}": bits(runs.member(seed=seed)) == bits(jaxmlp.train(made, data, seed))
            for seed in SEEDS
        }
        yield found("G2", f"members in exact mode have their solo bits: {name}", pairs)


def stops(data: Dataset) -> Iterator[Found]:
    """G3: a training that was stopped and goes on has the bits of one that was not."""
    made = recipe()
    whole = bits(jaxmlp.train(made, data, 0))
    kept: list[Progress] = []

    def stop(progress: Progress) -> bool:
        kept[:] = [progress]
        return int(progress.state.step) >= STOP

    jaxmlp.train(made, data, 0, block_every=STOP, on_block=stop)
    later = jaxmlp.train(made, data, 0, start=kept[0])
    yield found(
        "G3",
        f"stopped after step {int(kept[0].state.step)} and gone on",
        {"bits": bits(later) == whole},
    )
    cut = jaxmlp.train(made, data, 0, block_every=5)
    yield found("G3", "an epoch is cut otherwise", {"bits": bits(cut) == whole})


def faults(data: Dataset) -> Iterator[Found]:
    """G5: a member that diverges changes no other's bits, and is named."""
    made = recipe()
    sweep = {"learning_rate": list(RATES)}
    both = jaxmlp.train_many(made, data, SEEDS, sweep, mode="exact")
    pairs = {
        f"seed {seed}": bits(both.member(learning_rate=RATES[0], seed=seed))
        == bits(jaxmlp.train(made, data, seed))
        for seed in SEEDS
    }
    named = {f"fault of seed {i}": (1, i) in both.faults for i in range(len(SEEDS))}
    yield found("G5", "members that diverge change no other's bits, and are named", pairs | named)


def draws(data: Dataset) -> Iterator[Found]:
    """G6: the order of the data and the noise are those that a CPU makes."""
    del data

    def made(device: jax.Device) -> dict[str, np.ndarray]:
        with jax.default_device(device):
            own = keys(jax.numpy.uint32(7))
            key = jax.random.fold_in(own.noise, 5)
            return {
                "order": np.asarray(epoch_order(own.shuffle, 3, ORDERED)),
                "noise": np.asarray(jax.random.bits(key, (1000,))),
            }

    here, there = made(jax.devices()[0]), made(jax.devices("cpu")[0])
    pairs = {name: np.array_equal(values, there[name]) for name, values in here.items()}
    yield found("G6", "order and noise are a CPU's", pairs)


CHECKS: tuple[Callable[[Dataset], Iterator[Found]], ...] = (members, stops, faults, draws)


def main() -> None:
    """Prints a line of JSON."""
    data = examples()
    rows = [each._asdict() for check in CHECKS for each in check(data)]
    digest = bits(jaxmlp.train(recipe(), data, 0))
    print(json.dumps({"rows": rows, "digest": digest}))


if __name__ == "__main__":
    main()
